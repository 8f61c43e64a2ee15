//! A trait for each capability of a target, and `Target`, which has the required ones and may offer the others.
//! `observe_` reads, `perform` changes; each call is one request or one bounded group of requests.
//! Never waits without a deadline, except for streams the caller can drop.

use async_trait::async_trait;

use super::{
    BoxDuplex, ByteStream, Capability, ExecArgs, ExecInput, Journal, Leases, LogArgs, LogStream, ProjectState,
    RunningExec, TargetError,
};
use crate::event::{OutputStream, Reporter};
use crate::plan::cluster::ObjectRef;
use crate::plan::{
    Change, EngineInfo, Observed, ObservedImage, ObservedInstance, ObservedProject, Operation, Outcome, Scope,
};

/// Reading the state of the engine.
#[async_trait]
pub trait Observe: Send + Sync {
    /// What the engine is: name, version, API, resources. Also the cheapest proof that it answers.
    async fn observe_engine(&self) -> Result<EngineInfo, TargetError>;

    /// Whether the engine takes new connections. One that is being stopped first stops its containers, and as long as that
    /// takes it goes on answering on the connections there are.
    async fn ping(&self) -> Result<(), TargetError>;

    /// Everything of one project, plus the external networks, volumes and images the scope names.
    async fn observe(&self, scope: &Scope) -> Result<Observed, TargetError>;

    /// One container, by id or name, as it is now.
    async fn observe_instance(&self, container: &str) -> Result<ObservedInstance, TargetError>;

    /// All projects on the engine, stopped ones too.
    async fn observe_projects(&self) -> Result<Vec<ObservedProject>, TargetError>;

    /// Changes of the project's containers from now on: start, die, health, destroy.
    async fn watch(
        &self,
        project: &str,
    ) -> Result<futures_util::stream::BoxStream<'static, Result<Change, TargetError>>, TargetError>;

    /// Waits until the container is not running and returns its exit code. The caller bounds it.
    async fn wait_exit(&self, container: &str) -> Result<i64, TargetError>;
}

/// Performing operations.
#[async_trait]
pub trait Perform: Send + Sync {
    /// Performs one operation. `key` ties progress events to the caller's step.
    async fn perform(&self, operation: &Operation, key: usize, reporter: &dyn Reporter)
    -> Result<Outcome, TargetError>;
}

/// Listing the processes of containers from outside, as `docker top` does.
#[async_trait]
pub trait Processes: Send + Sync {
    /// The processes inside a container: titles and rows, as `ps` prints them.
    async fn observe_processes(&self, container: &str) -> Result<(Vec<String>, Vec<Vec<String>>), TargetError>;
}

/// Running commands inside containers, and attaching to one-off containers.
#[async_trait]
pub trait Exec: Send + Sync {
    /// Starts the command. Its output is pulled: the command blocks while it is not read. Dropping it closes the connection,
    /// and further output is discarded.
    async fn exec_stream(&self, args: &ExecArgs, input: ExecInput) -> Result<RunningExec, TargetError>;

    /// Runs the command to its end; output goes to `output` as it comes. Returns the command's exit code.
    async fn exec(&self, args: &ExecArgs, input: ExecInput, output: &dyn OutputStream) -> Result<i64, TargetError> {
        self.exec_stream(args, input).await?.hand_over(output).await
    }

    /// Attaches to a created container, starts it, and streams until it exits. Returns its exit code.
    async fn run_attached(
        &self,
        container: &str,
        tty: bool,
        input: ExecInput,
        output: &dyn OutputStream,
    ) -> Result<i64, TargetError>;
}

/// All images of the engine, and moving them as archives.
#[async_trait]
pub trait Images: Send + Sync {
    /// Every image, with the number of containers that use it and the bytes it shares with others.
    async fn observe_images(&self) -> Result<Vec<ObservedImage>, TargetError>;

    /// The engine's archive of the named images, as `docker save` gives it.
    async fn export_images(&self, references: &[String]) -> Result<ByteStream, TargetError>;

    /// Loads an archive as `docker load` takes it; returns once the images are there.
    async fn import_images(&self, archive: ByteStream) -> Result<(), TargetError>;

    /// Every image with its layers, without what is costly to count: containers and shared bytes.
    async fn observe_layers(&self) -> Result<Vec<ObservedImage>, TargetError>;

    /// Fails unless an image that was loaded has these layers and is complete. May create and remove a container.
    async fn check_image(&self, id: &str, layers: &[String]) -> Result<(), TargetError>;

