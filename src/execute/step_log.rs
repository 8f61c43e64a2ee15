//! The outcome of each step of a plan while it is walked, and its form in records.
//! Reads a plan; holds one state per step.
//! Never decides what runs next.

use std::time::Duration;

use crate::plan::Plan;
use crate::release::{StepOutcome, StepRecord};

/// The outcome of a step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ended {
    Waiting,
    Running,
    Done,
    /// Its guard did not hold.
    Skipped,
    /// It failed and its failure is a warning.
    Tolerated,
    Failed,
    /// It was cut short because the plan stopped.
    Cancelled,
    Undone,
}

impl Ended {
    /// Whether what waits for the step may go on.
    pub(super) const fn lets_go_on(self) -> bool {
        matches!(self, Self::Done | Self::Skipped | Self::Tolerated)
    }

    const fn outcome(self) -> StepOutcome {
        match self {
            Self::Waiting | Self::Running => StepOutcome::Planned,
            Self::Done => StepOutcome::Done,
            Self::Skipped => StepOutcome::Skipped,
            Self::Tolerated | Self::Failed => StepOutcome::Failed,
            Self::Cancelled => StepOutcome::Cancelled,
            Self::Undone => StepOutcome::Undone,
        }
    }
}

/// The states of all steps of one plan.
#[derive(Debug, Clone)]
pub(super) struct StepLog {
    states: Vec<(Ended, Option<Duration>)>,
}

impl StepLog {
    /// Nothing was started; the steps before `from` were carried out earlier.
    pub(super) fn new(plan: &Plan, from: usize) -> Self {
        let state = |index| if index < from { Ended::Done } else { Ended::Waiting };
        Self { states: (0..plan.steps.len()).map(|index| (state(index), None)).collect() }
    }

    pub(super) fn state(&self, index: usize) -> Ended {
        self.states.get(index).map_or(Ended::Waiting, |state| state.0)
    }

    pub(super) fn set(&mut self, index: usize, ended: Ended, took: Option<Duration>) {
        if let Some(state) = self.states.get_mut(index) {
            *state = (ended, took.or(state.1));
        }
    }

    /// The steps as records hold them.
    pub(super) fn records(&self, plan: &Plan) -> Vec<StepRecord> {
        let record = |(mut record, state): (StepRecord, &(Ended, Option<Duration>))| {
            record.outcome = state.0.outcome();
            record.duration_ms = state.1.map(|took| u64::try_from(took.as_millis()).unwrap_or(u64::MAX));
            record
        };
        plan.records().into_iter().zip(&self.states).map(record).collect()
    }
}
