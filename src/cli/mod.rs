//! The command line: the clap tree, one line a verb, and the composition root.
//! Reads arguments and the process environment; returns the exit code.
//! Decides nothing that a workflow could decide.

mod addressed;
mod args;
mod connector;
mod console;
mod dispatch;
mod help;
mod manual;
mod manual_args;
mod root;
mod signals;
mod verbs;

pub use args::{Cli, GlobalArgs};
pub use help::command_tree;
pub use root::main;
pub use verbs::{RunVerb, Verb};
