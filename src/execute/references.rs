//! References between containers of one plan: names in namespaces and `volumes_from` become ids once those are known.
//! Reads the ids of what was created so far, returns the spec as it is to be created.
//! The config hash label is computed here for such containers, as Compose computes it: over the resolved service.

use std::collections::BTreeMap;

use crate::compose::hash::config_hash;
use crate::plan::{ContainerSpec, labels};

/// The spec with every name whose container was created by this run replaced by its id.
pub(super) fn resolve(
    mut spec: ContainerSpec,
    ids: &BTreeMap<String, String>,
    images: &BTreeMap<String, String>,
    release: Option<u32>,
) -> ContainerSpec {
    if spec.labels.get(labels::RELEASE).is_some_and(|revision| revision == labels::PENDING_RELEASE)
        && let Some(release) = release
    {
        spec.labels.insert(labels::RELEASE.to_owned(), release.to_string());
    }
    if spec.labels.get(labels::IMAGE).is_some_and(|id| id == labels::PENDING_IMAGE) {
        let id = images.get(&spec.image).cloned().unwrap_or_default();
        spec.labels.insert(labels::IMAGE.to_owned(), id);
    }
    let mut changed = false;
    for mode in [&mut spec.network_mode, &mut spec.ipc, &mut spec.pid] {
        let Some(name) = mode.as_deref().and_then(|m| m.strip_prefix("container:")) else { continue };
        if let Some(id) = ids.get(name) {
            *mode = Some(format!("container:{id}"));
            changed = true;
        }
    }
    for (source, plain) in spec.volumes_from.iter_mut().zip(&mut spec.service.volumes_from) {
        let (name, mode) = source.split_once(':').map_or((source.as_str(), None), |(name, mode)| (name, Some(mode)));
        if let Some(id) = ids.get(name) {
            plain.clone_from(id);
            *source = mode.map_or_else(|| id.clone(), |mode| format!("{id}:{mode}"));
            changed = true;
        }
    }
    if changed {
        let service = &mut spec.service;
        service.network_mode = spec.network_mode.clone().unwrap_or_default();
        service.ipc = spec.ipc.clone().unwrap_or_default();
        service.pid = spec.pid.clone().unwrap_or_default();
        spec.labels.insert(labels::CONFIG_HASH.to_owned(), config_hash(service));
    }
    spec
}
