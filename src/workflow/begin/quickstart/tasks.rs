//! Which of the first tasks are still to be run.
//! Reads the project's history on the target; returns whether a task ended well since the stack last changed.
//! Never trusts a run that failed or was cut off.

use crate::release::{OperationKind, Record, RecordPhase, StepOutcome, StepRecord};

/// Operations that leave the services as they are.
const ASIDE: [&str; 2] = ["run", "images"];

/// Whether a task has to be run: not yet, not well, or before the stack last changed.
pub(super) fn is_due(history: &[Record], task: &Task<'_>) -> bool {
    // A second start may still wait for the engine's verdict on what the first one made.
    let acts = |record: &Record| record.steps.iter().any(|step| !step.operation.is_wait());
    let changes = history.iter().filter(|record| !ASIDE.contains(&record.operation.as_str()) && acts(record));
    let last_change = changes.map(|record| record.sequence).max().unwrap_or(0);
    let ran_well = |record: &Record| {
        record.phase == RecordPhase::Done
            && record.sequence > last_change
            && record.steps.iter().any(|step| task.is_run_by(step))
    };
    !history.iter().any(ran_well)
}

/// A task of the project file.
pub(super) struct Task<'a> {
    pub(super) name: &'a str,
    pub(super) service: &'a str,
}

impl Task<'_> {
    fn is_run_by(&self, step: &StepRecord) -> bool {
        step.operation == OperationKind::RunTask
            && step.outcome == StepOutcome::Done
            && step.service.as_deref() == Some(self.service)
            && step.task.as_deref() == Some(self.name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn step(operation: OperationKind, task: Option<&str>, service: &str) -> StepRecord {
        StepRecord {
            operation,
            subject: service.to_owned(),
            service: Some(service.to_owned()),
            task: task.map(str::to_owned),
            cause: String::new(),
            outcome: StepOutcome::Done,
            duration_ms: None,
        }
    }

    fn record(sequence: u32, operation: &str, phase: RecordPhase, steps: &[StepRecord]) -> Record {
        Record {
            sequence,
            phase,
            operation: operation.to_owned(),
            environment: None,
            time: String::new(),
            owner: Default::default(),
            steps: steps.to_vec(),
            error: Vec::new(),
            evidence: Vec::new(),
            release: None,
            restore_unfinished: false,
        }
    }

    #[test]
    fn a_task_is_due_until_it_ended_well_after_the_last_change() {
        let migrated = [step(OperationKind::RunTask, Some("migrate"), "tools")];
        let created = step(OperationKind::CreateContainer, None, "web");
        let waited = step(OperationKind::AwaitReady, None, "web");
        let due = |history: &[Record], name| is_due(history, &Task { name, service: "tools" });
        let mut history = vec![record(1, "start", RecordPhase::Done, std::slice::from_ref(&created))];
        assert!(due(&history, "migrate"));
        history.push(record(2, "run", RecordPhase::Pending, &migrated));
        history.push(record(2, "run", RecordPhase::Failed, &migrated));
        assert!(due(&history, "migrate"));
        history.push(record(3, "run", RecordPhase::Done, &migrated));
        assert!(!due(&history, "migrate") && due(&history, "sample-data"));
        history.push(record(4, "start", RecordPhase::Done, std::slice::from_ref(&waited)));
        assert!(!due(&history, "migrate"));
        history.push(record(5, "start", RecordPhase::Done, &[waited, created]));
        assert!(due(&history, "migrate"));
    }
}
