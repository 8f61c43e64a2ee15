//! Taking the project's lock for a change, and what precedes the change when its last owner died.

use std::time::{Duration, Instant};

use super::Transaction;
use crate::error::Result;
use crate::release::{Lease, LeaseVerdict, OperationKind, OperationStatus, StepOutcome, history};
use crate::session::WorkflowError;
use crate::target::TargetError;

/// Two looks this far apart that see the same mean that nothing is under way.
const STANDS_STILL: Duration = Duration::from_millis(700);

/// Taking the lock says why it waits after this long.
const SILENCE: Duration = Duration::from_secs(2);

/// A container that ignores its stop signal is killed after ten seconds; nothing is waited for much longer.
const SETTLING: Duration = Duration::from_secs(15);

impl Transaction<'_> {
    /// Takes the lock, that of a dead owner included.
    pub(super) async fn acquire(&self) -> Result<Lease> {
        let owner = self.context.owner_of(self.operation);
        let taken = tokio::select! {
            taken = self.target.acquire(&self.scope.project, &owner) => taken,
            () = self.waited_too_long() => return Err(WorkflowError::Interrupted.into()),
        };
        let lease = match taken {
            Err(TargetError::Locked { holder, .. }) if self.ends_bake && self.only_watches().await? => {
                self.context.reporter.note(format!("ending the bake: {}", holder.summary()));
                self.target.break_lease(&holder).await?;
                let lease = self.target.acquire(&self.scope.project, &owner).await?;
                // What its process was doing when it lost the lock.
                self.settle().await?;
                return Ok(lease);
            }
            taken => taken?,
        };
        if let Some(dead) = &lease.taken_over {
            self.context.reporter.warn(format!(
                "`{}` by {} on {} (pid {}) was interrupted; continuing from the state it left behind",
                dead.operation, dead.user, dead.host, dead.pid
            ));
            self.settle().await?;
        }
        Ok(lease)
    }

    /// Whether the newest operation has switched its requests and has not started to remove the old side.
    async fn only_watches(&self) -> Result<bool> {
        let records = self.target.load_records(&self.scope.project).await?;
        let newest = history(&records, None).pop();
        Ok(newest.is_some_and(|newest| {
            let baked = newest
                .steps
                .iter()
                .any(|step| step.operation == OperationKind::Bake && step.outcome == StepOutcome::Done);
            newest.status == OperationStatus::Baking && !baked
        }))
    }

    /// Reports why taking the lock takes long; returns only after an interruption.
    async fn waited_too_long(&self) {
        tokio::time::sleep(SILENCE).await;
        let held = self.target.observe_lease(&self.scope.project).await;
        if held.is_ok_and(|held| held.is_some_and(|lease| lease.verdict == LeaseVerdict::Unknown)) {
            let (project, seconds) = (&self.scope.project, LeaseVerdict::TIME_TO_LIVE.as_secs());
            self.context.reporter.note(format!(
                "waiting up to {seconds}s for the lock of {project}: its owner was interrupted before it said who it is, \
                 or is just taking it"
            ));
        }
        self.context.interrupted().await;
    }

    /// The engine finishes the requests of a client that died: waits until the stack stands still.
    async fn settle(&self) -> Result<()> {
        let deadline = Instant::now() + SETTLING;
        let mut before = self.target.observe(&self.scope).await?;
        while Instant::now() < deadline {
            tokio::time::sleep(STANDS_STILL).await;
            let now = self.target.observe(&self.scope).await?;
            if now == before {
                break;
            }
            before = now;
        }
        Ok(())
    }
}
