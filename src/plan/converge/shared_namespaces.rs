//! Containers that live in another's namespaces: they are restarted with it, for a namespace ends with its process.
//! Reads the services' `network_mode`, `ipc` and `pid`, and when containers were started.
//! Never plans for a container that is down.

use super::planner::{Named, Planner};
use super::spec::namespace_parents;
use crate::plan::{ContainerOperation, ObservedInstance, Operation};

impl Planner<'_> {
    /// Restarts of the running containers that share a namespace of this service's.
    pub(in crate::plan) fn sharers(&self, service: &str) -> Vec<Operation> {
        let sharing =
            self.wanted.stack.services.iter().filter(|(_, declared)| namespace_parents(declared).contains(&service));
        let running = sharing.flat_map(|(name, _)| self.containers_of(name)).filter(|c| c.state.is_up());
        let restart = |c: &ObservedInstance| {
            Operation::Container(ContainerOperation::Restart {
                service: c.service.clone(),
                container: c.id.clone(),
                timeout: self.wanted.options.stop_timeout,
            })
        };
        running.map(restart).collect()
    }

    /// Why a running container that stays must be restarted all the same.
    pub(in crate::plan) fn restart_cause(&self, named: Named<'_>, container: &ObservedInstance) -> Option<String> {
        let (_, service) = named;
        let replaced = |dependency: &String| self.progress.get(dependency).is_some_and(|p| p.replaced);
        let mut renewed = service.depends_on.iter().filter(|(dependency, d)| d.restart && replaced(dependency));
        if let Some((dependency, _)) = renewed.next() {
            return Some(format!("{dependency} was replaced"));
        }
        let modes = [&service.network_mode, &service.ipc, &service.pid];
        let parents: Vec<&str> = modes.into_iter().filter_map(|mode| mode.strip_prefix("container:")).collect();
        let found = |c: &&ObservedInstance| parents.contains(&c.id.as_str());
        let mut younger = self.observed.instances.iter().filter(found).filter(|parent| {
            // Without the zone a shorter fraction of a second is the smaller text.
            let [theirs, ours] = [parent, &container].map(|c| c.started_at.as_deref().map(|t| t.trim_end_matches('Z')));
            theirs > ours
        });
        younger.next().map(|parent| format!("{}, whose namespace it shares, was started after it", parent.service))
    }
}
