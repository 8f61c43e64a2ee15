//! What can go wrong between us and an engine, as facts.
//! Reads nothing; implementations of the traits map their library's errors to these.
//! Never carries a secret: messages of the engine are quoted, requests are not.

use std::time::Duration;

use crate::error::{ErrorKind, Hint};
use crate::event::human;
use crate::release::{LeaseVerdict, ObservedLease};

/// What is known of a container when something about it is reported.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ContainerFacts {
    /// Container name.
    pub name: String,
    /// Last exit code, when it exited.
    pub exit_code: Option<i64>,
    /// Killed because it ran out of memory.
    pub oom_killed: bool,
    /// Restarts by the restart policy.
    pub restarts: u64,
    /// The engine's own error of the last start.
    pub engine_error: Option<String>,
    /// Last output of the health check, when it fails.
    pub health_log: Option<String>,
    /// The last log lines, oldest first.
    pub logs: Vec<String>,
}

/// What of an engine's address is wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AddressPart {
    /// The address itself.
    Host,
    /// The name of a Docker context, or what it holds.
    Context,
    /// The files for TLS.
    Tls,
}

/// Optional capability of a target.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Capability {
    /// Images that can be listed, exported and loaded.
    Images,
    /// Connections to ports of containers.
    Dial,
    /// Process lists of containers.
    Processes,
    /// Objects of a cluster.
    Cluster,
}

impl Capability {
    /// Description for error messages.
    pub const fn words(self) -> &'static str {
        match self {
            Self::Images => "listing and transferring images",
            Self::Dial => "connecting to ports of containers",
            Self::Processes => "listing the processes of containers",
            Self::Cluster => "Helm charts",
        }
    }
}

fn did_you_mean(nearest: Option<&str>) -> String {
    nearest.map(|nearest| format!("; did you mean `{nearest}`?")).unwrap_or_default()
}

const FULL_DISK: &str = "see disk usage with `docker system df`";

/// A command of a build reports a full disk, then the build only that the command failed.
fn is_full(line: &str) -> bool {
    line.to_ascii_lowercase().contains("no space left on device")
}

/// One source an image was not to be had from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attempt {
    /// The source in words: `mirror mirror.local:5000/redis:7`.
    pub source: String,
    /// Why not.
    pub reason: String,
    /// Whether it refused the credentials.
    pub credentials: bool,
}

fn listed(attempts: &[Attempt]) -> String {
    attempts.iter().map(|attempt| format!("\n{}: {}", attempt.source, attempt.reason)).collect()
}

/// What is wrong with the program that a container was to run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ProgramFault {
    /// The image has no such program.
    Missing,
    /// It is there but cannot be executed.
    NotExecutable,
}

/// What listens on a port that is taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PortOwner {
    /// A container, by name.
    Container(String),
    /// A process of the host: name and pid.
    Process(String),
}

impl std::fmt::Display for PortOwner {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Container(name) => write!(f, "container {name}"),
            Self::Process(process) => f.write_str(process),
        }
    }
}

/// Why a workload of a cluster will not become ready.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum WorkloadFailure {
    /// Its pods crash again and again.
    CrashLoop {
        /// Restarts of the pod.
        restarts: u64,
    },
    /// A pod that runs to its end failed.
    Exited,
    /// It took too long.
    NotReady {
        /// What it waited for.
        state: String,
        /// How long.
        after: Duration,
    },
    /// In the cluster's words.
    Other(String),
}

impl std::fmt::Display for WorkloadFailure {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::CrashLoop { restarts } => write!(
                f,
                "crash loop with {}",
                human::count(usize::try_from(*restarts).unwrap_or(usize::MAX), "restart")
            ),
            Self::Exited => f.write_str("it failed"),
            Self::NotReady { state, after } => write!(f, "not ready within {}s ({state})", after.as_secs()),
            Self::Other(reason) => f.write_str(reason),
        }
    }
}

