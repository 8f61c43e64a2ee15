//! aictl: one binary that takes a self-hosted AI-assistant stack from a bare machine to a production it can roll back.
//! The rooms stand in reading order: imports point up this list (left in the design), data flows down it.
//! This file only lists the rooms; it decides nothing.

pub mod error;
pub mod event;

pub mod output_file;

pub mod secret;

pub mod project;

pub mod template;

pub mod compose;

pub mod image;

pub mod release;

pub mod plan;

pub mod target;

pub mod process;

pub mod engine;
pub mod host;
pub mod probe;

pub mod execute;

pub mod session;

pub mod workflow;

pub mod ui;

pub mod cli;
