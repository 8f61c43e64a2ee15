//! The whole test suite of aictl outside the rooms: one binary, one module per subject.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test that cannot go on says where it stopped"
)]

mod bundle;
mod canary;
mod diagram;
mod doctor;
mod engine_contract;
mod engine_docker;
mod every_step;
mod example;
mod help;
mod images;
mod init;
mod lifecycle;
mod lifecycle_verbs;
mod open_monitoring;
mod own_engine;
mod quickstart;
mod recipes;
mod rooms;
mod secrets;
mod setup;
mod smoke;
mod stage;

mod compose_judge;
