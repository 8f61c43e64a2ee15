//! From what is wanted and what was found to the steps between: create, replace, start, remove, await.
//! Reads a `Stack`, contents and an `Observed`; returns a `Plan` in which every step has a cause.
//! Never touches what is unchanged; never removes data.

mod after_images;
mod changes;
mod handover;
mod one_off;
mod readiness;
mod resources;
mod service;
mod shared_namespaces;
mod spec;

#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

pub use after_images::plan_after_images;
pub use one_off::{OneOff, one_off_spec, plan_before_one_off};
pub use readiness::readiness_of;
pub use spec::{Namespaces, Slot, container_spec, namespace_parents};

use super::content::ServiceContent;
use super::{ContainerOperation, Observed, ObservedInstance, Operation, Phase, Plan, PlanError, StepId, order};
use crate::compose::model::{Service, Stack};

/// When containers are replaced.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Recreate {
    /// When something about them changed.
    #[default]
    Changed,
    /// Always.
    Always,
    /// Never.
    Never,
}

/// The operator's wishes about a convergence.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ConvergeOptions {
    /// When containers are replaced.
    pub recreate: Recreate,
    /// Remove containers of services the files no longer have.
    pub remove_orphans: bool,
    /// Say nothing of them either.
    pub ignore_orphans: bool,
    /// Wait for every started service, not only where a dependent needs it.
    pub wait: bool,
    /// Create only, start nothing.
    pub create_only: bool,
    /// Seconds between stop signal and kill, instead of the service's own.
    pub stop_timeout: Option<Duration>,
    /// How long to wait for each service, instead of what its health check implies.
    pub ready_timeout: Option<Duration>,
    /// Make the networks and volumes no selected service uses too.
    pub all_resources: bool,
    /// Do not carry anonymous volumes over to replacements.
    pub renew_anonymous_volumes: bool,
}

/// Everything wanted of a project.
#[derive(Debug, Clone, Copy)]
pub struct Wanted<'a> {
    /// The stack, with `--scale` applied.
    pub stack: &'a Stack,
    /// The services to converge; the others are left alone.
    pub selected: &'a BTreeSet<String>,
    /// Contents by service.
    pub contents: &'a BTreeMap<String, ServiceContent>,
    /// Env files given on the command line, absolute, for the label.
    pub env_files: &'a [String],
    /// Version for the label.
    pub version: &'a str,
    /// Wishes.
    pub options: &'a ConvergeOptions,
}

impl Wanted<'_> {
    /// The name on the engine of a network of the files.
    pub fn network_name(&self, key: &str) -> String {
        let name = self.stack.networks.get(key).map(|n| n.name.clone()).filter(|n| !n.is_empty());
        name.unwrap_or_else(|| format!("{}_{key}", self.stack.name))
    }

    fn is_selected(&self, service: &str) -> bool {
        self.selected.contains(service)
    }
}

/// What the plan says of one service so far, for those that depend on it.
#[derive(Debug, Clone, Default)]
pub(super) struct Progress {
    /// Steps that remove leftovers, whose names may be needed again.
    cleared: Vec<StepId>,
    /// Steps that create its containers.
    created: Vec<StepId>,
    /// Steps after which its containers are started.
    started: Vec<StepId>,
    /// Steps after which it is ready, in whatever sense its contract has.
    ready: Vec<StepId>,
    /// Its containers after the plan: id of one that stays, name of one to come.
    containers: Vec<String>,
    /// Running containers that stay as they are.
    kept: Vec<ObservedInstance>,
    /// Whether one was replaced or newly started.
    touched: bool,
    /// Whether one was replaced.
    replaced: bool,
}

/// Plans the way from what was found to what is wanted.
pub fn plan_converge(wanted: &Wanted<'_>, observed: &Observed) -> Result<Plan, PlanError> {
    let mut planner = Planner::new(wanted, observed);
    planner.networks()?;
    planner.volumes()?;
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

/// The plan under construction.
pub(super) struct Planner<'a> {
    wanted: &'a Wanted<'a>,
    observed: &'a Observed,
    plan: Plan,
    /// Network and volume names → the step that makes them.
    resources: BTreeMap<String, StepId>,
    /// Networks that are made anew: everything attached must let go first.
    renewed_networks: BTreeSet<String>,
    progress: BTreeMap<String, Progress>,
    /// Containers that were stopped early.
    handed_over: Vec<handover::Handover>,
}

/// A service under its name, with its namespaces applied.
type Named<'a> = (&'a str, &'a Service);

impl<'a> Planner<'a> {
    fn new(wanted: &'a Wanted<'a>, observed: &'a Observed) -> Self {
        Self {
            wanted,
            observed,
            plan: Plan { project: wanted.stack.name.clone(), names: observed.names(), ..Default::default() },
            resources: BTreeMap::new(),
            renewed_networks: BTreeSet::new(),
            progress: BTreeMap::new(),
            handed_over: Vec::new(),
        }
    }

    /// The containers of a service, by number, one-offs left out.
    fn containers_of(&self, service: &str) -> Vec<&'a ObservedInstance> {
        let mut found: Vec<_> = self.observed.instances.iter().filter(|c| c.service == service && !c.one_off).collect();
        found.sort_by_key(|c| (c.number, c.name.clone()));
        found
    }

    /// A service that is not converged still may be waited for.
    fn unselected(&mut self, name: &str) {
        let kept: Vec<ObservedInstance> = self.containers_of(name).into_iter().cloned().collect();
        let containers = kept.iter().map(|c| c.id.clone()).collect();
        self.progress.insert(name.to_owned(), Progress { kept, containers, ..Default::default() });
    }

    /// Containers whose service the files do not have any more. Services that only lack a profile are not orphans.
    fn orphans(&mut self) {
        let orphans: Vec<_> = self.observed.instances.iter().filter(|c| self.is_orphan(c)).collect();
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
    fn retire(&mut self, container: &ObservedInstance, cause: &str, after: &[StepId]) -> StepId {
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
