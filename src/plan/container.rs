//! A container to be created, complete: nothing is looked up or decided after this.
//! Data only; converge fills it from a normalised service, engines translate it.
//! Never holds the bytes of a secret outside `Secret`-bearing files.

use std::collections::BTreeMap;

use serde::{Serialize, Serializer};
use serde_json::json;

use crate::compose::model::Service;

/// Everything an engine needs to create one container.
/// What it serialises, and so what plans, records and `Debug` show, is names alone: values of the environment, commands,
/// labels and files may be secrets, and a plain digest of a weak one gives it away.
#[derive(Clone, PartialEq)]
pub struct ContainerSpec {
    /// Project the container belongs to.
    pub project: String,
    /// Container name; a temporary one while it replaces another.
    pub name: String,
    /// Service name: the first alias on every network.
    pub service_name: String,
    /// Number within the service.
    pub number: u32,
    /// The normalised service with env files merged into its environment.
    pub service: Service,
    /// Image reference to create from.
    pub image: String,
    /// All labels, Compose's and ours included.
    pub labels: BTreeMap<String, String>,
    /// Networks in the order they are attached; the first is the one created with.
    pub networks: Vec<NetworkAttachment>,
    /// `network_mode` with services resolved (`container:NAME`), when set.
    pub network_mode: Option<String>,
    /// Namespaces with services resolved, when set.
    pub ipc: Option<String>,
    /// See `ipc`.
    pub pid: Option<String>,
    /// `volumes_from` with services resolved to container names.
    pub volumes_from: Vec<String>,
    /// Volume key of the file → name on the engine.
    pub volume_names: BTreeMap<String, String>,
    /// Files copied into the created container before it starts: secrets and configs.
    pub files: Vec<CopiedFile>,
    /// Configs and secrets that are files on the engine's own machine: path inside → host path, mounted read-only.
    pub bound_files: BTreeMap<String, String>,
    /// Anonymous volumes carried over from the container it replaces: path inside → volume name.
    pub inherited_volumes: BTreeMap<String, String>,
    /// Remove the container when it exits (`run --rm`).
    pub auto_remove: bool,
    /// Keep standard input open and attach a terminal (`run`), overriding the service.
    pub interactive: Option<bool>,
}

/// One network of a container.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct NetworkAttachment {
    /// Name on the engine.
    pub network: String,
    /// Key in the compose file.
    pub key: String,
    /// Names the container answers to on it.
    pub aliases: Vec<String>,
}

/// A file that is put into a created container.
#[derive(Clone, PartialEq, Eq)]
pub struct CopiedFile {
    /// Absolute path inside.
    pub target: String,
    /// Bytes; `Debug` does not show them, they may be a secret.
    pub content: Vec<u8>,
    /// Owner.
    pub uid: u64,
    /// Group.
    pub gid: u64,
    /// Permission bits.
    pub mode: u32,
}

impl std::fmt::Debug for CopiedFile {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("CopiedFile").field("target", &self.target).field("mode", &self.mode).finish_non_exhaustive()
    }
}

impl Serialize for ContainerSpec {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        json!({
            "name": self.name,
            "service": self.service_name,
            "number": self.number,
            "image": self.image,
            "networks": self.networks,
            "volumes": self.service.volumes.iter().map(|volume| &volume.target).collect::<Vec<_>>(),
            "files": self.files.iter().map(|file| &file.target).collect::<Vec<_>>(),
            "environment": self.service.environment.keys().collect::<Vec<_>>(),
        })
        .serialize(serializer)
    }
}

super::operation::debug_as_serialised!(ContainerSpec);