/// A failure of the target.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum TargetError {
    /// Nothing answers at the engine's address.
    #[error("cannot connect to the engine at {address}: {reason}")]
    Unreachable { address: String, reason: String },
    /// This user must not use the engine's socket.
    #[error("permission denied: this user may not use the engine at {address}")]
    Forbidden { address: String },
    /// The engine's API is older than what is needed.
    #[error("the engine at {address} has API {found}, at least {needed} is required")]
    TooOld { address: String, found: String, needed: String },
    /// The engine is not Docker's and lacks required features.
    #[error("the engine at {address} is {engine}, which is not supported: {missing}")]
    UnsupportedEngine { address: String, engine: String, missing: &'static str },
    /// The engine's address, context or TLS files are wrong.
    #[error("invalid engine address `{address}`: {reason}{}", did_you_mean(nearest.as_deref()))]
    BadAddress { part: AddressPart, address: String, reason: String, nearest: Option<String> },
    /// The kubeconfig does not lead to the cluster that aictl.yaml names.
    #[error("{reason}{}", did_you_mean(nearest.as_deref()))]
    BadCluster { reason: String, nearest: Option<String> },
    /// The API server does not take our credentials, or there are none to be had.
    #[error("no access to the cluster ({address}): {reason}")]
    NoClusterAccess { address: String, reason: String },
    /// A workload will not become ready.
    #[error("{service} is not ready: {reason}")]
    WorkloadFailed { service: String, container: Box<ContainerFacts>, reason: WorkloadFailure },
    /// No TLS connection: the engine's certificate is not to be trusted, or it does not take ours (`refused`).
    #[error("no TLS connection to the engine at {address}: {reason}")]
    TlsFailed { address: String, reason: String, refused: bool },
    /// The target has no way to perform an operation.
    #[error("this target cannot perform `{operation}`: {reason}")]
    CannotPerform { operation: String, reason: String },
    /// The target lacks a capability.
    #[error("this target does not support {}", capability.words())]
    Lacks { capability: Capability },
    /// A container has no such program.
    #[error("command `{command}` not found in {container}")]
    NoCommand { command: String, container: String },
    /// A program of a container cannot be executed.
    #[error("`{command}` in {container} cannot be executed")]
    CannotExecute { command: String, container: String },
    /// The object named is not there.
    #[error("no such {kind}: {name}")]
    NotFound { kind: &'static str, name: String },
    /// Another operation holds the lease.
    #[error("{project} is locked by {}", holder.summary())]
    Locked { project: String, holder: Box<ObservedLease> },
    /// Helm is at work on the release, or was when it died.
    #[error("{project} is locked: {reason}")]
    HeldByHelm { project: String, revision: u32, reason: String },
    /// The lease of this process is gone: it was broken, or the engine's state was removed.
    #[error("lost the lock on {project}: another process took it over")]
    LeaseLost { project: String },
    /// The container was reached and nothing accepts on the port.
    #[error("nothing is listening on port {port} of {container}")]
    NotListening { container: String, port: u16 },
    /// No way leads to the container's port from here.
    #[error("port {port} of {container} is unreachable: {reason}")]
    NoRoute { container: String, port: u16, reason: String },
    /// A host port is in use.
    #[error("port {port} is already taken{}", holder.as_ref().map(|h| format!(" by {h}")).unwrap_or_default())]
    PortTaken { port: String, holder: Option<PortOwner> },
    /// The engine believes that a network is in use although no container is on it.
    #[error("the engine cannot remove network {name} although no container is attached to it")]
    NetworkStuck { name: String },
    /// The source of a bind mount does not exist.
    #[error("service `{service}` mounts {path}, which does not exist")]
    MissingSource { service: String, path: String },
    /// An image is neither present nor to be had.
    #[error("image {image} is not present and could not be pulled: {reason}")]
    ImageMissing { image: String, reason: String },
    /// An image is nowhere it was looked for.
    #[error("image {image} was not found in any configured source:{}", listed(attempts))]
    ImageNowhere { image: String, attempts: Vec<Attempt> },
    /// An image could not be sent to another engine.
    #[error("image {image} could not be transferred to {to} in {}: {reason}", human::count(*attempts, "attempt"))]
    NotTransferred { image: String, to: String, attempts: usize, reason: String },
    /// A recipe's build failed; `log` holds its last lines.
    #[error("recipe `{recipe}` failed: {reason}")]
    RecipeFailed { recipe: String, reason: String, log: Vec<String> },
    /// A recipe's build could not reach a package source.
    #[error("recipe `{recipe}` failed: package mirror {url} is unreachable")]
    MirrorDown { recipe: String, url: String, log: Vec<String> },
    /// A recipe's build could not resolve a package source's name.
    #[error("recipe `{recipe}` failed: cannot resolve {host}")]
    NoNames { recipe: String, host: String, log: Vec<String> },
    /// A registry refused the credentials.
    #[error("the registry refused the credentials for {image}: {reason}")]
    RegistryRefused { image: String, reason: String },
    /// A build failed; `log` holds its last lines.
    #[error("build of service `{service}` failed: {reason}")]
    BuildFailed { service: String, reason: String, log: Vec<String> },
    /// The engine's disk is full.
    #[error("no space left on the disk of the engine while {operation}: {reason}")]
    DiskFull { operation: String, reason: String },
    /// The engine lacks a feature.
    #[error("{feature} needs API {needed}, but the engine has API {found}")]
    Unsupported { feature: String, needed: String, found: String },
    /// A container could not be started. `ports`: its host ports that the reason names; `program`: what is wrong with the
    /// program that it was to run.
    #[error("container {} could not be started: {reason}", container.name)]
    StartFailed { container: ContainerFacts, reason: String, ports: Vec<String>, program: Option<ProgramFault> },
    /// An engine call did not end in time; whether it took effect is not known.
    #[error("no answer of the engine to `{what}` within {}s", after.as_secs())]
    NoAnswer { what: String, after: Duration },
    /// A wait ended at its deadline.
    #[error("{what} timed out after {}s", after.as_secs())]
    TimedOut { what: String, after: Duration },
    /// A record in the state volume has a newer format than this binary reads.
    #[error("the state of {project} was written in format {found}, this aictl reads up to {supported}")]
    NewerState { project: String, found: u32, supported: u32 },
    /// The engine refused; its own words follow.
    #[error("{operation}: {message}")]
    Refused { operation: String, status: u16, message: String },
    /// The connection broke or the answer made no sense.
    #[error("{operation}: {message}")]
    Broken { operation: String, message: String },
}

impl Hint for TargetError {
    fn kind(&self) -> ErrorKind {
        match self {
            Self::Unreachable { .. }
            | Self::Forbidden { .. }
            | Self::NoAnswer { .. }
            | Self::TooOld { .. }
            | Self::UnsupportedEngine { .. }
            | Self::TlsFailed { refused: false, .. } => ErrorKind::Unreachable,
            Self::BadAddress { .. } | Self::BadCluster { .. } | Self::MissingSource { .. } => ErrorKind::Config,
            Self::NotFound { .. } => ErrorKind::NotFound,
            Self::NoCommand { .. } => ErrorKind::NoCommand,
            Self::CannotExecute { .. } => ErrorKind::NotExecutable,
            Self::Locked { .. } | Self::HeldByHelm { .. } | Self::LeaseLost { .. } => ErrorKind::Locked,
            Self::RegistryRefused { .. } | Self::NoClusterAccess { .. } | Self::TlsFailed { refused: true, .. } => {
                ErrorKind::Credentials
            }
            Self::ImageNowhere { attempts, .. } if attempts.iter().any(|a| a.credentials) => ErrorKind::Credentials,
            Self::TimedOut { .. } | Self::WorkloadFailed { reason: WorkloadFailure::NotReady { .. }, .. } => {
                ErrorKind::NotReady
            }
            _ => ErrorKind::Failed,
        }
    }

    fn hints(&self) -> Vec<String> {
        self.hint().or_else(|| self.hint_about_images()).into_iter().collect()
    }
}

fn locked(holder: &ObservedLease) -> &'static str {
    match holder.verdict {
        _ if holder.looks_dead() => "its owner seems to be dead; remove the lock with `aictl lock break`",
        LeaseVerdict::Alive => {
            "see who holds it with `aictl lock status`; wait, or remove it with `aictl lock break --force`"
        }
        _ => "see who holds it with `aictl lock status`; wait, or remove it with `aictl lock break`",
    }
}

