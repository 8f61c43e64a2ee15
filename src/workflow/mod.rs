//! The verbs: one file each, with its `Args`, `run` and report.
//! A workflow reads its context and arguments, plans, executes and returns a report.
//! Never prints, never parses a command line.

pub mod change;
pub mod context;
mod error;
pub mod images;
pub mod load;
pub mod report;
pub mod select;
pub mod templates;
pub mod urls;

pub mod config;
pub mod kill;
pub mod lock;
pub mod ls;
pub mod plan;
pub mod render;
pub mod restart;
pub mod schema;
pub mod start;
pub mod status;
pub mod stop;
pub mod wait;

pub use context::{Connect, Console, Context, GlobalOptions};
pub use error::WorkflowError;
