//! Gives up a restore that was interrupted: its helper containers go, the data stays as it is.

use async_trait::async_trait;
use tokio::sync::watch;

use super::point_in_time;
use super::restore_runner::PURPOSE;
use super::scratch::remove_left;
use crate::event::Reporter;
use crate::execute::DataRunner;
use crate::plan::{DataOperation, Outcome};
use crate::target::{Target, TargetError};

/// Gives up the restore of services.
pub struct AbandonRunner<'a> {
    /// Where they run.
    pub target: &'a dyn Target,
    /// The project.
    pub project: String,
}

#[async_trait]
impl DataRunner for AbandonRunner<'_> {
    async fn run_data(
        &self,
        operation: &DataOperation,
        _: (usize, &dyn Reporter),
        _: watch::Receiver<bool>,
    ) -> Result<Option<Outcome>, TargetError> {
        let DataOperation::AbandonRestore { part } = operation else {
            let reason = "this command only gives up a restore".to_owned();
            return Err(TargetError::CannotPerform { operation: "data".to_owned(), reason });
        };
        for purpose in [PURPOSE, point_in_time::PURPOSE] {
            remove_left(self.target, (&self.project, part), purpose).await?;
        }
        Ok(Some(Outcome::default()))
    }
}
