//! How a data step is handed to what carries it out: bounded in time, on the container of this run.

use super::walk::Walk;
use crate::plan::{DataOperation, Names, Operation, Outcome, PasswordChange};
use crate::target::TargetError;

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
            | DataOperation::RestoreFile { .. }
            | DataOperation::AbandonRestore { .. } => data.clone(),
        }
    }
}
