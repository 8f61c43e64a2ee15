//! The world as found: one project's containers, networks, volumes and images at one moment.
//! Data only; engines fill it.
//! Never holds a secret: container environments are not part of it.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

/// What an observation should look for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Scope {
    /// Project name; containers, networks and volumes carrying its label are found.
    pub project: String,
    /// Networks to look up by name besides, external ones and those an earlier tool made without labels.
    pub networks: Vec<String>,
    /// Volumes to look up by name besides.
    pub volumes: Vec<String>,
    /// Images to look up by reference.
    pub images: Vec<String>,
}

/// The engine itself.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct EngineInfo {
    /// Where it was reached, without credentials: `unix:///var/run/docker.sock`.
    pub address: String,
    /// Engine version: `20.10.24`.
    pub version: String,
    /// Negotiated API version: `1.41`.
    pub api_version: String,
    /// Operating system as the engine says it.
    pub operating_system: String,
    /// `x86_64`, `aarch64`, …
    pub architecture: String,
    /// Logical processors.
    pub cpus: u64,
    /// Bytes of memory.
    pub memory: u64,
    /// Whether the engine runs on this machine, so that its bind mounts are our files.
    pub local: bool,
    /// What it says of the machine it runs on; empty until it was asked.
    pub host: EngineHost,
}

/// What an engine says of itself and of its machine beyond what changing a stack needs.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct EngineHost {
    /// Whose engine it is.
    pub flavour: EngineFlavour,
    /// Runs without root's rights.
    pub rootless: bool,
    /// Host name.
    pub name: String,
    /// Kernel release.
    pub kernel: String,
    /// `1` or `2`; empty when it does not say.
    pub cgroup_version: String,
    /// Where images and volumes lie.
    pub data_root: String,
    /// Its clock, RFC 3339.
    pub time: String,
    /// Whether the kernel lets it limit memory.
    pub limits_memory: bool,
    /// Where it asks for an image whose name says no registry, first first: its mirrors, then its index; URLs.
    pub registries: Vec<String>,
}

/// Whose engine answers the Docker API.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum EngineFlavour {
    /// Docker's or Moby's.
    #[default]
    Docker,
    /// Podman's service.
    Podman,
    /// Docker Desktop, in a virtual machine of its own.
    DockerDesktop,
}

impl EngineInfo {
    /// Whether the negotiated API is at least `major.minor`.
    pub fn api_at_least(&self, major: u32, minor: u32) -> bool {
        let mut parts = self.api_version.split('.').map(|p| p.parse::<u32>().unwrap_or(0));
        (parts.next().unwrap_or(0), parts.next().unwrap_or(0)) >= (major, minor)
    }
}

/// Everything found of one project.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Observed {
    /// The engine.
    pub engine: EngineInfo,
    /// Containers with the project's label, one-offs too, in any state.
    pub containers: Vec<ObservedContainer>,
    /// Networks with the project's label or named in the scope.
    pub networks: Vec<ObservedNetwork>,
    /// Volumes likewise.
    pub volumes: Vec<ObservedVolume>,
    /// Images of the scope that are present, by the reference they were asked for.
    pub images: BTreeMap<String, ObservedImage>,
    /// Images that earlier steps of the plan under way make present or renew: what they will be is not known yet.
    pub pending_images: BTreeSet<String>,
}

impl Observed {
    /// The id of an image for the label of containers made from it.
    pub fn image_id(&self, reference: &str) -> Option<&str> {
        if self.pending_images.contains(reference) {
            return Some(super::labels::PENDING_IMAGE);
        }
        self.images.get(reference).map(|image| image.id.as_str())
    }

    /// Container names by id.
    pub fn names(&self) -> BTreeMap<String, String> {
        self.containers.iter().map(|c| (c.id.clone(), c.name.clone())).collect()
    }
}

/// The engine's state of a container.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum ContainerState {
    /// Never started.
    #[default]
    Created,
    /// Its process runs.
    Running,
    /// Frozen.
    Paused,
    /// Between two runs of its restart policy.
    Restarting,
    /// Being removed.
    Removing,
    /// Ended.
    Exited,
    /// The engine could not remove it.
    Dead,
}

impl ContainerState {
    /// Whether there is a process to stop.
    pub const fn is_up(self) -> bool {
        matches!(self, Self::Running | Self::Paused | Self::Restarting)
    }

    /// The engine's word.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Created => "created",
            Self::Running => "running",
            Self::Paused => "paused",
            Self::Restarting => "restarting",
            Self::Removing => "removing",
            Self::Exited => "exited",
            Self::Dead => "dead",
        }
    }
}

