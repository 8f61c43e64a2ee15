//! Stopping, removing and restarting: plans over what was found, in the order of dependencies.
//! Reads an `Observed`, a stack when there is one (else the labels of the containers), and what is wanted gone.
//! Never removes a volume that was not named.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use super::converge::namespace_parents;
use super::order::{Dependencies, dependencies, sorted, transitive};
use super::{
    ContainerOperation, ImageOperation, MANAGED_PROXY, MANAGED_PROXY_VOLUME, NetworkOperation, Observed,
    ObservedInstance, ObservedVolume, Operation, Phase, Plan, PlanError, Readiness, StartTurn, StepId, VolumeOperation,
    WaitOperation, labels,
};
use crate::compose::model::{Dependency, Service, ServiceHook, Stack};

/// A lifecycle hook may run this long.
const HOOK_PATIENCE: Duration = Duration::from_secs(300);

/// What is to be stopped, and what is to be removed with it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TeardownOptions {
    /// Only these services; all when empty.
    pub services: BTreeSet<String>,
    /// Remove the containers, and the networks when no service was named.
    pub remove: bool,
    /// Remove the volumes the files declare, and anonymous ones.
    pub volumes: bool,
    /// Also containers of services the files do not have.
    pub orphans: bool,
    /// Images to remove afterwards.
    pub images: Vec<String>,
    /// Tags that keep images of releases; those that are there go with the volumes.
    pub release_tags: BTreeSet<String>,
    /// Seconds between stop signal and kill, instead of the container's own.
    pub timeout: Option<Duration>,
}

/// A hook as an operation.
pub fn hook(service: &str, container: &str, hook: &ServiceHook) -> Operation {
    Operation::Container(ContainerOperation::RunHook {
        service: service.to_owned(),
        container: container.to_owned(),
        hook: Box::new(hook.clone()),
        timeout: HOOK_PATIENCE,
    })
}

/// The dependencies of what was found: the stack's where it knows the service, else the labels'.
fn observed_dependencies(observed: &Observed, stack: Option<&Stack>) -> Dependencies {
    let mut all: Dependencies = stack.map(dependencies).unwrap_or_default();
    for container in &observed.instances {
        let known = all.contains_key(&container.service);
        let entry = all.entry(container.service.clone()).or_default();
        if !known && let Some(label) = container.labels.get(labels::DEPENDS_ON) {
            let names = label.split(',').filter_map(|d| d.split(':').next()).filter(|n| !n.is_empty());
            entry.extend(names.map(str::to_owned));
        }
    }
    all
}

/// The services of a project as the labels of its containers have them: names and what they depend on.
pub fn stack_of_labels(observed: &Observed, project: &str) -> Stack {
    let mut stack = Stack { name: project.to_owned(), ..Default::default() };
    for container in observed.instances.iter().filter(|container| !container.one_off) {
        stack.services.entry(container.service.clone()).or_default();
    }
    for (name, wanted) in observed_dependencies(observed, None) {
        let known = wanted.into_iter().filter(|wanted| stack.services.contains_key(wanted));
        let dependency = || Dependency { required: true, ..Default::default() };
        let depends_on: Vec<_> = known.map(|wanted| (wanted, dependency())).collect();
        if let Some(service) = stack.services.get_mut(&name) {
            service.depends_on.extend(depends_on);
        }
    }
    stack
}

/// The order containers are stopped in, and a cycle among old labels is no reason not to stop.
fn service_order(dependencies: &Dependencies) -> Vec<String> {
    sorted(dependencies).unwrap_or_else(|_| dependencies.keys().cloned().collect())
}

/// Stops (and removes) dependents before what they depend on. What they used is cleared away afterwards.
pub fn plan_teardown(observed: &Observed, stack: Option<&Stack>, options: &TeardownOptions) -> Plan {
    let project = stack.map(|s| s.name.clone()).unwrap_or_default();
    let plan = Plan { project, names: observed.names(), ..Default::default() };
    let mut teardown = Teardown { plan, stack, options };
    let dependencies = transitive(&observed_dependencies(observed, stack));
    let mut stopped: BTreeMap<String, Vec<StepId>> = BTreeMap::new();
    for name in service_order(&dependencies).iter().rev() {
        let dependents = dependencies.iter().filter(|(_, d)| d.contains(name)).map(|(n, _)| n);
        let after: Vec<StepId> = dependents.filter_map(|n| stopped.get(n)).flatten().copied().collect();
        let containers = observed.instances.iter().filter(|c| &c.service == name && wanted(c, stack, options));
        for steps in containers.map(|c| teardown.take_down(c, &after)) {
            stopped.entry(name.clone()).or_default().extend(steps);
        }
    }
    teardown.plan
}

