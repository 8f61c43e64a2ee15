//! Services of profiles that a release does not have: they are started from the files beside it.

use std::collections::BTreeSet;

use crate::compose::model::Stack;
use crate::error::Result;
use crate::plan::order::with_dependencies;
use crate::session::WorkflowError;
use crate::session::start_request::StartRequest;

/// The files and the release they are compared with.
pub(super) struct Beside<'a> {
    /// What the files say, with the named services enabled.
    pub(super) files: &'a Stack,
    /// What the release records.
    pub(super) release: &'a Stack,
    /// Its number.
    pub(super) revision: u32,
}

impl Beside<'_> {
    /// The requested services of profiles, and what they depend on, as far as the release does not have them. A service
    /// without a profile belongs to the release: it arrives with a deploy.
    pub(super) fn services(&self, request: &StartRequest) -> Result<BTreeSet<String>> {
        let has_profile = |name: &String| self.files.services.get(name).is_some_and(|s| !s.profiles.is_empty());
        let is_released = |name: &String| self.release.services.contains_key(name);
        let named = &request.services;
        if let Some(service) = named.iter().find(|name| !is_released(name) && !has_profile(name)) {
            return Err(WorkflowError::NotReleased { revision: self.revision, service: service.clone() }.into());
        }
        let all =
            if named.is_empty() { self.files.services.keys().collect() } else { named.iter().collect::<Vec<_>>() };
        let first: Vec<String> = all.into_iter().filter(|n| has_profile(n) && !is_released(n)).cloned().collect();
        if first.is_empty() {
            return Ok(BTreeSet::new());
        }
        let needed = with_dependencies(self.files, &first, !request.no_deps)?;
        Ok(needed.into_iter().filter(|name| !is_released(name)).collect())
    }

    /// The stack of the release with these services of the files, and the networks, volumes and the like they use.
    pub(super) fn merged(&self, services: &BTreeSet<String>) -> Stack {
        let mut stack = self.release.clone();
        for name in services {
            stack.disabled_services.remove(name);
            if let Some(service) = self.files.services.get(name) {
                stack.services.insert(name.clone(), service.clone());
            }
        }
        stack.environment.clone_from(&self.files.environment);
        for (name, network) in &self.files.networks {
            stack.networks.entry(name.clone()).or_insert_with(|| network.clone());
        }
        for (name, volume) in &self.files.volumes {
            stack.volumes.entry(name.clone()).or_insert_with(|| volume.clone());
        }
        stack.secrets.clone_from(&self.files.secrets);
        stack.configs.clone_from(&self.files.configs);
        stack.models.clone_from(&self.files.models);
        stack
    }
}
