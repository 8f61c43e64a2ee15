//! Progress of an operation, and its outcome.
//! Forwards the engine's progress messages to the caller's step.

use crate::event::{Event, Reporter};
use crate::plan::Outcome;

/// Where progress of an operation is reported.
#[derive(Clone, Copy)]
pub(in crate::engine::docker) struct Progress<'a> {
    /// The caller's step.
    pub(in crate::engine::docker) key: usize,
    /// The reporter.
    pub(in crate::engine::docker) reporter: &'a dyn Reporter,
}

impl Progress<'_> {
    pub(in crate::engine::docker) fn told(&self, message: String, amount: (Option<u64>, Option<u64>)) {
        let (done, total) = amount;
        self.reporter.report(Event::StepProgressed { key: self.key, message, done, total });
    }

    pub(super) fn line(&self, line: &str) {
        // Of a counter that returns to the beginning of its line the last state is reported.
        let line = line.trim_end_matches('\r').rsplit('\r').next().unwrap_or_default().to_owned();
        self.reporter.report(Event::StepOutput { key: self.key, line });
    }
}

/// Outcome without details.
pub(super) fn done() -> Outcome {
    Outcome::default()
}

/// Outcome of a creation.
pub(super) fn created(id: String) -> Outcome {
    Outcome { id: Some(id), ..Outcome::default() }
}

/// Name of a network or volume, in the compose file and on the engine.
#[derive(Clone, Copy)]
pub(super) struct DeclaredName<'a> {
    pub(super) project: &'a str,
    pub(super) key: &'a str,
    pub(super) name: &'a str,
}
