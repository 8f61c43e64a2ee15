//! A restore that was cut off: no change goes on with its half-restored data unless it is meant to.

use super::Transaction;
use crate::error::Result;
use crate::release::{Record, StepRecord, history, settled, unfinished_restore};
use crate::session::WorkflowError;

impl Transaction<'_> {
    /// Fails where a restore is unfinished and this change is not one that may run beside it.
    pub(super) fn check_restores(&self, records: &[Record]) -> Result<()> {
        // The lock is ours: whatever has no end was cut off.
        let Some(found) = unfinished_restore(&history(records, None)) else { return Ok(()) };
        if !self.beside_unfinished_restore {
            let services = found.services.into_iter().collect();
            return Err(WorkflowError::UnfinishedRestore { services }.into());
        }
        let _ = self.unfinished.set(found);
        Ok(())
    }

    /// Whether the restore that was unfinished before is still so after these steps.
    pub(super) fn leaves_unfinished(&self, steps: &[StepRecord]) -> bool {
        let Some(before) = self.unfinished.get() else { return false };
        before.services.iter().any(|service| !settled(steps).any(|settled| settled == service))
    }
}
