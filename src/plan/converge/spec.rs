//! From a normalised service to the container to be created: name, labels, networks, namespaces, files.
//! Reads the stack and what was decided about numbers and images; returns a `ContainerSpec`.
//! Labels follow docker/compose (pkg/compose/create.go), so that Compose takes the container for its own.

use std::collections::BTreeMap;

use super::options::Wanted;
use crate::compose::hash::config_hash;
use crate::compose::model::Service;
use crate::plan::{ContainerSpec, NetworkAttachment, ObservedInstance, ObservedMount, labels};

/// Which container of a service is meant.
#[derive(Debug, Clone, Copy)]
pub struct Slot<'a> {
    /// Service name.
    pub service: &'a str,
    /// Number, from 1.
    pub number: u32,
    /// The container it takes over from, for its anonymous volumes.
    pub replaces: Option<&'a ObservedInstance>,
    /// Whether that container still has the name.
    pub temporary_name: bool,
    /// Id of the image, when known.
    pub image_id: Option<&'a str>,
}

/// Shared namespaces of a service with services resolved to containers.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Namespaces {
    /// `network_mode`.
    pub network: String,
    /// `ipc`.
    pub ipc: String,
    /// `pid`.
    pub pid: String,
    /// `volumes_from`, without modes.
    pub volumes_from: Vec<String>,
}

impl Namespaces {
    /// Resolves `service:X` with what `container_of` says: the id of a container that stays, the name of one to come.
    pub fn resolve(service: &Service, container_of: impl Fn(&str) -> Option<String>) -> Self {
        let resolve = |mode: &str| match mode.strip_prefix("service:").and_then(&container_of) {
            Some(container) => format!("container:{container}"),
            None => mode.to_owned(),
        };
        // Compose hashes the bare ids, and so loses the mode.
        let source = |text: &String| {
            let (service, _) = volume_source(text);
            if text.starts_with("container:") {
                service.to_owned()
            } else {
                container_of(service).unwrap_or_else(|| text.clone())
            }
        };
        Self {
            network: resolve(&service.network_mode),
            ipc: resolve(&service.ipc),
            pid: resolve(&service.pid),
            volumes_from: service.volumes_from.iter().map(source).collect(),
        }
    }

    /// The service as it is hashed and created: with these namespaces.
    pub fn apply(&self, service: &Service) -> Service {
        let mut service = service.clone();
        self.network.clone_into(&mut service.network_mode);
        self.ipc.clone_into(&mut service.ipc);
        self.pid.clone_into(&mut service.pid);
        self.volumes_from.clone_into(&mut service.volumes_from);
        service
    }
}

/// The services whose containers a service's namespaces live in.
pub fn namespace_parents(service: &Service) -> Vec<&str> {
    [&service.network_mode, &service.ipc, &service.pid].into_iter().filter_map(|m| m.strip_prefix("service:")).collect()
}

/// The complete spec of one container. `service` already has its namespaces applied.
pub fn container_spec(wanted: &Wanted<'_>, service: &Service, slot: Slot<'_>) -> ContainerSpec {
    let stack = wanted.stack;
    let canonical = service.container_name(&stack.name, slot.service, slot.number);
    let name = match slot.replaces {
        Some(old) if slot.temporary_name => format!("{}_{canonical}", old.id.get(..12).unwrap_or(&old.id)),
        _ => canonical.clone(),
    };
    let content = wanted.contents.get(slot.service);
    let mut labels = compose_labels(wanted, service, slot);
    if let Some(digest) = content.and_then(|c| c.digest.as_ref()) {
        labels.insert(labels::CONTENT.to_owned(), digest.clone());
    }
    if slot.temporary_name {
        labels.insert(labels::REPLACE.to_owned(), canonical.clone());
    }
    let mode = |text: &String| (!text.is_empty()).then(|| text.clone());
    ContainerSpec {
        project: stack.name.clone(),
        name,
        service_name: slot.service.to_owned(),
        number: slot.number,
        image: service.image_or_default(&stack.name, slot.service),
        labels,
        networks: attachments(wanted, service, slot.service, &canonical),
        network_mode: mode(&service.network_mode),
        ipc: mode(&service.ipc),
        pid: mode(&service.pid),
        volumes_from: volumes_from(wanted, slot.service, service),
        volume_names: stack.volumes.iter().map(|(key, volume)| (key.clone(), volume.name.clone())).collect(),
        files: content.map(|c| c.files.clone()).unwrap_or_default(),
        bound_files: content.map(|c| c.bound.clone()).unwrap_or_default(),
        inherited_volumes: slot.replaces.map(|old| inherited(wanted, service, old)).unwrap_or_default(),
        auto_remove: false,
        interactive: None,
        service: service.clone(),
    }
}

