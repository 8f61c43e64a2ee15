//! A deploy: the new side beside the old, one switch for all routes, the old side drained and removed last.
//! Reads what is wanted, the strategies and what was found; returns one plan in which nothing is removed before the switch.
//!
//! Services without a second side are converged as `start` does; what they replace comes back on a failure, too.

mod proxy;
mod roll;
mod strategy;
mod way_back;

#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

pub use strategy::{Choice, strategies};

use super::converge::Wanted;
use super::converge::after_images::{known, makes, with_changed};
use super::converge::planner::{BeforeStart, Planner};
use super::{
    ContainerSpec, Green, ImageOperation, Observed, Operation, Phase, Plan, PlanError, TaskOperation, order,
    release_repository, release_tag,
};
use roll::Roll;

/// The proxy as it is wanted.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct WantedProxy {
    /// Service.
    pub service: String,
    /// Its whole configuration.
    pub configuration: String,
    /// Value of the header that selects a side.
    pub secret: String,
    /// Port it listens on, for probes.
    pub port: u16,
    /// The path to ask for, by routed service.
    pub paths: BTreeMap<String, String>,
}

/// A task that runs before the new containers of its service.
#[derive(Debug, Clone)]
pub struct DeployTask {
    /// Name in aictl.yaml.
    pub name: String,
    /// Its container.
    pub spec: ContainerSpec,
    /// How long it may run.
    pub timeout: Option<Duration>,
}

/// Everything a deploy wants.
#[derive(Clone, Copy)]
pub struct Deploy<'a> {
    /// The stack.
    pub wanted: &'a Wanted<'a>,
    /// How each service is replaced.
    pub strategies: &'a BTreeMap<String, Choice>,
    /// The proxy, where there are routes.
    pub proxy: Option<&'a WantedProxy>,
    /// Migrations.
    pub tasks: &'a [DeployTask],
    /// Ids of images that references must lead to, by service: those of an earlier release.
    pub pins: &'a BTreeMap<String, String>,
    /// How long connections of the old side may go on.
    pub drain: Duration,
    /// Tag the images of all services, not only of new containers.
    pub keep_all: bool,
    /// Image tags of dropped releases.
    pub forget: &'a BTreeSet<String>,
}

/// The whole plan: `images`, then the deploy.
pub fn plan_deploy(deploy: &Deploy<'_>, images: Plan, observed: &Observed) -> Result<Plan, PlanError> {
    let mut images = images;
    take_back_images(&mut images, observed);
    let mut now = with_pending(&images, observed);
    pin(deploy, (&mut images, &mut now));
    let steps = Deployment::new(deploy, &now).planned()?;
    images.project.clone_from(&deploy.wanted.stack.name);
    images.then(steps);
    Ok(way_back::with_way_back(images))
}

/// A pull or build moves a name; when the deploy fails, the name goes back to the image that serves.
fn take_back_images(images: &mut Plan, observed: &Observed) {
    for step in &mut images.steps {
        let Some(before) = makes(&step.operation).and_then(|reference| known(observed, &reference)) else { continue };
        step.undo.push(retag(&before.id, &before.reference, ""));
    }
}

fn retag(id: &str, reference: &str, service: &str) -> Operation {
    let (repository, tag) = split(reference);
    let (service, image, tag) = (service.to_owned(), id.to_owned(), Some(tag));
    Operation::Image(ImageOperation::Tag { service, image, repository, tag })
}

/// `registry:5000/api:1` → (`registry:5000/api`, `1`).
fn split(reference: &str) -> (String, String) {
    match reference.rsplit_once(':') {
        Some((repository, tag)) if !tag.contains('/') => (repository.to_owned(), tag.to_owned()),
        _ => (reference.to_owned(), "latest".to_owned()),
    }
}

