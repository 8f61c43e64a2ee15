//! The whole test suite of aictl outside the modules: one binary, one module per subject.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test that cannot go on says where it stopped"
)]

mod accepted_keys;
mod backup;
mod bounds;
mod bundle;
mod chart;
mod cluster;
mod deploy;
mod diagram;
mod doctor;
mod dry_run;
mod engine_contract;
mod engine_docker;
mod engine_target;
mod example;
mod fault_injection;
mod help;
mod hints;
mod hostile_folder;
mod ignored_keys;
mod images;
mod init;
mod lifecycle;
mod lifecycle_verbs;
mod machine_safety;
mod modules;
mod notify;
mod open_monitoring;
mod own_engine;
mod podman;
mod public_names;
mod quickstart;
mod recipes;
mod secret_leaks;
mod secret_names;
mod secrets;
mod setup;
mod smoke;
mod support;
mod transfer;
mod words;

mod compose_judge;