/// What goes after the containers are gone: networks of the project, then volumes and images when asked for. With
/// services named, only their containers go.
pub fn plan_clearing(observed: &Observed, stack: Option<&Stack>, options: &TeardownOptions) -> Plan {
    let mut plan = Plan { names: observed.names(), ..Default::default() };
    if !options.remove || !options.services.is_empty() {
        return plan;
    }
    let ours = |labels: &BTreeMap<String, String>| labels.contains_key(labels::PROJECT);
    // Whoever stays needs its network, whoever made it.
    let staying: Vec<_> = observed.instances.iter().filter(|c| !wanted(c, stack, options)).collect();
    let used = |name: &String| staying.iter().any(|c| c.state.is_up() && c.docker.networks.contains_key(name));
    for network in observed.networks.iter().filter(|n| ours(&n.labels) && !used(&n.name)) {
        let remove =
            Operation::Network(NetworkOperation::Remove { id: network.id.clone(), name: network.name.clone() });
        plan.push(Phase::Switch, remove, "removal requested", &[]);
    }
    if options.volumes {
        clear_volumes(&mut plan, observed, stack);
        for image in options.release_tags.iter().filter(|tag| observed.images.contains_key(*tag)) {
            let remove = Operation::Image(ImageOperation::Remove { image: image.clone() });
            plan.push(Phase::Retire, remove, "its release was removed", &[]);
        }
    }
    for image in &options.images {
        plan.push(
            Phase::Retire,
            Operation::Image(ImageOperation::Remove { image: image.clone() }),
            "removal requested",
            &[],
        );
    }
    plan
}

/// Removes the volumes that the stack declares, and those that aictl made for it.
fn clear_volumes(plan: &mut Plan, observed: &Observed, stack: Option<&Stack>) {
    let ours = |labels: &BTreeMap<String, String>| labels.contains_key(labels::PROJECT);
    let declared = |name: &str| stack.is_none_or(|s| s.volumes.values().any(|v| !v.external && v.name == name));
    let managed = observed.instances.iter().any(|c| c.service == MANAGED_PROXY);
    let of_proxy = |labels: &BTreeMap<String, String>| {
        managed && labels.get(labels::VOLUME).is_some_and(|key| key == MANAGED_PROXY_VOLUME)
    };
    let of_wal = |labels: &BTreeMap<String, String>| {
        labels.get(labels::VOLUME).is_some_and(|key| key.ends_with(labels::WAL_VOLUME))
    };
    let of_aictl = |labels: &BTreeMap<String, String>| of_proxy(labels) || of_wal(labels);
    let goes = |v: &&ObservedVolume| ours(&v.labels) && (declared(&v.name) || of_aictl(&v.labels));
    for volume in observed.volumes.iter().filter(goes) {
        let remove = Operation::Volume(VolumeOperation::Remove { name: volume.name.clone() });
        plan.push(Phase::Switch, remove, "removal of volumes requested", &[]);
    }
}

fn wanted(container: &ObservedInstance, stack: Option<&Stack>, options: &TeardownOptions) -> bool {
    let known = stack.is_none_or(|s| {
        s.services.contains_key(&container.service)
            || s.disabled_services.contains_key(&container.service)
            // Of aictl, whether or not the project file still asks for it.
            || container.service == MANAGED_PROXY
    });
    let orphan = !known && options.orphans;
    if !options.services.is_empty() {
        return (options.services.contains(&container.service) && !container.one_off) || orphan;
    }
    known || orphan
}

/// The plan under way and what it follows from.
struct Teardown<'a> {
    plan: Plan,
    stack: Option<&'a Stack>,
    options: &'a TeardownOptions,
}

