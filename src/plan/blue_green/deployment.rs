//! Builds the plan of a deploy: services in their order, then the steps of the proxy, then removals.

use std::collections::BTreeSet;

use super::deploy::Deploy;
use super::image_names::split;
use super::strategy::Choice;
use crate::compose::model::Service;
use crate::plan::converge::planner::{BeforeStart, Planner};
use crate::plan::converge::rolling_config;
use crate::plan::{
    Green, ImageOperation, Observed, ObservedInstance, Operation, Phase, Plan, PlanError, StepId, TaskOperation, order,
    release_repository, release_tag,
};
use crate::release::Side;

/// The change of one service.
#[derive(Debug, Clone)]
pub(super) struct Roll {
    pub(super) service: String,
    /// The container that serves afterwards: its id, or the name of one to come.
    pub(super) container: String,
    /// Its side.
    pub(super) side: Side,
    /// Whether requests have to be switched to it.
    pub(super) switches: bool,
    /// Steps after which it is ready.
    pub(super) ready: Vec<StepId>,
    /// Containers that go afterwards; the first element says whether it serves now.
    pub(super) old: Vec<(bool, ObservedInstance)>,
    /// What the removal of the old side is called.
    pub(super) cause: String,
}

/// The deploy under construction.
pub(super) struct Deployment<'a> {
    pub(super) deploy: &'a Deploy<'a>,
    pub(super) planner: Planner<'a>,
    pub(super) observed: &'a Observed,
    pub(super) rolls: Vec<Roll>,
    /// Services whose container an interrupted deploy left.
    pub(super) adopted: BTreeSet<String>,
    /// Services whose requests go to the green side now.
    pub(super) serving: Green,
    /// The step that releases the requests of the service replaced before: one is held at a time.
    pub(super) released: Option<StepId>,
}

impl<'a> Deployment<'a> {
    pub(super) fn new(deploy: &'a Deploy<'a>, observed: &'a Observed) -> Self {
        let planner = Planner::new(deploy.wanted, observed);
        let mut serving = observed.proxy.as_ref().map(|proxy| proxy.green.clone()).unwrap_or_default();
        serving.retain(|name| deploy.strategies.get(name).is_some_and(Choice::is_blue_green));
        Self { deploy, planner, observed, rolls: Vec::new(), adopted: BTreeSet::new(), serving, released: None }
    }

    pub(super) fn planned(mut self) -> Result<Plan, PlanError> {
        self.say_maintenance();
        self.prepare_hooks();
        self.planner.resources()?;
        self.planner.release_claims();
        self.say_handovers();
        let stack = self.deploy.wanted.stack;
        for (name, late) in self.in_turn()? {
            let Some(service) = stack.services.get(&name) else { continue };
            self.planner.proven = if late { self.ready_rolls() } else { Vec::new() };
            if !self.deploy.wanted.is_selected(&name) {
                self.planner.unselected(&name);
            } else if self.is_blue_green(&name) {
                self.roll(&name, service);
                self.say_unused_order(&name, service);
            } else {
                let first = self.planner.plan.steps.len();
                self.hold(&name, service);
                self.planner.service(&name, service);
                self.release(&name, first);
            }
        }
        self.planner.orphans();
        self.keep_images();
        self.through_the_proxy();
        self.checks_after_the_switch();
        self.release_leftovers();
        self.bake();
        self.drain_old_sides();
        self.say_memory();
        self.retire_old_sides();
        self.forget_images();
        self.say_overrides();
        self.say_tasks_left_out();
        Ok(self.planner.plan)
    }

    /// A start: every service in place, and the configuration of the proxy.
    pub(super) fn in_place(mut self) -> Result<Plan, PlanError> {
        self.say_maintenance();
        self.prepare_hooks();
        self.planner.resources()?;
        self.planner.release_claims();
        let stack = self.deploy.wanted.stack;
        for name in order::sorted(&order::dependencies(stack))? {
            match stack.services.get(&name) {
                Some(service) if self.deploy.wanted.is_selected(&name) => self.planner.service(&name, service),
                Some(_) => self.planner.unselected(&name),
                None => {}
            }
        }
        self.planner.orphans();
        self.through_the_proxy();
        self.release_leftovers();
        Ok(self.planner.plan)
    }

    pub(super) fn is_blue_green(&self, name: &str) -> bool {
        self.deploy.proxy.is_some() && self.deploy.strategies.get(name).is_some_and(Choice::is_blue_green)
    }

