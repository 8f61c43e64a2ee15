//! Walks a plan: performs what is possible next, emits events, keeps the lease, undoes incomplete changes after a failure.
//! Reads a `Plan` and a `Lease`, returns an `Execution`; order and reasons are the plan's.
//! Never decides what to do; never waits without a deadline.

mod allowed_failures;
mod await_ready;
mod checks;
mod cluster;
mod compensate;
mod data;
mod data_step;
mod drain;
mod error;
mod evidence;
mod lease_keeper;
#[cfg(test)]
mod lost_lease_tests;
mod progress;
mod references;
mod run;
mod serving;
mod step_log;
mod tasks;
mod transfers;
mod walk;

pub use checks::{Baked, CheckFailure, CheckRunner};
pub use data::DataRunner;
pub use error::ExecuteError;
pub use progress::{ProgressLog, Stage};
pub use run::{Execution, await_ready, evidence, execute, execute_part};
pub use tasks::{TaskEnd, TaskRunner};
pub use transfers::TransferRunner;
pub use walk::Runner;
