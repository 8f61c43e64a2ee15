//! From what is wanted and what was found to the steps between: create, replace, start, remove, await.
//! Reads a `Stack`, contents and an `Observed`; returns a `Plan` in which every step has a cause.
//! Never touches what is unchanged; never removes data.

pub(in crate::plan) mod after_images;
mod changes;
mod handover;
mod one_off;
mod options;
pub(in crate::plan) mod planner;
mod readiness;
mod replace;
mod resources;
mod rolling;
pub(in crate::plan) mod service;
mod shared_namespaces;
mod spec;

#[cfg(test)]
mod tests;

pub use after_images::plan_after_images;
pub use one_off::{OneOff, one_off_spec, plan_before_one_off};
pub use options::{ConvergeOptions, Recreate, Rolling, Wanted};
pub use readiness::readiness_of;
pub(in crate::plan) use rolling::rolling_config;
pub use spec::{Namespaces, Slot, container_spec, namespace_parents};

use planner::{Planner, Progress};

use super::{ContainerOperation, Observed, ObservedInstance, Operation, Phase, Plan, PlanError, StepId, order};
use crate::compose::model::{Service, Stack};

/// Plans the way from what was found to what is wanted.
pub fn plan_converge(wanted: &Wanted<'_>, observed: &Observed) -> Result<Plan, PlanError> {
    let mut planner = Planner::new(wanted, observed);
    planner.resources()?;
    planner.release_claims();
    for name in order::sorted(&order::dependencies(wanted.stack))? {
        let Some(service) = wanted.stack.services.get(&name) else { continue };
        if wanted.is_selected(&name) {
            planner.service(&name, service);
        } else {
            planner.unselected(&name);
        }
    }
    planner.orphans();
    Ok(planner.plan)
}

impl Planner<'_> {
    /// A service that is not converged still may be waited for.
    pub(in crate::plan) fn unselected(&mut self, name: &str) {
        let kept: Vec<ObservedInstance> = self.containers_of(name).into_iter().cloned().collect();
        let containers = kept.iter().map(|c| c.id.clone()).collect();
        self.progress.insert(name.to_owned(), Progress { kept, containers, ..Default::default() });
    }

    /// Containers whose service the files do not have any more. Services that only lack a profile are not orphans.
    pub(in crate::plan) fn orphans(&mut self) {
        let orphans = self.observed.instances.iter().filter(|c| self.is_orphan(c));
        let (dropped, orphans): (Vec<_>, Vec<_>) =
            orphans.partition(|c| self.wanted.options.dropped_services.contains(&c.service));
        for container in dropped {
            self.retire(container, "the release does not have its service", &self.takers_of(&container.id));
        }
        if orphans.is_empty() {
            return;
        }
        if !self.wanted.options.remove_orphans {
            if self.wanted.options.ignore_orphans {
                return;
            }
            let names: Vec<&str> = orphans.iter().map(|c| c.name.as_str()).collect();
            self.plan.warnings.push(format!(
                "containers of services the files no longer have: {} (`--remove-orphans` removes them)",
                names.join(", ")
            ));
            return;
        }
        for orphan in orphans {
            self.retire(orphan, "its service is not defined in the compose files", &self.takers_of(&orphan.id));
        }
    }

    fn is_orphan(&self, container: &ObservedInstance) -> bool {
        let (stack, service) = (self.wanted.stack, &container.service);
        let known = stack.services.contains_key(service) || stack.disabled_services.contains_key(service);
        !container.one_off && !service.is_empty() && !known
    }

    /// Stops and removes a container that is not wanted any more.
    pub(in crate::plan) fn retire(&mut self, container: &ObservedInstance, cause: &str, after: &[StepId]) -> StepId {
        let (service, id) = (container.service.clone(), container.id.clone());
        let mut after = after.to_vec();
        if let Some(stopped) = self.handed_over(&container.id) {
            after.push(stopped);
        } else if container.state.is_up() {
            let timeout = self.wanted.options.stop_timeout;
            let stop = Operation::Container(ContainerOperation::Stop {
                service: service.clone(),
                container: id.clone(),
                timeout,
            });
            after = vec![self.plan.push(Phase::Retire, stop, cause, &after)];
        }
        let remove =
            Operation::Container(ContainerOperation::Remove { service, container: id, volumes: false, force: true });
        self.plan.push(Phase::Retire, remove, cause, &after)
    }
}

/// The images a service's convergence must find on the engine.
pub fn image_of(stack: &Stack, name: &str, service: &Service) -> String {
    service.image_or_default(&stack.name, name)
}