fn compose_labels(wanted: &Wanted<'_>, service: &Service, slot: Slot<'_>) -> BTreeMap<String, String> {
    let stack = wanted.stack;
    let depends_on: Vec<String> =
        service.depends_on.iter().map(|(name, d)| format!("{name}:{}:{}", d.condition.as_str(), d.restart)).collect();
    let files: Vec<String> = stack.compose_files.iter().map(|f| f.display().to_string()).collect();
    let mut all: BTreeMap<String, String> = service.labels.clone();
    let ours = [
        (labels::PROJECT, stack.name.clone()),
        (labels::SERVICE, slot.service.to_owned()),
        (labels::VERSION, wanted.version.to_owned()),
        (labels::ONE_OFF, "False".to_owned()),
        (labels::CONTAINER_NUMBER, slot.number.to_string()),
        (labels::CONFIG_HASH, config_hash(service)),
        (labels::WORKING_DIR, stack.working_dir.display().to_string()),
        (labels::CONFIG_FILES, files.join(",")),
        (labels::IMAGE, slot.image_id.unwrap_or_default().to_owned()),
        (labels::DEPENDS_ON, depends_on.join(",")),
    ];
    all.extend(ours.into_iter().map(|(key, value)| (key.to_owned(), value)));
    if !wanted.env_files.is_empty() {
        all.insert(labels::ENVIRONMENT_FILE.to_owned(), wanted.env_files.join(","));
    }
    all
}

fn attachments(wanted: &Wanted<'_>, service: &Service, name: &str, container: &str) -> Vec<NetworkAttachment> {
    if !service.network_mode.is_empty() {
        return Vec::new();
    }
    let attach = |(key, config): (&str, Option<&crate::compose::model::ServiceNetwork>)| {
        let mut aliases = vec![container.to_owned(), name.to_owned()];
        aliases.extend(config.into_iter().flat_map(|c| c.aliases.iter().cloned()));
        aliases.dedup();
        NetworkAttachment { network: wanted.network_name(key), key: key.to_owned(), aliases }
    };
    service.networks_by_priority().into_iter().map(attach).collect()
}

/// Service or container, and mode, of an entry of `volumes_from`: `api`, `api:ro`, `container:name:ro`.
fn volume_source(text: &str) -> (&str, Option<&str>) {
    let text = text.strip_prefix("container:").unwrap_or(text);
    text.split_once(':').map_or((text, None), |(name, mode)| (name, Some(mode)))
}

/// The resolved containers, with the modes the files give them.
fn volumes_from(wanted: &Wanted<'_>, name: &str, resolved: &Service) -> Vec<String> {
    let declared = wanted.stack.services.get(name).map(|service| service.volumes_from.as_slice()).unwrap_or_default();
    let modes = declared.iter().map(|text| volume_source(text).1).chain(std::iter::repeat(None));
    let joined = resolved.volumes_from.iter().zip(modes).map(|(container, mode)| match mode {
        Some(mode) if !container.contains(':') => format!("{container}:{mode}"),
        _ => container.clone(),
    });
    joined.collect()
}

/// A volume whose name the engine made up.
pub(super) fn is_anonymous(mount: &ObservedMount) -> bool {
    mount.kind == "volume" && mount.source.len() == 64 && mount.source.bytes().all(|b| b.is_ascii_hexdigit())
}

/// Anonymous volumes hold data too: they move to the replacement, unless it mounts something of its own there.
fn inherited(wanted: &Wanted<'_>, service: &Service, old: &ObservedInstance) -> BTreeMap<String, String> {
    let named = |target: &str| service.volumes.iter().any(|v| v.target == target && !v.source.is_empty());
    if wanted.renews_volumes(&old.service) {
        return BTreeMap::new();
    }
    old.docker
        .mounts
        .iter()
        .filter(|m| is_anonymous(m) && !named(&m.target))
        .map(|m| (m.target.clone(), m.source.clone()))
        .collect()
}
