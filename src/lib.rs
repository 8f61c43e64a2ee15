//! aictl: one binary that takes a self-hosted AI-assistant stack from a bare machine to a production it can roll back.
//! The modules are listed in reading order: imports point up this list (left in the design), data flows down it.
//! This file only lists the modules.

pub mod error;
pub mod event;

pub mod secret;

pub mod project;

pub mod template;

pub mod compose;

pub mod image;

pub mod release;

pub mod plan;

pub mod target;

pub mod engine;
pub mod host;
pub mod probe;

pub mod execute;

pub mod session;

pub mod workflow;

pub mod ui;

pub mod cli;
