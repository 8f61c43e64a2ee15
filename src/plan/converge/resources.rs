//! Networks and volumes of a convergence: create what is missing, renew a changed network, keep every volume.
//! Reads the stack's declarations and what was found under their names.
//! Never removes a volume: its data is worth more than its options.

use super::planner::Planner;
use crate::compose::hash::{network_hash, volume_hash};
use crate::plan::{
    ContainerOperation, NetworkOperation, Observed, ObservedNetwork, Operation, Phase, PlanError, StepId,
    VolumeOperation, labels,
};

impl Planner<'_> {
    /// Networks and volumes; the error names all missing external ones.
    pub(in crate::plan) fn resources(&mut self) -> Result<(), PlanError> {
        self.networks();
        self.volumes();
        match std::mem::take(&mut self.missing_externals) {
            missing if missing.is_empty() => Ok(()),
            missing => Err(PlanError::ExternalMissing { missing }),
        }
    }

    /// The networks the selected services join.
    fn networks(&mut self) {
        for (key, network) in &self.wanted.stack.networks {
            if !self.wanted.options.all_resources && !self.uses_network(key) {
                continue;
            }
            let name = self.wanted.network_name(key);
            let found = self.observed.networks.iter().find(|n| n.name == name);
            match found {
                None if network.external && is_builtin(&name) => {}
                None if network.external => self.missing_externals.push(("network", name)),
                None => {
                    self.create_network(key, &name, "it does not exist", &[]);
                }
                Some(_) if network.external => {}
                Some(found) if !self.is_ours(&found.labels) => self.plan.warnings.push(format!(
                    "network {name} was not created for project {}; it is used as is",
                    self.wanted.stack.name
                )),
                Some(found) => {
                    let hash = found.labels.get(labels::CONFIG_HASH);
                    if hash.is_some_and(|h| *h != network_hash(network)) {
                        self.renew_network(key, found);
                    }
                }
            }
        }
    }

    fn uses_network(&self, key: &str) -> bool {
        let services = &self.wanted.stack.services;
        services
            .iter()
            .any(|(name, s)| self.wanted.is_selected(name) && s.network_mode.is_empty() && s.networks.contains_key(key))
    }

    fn is_ours(&self, labels: &std::collections::BTreeMap<String, String>) -> bool {
        labels.get(labels::PROJECT) == Some(&self.wanted.stack.name)
    }

    fn create_network(&mut self, key: &str, name: &str, cause: &str, after: &[StepId]) {
        let network = Box::new(self.wanted.stack.networks.get(key).cloned().unwrap_or_default());
        let project = self.wanted.stack.name.clone();
        let create = Operation::Network(NetworkOperation::Create {
            project,
            key: key.to_owned(),
            name: name.to_owned(),
            network,
        });
        let step = self.plan.push(Phase::Prepare, create, cause, after);
        self.plan.on_failure(
            step,
            Operation::Network(NetworkOperation::Remove { id: name.to_owned(), name: name.to_owned() }),
            &[],
        );
        self.resources.insert(name.to_owned(), step);
    }

    /// A network cannot be altered: what is attached stops and lets go, then it is made anew.
    fn renew_network(&mut self, key: &str, found: &ObservedNetwork) {
        let attached: Vec<_> =
            self.observed.instances.iter().filter(|c| c.docker.networks.contains_key(&found.name)).collect();
        let cause = format!("configuration of network {} changed", found.name);
        let mut after = Vec::new();
        for container in attached {
            let (service, id) = (container.service.clone(), container.id.clone());
            let timeout = self.wanted.options.stop_timeout;
            let stop = Operation::Container(ContainerOperation::Stop {
                service: service.clone(),
                container: id.clone(),
                timeout,
            });
            let stopped = self.plan.push(Phase::Switch, stop, cause.clone(), &[]);
            let remove = Operation::Container(ContainerOperation::Remove {
                service,
                container: id,
                volumes: false,
                force: false,
            });
            after.push(self.plan.push(Phase::Switch, remove, cause.clone(), &[stopped]));
        }
        let remove = Operation::Network(NetworkOperation::Remove { id: found.id.clone(), name: found.name.clone() });
        let removed = self.plan.push(Phase::Switch, remove, cause.clone(), &after);
        self.create_network(key, &found.name, &cause, &[removed]);
        self.renewed_networks.insert(found.name.clone());
    }

    /// The volumes the selected services mount.
    fn volumes(&mut self) {
        for (key, volume) in &self.wanted.stack.volumes {
            if !self.wanted.options.all_resources && !self.uses_volume(key) {
                continue;
            }
            let found = self.observed.volumes.iter().find(|v| v.name == volume.name);
            match found {
                None if volume.external => self.missing_externals.push(("volume", volume.name.clone())),
                None => self.create_volume(key),
                Some(_) if volume.external => {}
                Some(found) if !self.is_ours(&found.labels) => self.plan.warnings.push(format!(
                    "volume {} was not created for project {}; it is used as is",
                    volume.name, self.wanted.stack.name
                )),
                Some(found) => {
                    let hash = found.labels.get(labels::CONFIG_HASH);
                    if hash.is_some_and(|h| *h != volume_hash(volume)) {
                        self.plan.warnings.push(format!(
                            "the configuration of volume {} changed; its data and old configuration are kept",
                            volume.name
                        ));
                    }
                }
            }
        }
    }

    fn uses_volume(&self, key: &str) -> bool {
        self.wanted.stack.services.iter().any(|(name, s)| {
            self.wanted.is_selected(name) && s.volumes.iter().any(|v| v.r#type == "volume" && v.source == key)
        })
    }

    fn create_volume(&mut self, key: &str) {
        let Some(volume) = self.wanted.stack.volumes.get(key) else { return };
        let name = volume.name.clone();
        let create = Operation::Volume(VolumeOperation::Create {
            project: self.wanted.stack.name.clone(),
            key: key.to_owned(),
            name: name.clone(),
            volume: Box::new(volume.clone()),
        });
        let step = self.plan.push(Phase::Prepare, create, "it does not exist", &[]);
        self.plan.on_failure(step, Operation::Volume(VolumeOperation::Remove { name: name.clone() }), &[]);
        self.resources.insert(name, step);
    }
}

/// Networks every engine has.
fn is_builtin(name: &str) -> bool {
    matches!(name, "bridge" | "host" | "none" | "default")
}

/// The id of a network as found.
pub(in crate::plan) fn network_id<'a>(observed: &'a Observed, name: &str) -> Option<&'a str> {
    observed.networks.iter().find(|n| n.name == name).map(|n| n.id.as_str())
}
