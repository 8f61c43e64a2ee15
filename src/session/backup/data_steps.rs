//! Carries out the data steps of a plan that takes a set and restores another one.

use async_trait::async_trait;
use tokio::sync::watch;

use super::abandon_runner::AbandonRunner;
use super::dump_runner::DumpRunner;
use super::point_in_time::PointInTimeRunner;
use super::restore_runner::RestoreRunner;
use crate::event::Reporter;
use crate::execute::DataRunner;
use crate::plan::{DataOperation, Outcome};
use crate::session::password_runner::PasswordRunner;
use crate::target::TargetError;

/// The runners of a plan's data steps.
#[derive(Default)]
pub struct DataSteps<'a> {
    /// Takes a set.
    pub dumps: Option<DumpRunner<'a>>,
    /// Restores one.
    pub restores: Option<RestoreRunner<'a>>,
    /// Restores to a point in time, in place of a set as it is.
    pub point_in_time: Option<PointInTimeRunner<'a>>,
    /// Gives up a restore that was interrupted.
    pub abandons: Option<AbandonRunner<'a>>,
    /// Changes passwords.
    pub passwords: Option<PasswordRunner<'a>>,
}

impl DataSteps<'_> {
    /// Whether the set that is taken was completed.
    pub fn has_set(&self) -> bool {
        self.dumps.as_ref().is_some_and(DumpRunner::is_complete)
    }
}

#[async_trait]
impl DataRunner for DataSteps<'_> {
    async fn run_data(
        &self,
        operation: &DataOperation,
        progress: (usize, &dyn Reporter),
        stop: watch::Receiver<bool>,
    ) -> Result<Option<Outcome>, TargetError> {
        let runner = match operation {
            DataOperation::ChangePassword(change) => {
                let passwords = self.passwords.as_ref().ok_or_else(|| missing("this command changes no passwords"))?;
                return passwords.change(change).await.map(Some);
            }
            DataOperation::Dump { .. } | DataOperation::AwaitBegun { .. } | DataOperation::Complete { .. } => {
                self.dumps.as_ref().map(|dumps| dumps as &dyn DataRunner)
            }
            DataOperation::Restore { .. } if self.point_in_time.is_some() => {
                self.point_in_time.as_ref().map(|recoveries| recoveries as &dyn DataRunner)
            }
            DataOperation::Restore { .. } | DataOperation::RestoreFile { .. } => {
                self.restores.as_ref().map(|restores| restores as &dyn DataRunner)
            }
            DataOperation::AbandonRestore { .. } => self.abandons.as_ref().map(|abandons| abandons as &dyn DataRunner),
        };
        let Some(runner) = runner else { return Err(missing("this command has no backup to use")) };
        runner.run_data(operation, progress, stop).await
    }
}

fn missing(reason: &str) -> TargetError {
    TargetError::CannotPerform { operation: "data".to_owned(), reason: reason.to_owned() }
}
