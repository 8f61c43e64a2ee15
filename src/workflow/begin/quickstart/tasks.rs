//! Which of the first tasks are still to be run.
//! Reads the project's history on the target; returns whether a task ended well since the stack last changed.
//! Never trusts a run that failed or was cut off.

use crate::release::{Record, RecordPhase};
use crate::workflow::run::run_command::task_words;

/// Operations that leave the services as they are.
const ASIDE: [&str; 2] = ["run", "images"];

/// How the steps read that only wait: a second start may still wait for the engine's verdict on what the first one made.
const WAITS: &str = "await ";

/// Whether a task has to be run: not yet, not well, or before the stack last changed.
pub(super) fn is_due(history: &[Record], task: &str, service: &str) -> bool {
    let acts = |record: &Record| record.steps.iter().any(|step| !step.starts_with(WAITS));
    let changes = history.iter().filter(|record| !ASIDE.contains(&record.operation.as_str()) && acts(record));
    let last_change = changes.map(|record| record.sequence).max().unwrap_or(0);
    let words = task_words(task, service);
    let ran_well = |record: &Record| {
        record.phase == RecordPhase::Done
            && record.sequence > last_change
            && record.operation == "run"
            && record.steps.iter().any(|step| step.ends_with(&words))
    };
    !history.iter().any(ran_well)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(sequence: u32, operation: &str, phase: RecordPhase, steps: &[&str]) -> Record {
        Record {
            sequence,
            phase,
            operation: operation.to_owned(),
            environment: None,
            time: String::new(),
            owner: Default::default(),
            steps: steps.iter().map(|step| (*step).to_owned()).collect(),
            error: Vec::new(),
            evidence: Vec::new(),
        }
    }

    #[test]
    fn a_task_is_due_until_it_ended_well_after_the_last_change() {
        let migrated = ["run migrate in a container of tools"];
        let mut history = vec![record(1, "start", RecordPhase::Done, &["create web"])];
        assert!(is_due(&history, "migrate", "tools"));
        history.push(record(2, "run", RecordPhase::Pending, &migrated));
        history.push(record(2, "run", RecordPhase::Failed, &migrated));
        assert!(is_due(&history, "migrate", "tools"));
        history.push(record(3, "run", RecordPhase::Done, &migrated));
        assert!(!is_due(&history, "migrate", "tools") && is_due(&history, "sample-data", "tools"));
        history.push(record(4, "start", RecordPhase::Done, &["await health container web: it is not healthy yet"]));
        assert!(!is_due(&history, "migrate", "tools"));
        history.push(record(5, "start", RecordPhase::Done, &["await health container db: …", "replace web"]));
        assert!(is_due(&history, "migrate", "tools"));
    }
}