fn port_hint(port: &str, holder: Option<&PortOwner>) -> String {
    if let Some(PortOwner::Container(name)) = holder {
        return format!("stop it with `docker stop {name}`, or publish another port");
    }
    let number = port.rsplit(':').next().unwrap_or(port).split('/').next().unwrap_or(port);
    format!("find the process with `ss -ltnp 'sport = :{number}'` and stop it, or publish another port")
}

impl TargetError {
    fn hint(&self) -> Option<String> {
        Some(match self {
            Self::Unreachable { address, .. } if address.starts_with("unix:") => {
                "install or start an engine with `aictl setup`, check this machine with `aictl doctor`, or set DOCKER_HOST".to_owned()
            }
            Self::Forbidden { .. } => {
                "join its group with `sudo usermod -aG docker $(id -un)` and log in again, or run aictl with sudo".to_owned()
            }
            Self::Unreachable { address, .. } if address.starts_with("https:") => {
                "check the cluster with `kubectl cluster-info`".to_owned()
            }
            Self::Unreachable { .. } => "check DOCKER_HOST or `docker context ls`".to_owned(),
            Self::BadAddress { part: AddressPart::Context, .. } => "`docker context ls` lists the contexts".to_owned(),
            Self::TlsFailed { address, .. } => {
                let place = address.split_once("://").map_or(address.as_str(), |(_, place)| place);
                format!("`openssl s_client -connect {place}` shows the certificate of the engine and which ones it takes")
            }
            Self::UnsupportedEngine { .. } => {
                "use a Docker engine: list contexts with `docker context ls`, or run `unset DOCKER_HOST` and `aictl setup`".to_owned()
            }
            Self::TooOld { .. } => "upgrade the engine: `apt-get install docker.io`".to_owned(),
            Self::Locked { holder, .. } => locked(holder).to_owned(),
            Self::HeldByHelm { .. } => {
                "wait until helm has ended; if it is dead, free the release with `aictl lock break`".to_owned()
            }
            Self::LeaseLost { .. } => "another process took the lock; see the current state with `aictl status`".to_owned(),
            Self::PortTaken { port, holder } => port_hint(port, holder.as_ref()),
            Self::NetworkStuck { .. } => {
                "the next start reuses it; to remove it, restart the engine and run `aictl stop --remove`"
                    .to_owned()
            }
            Self::MissingSource { path, .. } => {
                format!("create it on the host of the engine (`mkdir -p {path}` for a directory), or mount another path")
            }
            Self::DiskFull { .. } => FULL_DISK.to_owned(),
            _ => return None,
        })
    }

