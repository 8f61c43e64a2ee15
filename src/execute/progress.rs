//! How far a change has come, for its record: a process that dies cannot write it any more.

use async_trait::async_trait;

use super::step_log::{Ended, StepLog};
use crate::plan::{CheckOperation, Operation, Phase, Plan};
use crate::release::StepRecord;
use crate::target::TargetError;

/// The stages of a plan that are recorded when they are reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Stage {
    /// Nothing that serves was changed.
    Prepare,
    /// Requests are about to be switched.
    Switch,
    /// Requests were switched, and the new side is watched.
    Bake,
    /// It has baked: the old side goes.
    Retire,
}

/// Records stages.
#[async_trait]
pub trait ProgressLog: Send + Sync {
    /// Called before the first step of a stage, with the steps and their outcomes so far.
    async fn reached(&self, stage: Stage, steps: Vec<StepRecord>) -> Result<(), TargetError>;
}

/// The stage that a step belongs to.
pub(super) fn stage_of(plan: &Plan, index: usize) -> Stage {
    let baked = plan.steps.iter().position(|step| is_bake(&step.operation));
    match (plan.steps.get(index), baked) {
        (_, Some(bake)) if index == bake => Stage::Bake,
        (_, Some(bake)) if index > bake => Stage::Retire,
        (Some(step), _) if step.phase != Phase::Prepare => Stage::Switch,
        _ => Stage::Prepare,
    }
}

/// Whether the bake of a plan was started.
pub(super) fn has_baked(plan: &Plan, log: &StepLog) -> bool {
    let bake = plan.steps.iter().position(|step| is_bake(&step.operation));
    bake.is_some_and(|bake| log.state(bake) != Ended::Waiting)
}

const fn is_bake(operation: &Operation) -> bool {
    matches!(operation, Operation::Check(CheckOperation::Bake(_)))
}
