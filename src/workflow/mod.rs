//! The verbs, in the four groups of `aictl --help`: one file each, with its `Args`, `run` and report.
//! A verb reads its context and arguments, plans, executes and returns a report; what verbs share is in `session`.
//! Never prints, never parses a command line; no verb but quickstart uses another.

pub mod begin;
pub mod run;
pub mod schema;
pub mod ship;
pub mod trust;
pub mod version;
