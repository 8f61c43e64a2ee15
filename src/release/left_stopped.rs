//! Services that a backup had stopped when its process died, as the history of a project tells it.
//! Reads operations and returns names of services.

use std::collections::BTreeSet;

use super::{OperationKind, OperationStatus, PastOperation, StepOutcome};

/// The services that a backup stopped to copy their volumes and could not start again, in a history that is oldest first.
/// Whether they are still down is for the caller to see.
pub fn left_stopped(history: &[PastOperation]) -> BTreeSet<String> {
    let mut left = BTreeSet::new();
    for past in history {
        let of_kind = |kind: OperationKind| past.steps.iter().filter(move |step| step.operation == kind);
        if past.status == OperationStatus::Interrupted && past.ended.is_none() {
            let is_dumped =
                |service: &String| of_kind(OperationKind::DumpData).any(|d| d.service.as_ref() == Some(service));
            let stopped = of_kind(OperationKind::StopContainer).filter_map(|step| step.service.clone());
            left.extend(stopped.filter(is_dumped));
            continue;
        }
        // Whatever was done to the service since was meant.
        let touched = past.steps.iter().filter(|step| step.outcome == StepOutcome::Done && changes(step.operation));
        touched.filter_map(|step| step.service.as_ref()).for_each(|service| {
            left.remove(service);
        });
    }
    left
}

fn changes(operation: OperationKind) -> bool {
    use OperationKind::{
        CreateContainer, KillContainer, RemoveContainer, RestartContainer, StartContainer, StopContainer,
    };
    [CreateContainer, KillContainer, RemoveContainer, RestartContainer, StartContainer, StopContainer]
        .contains(&operation)
}
