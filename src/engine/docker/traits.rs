//! The traits of `target` on a Docker engine: each method hands over to the part that does it.
//! Reads nothing itself.
//! Never decides anything.

use async_trait::async_trait;
use futures_util::stream::BoxStream;

use super::perform::Progress;
use super::{DockerEngine, copy, exec, logs};
use crate::event::{OutputStream, Reporter};
use crate::plan::{
    Change, EngineInfo, Observed, ObservedImage, ObservedInstance, ObservedProject, Operation, Outcome, Scope,
};
use crate::release::{Lease, LeaseOwner, ObservedLease, Record, StateDocument};
use crate::target::{
    BoxDuplex, ByteStream, Copy, Dial, Exec, ExecArgs, ExecInput, Images, Journal, Leases, LogArgs, LogStream, Logs,
    Observe, Perform, Processes, ProjectState, RunningExec, Target, TargetError,
};

#[async_trait]
impl Observe for DockerEngine {
    async fn observe_engine(&self) -> Result<EngineInfo, TargetError> {
        self.engine_info().await
    }

    async fn ping(&self) -> Result<(), TargetError> {
        self.connect_anew().await
    }

    async fn observe(&self, scope: &Scope) -> Result<Observed, TargetError> {
        self.project(scope).await
    }

    async fn observe_instance(&self, container: &str) -> Result<ObservedInstance, TargetError> {
        self.container(container).await
    }

    async fn observe_projects(&self) -> Result<Vec<ObservedProject>, TargetError> {
        self.projects().await
    }

    async fn watch(&self, project: &str) -> Result<BoxStream<'static, Result<Change, TargetError>>, TargetError> {
        self.changes(project).await
    }

    async fn wait_exit(&self, container: &str) -> Result<i64, TargetError> {
        self.exit_of(container).await
    }
}

#[async_trait]
impl Perform for DockerEngine {
    async fn perform(
        &self,
        operation: &Operation,
        key: usize,
        reporter: &dyn Reporter,
    ) -> Result<Outcome, TargetError> {
        self.act(operation, Progress { key, reporter }).await
    }
}

#[async_trait]
impl Processes for DockerEngine {
    async fn observe_processes(&self, container: &str) -> Result<(Vec<String>, Vec<Vec<String>>), TargetError> {
        self.processes(container).await
    }
}

#[async_trait]
impl Exec for DockerEngine {
    async fn exec_stream(&self, args: &ExecArgs, input: ExecInput) -> Result<RunningExec, TargetError> {
        exec::exec_stream(&self.connection, args, input).await
    }

    async fn run_attached(
        &self,
        container: &str,
        tty: bool,
        input: ExecInput,
        output: &dyn OutputStream,
    ) -> Result<i64, TargetError> {
        exec::run_attached(&self.connection, exec::CreatedContainer { id: container, tty }, input, output).await
    }
}

#[async_trait]
impl Logs for DockerEngine {
    async fn logs(&self, container: &ObservedInstance, args: &LogArgs) -> Result<LogStream, TargetError> {
        logs::logs(&self.connection, container, args).await
    }
}

#[async_trait]
impl Copy for DockerEngine {
    async fn copy_out(&self, container: &str, path: &str) -> Result<ByteStream, TargetError> {
        Ok(copy::get(&self.connection, container, path))
    }

    async fn copy_in(&self, container: &str, directory: &str, archive: ByteStream) -> Result<(), TargetError> {
        copy::put_stream(&self.connection, container, directory, archive).await
    }

    async fn observe_path(&self, container: &str, path: &str) -> Result<Option<bool>, TargetError> {
        copy::stat(&self.connection, container, path).await
    }
}

#[async_trait]
impl Dial for DockerEngine {
    async fn dial(&self, container: &ObservedInstance, port: u16) -> Result<BoxDuplex, TargetError> {
        self.dial_port(container, port).await
    }

    async fn close_helpers(&self) {
        self.remove_helpers().await;
    }
}

#[async_trait]
impl Images for DockerEngine {
    async fn observe_images(&self) -> Result<Vec<ObservedImage>, TargetError> {
        self.all_images().await
    }

    async fn export_images(&self, references: &[String]) -> Result<ByteStream, TargetError> {
        self.archive_of(references).await
    }

    async fn import_images(&self, archive: ByteStream) -> Result<(), TargetError> {
        self.load_archive(archive).await
    }

    async fn observe_layers(&self) -> Result<Vec<ObservedImage>, TargetError> {
        self.images_with_layers().await
    }

    async fn check_image(&self, id: &str, layers: &[String]) -> Result<(), TargetError> {
        self.complete(id, layers).await
    }

    async fn registry_digest(&self, reference: &str) -> Result<String, TargetError> {
        self.digest_in_registry(reference).await
    }
}

#[async_trait]
impl Leases for DockerEngine {
    async fn acquire(&self, project: &str, owner: &LeaseOwner) -> Result<Lease, TargetError> {
        self.take_lease(project, owner).await
    }

    async fn renew(&self, lease: &Lease) -> Result<(), TargetError> {
        self.renew_lease(lease).await
    }

    async fn prove(&self, lease: &Lease) -> Result<(), TargetError> {
        self.still_ours(lease).await
    }

    async fn release(&self, lease: Lease) -> Result<(), TargetError> {
        self.give_lease_back(lease, None).await
    }

    async fn observe_lease(&self, project: &str) -> Result<Option<ObservedLease>, TargetError> {
        self.found_lease(project).await
    }

    async fn break_lease(&self, observed: &ObservedLease) -> Result<(), TargetError> {
        self.force_lease(observed).await
    }
}

#[async_trait]
impl Journal for DockerEngine {
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

    async fn store_document(&self, lease: &Lease, document: StateDocument, bytes: &[u8]) -> Result<(), TargetError> {
        self.keep_document(lease, document, bytes).await
    }

    async fn load_document(&self, project: &str, document: StateDocument) -> Result<Option<Vec<u8>>, TargetError> {
        self.document_of(project, document).await
    }

    async fn last_ended(&self, lease: &Lease) -> Result<Option<u32>, TargetError> {
        self.last_end(lease).await
    }

    async fn finish(&self, lease: Lease, last: &Record) -> Result<(), TargetError> {
        self.give_lease_back(lease, Some(last)).await
    }
}

#[async_trait]
impl ProjectState for DockerEngine {
    async fn has_state(&self, project: &str, history: bool) -> Result<bool, TargetError> {
        self.state_exists(project, history).await
    }

    async fn prepare_to_retire(&self, lease: &Lease) {
        self.end_helper(lease).await;
    }

    async fn retire(&self, lease: Lease, forget: bool) -> Result<(), TargetError> {
        self.retire_state(lease, forget).await
    }
}

impl Target for DockerEngine {
    fn images(&self) -> Option<&dyn Images> {
        Some(self)
    }

    fn dial(&self) -> Option<&dyn Dial> {
        Some(self)
    }

    fn processes(&self) -> Option<&dyn Processes> {
        Some(self)
    }
}
