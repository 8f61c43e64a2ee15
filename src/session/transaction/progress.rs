//! Recording how far a release has come: before requests are switched, when it starts to bake, when it has baked.

use async_trait::async_trait;

use super::Transaction;
use crate::execute::{ProgressLog, Stage};
use crate::release::{Lease, OperationKind, Record, RecordPhase, Release, StepRecord};
use crate::target::TargetError;

/// Writes the records of one change while it is carried out.
struct Progress<'t> {
    transaction: &'t Transaction<'t>,
    lease: &'t Lease,
    /// The record before the first step.
    pending: &'t Record,
}

#[async_trait]
impl ProgressLog for Progress<'_> {
    async fn reached(&self, stage: Stage, steps: Vec<StepRecord>) -> Result<(), TargetError> {
        let steps = self.transaction.recorded_steps(steps);
        let record = match stage {
            Stage::Prepare => return Ok(()),
            Stage::Switch => Record { steps, ..self.pending.clone() },
            Stage::Bake | Stage::Retire => Record {
                steps,
                phase: RecordPhase::Baking,
                time: (self.transaction.context.now)(),
                release: self.release().await?.map(Box::new),
                ..self.pending.clone()
            },
        };
        self.transaction.target.record(self.lease, &record).await
    }
}

impl Transaction<'_> {
    /// What records how far a change comes, where it makes a release or restores data.
    pub(super) fn progress<'t>(&'t self, lease: &'t Lease, pending: &'t Record) -> Option<Box<dyn ProgressLog + 't>> {
        let restores = pending.steps.iter().any(|step| step.operation == OperationKind::RestoreData);
        (self.release.is_some() || restores)
            .then(|| -> Box<dyn ProgressLog + 't> { Box::new(Progress { transaction: self, lease, pending }) })
    }
}

impl Progress<'_> {
    /// The release as it serves now.
    async fn release(&self) -> Result<Option<Release>, TargetError> {
        let Transaction { release, target, scope, .. } = self.transaction;
        let Some(new) = release else { return Ok(None) };
        let observed = target.observe(scope).await?;
        let before = self.pending.release.as_ref().and_then(|release| release.switched.clone());
        let switched = match before {
            Some(switched) => switched,
            None => target.observe_engine().await?.host.time,
        };
        let switched = Some(switched);
        Ok(Some(Release { switched, ..(new.finished)(&observed, true) }))
    }
}
