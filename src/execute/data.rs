//! Dumps and restores of data, and passwords of services: the executor hands them to the session, which has the backup
//! repository and knows the clients of the services.

use async_trait::async_trait;
use tokio::sync::watch;

use super::walk::Walk;
use crate::event::Reporter;
use crate::plan::{DataOperation, Names, Operation, Outcome, PasswordChange};
use crate::target::TargetError;

/// Dumps and restores the data of services.
#[async_trait]
pub trait DataRunner: Send + Sync {
    /// Carries out one operation. The number ties progress events to the caller's step. `None`: it was stopped.
    async fn run_data(
        &self,
        operation: &DataOperation,
        progress: (usize, &dyn Reporter),
        stop: watch::Receiver<bool>,
    ) -> Result<Option<Outcome>, TargetError>;
}

impl Walk<'_> {
    pub(super) async fn data(&self, data: &DataOperation, key: usize) -> Result<Option<Outcome>, TargetError> {
        let data = &self.with_container_id(data);
        let told = Operation::Data(data.clone()).describe(&Names::new());
        let what = format!("{} {}", told.infinitive, told.subject);
        let Some(runner) = self.runner.data else {
            let reason = "no data can be dumped or restored here".to_owned();
            return Err(TargetError::CannotPerform { operation: what, reason });
        };
        let ran = runner.run_data(data, (key, self.runner.reporter), self.stop.subscribe());
        let outcome = tokio::time::timeout(told.deadline, ran).await;
        outcome.map_err(|_| TargetError::NoAnswer { what, after: told.deadline })?
    }

    /// The operation on a container of this run by its id.
    fn with_container_id(&self, data: &DataOperation) -> DataOperation {
        match data {
            DataOperation::ChangePassword(change) => {
                let container = self.id_of(&change.container);
                DataOperation::ChangePassword(Box::new(PasswordChange { container, ..(**change).clone() }))
            }
            DataOperation::Dump { .. }
            | DataOperation::AwaitBegun { .. }
            | DataOperation::Complete { .. }
            | DataOperation::Restore { .. }
            | DataOperation::AbandonRestore { .. } => data.clone(),
        }
    }
}
