//! A plan: steps with causes, ordered by what must come before what, in three phases.
//! A value: printable, savable, comparable.
//! Never executes itself.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::Operation;

/// Index of a step in its plan.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct StepId(pub usize);

/// Prepare the new side, switch, retire the old one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Phase {
    /// A failure here removes what was made.
    Prepare,
    /// A failure here switches back.
    Switch,
    /// A failure here warns.
    Retire,
}

/// One operation, why it is done, and what must be done before it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Step {
    /// What is done.
    #[serde(flatten)]
    pub operation: Operation,
    /// Why, in words: `image changed`.
    pub cause: String,
    /// Steps that must have ended well before.
    pub after: Vec<StepId>,
    /// Phase.
    pub phase: Phase,
    /// How to take it back when a later step of its group fails.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub undo: Vec<Operation>,
    /// Once one of these steps ended well, the undo is void: what was made is in use.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub undo_unless: Vec<StepId>,
}

/// What will be done, in an order that can be followed.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Plan {
    /// Project it is for.
    pub project: String,
    /// The steps; `after` only points to earlier ones.
    pub steps: Vec<Step>,
    /// Names of the containers the steps refer to by id, for people.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub names: BTreeMap<String, String>,
    /// What the operator should know before it runs.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub warnings: Vec<String>,
}

impl Plan {
    /// Whether nothing needs doing.
    pub fn is_empty(&self) -> bool {
        self.steps.is_empty()
    }

    /// Whether there is nothing to do but to wait; also where there is nothing at all.
    pub fn only_waits(&self) -> bool {
        self.steps.iter().all(|step| matches!(step.operation, Operation::AwaitReady { .. }))
    }

    /// Appends a step and returns its id. Ids that do not exist yet are dropped: a step can only wait for earlier ones.
    pub fn push(&mut self, phase: Phase, operation: Operation, cause: impl Into<String>, after: &[StepId]) -> StepId {
        let id = StepId(self.steps.len());
        let mut after: Vec<StepId> = after.iter().copied().filter(|a| a.0 < id.0).collect();
        after.sort_unstable();
        after.dedup();
        self.steps.push(Step {
            operation,
            cause: cause.into(),
            after,
            phase,
            undo: Vec::new(),
            undo_unless: Vec::new(),
        });
        id
    }

    /// Says how to take a step back, and which later steps make that void.
    pub fn on_failure(&mut self, step: StepId, undo: Operation, unless: &[StepId]) {
        if let Some(step) = self.steps.get_mut(step.0) {
            step.undo.push(undo);
            step.undo_unless.extend_from_slice(unless);
        }
    }

    /// The step pushed last.
    pub fn last_step(&self) -> Option<StepId> {
        self.steps.len().checked_sub(1).map(StepId)
    }

    /// Makes one step wait for another that is already in the plan.
    pub fn order(&mut self, step: StepId, after: StepId) {
        if let Some(entry) = self.steps.get_mut(step.0)
            && after.0 < step.0
            && !entry.after.contains(&after)
        {
            entry.after.push(after);
        }
    }
}
