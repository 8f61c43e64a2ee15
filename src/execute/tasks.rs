//! Running tasks: the executor hands them to the session, which has the operator's input and output.
//! A trait and nothing else.
//! Never implemented here.

use async_trait::async_trait;

use crate::plan::ContainerSpec;
use crate::target::TargetError;

/// Runs the container of a task to its end.
#[async_trait]
pub trait TaskRunner: Send + Sync {
    /// Creates the container, runs it attached and removes it unless it is to stay; returns its exit code. `None`: the
    /// operator interrupted it.
    async fn run_task(
        &self,
        spec: ContainerSpec,
        timeout: Option<std::time::Duration>,
    ) -> Result<Option<u8>, TargetError>;
}
