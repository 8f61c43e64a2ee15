//! Taking back what a failed run left half done: the undo operations of the plan, newest first.
//! Reads which steps were attempted, performs their undo unless a later step made it void.
//! Never decides what an undo is, never stops at the first undo that fails.

use std::time::Instant;

use super::step_log::{Ended, StepLog};
use super::walk::Walk;
use crate::event::Event;
use crate::plan::{ContainerOperation, Description, Operation, Plan, Step};
use crate::target::TargetError;

/// Performs the undo operations of the steps from `first` on and records those that were undone.
pub(super) async fn compensate(plan: &Plan, first: usize, walk: &Walk<'_>, log: &mut StepLog) {
    for (index, step) in plan.steps.iter().enumerate().skip(first).rev() {
        let void = step.undo_unless.iter().any(|id| log.state(id.0) == Ended::Done);
        if void || !needs_undo(step, log.state(index)) {
            continue;
        }
        for operation in &step.undo {
            if undo_one(plan, walk, (plan.steps.len() + index, operation)).await && log.state(index) == Ended::Done {
                log.set(index, Ended::Undone, None);
            }
        }
    }
}

/// A stop that failed may have stopped the container all the same; everything else that failed did nothing.
fn needs_undo(step: &Step, ended: Ended) -> bool {
    match ended {
        Ended::Done => true,
        Ended::Failed | Ended::Tolerated => {
            matches!(step.operation, Operation::Container(ContainerOperation::Stop { .. }))
        }
        Ended::Waiting | Ended::Running | Ended::Skipped | Ended::Undone => false,
    }
}

/// Whether it was undone.
async fn undo_one(plan: &Plan, walk: &Walk<'_>, (key, operation): (usize, &Operation)) -> bool {
    let Description { infinitive, participle: verb, subject, .. } = operation.describe(&plan.names);
    let began = Instant::now();
    walk.reporter().report(Event::StepStarted {
        key,
        verb: infinitive,
        subject: subject.clone(),
        cause: "taking back".to_owned(),
    });
    match walk.perform(operation, key).await {
        Ok(_) => {
            let detail = Some("undone".to_owned());
            let took = began.elapsed();
            walk.reporter().report(Event::StepFinished { key, verb, subject: subject.clone(), detail, took });
            true
        }
        Err(TargetError::NotFound { .. }) => false,
        Err(error) => {
            let message = format!("could not {infinitive} {subject} while taking back: {error}");
            walk.reporter().report(Event::Warning { message, hint: Some("see `aictl status`".to_owned()) });
            false
        }
    }
}