/// What earlier steps make counts as changed: one switch needs one set of services.
fn with_pending(images: &Plan, observed: &Observed) -> Observed {
    let pending: BTreeSet<String> = images.steps.iter().filter_map(|step| makes(&step.operation)).collect();
    let changing: Vec<_> = pending.iter().filter_map(|reference| known(observed, reference)).collect();
    let mut now = with_changed(observed, &changing);
    for reference in &pending {
        now.images.entry(reference.clone()).or_default();
    }
    now.pending_images = pending;
    now
}

/// References of an earlier release lead to its images again.
fn pin(deploy: &Deploy<'_>, (images, now): (&mut Plan, &mut Observed)) {
    let stack = &deploy.wanted.stack;
    for (name, id) in deploy.pins {
        let Some(service) = stack.services.get(name) else { continue };
        let reference = service.image_or_default(&stack.name, name);
        let before = now.images.get(&reference).map(|image| image.id.clone());
        if before.as_ref() == Some(id) || reference.contains('@') {
            continue;
        }
        let done = images.steps.iter().any(|step| step.operation == retag(id, &reference, name));
        if !done {
            let step = images.push(Phase::Prepare, retag(id, &reference, name), "the release uses this image", &[]);
            if let Some(before) = before {
                images.on_failure(step, retag(&before, &reference, name), &[]);
            }
        }
        let image = now.images.get(id).cloned().unwrap_or_default();
        now.images.insert(reference, super::ObservedImage { id: id.clone(), ..image });
    }
}

/// The deploy under construction.
struct Deployment<'a> {
    deploy: &'a Deploy<'a>,
    planner: Planner<'a>,
    observed: &'a Observed,
    rolls: Vec<Roll>,
    /// Services whose container an interrupted deploy left.
    adopted: BTreeSet<String>,
    /// Services whose requests go to the green side now.
    serving: Green,
}

impl<'a> Deployment<'a> {
    fn new(deploy: &'a Deploy<'a>, observed: &'a Observed) -> Self {
        let planner = Planner::new(deploy.wanted, observed);
        let mut serving = observed.proxy.as_ref().map(|proxy| proxy.green.clone()).unwrap_or_default();
        serving.retain(|name| deploy.strategies.get(name).is_some_and(Choice::is_blue_green));
        Self { deploy, planner, observed, rolls: Vec::new(), adopted: BTreeSet::new(), serving }
    }

    fn planned(mut self) -> Result<Plan, PlanError> {
        self.prepare_hooks();
        self.planner.networks()?;
        self.planner.volumes()?;
        self.planner.release_claims();
        let stack = self.deploy.wanted.stack;
        for name in order::sorted(&order::dependencies(stack))? {
            let Some(service) = stack.services.get(&name) else { continue };
            if !self.deploy.wanted.is_selected(&name) {
                self.planner.unselected(&name);
            } else if self.is_blue_green(&name) {
                self.roll(&name, service);
            } else {
                self.say_gap(&name);
                self.planner.service(&name, service);
            }
        }
        self.planner.orphans();
        self.keep_images();
        self.through_the_proxy();
        self.retire_old_sides();
        self.forget_images();
        self.say_overrides();
        Ok(self.planner.plan)
    }

    fn is_blue_green(&self, name: &str) -> bool {
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

    /// A service that is replaced in place does not answer for a moment.
    fn say_gap(&mut self, name: &str) {
        let routed = self.deploy.proxy.is_some_and(|proxy| proxy.paths.contains_key(name) || proxy.service == name);
        let Some(choice) = self.deploy.strategies.get(name).filter(|_| routed) else { return };
        let service = &self.deploy.wanted.stack.services[name];
        let standing = self.planner.containers_of(name);
        let goes = standing.iter().any(|c| c.state.is_up() && self.planner.obsolete(name, service, c).is_some());
        if goes {
            let warning =
                format!("{name} does not answer while it is replaced: not blue-green because {}", choice.cause);
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

    /// Tags of dropped releases go, unless this release has the same image again or may turn out to have.
    fn forget_images(&mut self) {
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
            self.planner.plan.push(Phase::Retire, remove, "its release is no longer kept", &[]);
        }
    }
}
