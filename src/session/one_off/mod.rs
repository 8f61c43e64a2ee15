//! One-off containers: a task of the project file, or a service with a command of its own.
//! Reads files and engine; starts and awaits what the service depends on, runs, passes the exit code on.
//! Never touches the service's own containers; what it made is removed, unless it was asked to stay.

mod attach;
mod request;
mod run;
mod service;

pub use request::{OneOffOptions, OneOffRequest};
pub use run::{OneOffReport, run_one_off};
