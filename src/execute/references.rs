//! References between containers of one plan: `container:NAME` in namespaces becomes `container:ID` once the id is known.
//! Reads the ids of what was created so far, returns the spec as it is to be created.
//! The config hash label is computed here for such containers, as Compose computes it: over the resolved service.

use std::collections::BTreeMap;

use crate::compose::hash::config_hash;
use crate::plan::{ContainerSpec, labels};

/// The spec with every `container:NAME` whose container was created by this run replaced by its id.
pub(super) fn resolve(mut spec: ContainerSpec, ids: &BTreeMap<String, String>) -> ContainerSpec {
    let mut changed = false;
    for mode in [&mut spec.network_mode, &mut spec.ipc, &mut spec.pid] {
        let Some(name) = mode.as_deref().and_then(|m| m.strip_prefix("container:")) else { continue };
        if let Some(id) = ids.get(name) {
            *mode = Some(format!("container:{id}"));
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
