//! Taking back what a failed run left half done: the undo operations of the plan, newest first.
//! Reads which steps were attempted, performs their undo unless a later step made it void.
//! Never decides what an undo is, never stops at the first undo that fails.

use std::time::Instant;

use super::run::{Ended, Walk};
use crate::event::Event;
use crate::plan::{Operation, Plan, Step};
use crate::target::TargetError;

/// Performs the undo operations; returns what was undone, in words.
pub(super) async fn compensate(plan: &Plan, walk: &Walk<'_>, ended: &[Ended]) -> Vec<String> {
    let mut undone = Vec::new();
    for (index, step) in plan.steps.iter().enumerate().rev() {
        let void = step.undo_unless.iter().any(|id| ended.get(id.0) == Some(&Ended::Done));
        if void || !needs_undo(step, ended.get(index)) {
            continue;
        }
        for operation in &step.undo {
            if let Some(words) = undo_one(plan, walk, (plan.steps.len() + index, operation)).await {
                undone.push(words);
            }
        }
    }
    undone
}

/// A stop that failed may have stopped the container all the same; everything else that failed did nothing.
fn needs_undo(step: &Step, ended: Option<&Ended>) -> bool {
    match ended {
        Some(Ended::Done) => true,
        Some(Ended::Failed) => matches!(step.operation, Operation::StopContainer { .. }),
        _ => false,
    }
}

async fn undo_one(plan: &Plan, walk: &Walk<'_>, (key, operation): (usize, &Operation)) -> Option<String> {
    let (infinitive, verb) = operation.verbs();
    let subject = operation.subject(&plan.names);
    let began = Instant::now();
    walk.reporter().report(Event::StepStarted {
        key,
        verb: infinitive,
        subject: subject.clone(),
        cause: "taking back".to_owned(),
    });
    match walk.perform(operation, key).await {
        Ok(_) => {
            let detail = Some("taken back".to_owned());
            let took = began.elapsed();
            walk.reporter().report(Event::StepFinished { key, verb, subject: subject.clone(), detail, took });
            Some(format!("{infinitive} {subject}"))
        }
        Err(TargetError::NotFound { .. }) => None,
        Err(error) => {
            let message = format!("could not {infinitive} {subject} while taking back: {error}");
            walk.reporter().report(Event::Warning { message, hint: Some("see `aictl status`".to_owned()) });
            None
        }
    }
}
