//! Running tasks: the executor hands them to the session, which has the operator's input and output.

use async_trait::async_trait;

use crate::plan::ContainerSpec;
use crate::target::TargetError;

/// Runs the container of a task to its end.
#[async_trait]
pub trait TaskRunner: Send + Sync {
    /// Creates the container, runs it attached and removes it unless it is to stay.
    async fn run_task(&self, spec: ContainerSpec, timeout: Option<std::time::Duration>)
    -> Result<TaskEnd, TargetError>;
}

/// The end of a task.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TaskEnd {
    /// Its exit code; none if the operator interrupted it.
    pub code: Option<u8>,
    /// The last lines of its output, oldest first, where that was kept.
    pub output: Vec<String>,
}