    fn hint_about_images(&self) -> Option<String> {
        Some(match self {
            Self::BuildFailed { log, .. } if log.iter().any(|line| is_full(line)) => FULL_DISK.to_owned(),
            Self::BuildFailed { service, log, .. } if !log.is_empty() => {
                format!("see the full output with `aictl build {service} --verbose`")
            }
            Self::ImageMissing { image, .. } => format!(
                "check its name and the access to it with `docker pull {image}`, or load it from a bundle with \
                 `aictl start --bundle FILE`"
            ),
            Self::ImageNowhere { attempts, .. } if attempts.iter().any(|a| a.credentials) => {
                "log in with `docker login REGISTRY`".to_owned()
            }
            Self::ImageNowhere { .. } => {
                "transfer it: run `aictl bundle save FILE` on a machine that has it, then `aictl start --bundle FILE` here".to_owned()
            }
            Self::RegistryRefused { .. } => "log in with `docker login REGISTRY`".to_owned(),
            Self::MirrorDown { recipe, .. } => format!(
                "check it with `apt-get update` on this machine; to use another mirror, edit /etc/apt/sources.list, then \
                 `aictl images build base {recipe} --no-cache`"
            ),
            Self::NoNames { recipe, host, .. } => format!(
                "check name resolution with `getent hosts {host}`, fix the name servers in /etc/resolv.conf, then run \
                 `aictl images build {recipe}`"
            ),
            Self::RecipeFailed { recipe, .. } => {
                format!("see the full output with `aictl images build {recipe} --verbose`")
            }
            _ => return None,
        })
    }
}