/// The engine's verdict on a health check.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Health {
    /// No health check.
    #[default]
    None,
    /// No verdict yet.
    Starting,
    /// Passing.
    Healthy,
    /// Failing.
    Unhealthy,
}

/// One container.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct ObservedContainer {
    /// Full id.
    pub id: String,
    /// Name without the leading slash.
    pub name: String,
    /// Service, from its label.
    pub service: String,
    /// Number within the service, from its label.
    pub number: u32,
    /// Made by `run`.
    pub one_off: bool,
    /// Config hash label; a container without one does not exist for Compose.
    pub config_hash: Option<String>,
    /// All labels.
    pub labels: BTreeMap<String, String>,
    /// Image reference it was created from.
    pub image: String,
    /// Id of that image.
    pub image_id: String,
    /// Command line as one string.
    pub command: String,
    /// State.
    pub state: ContainerState,
    /// Health verdict.
    pub health: Health,
    /// Last output of the health check, when it fails.
    pub health_log: Option<String>,
    /// Exit code of the last run.
    pub exit_code: Option<i64>,
    /// Killed for memory.
    pub oom_killed: bool,
    /// The engine's own error of the last start.
    pub error: Option<String>,
    /// Restarts by the restart policy since the last start by a user.
    pub restart_count: u64,
    /// RFC 3339.
    pub created_at: String,
    /// RFC 3339; absent when it never started.
    pub started_at: Option<String>,
    /// RFC 3339; absent when it never ended.
    pub finished_at: Option<String>,
    /// Published ports.
    pub ports: Vec<ObservedPort>,
    /// Network name → (network id, address).
    pub networks: BTreeMap<String, (String, String)>,
    /// Mounts.
    pub mounts: Vec<ObservedMount>,
    /// The service's health check command as the engine runs it (`CMD`, `CMD-SHELL`), empty when none.
    pub health_test: Vec<String>,
    /// Its interval in nanoseconds, 0 when none.
    pub health_interval: u64,
    /// Configured network mode of the container (`bridge`, `host`, `container:ID`).
    pub network_mode: String,
    /// Whether the process has a terminal: its log then has one channel.
    pub tty: bool,
}

/// A port of a container and where it is published.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct ObservedPort {
    /// Port inside.
    pub target: u16,
    /// `tcp`, `udp`, `sctp`.
    pub protocol: String,
    /// Host address, empty when not published.
    pub host: String,
    /// Host port, 0 when not published.
    pub published: u16,
}

/// A mount of a container.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct ObservedMount {
    /// `bind`, `volume`, `tmpfs`.
    pub kind: String,
    /// Volume name or host path.
    pub source: String,
    /// Path inside.
    pub target: String,
}

/// One network.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct ObservedNetwork {
    /// Full id.
    pub id: String,
    /// Name.
    pub name: String,
    /// Labels.
    pub labels: BTreeMap<String, String>,
    /// Driver.
    pub driver: String,
}

/// One volume.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct ObservedVolume {
    /// Name.
    pub name: String,
    /// Labels.
    pub labels: BTreeMap<String, String>,
    /// Driver.
    pub driver: String,
}

/// One image.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct ObservedImage {
    /// Image id.
    pub id: String,
    /// `repository@sha256:…` it is known by.
    pub digests: Vec<String>,
    /// Bytes.
    pub size: u64,
    /// Names it has: `redis:7`.
    pub references: Vec<String>,
    /// RFC 3339.
    pub created_at: String,
    /// `amd64`, `arm64`, …; empty when unknown.
    pub architecture: String,
    /// `linux`.
    pub os: String,
    /// Labels.
    pub labels: BTreeMap<String, String>,
    /// Digests of its uncompressed layers, from the lowest up.
    pub layers: Vec<String>,
    /// Containers made from it; only counted where all images are observed.
    pub containers: usize,
    /// Bytes other images have too; only where all images are observed.
    pub shared: u64,
    /// Paths the image declares as volumes.
    pub volumes: Vec<String>,
    /// Whether the image brings a health check of its own.
    pub has_health_check: bool,
}

/// One project on the engine, as `ls` shows it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct ObservedProject {
    /// Project name.
    pub name: String,
    /// State word → number of containers.
    pub states: BTreeMap<String, usize>,
    /// Absolute paths of its compose files, from the labels.
    pub config_files: Vec<String>,
}

/// What changed on a container.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ChangeKind {
    /// Its process started.
    Started,
    /// Its process ended.
    Died,
    /// The engine gave a health verdict.
    Health(Health),
    /// It was removed.
    Removed,
}

/// One change of one container.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// Full container id.
    pub id: String,
    /// What changed.
    pub kind: ChangeKind,
}
