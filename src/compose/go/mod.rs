//! The text forms of Go's standard library that Compose's output is made of.
//! Reads and writes durations and numbers exactly as Go does.
//! Never knows compose.

pub mod duration;
pub(crate) mod float;
pub(crate) mod text;
pub(crate) mod time;
