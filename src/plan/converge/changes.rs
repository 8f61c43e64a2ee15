//! Whether a container is still what is wanted, and if not, why, in words.
//! Reads the wanted service and the container as found; the rules are Compose's plus content and orphaned names.
//! Never plans anything.

use super::options::Recreate;
use super::planner::Planner;
use super::resources::network_id;
use super::spec::is_anonymous;
use crate::compose::hash::config_hash;
use crate::compose::model::Service;
use crate::plan::{InstanceState, ObservedInstance, labels};

impl Planner<'_> {
    /// Why the container must be replaced, or nothing when it may stay. `service` has its namespaces applied.
    pub(in crate::plan) fn obsolete(
        &self,
        name: &str,
        service: &Service,
        container: &ObservedInstance,
    ) -> Option<String> {
        match self.wanted.options.recreate {
            Recreate::Never => return None,
            Recreate::Always if self.wanted.is_named(name) => return Some("replacement requested".to_owned()),
            Recreate::Always | Recreate::Changed => {}
        }
        let renewed = self.wanted.renews_volumes(name) && container.docker.mounts.iter().any(is_anonymous);
        if renewed {
            return Some("renewal of its anonymous volumes requested".to_owned());
        }
        self.changed(name, service, container)
    }

    /// Why the container differs from what the files want, whatever was asked for besides.
    pub(super) fn changed(&self, name: &str, service: &Service, container: &ObservedInstance) -> Option<String> {
        if matches!(container.state, InstanceState::Dead | InstanceState::Removing) {
            return Some("the engine could not remove it earlier".to_owned());
        }
        let accepted = self.wanted.options.accepted.get(name);
        let is_accepted = accepted.is_some_and(|all| all.iter().any(|made| made.is(container)));
        if !is_accepted && container.docker.config_hash.as_deref() != Some(config_hash(service).as_str()) {
            return Some("configuration changed".to_owned());
        }
        let content = if is_accepted { None } else { self.content_changed(name, container) };
        content
            .or_else(|| self.image_changed(name, service, container))
            .or_else(|| self.network_changed(service, container))
            .or_else(|| self.volume_changed(service, container))
    }

    /// A container made by Compose has no content label and is taken as it is.
    fn content_changed(&self, name: &str, container: &ObservedInstance) -> Option<String> {
        let found = container.labels.get(labels::CONTENT)?;
        let wanted = self.wanted.contents.get(name).and_then(|c| c.digest.as_ref());
        (wanted != Some(found)).then(|| "content of its configs, secrets or mounted files changed".to_owned())
    }

    fn image_changed(&self, name: &str, service: &Service, container: &ObservedInstance) -> Option<String> {
        let reference = service.image_or_default(&self.wanted.stack.name, name);
        let present = self.observed.images.get(&reference)?;
        (present.id != container.docker.image_id).then(|| "image changed".to_owned())
    }

    fn network_changed(&self, service: &Service, container: &ObservedInstance) -> Option<String> {
        if !service.network_mode.is_empty() {
            return None;
        }
        for key in service.networks.keys() {
            let name = self.wanted.network_name(key);
            let attached = container.docker.networks.get(&name);
            let exists = network_id(self.observed, &name);
            // A stopped container's record may lack the id; its network is looked up by name at start.
            let same = attached.is_some_and(|(id, _)| id.is_empty() || Some(id.as_str()) == exists);
            if !same {
                return Some(format!("it is not attached to network {name}"));
            }
        }
        None
    }

    fn volume_changed(&self, service: &Service, container: &ObservedInstance) -> Option<String> {
        for mount in service.volumes.iter().filter(|v| v.r#type == "volume" && !v.source.is_empty()) {
            let Some(volume) = self.wanted.stack.volumes.get(&mount.source) else { continue };
            let mounted = container.docker.mounts.iter().any(|m| m.source == volume.name);
            if !mounted {
                return Some(format!("volume {} is not mounted", volume.name));
            }
        }
        None
    }
}
