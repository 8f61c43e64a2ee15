//! Whether the restore of a backup was cut off in the middle, as the history of a project tells it.
//! Reads operations and returns the services whose data is neither the old nor the restored state.

use std::collections::BTreeSet;

use super::{OperationKind, OperationStatus, PastOperation, StepOutcome, StepRecord};

/// A restore that began to replace data and did not end.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct UnfinishedRestore {
    /// The services that were not restored since.
    pub services: BTreeSet<String>,
    /// When the first restore that was cut off started, RFC 3339: the state before it is the one to go back to.
    pub since: String,
}

/// The restore that is unfinished, in a history that is oldest first.
pub fn unfinished_restore(history: &[PastOperation]) -> Option<UnfinishedRestore> {
    let mut found = UnfinishedRestore::default();
    for past in history {
        found.services.retain(|service| !settled(&past.steps).any(|settled| settled == service));
        let left = left_by(past);
        if found.services.is_empty() && !left.is_empty() {
            found.since.clone_from(&past.started);
        }
        found.services.extend(left);
    }
    Some(found).filter(|found| !found.services.is_empty())
}

/// The services whose data these steps restored, or declared to be good as it is.
pub fn settled(steps: &[StepRecord]) -> impl Iterator<Item = &String> {
    let settles = |step: &&StepRecord| {
        matches!(step.operation, OperationKind::RestoreData | OperationKind::AbandonRestore)
            && step.outcome == StepOutcome::Done
    };
    steps.iter().filter(settles).filter_map(|step| step.service.as_ref())
}

/// The services that an operation left half restored, or beside restored ones.
fn left_by(past: &PastOperation) -> BTreeSet<String> {
    let of_kind = |kind: OperationKind| past.steps.iter().filter(move |step| step.operation == kind);
    let begun = match (past.status, &past.ended) {
        // A process that died could not say how far it came after the safety set.
        (OperationStatus::Interrupted, None) => {
            of_kind(OperationKind::CompleteBackup).all(|step| step.outcome == StepOutcome::Done)
        }
        // Ctrl-C finishes the service under way, or cancels it while nothing of it is replaced: before the first one that
        // was not cancelled nothing was replaced.
        (OperationStatus::Interrupted, Some(_)) => of_kind(OperationKind::RestoreData)
            .any(|step| !matches!(step.outcome, StepOutcome::Planned | StepOutcome::Cancelled)),
        (OperationStatus::Running | OperationStatus::Baking | OperationStatus::Done | OperationStatus::Failed, _) => {
            false
        }
    };
    let left = of_kind(OperationKind::RestoreData).filter(|step| begun && step.outcome != StepOutcome::Done);
    left.filter_map(|step| step.service.clone()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::release::LeaseOwner;

    use OperationKind::{AbandonRestore, CompleteBackup, RestoreData};
    use StepOutcome::{Cancelled, Done, Planned};

    fn past(status: OperationStatus, ended: bool, steps: &[(OperationKind, &str, StepOutcome)]) -> PastOperation {
        let step = |(operation, service, outcome): &(OperationKind, &str, StepOutcome)| StepRecord {
            operation: *operation,
            subject: String::new(),
            service: Some((*service).to_owned()).filter(|service| !service.is_empty()),
            task: None,
            cause: String::new(),
            outcome: *outcome,
            duration_ms: None,
        };
        PastOperation {
            number: 1,
            operation: "backup restore".into(),
            environment: None,
            status,
            started: steps.len().to_string(),
            ended: ended.then(|| "later".to_owned()),
            seconds: None,
            owner: LeaseOwner::default(),
            steps: steps.iter().map(step).collect(),
            error: Vec::new(),
            evidence: Vec::new(),
            release: None,
            release_status: None,
        }
    }

    fn left(history: &[PastOperation]) -> (String, String) {
        let found = unfinished_restore(history).unwrap_or_default();
        (found.services.into_iter().collect::<Vec<_>>().join(" "), found.since)
    }

    #[test]
    fn a_killed_restore_is_unfinished_until_each_of_its_services_was_restored_or_given_up() {
        let two = [(CompleteBackup, "", Done), (RestoreData, "a", Planned), (RestoreData, "b", Planned)];
        let killed = past(OperationStatus::Interrupted, false, &two);
        let of_a = past(OperationStatus::Done, true, &[(RestoreData, "a", Done)]);
        let stop = past(OperationStatus::Done, true, &[]);
        let again = past(OperationStatus::Interrupted, false, &[(RestoreData, "a", Planned)]);
        let given_up = past(OperationStatus::Done, true, &[(AbandonRestore, "b", Done)]);
        assert_eq!(left(&[killed.clone(), stop]), ("a b".into(), "3".into()));
        assert_eq!(left(&[killed.clone(), again]), ("a b".into(), "3".into()), "the first one replaced the old state");
        assert_eq!(left(&[killed.clone(), of_a.clone()]), ("b".into(), "3".into()));
        assert_eq!(left(&[killed, of_a, given_up]).0, "");
    }

    #[test]
    fn nothing_is_unfinished_before_the_first_service_is_touched() {
        let dumping = [(CompleteBackup, "", Planned), (RestoreData, "a", Planned)];
        let dumped = [(CompleteBackup, "", Done), (RestoreData, "a", Planned), (RestoreData, "b", Planned)];
        let mixed = [(CompleteBackup, "", Done), (RestoreData, "a", Done), (RestoreData, "b", Planned)];
        let cancelled = [(CompleteBackup, "", Done), (RestoreData, "a", Cancelled), (RestoreData, "b", Planned)];
        let after_a = [(CompleteBackup, "", Done), (RestoreData, "a", Done), (RestoreData, "b", Cancelled)];
        for (status, ended, steps, expected) in [
            (OperationStatus::Interrupted, false, &dumping[..], ""),
            (OperationStatus::Interrupted, true, &dumped, ""),
            (OperationStatus::Interrupted, true, &mixed, "b"),
            (OperationStatus::Interrupted, true, &cancelled, ""),
            (OperationStatus::Interrupted, true, &after_a, "b"),
            (OperationStatus::Running, false, &dumped, ""),
            (OperationStatus::Failed, true, &dumped, ""),
        ] {
            assert_eq!(left(&[past(status, ended, steps)]).0, expected, "{status:?} {steps:?}");
        }
    }
}
