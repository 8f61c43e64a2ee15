//! Operations on a cluster: waits are cut by Ctrl-C, and a workload that fails is told in the words of a container.

use std::time::Duration;

use super::ExecuteError;
use super::walk::Walk;
use crate::plan::{ClusterOperation, Operation, Outcome};
use crate::target::{TargetError, WorkloadFailure};

impl Walk<'_> {
    /// Performs an operation on a cluster. Ctrl-C and the failure of another step cut a wait, that for a deletion and for
    /// the end of a hook included.
    pub(super) async fn on_cluster(
        &self,
        operation: &ClusterOperation,
        key: usize,
    ) -> Result<Result<Outcome, TargetError>, ExecuteError> {
        let mut stop = self.stop.subscribe();
        let whole = Operation::Cluster(operation.clone());
        let performed = self.perform(&whole, key);
        let done = if is_cut(operation) {
            let stopped = async { stop.wait_for(|stop| *stop).await.map(|_| ()) };
            tokio::select! {
                done = performed => Some(done),
                _ = stopped => None,
            }
        } else {
            Some(performed.await)
        };
        let Some(done) = done else {
            self.end_hook(operation, key).await;
            return Err(ExecuteError::Interrupted);
        };
        match done {
            Ok(outcome) => Ok(Ok(outcome)),
            Err(error) => of_workload(error).map(Err),
        }
    }

    /// A hook that nobody waits for does not go on, as a task on a Docker engine does not.
    async fn end_hook(&self, operation: &ClusterOperation, key: usize) {
        let ClusterOperation::RunHook(hook) = operation else { return };
        let object = hook.object.reference.clone();
        if !object.is_workload() {
            return;
        }
        let subject = object.to_string();
        let delete = Operation::Cluster(ClusterOperation::Delete { object, timeout: ENDING });
        if let Err(error) = self.perform(&delete, key).await {
            self.reporter().warn(format!("{subject} may go on: {error}"));
        }
    }
}

/// Whether an operation is mostly a wait.
const fn is_cut(operation: &ClusterOperation) -> bool {
    match operation {
        ClusterOperation::Await { .. } | ClusterOperation::Delete { .. } | ClusterOperation::RunHook(_) => true,
        ClusterOperation::Apply { .. } | ClusterOperation::Restore { .. } | ClusterOperation::Restart { .. } => false,
    }
}

/// How long the end of an interrupted hook may take.
const ENDING: Duration = Duration::from_secs(10);

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