impl Teardown<'_> {
    /// Stops one container after its hooks, and removes it when asked for. What it depends on may stop after the steps
    /// returned.
    fn take_down(&mut self, container: &ObservedInstance, after: &[StepId]) -> Vec<StepId> {
        let (plan, options) = (&mut self.plan, self.options);
        let (service, id) = (container.service.clone(), container.id.clone());
        let mut last = after.to_vec();
        if container.state.is_up() {
            let hooks =
                self.stack.and_then(|s| s.services.get(&service)).map(|s| s.pre_stop.clone()).unwrap_or_default();
            for one in &hooks {
                let step = plan.push(Phase::Switch, hook(&service, &id, one), "it is about to be stopped", &last);
                plan.tolerate(step);
                last = vec![step];
            }
            let stop = Operation::Container(ContainerOperation::Stop {
                service: service.clone(),
                container: id.clone(),
                timeout: options.timeout,
            });
            last = vec![plan.push(Phase::Switch, stop, "stopping requested", &last)];
        }
        if options.remove {
            let remove = Operation::Container(ContainerOperation::Remove {
                service,
                container: id,
                volumes: options.volumes,
                force: true,
            });
            plan.push(Phase::Switch, remove, "removal requested", &last);
        }
        last
    }

    /// Starts one container again, runs its hooks and waits for it.
    fn start_again(
        &mut self,
        container: &ObservedInstance,
        (readiness, timeout): (Readiness, Duration),
        after: &[StepId],
    ) -> StepId {
        let (service, id) = (container.service.clone(), container.id.clone());
        let start = Operation::Container(ContainerOperation::Start {
            service: service.clone(),
            container: id.clone(),
            turn: StartTurn::UntilStarted,
        });
        let mut last = self.plan.push(Phase::Switch, start, "restart requested", after);
        let known = self.stack.and_then(|s| s.services.get(&service));
        for one in known.map(|s| s.post_start.as_slice()).unwrap_or_default() {
            last = self.plan.push(Phase::Switch, hook(&service, &id, one), "it was started", &[last]);
        }
        let monitor = Duration::ZERO;
        let wait =
            Operation::Wait(WaitOperation::Ready { service, container: id, readiness, timeout, restarts: 0, monitor });
        self.plan.push(Phase::Switch, wait, "it was restarted", &[last])
    }
}

/// The named services and those that cannot go on while they restart: running ones that share a namespace of theirs, or
/// depend on them with `restart: true`.
fn drawn_in(observed: &Observed, stack: &Stack, named: &BTreeSet<String>) -> BTreeSet<String> {
    let mut drawn = named.clone();
    let runs = |name: &str| observed.instances.iter().any(|c| c.service == name && !c.one_off && c.state.is_up());
    loop {
        let follows = |(name, service): &(&String, &Service)| {
            let shares = namespace_parents(service).into_iter().any(|parent| drawn.contains(parent));
            let depends = service.depends_on.iter().any(|(dependency, d)| d.restart && drawn.contains(dependency));
            !drawn.contains(*name) && (shares || depends) && runs(name)
        };
        let Some((name, _)) = stack.services.iter().find(follows) else { return drawn };
        drawn.insert(name.clone());
    }
}

/// Restarts services in the order of their dependencies: dependents stop first and start last, each start waits until
/// what it depends on is ready again. Compose restarts all at once.
pub fn plan_restart(
    observed: &Observed,
    stack: &Stack,
    options: &TeardownOptions,
    readiness: &dyn Fn(&str) -> (Readiness, Duration),
) -> Result<Plan, PlanError> {
    let plan = Plan { project: stack.name.clone(), names: observed.names(), ..Default::default() };
    let only_stop = TeardownOptions { remove: false, ..options.clone() };
    let mut teardown = Teardown { plan, stack: Some(stack), options: &only_stop };
    let dependencies = transitive(&dependencies(stack));
    let order = sorted(&dependencies)?;
    let with = drawn_in(observed, stack, &options.services);
    let chosen = |name: &str| options.services.is_empty() || with.contains(name);
    let containers = |name: &str| {
        let name = name.to_owned();
        observed.instances.iter().filter(move |c| c.service == name && !c.one_off)
    };
    let mut stopped: BTreeMap<&str, Vec<StepId>> = BTreeMap::new();
    for name in order.iter().rev().filter(|n| chosen(n)) {
        let dependents = dependencies.iter().filter(|(_, d)| d.contains(name)).map(|(n, _)| n.as_str());
        let after: Vec<StepId> = dependents.filter_map(|n| stopped.get(n)).flatten().copied().collect();
        let steps = containers(name).flat_map(|c| teardown.take_down(c, &after)).collect();
        stopped.insert(name, steps);
    }
    let mut ready: BTreeMap<&str, Vec<StepId>> = BTreeMap::new();
    for name in order.iter().filter(|n| chosen(n)) {
        let mut after = stopped.get(name.as_str()).cloned().unwrap_or_default();
        let waits_for = dependencies.get(name).into_iter().flatten();
        after.extend(waits_for.filter_map(|d| ready.get(d.as_str())).flatten());
        let steps = containers(name).map(|c| teardown.start_again(c, readiness(name), &after)).collect();
        ready.insert(name, steps);
    }
    Ok(teardown.plan)
}
