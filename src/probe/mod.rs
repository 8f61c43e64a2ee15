//! Looks whether a running stack does what it should: over the network, by commands in containers, in states and logs.
//! Reads checks and the target; returns a `CheckOutcome` for each, with every attempt it took.
//! Never changes the stack, and never lets a retry hide that a check had failed before.

mod alerts;
mod answer;
mod backup;
pub mod clients;
mod error;
mod exec;
mod exec_cleanup;
mod http;
mod listeners;
mod log;
mod outcome;
mod probe_context;
mod probe_once;
mod prometheus;
mod public;
mod ready;
mod recognise;
mod run;
mod seen;
mod state;
mod state_words;
mod tls;

pub use alerts::{FiringAlert, firing_alerts};
pub use error::ProbeError;
pub use outcome::{Attempt, CheckOrigin, CheckOutcome, Verdict};
pub use probe_context::{Planned, ProbeContext};
pub use ready::await_ready;
pub use recognise::{Kind, may_complete, plan_checks, prometheus_service};
pub use run::{RetryPolicy, run_check};
pub use state::restarts;
