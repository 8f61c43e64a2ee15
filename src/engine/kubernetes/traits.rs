//! The traits of `target` on a cluster: each method hands over to the part that does it.
//! Never decides anything.

use async_trait::async_trait;
use futures_util::stream::BoxStream;

use super::KubernetesCluster;
use super::lease::OF_HELM;
use crate::event::{OutputStream, Reporter};
use crate::plan::cluster::ObjectRef;
use crate::plan::{Change, EngineInfo, Observed, ObservedInstance, ObservedProject, Operation, Outcome, Scope};
use crate::release::{Lease, LeaseOwner, ObservedLease, Record};
use crate::target::{
    BoxDuplex, ByteStream, ClusterFacts, ClusterObjects, Copy, Dial, Exec, ExecArgs, ExecInput, Images, Journal,
    Leases, LogArgs, LogStream, Logs, Observe, Perform, Processes, ProjectState, RunningExec, Target, TargetError,
};

fn not_here(operation: &str) -> TargetError {
    let reason = "Kubernetes has no such operation".to_owned();
    TargetError::CannotPerform { operation: operation.to_owned(), reason }
}

#[async_trait]
impl Observe for KubernetesCluster {
    async fn observe_engine(&self) -> Result<EngineInfo, TargetError> {
        self.info().await
    }

    async fn ping(&self) -> Result<(), TargetError> {
        self.info().await.map(|_| ())
    }

    async fn observe(&self, scope: &Scope) -> Result<Observed, TargetError> {
        self.found(scope).await
    }

    async fn observe_instance(&self, container: &str) -> Result<ObservedInstance, TargetError> {
        self.pod(container).await
    }

    async fn observe_projects(&self) -> Result<Vec<ObservedProject>, TargetError> {
        self.releases().await
    }

    async fn watch(&self, _project: &str) -> Result<BoxStream<'static, Result<Change, TargetError>>, TargetError> {
        // Waits look by themselves.
        Ok(Box::pin(futures_util::stream::pending()))
    }

    async fn wait_exit(&self, _container: &str) -> Result<i64, TargetError> {
        Err(not_here("wait for the exit of a pod"))
    }
}

#[async_trait]
impl Perform for KubernetesCluster {
    async fn perform(&self, operation: &Operation, _: usize, _: &dyn Reporter) -> Result<Outcome, TargetError> {
        self.act(operation).await
    }
}

#[async_trait]
impl Exec for KubernetesCluster {
    async fn exec_stream(&self, args: &ExecArgs, input: ExecInput) -> Result<RunningExec, TargetError> {
        self.start_exec(args, input).await
    }

    async fn run_attached(
        &self,
        _container: &str,
        _tty: bool,
        _input: ExecInput,
        _output: &dyn OutputStream,
    ) -> Result<i64, TargetError> {
        Err(not_here("start a pod that was created before"))
    }
}

#[async_trait]
impl Logs for KubernetesCluster {
    async fn logs(&self, container: &ObservedInstance, args: &LogArgs) -> Result<LogStream, TargetError> {
        self.read_log(container, args).await
    }
}

#[async_trait]
impl Copy for KubernetesCluster {
    async fn copy_out(&self, container: &str, path: &str) -> Result<ByteStream, TargetError> {
        self.archive(container, path).await
    }

    async fn copy_in(&self, container: &str, directory: &str, archive: ByteStream) -> Result<(), TargetError> {
        self.may_change(&format!("writing to {directory} of {container}"))?;
        self.unpack(container, directory, archive).await
    }

    async fn observe_path(&self, container: &str, path: &str) -> Result<Option<bool>, TargetError> {
        self.path_of(container, path).await
    }
}

#[async_trait]
impl Dial for KubernetesCluster {
    async fn dial(&self, container: &ObservedInstance, port: u16) -> Result<BoxDuplex, TargetError> {
        self.forward(container, port).await
    }

    async fn close_helpers(&self) {}
}

#[async_trait]
impl Leases for KubernetesCluster {
    async fn acquire(&self, project: &str, owner: &LeaseOwner) -> Result<Lease, TargetError> {
        let lease = self.take_lease(project, owner).await?;
        if let Err(error) = self.refuse_while_helm_works(project).await {
            // The first failure is the one to be told.
            let _ = self.give_lease_back(&lease).await;
            return Err(error);
        }
        Ok(lease)
    }

    async fn renew(&self, lease: &Lease) -> Result<(), TargetError> {
        self.renew_lease(lease).await
    }

    async fn prove(&self, lease: &Lease) -> Result<(), TargetError> {
        self.still_ours(lease).await
    }

    async fn release(&self, lease: Lease) -> Result<(), TargetError> {
        self.give_lease_back(&lease).await
    }

    async fn observe_lease(&self, project: &str) -> Result<Option<ObservedLease>, TargetError> {
        self.found_lease(project).await
    }

    async fn break_lease(&self, observed: &ObservedLease) -> Result<(), TargetError> {
        if observed.id.starts_with(OF_HELM) {
            return self.break_helm(&observed.project).await;
        }
        self.remove_lease(observed).await.map(|_| ())
    }
}

#[async_trait]
impl Journal for KubernetesCluster {
    async fn record(&self, lease: &Lease, record: &Record) -> Result<(), TargetError> {
        self.append(lease, record).await
    }

    async fn load_records(&self, project: &str) -> Result<Vec<Record>, TargetError> {
        self.history(project).await
    }

    async fn store_configuration(&self, lease: &Lease, revision: u32, bytes: &[u8]) -> Result<(), TargetError> {
        self.keep_configuration(lease, revision, bytes).await
    }

    async fn load_configuration(&self, project: &str, revision: u32) -> Result<Option<Vec<u8>>, TargetError> {
        self.configuration_of(project, revision).await
    }
}

#[async_trait]
impl ProjectState for KubernetesCluster {
    async fn has_state(&self, project: &str, history: bool) -> Result<bool, TargetError> {
        Ok(history && !self.helm_entries(project).await?.is_empty())
    }

    async fn retire(&self, lease: Lease, forget: bool) -> Result<(), TargetError> {
        if forget {
            self.forget(&lease.project).await?;
        }
        self.give_lease_back(&lease).await
    }
}

#[async_trait]
impl ClusterObjects for KubernetesCluster {
    fn namespace(&self) -> &str {
        &self.namespace
    }

    async fn observe_api_versions(&self) -> Result<Vec<String>, TargetError> {
        self.api_versions().await
    }

    async fn observe_cluster(&self) -> Result<ClusterFacts, TargetError> {
        self.cluster_facts().await
    }

    async fn observe_object(&self, object: &ObjectRef) -> Result<Option<serde_json::Value>, TargetError> {
        self.live(object).await
    }

    async fn observe_objects(&self, of: &ObjectRef) -> Result<serde_json::Value, TargetError> {
        self.all_of(of).await
    }
}

impl Target for KubernetesCluster {
    fn cluster(&self) -> Option<&dyn ClusterObjects> {
        Some(self)
    }

    fn images(&self) -> Option<&dyn Images> {
        None
    }

    fn dial(&self) -> Option<&dyn Dial> {
        Some(self)
    }

    fn processes(&self) -> Option<&dyn Processes> {
        None
    }
}
