//! The verbs: one file each, with its `Args`, `run` and report.
//! A workflow reads its context and arguments, plans, executes and returns a report.
//! Never prints, never parses a command line.

pub mod change;
mod checks;
pub mod context;
pub mod done;
mod error;
pub mod images;
pub mod init;
pub mod load;
mod port_holder;
mod private;
pub mod process;
pub mod report;
pub mod select;
pub mod templates;
pub mod urls;
mod verdict_lines;

pub mod build;
pub mod bundle;
pub mod clean;
pub mod client;
pub mod config;
pub mod cp;
pub mod diagram;
pub mod doctor;
pub mod exec;
pub mod health;
pub mod kill;
pub mod lock;
pub mod logs;
pub mod ls;
pub mod migrate;
pub mod monitoring;
pub mod open;
pub mod plan;
pub mod port;
pub mod pull;
pub mod quickstart;
pub mod render;
pub mod restart;
pub mod run;
pub mod schema;
pub mod secrets;
pub mod setup;
pub mod shell;
pub mod smoke_test;
pub mod start;
pub mod status;
pub mod stop;
pub mod top;
pub mod version;
pub mod wait;

pub use context::{Connect, Console, Context, GlobalOptions};
pub use error::WorkflowError;
