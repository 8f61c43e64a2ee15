//! One-off containers: a task of the project file, or a service with a command of its own.
//! Dependencies are started first; the container is removed afterwards unless it was asked to be kept.

mod attach;
mod deploy_tasks;
mod last_lines;
mod request;
mod run;
mod service;

pub use deploy_tasks::{DeployTasks, NamedTask};
pub use request::{OneOffOptions, OneOffRequest};
pub use run::{OneOffReport, run_one_off};