    /// The digest the registry has for a reference: `sha256:…`.
    async fn registry_digest(&self, reference: &str) -> Result<String, TargetError>;
}

/// Reading the logs of containers.
#[async_trait]
pub trait Logs: Send + Sync {
    /// The log of one container; `LogLine::source` and `service` are set from the container's labels.
    async fn logs(&self, container: &ObservedInstance, args: &LogArgs) -> Result<LogStream, TargetError>;
}

/// Moving files in and out of containers, as tar archives.
#[async_trait]
pub trait Copy: Send + Sync {
    /// The path inside the container as a tar stream.
    async fn copy_out(&self, container: &str, path: &str) -> Result<ByteStream, TargetError>;

    /// Extracts a tar stream into an existing directory of the container.
    async fn copy_in(&self, container: &str, directory: &str, archive: ByteStream) -> Result<(), TargetError>;

    /// Whether the path exists inside the container, and whether it is a directory.
    async fn observe_path(&self, container: &str, path: &str) -> Result<Option<bool>, TargetError>;
}

/// Reaching the ports of containers, from wherever this process runs.
#[async_trait]
pub trait Dial: Send + Sync {
    /// A byte stream to a TCP port of a running container: by whichever way there is, each tried for a bounded time.
    /// `NotListening` where the container is reached and nothing accepts on the port. A way through a proxy may accept
    /// first and end the stream at once instead.
    async fn dial(&self, container: &ObservedInstance, port: u16) -> Result<BoxDuplex, TargetError>;

    /// Removes what dialling had to put on the target. Called once after the last dial, even if that failed.
    async fn close_helpers(&self);
}

/// What was seen of a cluster besides its version.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ClusterFacts {
    /// The namespace of the release.
    pub namespace: String,
    /// Whether it exists.
    pub namespace_exists: bool,
    /// What this user may not do there: `create secrets`.
    pub denied: Vec<String>,
    /// The storage class of claims that name none; the outer none where classes may not be listed.
    pub default_class: Option<Option<String>>,
    /// Whether it has the metrics API.
    pub has_metrics: bool,
}

/// Reading objects of a cluster.
#[async_trait]
pub trait ClusterObjects: Send + Sync {
    /// The namespace that verbs work in.
    fn namespace(&self) -> &str;

    /// Every `group/version` and `group/version/Kind`, as charts ask for them.
    async fn observe_api_versions(&self) -> Result<Vec<String>, TargetError>;

    /// What the cluster offers and allows.
    async fn observe_cluster(&self) -> Result<ClusterFacts, TargetError>;

    /// An object as JSON; none where it does not exist.
    async fn observe_object(&self, object: &ObjectRef) -> Result<Option<serde_json::Value>, TargetError>;

    /// All objects of a kind as a JSON list, in one namespace or in all; the name of `of` is not looked at.
    async fn observe_objects(&self, of: &ObjectRef) -> Result<serde_json::Value, TargetError>;
}

/// A target. The supertraits are required capabilities; the optional ones are
/// returned if the target has them.
pub trait Target: Observe + Perform + Exec + Logs + Copy + Leases + Journal + ProjectState {
    /// Image store, if images can be listed and transferred.
    fn images(&self) -> Option<&dyn Images>;

    /// Connections to ports of containers.
    fn dial(&self) -> Option<&dyn Dial>;

    /// Process lists of containers.
    fn processes(&self) -> Option<&dyn Processes>;

    /// Objects, if the target is a cluster.
    fn cluster(&self) -> Option<&dyn ClusterObjects> {
        None
    }

    /// Objects, or `TargetError::Lacks`.
    fn need_cluster(&self) -> Result<&dyn ClusterObjects, TargetError> {
        self.cluster().ok_or(TargetError::Lacks { capability: Capability::Cluster })
    }

    /// Image store, or `TargetError::Lacks`.
    fn need_images(&self) -> Result<&dyn Images, TargetError> {
        self.images().ok_or(TargetError::Lacks { capability: Capability::Images })
    }

    /// Connections to ports, or `TargetError::Lacks`.
    fn need_dial(&self) -> Result<&dyn Dial, TargetError> {
        self.dial().ok_or(TargetError::Lacks { capability: Capability::Dial })
    }

    /// Process lists, or `TargetError::Lacks`.
    fn need_processes(&self) -> Result<&dyn Processes, TargetError> {
        self.processes().ok_or(TargetError::Lacks { capability: Capability::Processes })
    }
}
