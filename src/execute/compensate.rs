//! Undoes what a failed plan changed: the undo operations of its steps, newest first.
//! Reads which steps were attempted, performs their undo unless a later step made it void.
//! Never decides what an undo is, never stops at the first undo that fails.

use std::time::{Duration, Instant};

use super::step_log::{Ended, StepLog};
use super::walk::Walk;
use crate::event::Event;
use crate::plan::{
    CheckOperation, ContainerOperation, DataOperation, Description, Operation, Plan, ProxyOperation, Step,
};
use crate::target::TargetError;

/// Attempts to switch traffic back, and the time between them.
const SWITCH_ATTEMPTS: usize = 3;
const BETWEEN_ATTEMPTS: Duration = Duration::from_millis(500);

/// Performs the undo operations of the steps from `first` on and records those that were undone.
pub(super) async fn compensate(plan: &Plan, first: usize, walk: &Walk<'_>, log: &mut StepLog) {
    // The removal of a container undoes its start and its creation.
    let mut removed: Vec<&Operation> = Vec::new();
    for (index, step) in plan.steps.iter().enumerate().skip(first).rev() {
        let void = step.undo_unless.iter().any(|id| log.state(id.0) == Ended::Done);
        if void || !needs_undo(step, log.state(index)) {
            continue;
        }
        for operation in &step.undo {
            let undone = removed.contains(&operation) || undo(plan, walk, plan.steps.len() + index, operation).await;
            if undone && matches!(operation, Operation::Container(ContainerOperation::Remove { .. })) {
                removed.push(operation);
            }
            if undone && log.state(index) == Ended::Done {
                log.set(index, Ended::Undone, None);
            }
            if is_switch(operation) && !undone {
                // Requests may still go to the new side: nothing of either side may be removed.
                let message = "could not switch back: both sides are kept".to_owned();
                let hint = Some("see `aictl status`; switch back with `aictl rollback`".to_owned());
                walk.reporter().report(Event::Warning { message, hint });
                return;
            }
        }
    }
}

/// A stop that failed may have stopped the container all the same, a change of the proxy may have had its effect, and a
/// container that failed to start is in the way; a bake that failed undoes a switch of an earlier plan. Everything else that
/// failed did nothing.
fn needs_undo(step: &Step, ended: Ended) -> bool {
    match ended {
        Ended::Done => true,
        Ended::Failed | Ended::Tolerated => {
            use ContainerOperation::{Start, Stop};
            use ProxyOperation::{Hold, Reload, Switch, Write};
            matches!(
                step.operation,
                Operation::Container(Stop { .. } | Start { .. })
                    | Operation::Proxy(Hold { .. } | Reload { .. } | Switch { .. } | Write { .. })
                    | Operation::Check(CheckOperation::Bake(_))
                    | Operation::Data(DataOperation::ChangePassword(_))
            )
        }
        Ended::Waiting | Ended::Running | Ended::Skipped | Ended::Cancelled | Ended::Undone => false,
    }
}

const fn is_switch(operation: &Operation) -> bool {
    matches!(operation, Operation::Proxy(ProxyOperation::Switch { .. }))
}

/// Whether it was undone, at the last attempt.
async fn undo(plan: &Plan, walk: &Walk<'_>, key: usize, operation: &Operation) -> bool {
    let attempts = if is_switch(operation) { SWITCH_ATTEMPTS } else { 1 };
    for attempt in 1..=attempts {
        if undo_one(plan, walk, (key, operation)).await {
            return true;
        }
        if attempt < attempts {
            tokio::time::sleep(BETWEEN_ATTEMPTS).await;
        }
    }
    false
}

/// Whether it was undone.
async fn undo_one(plan: &Plan, walk: &Walk<'_>, (key, operation): (usize, &Operation)) -> bool {
    let Description { infinitive, participle: verb, subject, .. } = operation.describe(&plan.names);
    let began = Instant::now();
    walk.reporter().report(Event::StepStarted {
        key,
        verb: infinitive,
        subject: subject.clone(),
        cause: "undoing".to_owned(),
    });
    let performed = if let Operation::Data(data) = operation {
        walk.data(data, key).await.map(drop)
    } else {
        walk.perform(operation, key).await.map(drop)
    };
    match performed {
        Ok(()) => {
            let detail = Some("undone".to_owned());
            let took = began.elapsed();
            walk.reporter().report(Event::StepFinished { key, verb, subject: subject.clone(), detail, took });
            true
        }
        Err(TargetError::NotFound { .. }) => false,
        Err(error) => {
            let message = format!("could not {infinitive} {subject} during the undo: {error}");
            walk.reporter().report(Event::Warning { message, hint: Some("see `aictl status`".to_owned()) });
            false
        }
    }
}