    /// Migrations before new containers of their service, the configuration before a new proxy.
    fn prepare_hooks(&mut self) {
        for task in self.deploy.tasks {
            let run = Operation::Task(TaskOperation::Run {
                task: task.name.clone(),
                spec: Box::new(task.spec.clone()),
                timeout: task.timeout,
            });
            self.planner.before_start.push(BeforeStart {
                service: task.spec.service_name.clone(),
                cause: "it comes before the new containers of its service",
                operations: Box::new(move |_| (run.clone(), None)),
            });
        }
        if let Some(proxy) = self.deploy.proxy {
            let write = self.write_in_place(proxy);
            self.planner.before_start.push(write);
        }
    }

    fn say_maintenance(&mut self) {
        if self.observed.proxy.as_ref().is_some_and(|proxy| proxy.maintenance) {
            let warning = "the maintenance page is on: clients get 503 until `aictl deploy --maintenance off`";
            self.planner.plan.warnings.push(warning.to_owned());
        }
    }

    /// The new container of a blue-green service always starts first, and its failure always ends the deploy.
    fn say_unused_order(&mut self, name: &str, service: &Service) {
        let rolling = self.deploy.wanted.options.rolling;
        let Some(config) = rolling_config(rolling, service) else { return };
        let key = rolling.key();
        let unused = [
            ("order", config.order == "stop-first"),
            ("failure_action", !matches!(config.failure_action.as_str(), "" | "rollback")),
            ("max_failure_ratio", config.max_failure_ratio.0 > 0.0),
        ];
        for (setting, _) in unused.into_iter().filter(|(_, set)| *set) {
            let warning = format!("{key}.{setting} of {name} has no effect: {name} is deployed blue-green");
            self.planner.plan.warnings.push(warning);
        }
    }

    /// A port that moves to the proxy has to be let go of first.
    fn say_handovers(&mut self) {
        for handover in &self.planner.handed_over {
            let holder = self.observed.instances.iter().find(|found| found.id == handover.container);
            let Some(service) = holder.map(|found| found.service.clone()).filter(|name| self.is_blue_green(name))
            else {
                continue;
            };
            let takers = handover.takers.join(", ");
            let warning = format!(
                "{service} is unavailable from the time {takers} takes over its port until its new container is ready; \
                 later deploys have no such gap"
            );
            self.planner.plan.warnings.push(warning);
        }
    }

    fn say_overrides(&mut self) {
        for (name, choice) in self.deploy.strategies.iter().filter(|(_, choice)| choice.overrides) {
            let warning = format!("two containers of {name} run at the same time although {}", choice.cause);
            self.planner.plan.warnings.push(warning);
        }
    }

    /// Names that keep the images of this release for rollbacks.
    fn keep_images(&mut self) {
        let stack = self.deploy.wanted.stack;
        for (name, service) in &stack.services {
            let created = self.planner.progress.get(name).map(|progress| progress.created.clone()).unwrap_or_default();
            let made = !created.is_empty() || self.adopted.contains(name);
            if service.provider.is_some() || !(made || self.deploy.keep_all) {
                continue;
            }
            let image = service.image_or_default(&stack.name, name);
            let repository = release_repository(&stack.name, name);
            let keep = Operation::Image(ImageOperation::Tag { service: name.clone(), image, repository, tag: None });
            self.planner.plan.push(Phase::Prepare, keep, "it is kept for rollbacks", &created);
        }
    }

    /// A task without a new container of its service has nothing new to do, but nobody may think that it was run.
    fn say_tasks_left_out(&mut self) {
        if self.planner.plan.only_waits() {
            return;
        }
        for task in self.deploy.tasks {
            let service = &task.spec.service_name;
            if self.planner.before_start.iter().any(|before| before.service == *service) {
                let task = &task.name;
                let warning = format!(
                    "task `{task}` is not run: {service} gets no new container; run it with `aictl run {task}`"
                );
                self.planner.plan.warnings.push(warning);
            }
        }
    }

    /// Tags of dropped releases go with the next change, unless this release has the same image again or may turn out to have.
    fn forget_images(&mut self) {
        if self.planner.plan.only_waits() {
            return;
        }
        let stack = self.deploy.wanted.stack;
        let mut used = BTreeSet::new();
        for (name, service) in &stack.services {
            let image = service.image_or_default(&stack.name, name);
            let repository = release_repository(&stack.name, name);
            if self.observed.pending_images.contains(&image) {
                used.extend(self.deploy.forget.iter().filter(|tag| split(tag).0 == repository).cloned());
            } else if let Some(found) = self.observed.images.get(&image) {
                used.insert(format!("{repository}:{}", release_tag(&found.id)));
            }
        }
        let there = |image: &&String| self.observed.images.contains_key(*image) && !used.contains(*image);
        for image in self.deploy.forget.iter().filter(there) {
            let remove = Operation::Image(ImageOperation::Remove { image: image.clone() });
            self.planner.plan.push(Phase::Retire, remove, "its release was removed", &[]);
        }
    }
}
