//! The left half of aictl's modules: words, models and plans, which need no engine, terminal or verbs.
//! A crate of its own, so that it compiles beside the libraries of the other half, and stays compiled when a verb changes.
//! Only lists its modules, in reading order; `lib.rs` hands them on under the same names.

pub mod error;
pub mod event;

pub mod input_file;
pub mod output_file;

pub mod secret;

pub mod project;

pub mod template;

pub mod compose;

pub mod chart;

pub mod image;

pub mod release;

pub mod plan;

pub mod target;
