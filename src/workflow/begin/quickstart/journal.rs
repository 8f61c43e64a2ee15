//! The steps taken, their outcomes and durations.
//! Reads the clock between `begin` and `end`; says each step as it begins.
//! Never decides anything.

use std::sync::Arc;
use std::time::Instant;

use super::report::{QuickstartReport, StepReport, StepState};
use crate::event::Reporter;

/// The steps so far.
pub(super) struct Journal {
    reporter: Arc<dyn Reporter>,
    steps: Vec<StepReport>,
    running: Option<(String, Instant)>,
}

impl Journal {
    pub(super) fn new(reporter: Arc<dyn Reporter>) -> Self {
        Self { reporter, steps: Vec::new(), running: None }
    }

    /// A step begins.
    pub(super) fn begin(&mut self, step: &str) {
        self.reporter.note(format!("{step} …"));
        self.running = Some((step.to_owned(), Instant::now()));
    }

    /// It ended well.
    pub(super) fn end(&mut self, state: StepState, detail: String) {
        let Some((step, began)) = self.running.take() else { return };
        self.steps.push(StepReport { step, state, detail, seconds: began.elapsed().as_secs_f64() });
    }

    /// A step that did not have to begin.
    pub(super) fn skip(&mut self, step: &str, detail: &str) {
        self.begin(step);
        self.end(StepState::Unchanged, detail.to_owned());
    }

    /// A report with the steps that were taken.
    pub(super) fn close(&mut self, report: QuickstartReport) -> QuickstartReport {
        let steps = std::mem::take(&mut self.steps);
        let changed = steps.iter().any(|step| step.state == StepState::Done);
        QuickstartReport { steps, changed, ..report }
    }

    /// The report so far.
    pub(super) fn report(&self, directory: String, environment: Option<String>) -> QuickstartReport {
        QuickstartReport { directory, environment, steps: self.steps.clone(), ..Default::default() }
    }
}
