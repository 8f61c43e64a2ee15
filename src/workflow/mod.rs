//! The verbs: one file each, with its `Args`, `run` and report.
//! A workflow reads its context and arguments, plans, executes and returns a report.
//! Never prints, never parses a command line.

pub mod report;
