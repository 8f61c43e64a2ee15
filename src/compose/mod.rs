//! The compose-spec: files in, one validated and normalised `Stack` out.
//! Reads compose files, env files and the environment it is handed; returns data and findings.
//! Never talks to an engine, never prints.

mod go;
pub mod hash;
pub mod json;
pub mod model;
mod order;
pub mod value;

pub use model::{Service, Stack};
