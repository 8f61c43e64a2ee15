//! Operations on a cluster: waits are cut by Ctrl-C, and a workload that fails is told in the words of a container.

use super::ExecuteError;
use super::walk::Walk;
use crate::plan::{ClusterOperation, Operation, Outcome};
use crate::target::{TargetError, WorkloadFailure};

impl Walk<'_> {
    /// Performs an operation on a cluster. Ctrl-C and the failure of another step cut a wait.
    pub(super) async fn on_cluster(
        &self,
        operation: &ClusterOperation,
        key: usize,
    ) -> Result<Result<Outcome, TargetError>, ExecuteError> {
        let mut stop = self.stop.subscribe();
        let whole = Operation::Cluster(operation.clone());
        let performed = self.perform(&whole, key);
        let done = if whole.is_wait() {
            tokio::select! {
                done = performed => done,
                _ = stop.wait_for(|stop| *stop) => return Err(ExecuteError::Interrupted),
            }
        } else {
            performed.await
        };
        match done {
            Ok(outcome) => Ok(Ok(outcome)),
            Err(error) => of_workload(error).map(Err),
        }
    }
}

/// A workload that will not become ready, in the words of a container on a Docker engine; other errors stay as they are.
fn of_workload(error: TargetError) -> Result<TargetError, ExecuteError> {
    let TargetError::WorkloadFailed { service, container, reason } = error else { return Ok(error) };
    let facts = *container;
    Err(match reason {
        WorkloadFailure::CrashLoop { restarts } => ExecuteError::CrashLoop { service, container: facts, restarts },
        WorkloadFailure::Exited => {
            let oom_killed = facts.oom_killed;
            ExecuteError::Exited { service, container: facts, oom_killed }
        }
        WorkloadFailure::NotReady { state, after } => {
            ExecuteError::NotReady { service, container: facts, after, state }
        }
        reason @ WorkloadFailure::Other(_) => {
            return Ok(TargetError::WorkloadFailed { service, container: Box::new(facts), reason });
        }
    })
}
