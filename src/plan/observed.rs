//! Observed state of a project: its instances, networks, volumes and images.
//! Data only; engines fill it.
//! Never holds a secret: container environments are not part of it.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use serde::Serialize;

use super::ObservedInstance;
use super::cluster::{ClusterScope, ObservedCluster};

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
    /// The service whose container is the proxy, to read its configuration and sides.
    pub proxy: Option<String>,
    /// The project directory, absolute; none where only the project's name is known.
    pub folder: Option<PathBuf>,
    /// What to look for in a cluster; none on a Docker engine and where only pods are wanted.
    pub cluster: Option<ClusterScope>,
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
    /// How it keeps images.
    pub image_store: ImageStore,
}

/// How an engine keeps images, which decides by what it finds the layers it has.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum ImageStore {
    /// By the layers below: a layer is found where all of those are the same.
    #[default]
    Classic,
    /// As registries do, each layer by its own digest.
    Containerd,
}

/// Whose engine answers the Docker API.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum EngineFlavour {
    /// Docker's or Moby's.
    #[default]
    Docker,
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
    /// Instances of the project in any state, including one-off containers.
    pub instances: Vec<ObservedInstance>,
    /// Networks with the project's label or named in the scope.
    pub networks: Vec<ObservedNetwork>,
    /// Volumes likewise.
    pub volumes: Vec<ObservedVolume>,
    /// Images of the scope that are present, by the reference they were asked for.
    pub images: BTreeMap<String, ObservedImage>,
    /// Images that earlier steps of the plan under way make present or renew: what they will be is not known yet.
    pub pending_images: BTreeSet<String>,
    /// The proxy's volume, where the scope names the proxy and a container of it exists.
    pub proxy: Option<ObservedProxy>,
    /// The release's objects, where the scope asks for them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cluster: Option<ObservedCluster>,
}

/// What the proxy's volume holds.
#[derive(Clone, Default, PartialEq, Eq, Serialize)]
pub struct ObservedProxy {
    /// The configuration in use. It holds the secret of the probe header and is never shown.
    #[serde(skip)]
    pub configuration: Option<String>,
    /// Services whose requests go to the green side.
    pub green: BTreeSet<String>,
    /// Services whose requests were to be held; an interrupted operation leaves them.
    pub held: BTreeSet<String>,
    /// Whether clients get the maintenance page.
    pub maintenance: bool,
}

/// What a configuration's first lines say of its format.
const FORMAT: &str = "# Format: ";
/// The format that brought the maintenance page.
const WITH_MAINTENANCE: u32 = 2;

impl ObservedProxy {
    /// Whether the configuration in use has a maintenance page.
    pub fn has_maintenance_page(&self) -> bool {
        let text = self.configuration.as_deref().unwrap_or_default();
        let format = text.lines().find_map(|line| line.strip_prefix(FORMAT)?.trim().parse::<u32>().ok());
        format.is_some_and(|format| format >= WITH_MAINTENANCE)
    }
}

impl std::fmt::Debug for ObservedProxy {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ObservedProxy")
            .field("green", &self.green)
            .field("held", &self.held)
            .field("maintenance", &self.maintenance)
            .finish_non_exhaustive()
    }
}

impl Observed {
    /// The id of an image for the label of containers made from it.
    pub fn image_id(&self, reference: &str) -> Option<&str> {
        if self.pending_images.contains(reference) {
            return Some(super::labels::PENDING_IMAGE);
        }
        self.images.get(reference).map(|image| image.id.as_str())
    }

    /// Names of the instances by id.
    pub fn names(&self) -> BTreeMap<String, String> {
        self.instances.iter().map(|c| (c.id.clone(), c.name.clone())).collect()
    }
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
    /// Digest over configuration, layers and time of creation: the same on every kind of engine, which ids are not.
    pub content: String,
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
