//! aictl: one binary that takes a self-hosted AI-assistant stack from a bare machine to a production it can roll back.
//! The modules are listed in reading order: imports point up this list (left in the design), data flows down it.
//! Those that need no engine are the crate of `model.rs` and keep their names here.

pub use aictl_model::{compose, error, event, image, output_file, plan, project, release, secret, target, template};

pub mod process;

pub mod engine;
pub mod host;
pub mod probe;

pub mod execute;

pub mod session;

pub mod workflow;

pub mod ui;

pub mod cli;
