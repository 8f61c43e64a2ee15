//! A container to be created, complete: nothing is looked up or decided after this.
//! Data only; converge fills it from a normalised service, engines translate it.
//! Never holds the bytes of a secret outside `Secret`-bearing files.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::compose::model::Service;

/// Everything an engine needs to create one container.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
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
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct NetworkAttachment {
    /// Name on the engine.
    pub network: String,
    /// Key in the compose file.
    pub key: String,
    /// Names the container answers to on it.
    pub aliases: Vec<String>,
}

/// A file that is put into a created container.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CopiedFile {
    /// Absolute path inside.
    pub target: String,
    /// Bytes; `Debug` does not show them, they may be a secret.
    #[serde(with = "base64_bytes")]
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

mod base64_bytes {
    //! Bytes as base64 text in saved plans.
    use base64::{Engine as _, engine::general_purpose::STANDARD};
    use serde::{Deserialize, Deserializer, Serializer, de::Error};

    pub(super) fn serialize<S: Serializer>(bytes: &[u8], serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&STANDARD.encode(bytes))
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<u8>, D::Error> {
        STANDARD.decode(String::deserialize(deserializer)?).map_err(D::Error::custom)
    }
}
