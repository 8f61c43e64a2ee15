//! Recognises that the engine went away in the middle of a change: what was done stays, and the operator must know.

use super::Transaction;
use crate::error::{Error, ErrorKind, Hint as _};
use crate::execute::ExecuteError;
use crate::release::{StepOutcome, StepRecord};
use crate::session::WorkflowError;
use crate::target::TargetError;

impl Transaction<'_> {
    /// A failure of the connection after steps were done, as a change that is half done.
    pub(super) async fn half_done(&self, error: Error, steps: &[StepRecord]) -> Error {
        let done = steps.iter().filter(|step| step.outcome == StepOutcome::Done).count();
        let out_of_space = matches!(error.downcast_ref(), Some(TargetError::DiskFull { .. }));
        if out_of_space && done == steps.len() && done > 0 {
            return WorkflowError::NotRecorded { operation: self.operation, source: error.into_source() }.into();
        }
        if done == 0 || !self.has_lost_engine(&error).await {
            return error;
        }
        WorkflowError::HalfDone { operation: self.operation, done, all: steps.len(), source: error.into_source() }
            .into()
    }

    async fn has_lost_engine(&self, error: &Error) -> bool {
        let source = match error.downcast_ref() {
            Some(ExecuteError::Target { source, .. }) => source,
            Some(_) => return false,
            None => match error.downcast_ref::<TargetError>() {
                Some(source) => source,
                None => return false,
            },
        };
        // A request that broke off may be all that was lost.
        source.kind() == ErrorKind::Unreachable
            || matches!(source, TargetError::Broken { .. }) && self.target.ping().await.is_err()
    }
}
