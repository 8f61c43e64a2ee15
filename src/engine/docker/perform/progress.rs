//! Where progress of an operation is told, and what it comes to.
//! Reads what the engine says meanwhile; reports it under the caller's step.
//! Never decides whether it went well.

use crate::event::{Event, Reporter};
use crate::plan::Outcome;

/// Where progress of an operation is told.
#[derive(Clone, Copy)]
pub(in crate::engine::docker) struct Progress<'a> {
    /// The caller's step.
    pub(in crate::engine::docker) key: usize,
    /// Who is told.
    pub(in crate::engine::docker) reporter: &'a dyn Reporter,
}

impl Progress<'_> {
    pub(super) fn told(&self, message: String, amount: (Option<u64>, Option<u64>)) {
        let (done, total) = amount;
        self.reporter.report(Event::StepProgressed { key: self.key, message, done, total });
    }

    pub(super) fn line(&self, line: &str) {
        // A counter that returns to the beginning of its line has its last state told.
        let line = line.trim_end_matches('\r').rsplit('\r').next().unwrap_or_default().to_owned();
        self.reporter.report(Event::StepOutput { key: self.key, line });
    }
}

/// Done, and nothing to say.
pub(super) fn done() -> Outcome {
    Outcome::default()
}

/// Something was created.
pub(super) fn created(id: String) -> Outcome {
    Outcome { id: Some(id), ..Outcome::default() }
}

/// What a network or volume is called: in the files, and on the engine.
#[derive(Clone, Copy)]
pub(super) struct DeclaredName<'a> {
    pub(super) project: &'a str,
    pub(super) key: &'a str,
    pub(super) name: &'a str,
}
