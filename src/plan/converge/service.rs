//! One service of a convergence: which containers stay, which are replaced, created, started or retired.
//! Reads its containers as found and the steps of its dependencies; pushes steps.
//! Never looks at other services' containers, except to ask whether they will start.

use super::planner::{Named, Planner, Progress};
use super::rolling::Turns;
use super::spec::{Namespaces, Slot, container_spec, namespace_parents};
use crate::compose::model::{Condition, Service};
use crate::plan::{
    ContainerOperation, ContainerSpec, Health, InstanceState, ObservedInstance, Operation, Phase, Readiness, StartTurn,
    StepId, labels,
};

impl<'a> Planner<'a> {
    /// Plans one selected service.
    pub(in crate::plan) fn service(&mut self, name: &str, declared: &Service) {
        if declared.provider.is_some() {
            return;
        }
        let container_of = |parent: &str| self.progress.get(parent).and_then(|p| p.containers.first().cloned());
        let service = &Namespaces::resolve(declared, container_of).apply(declared);
        let parent_replaced =
            namespace_parents(declared).iter().any(|p| self.progress.get(*p).is_some_and(|p| p.replaced));
        self.progress.insert(name.to_owned(), Progress::default());

        let (standing, freed) = self.settle(name, service);
        let standing = self.scale_down((name, service), standing);
        let mut turns = Turns::of(self.wanted.options.rolling, service);
        let mut replaced = 0;
        for container in &standing {
            let cause = if parent_replaced {
                Some("the container whose namespace it shares is replaced".to_owned())
            } else {
                self.obsolete(name, service, container)
            };
            match cause {
                Some(cause) => {
                    replaced += 1;
                    self.replace((name, service), (container, &cause), &mut turns);
                }
                None => self.keep((name, service), container),
            }
        }
        if replaced > 1 {
            self.say_all_at_once(name, service);
        }
        self.fill_up((name, service), &standing, &freed);
    }

    /// Sorts out what interrupted replacements and renewed networks left: which container has each number, which handed over.
    fn settle(&mut self, name: &str, service: &Service) -> (Vec<&'a ObservedInstance>, Vec<&'a ObservedInstance>) {
        let mut found = self.containers_of(name);
        let freed: Vec<_> = found.iter().copied().filter(|c| self.loses_network(c)).collect();
        found.retain(|c| !self.loses_network(c));
        let project = &self.wanted.stack.name;
        found.sort_by_key(|c| {
            (c.number, !c.state.is_up(), c.name != service.container_name(project, name, c.number), c.name.clone())
        });
        let mut standing: Vec<&ObservedInstance> = Vec::new();
        for container in found {
            if standing.last().is_some_and(|last| last.number == container.number) {
                self.remove_leftover(container);
            } else {
                standing.push(container);
            }
        }
        (standing, freed)
    }

    fn loses_network(&self, container: &ObservedInstance) -> bool {
        container.docker.networks.keys().any(|n| self.renewed_networks.contains(n))
    }

    pub(in crate::plan) fn remove_leftover(&mut self, container: &ObservedInstance) {
        let (service, id) = (container.service.clone(), container.id.clone());
        let remove =
            Operation::Container(ContainerOperation::Remove { service, container: id, volumes: false, force: true });
        let step = self.plan.push(Phase::Prepare, remove, "left over from an interrupted replacement", &[]);
        self.entry(&container.service).cleared.push(step);
    }

    /// Retires what is beyond the scale, obsolete containers first, then the highest numbers.
    fn scale_down(&mut self, named: Named<'_>, mut standing: Vec<&'a ObservedInstance>) -> Vec<&'a ObservedInstance> {
        let (name, service) = named;
        let wanted = service.scale() as usize;
        while standing.len() > wanted {
            let obsolete = standing.iter().rposition(|c| self.obsolete(name, service, c).is_some());
            let surplus = standing.remove(obsolete.unwrap_or(standing.len() - 1));
            self.retire(surplus, &format!("{name} is scaled to {wanted}"), &[]);
        }
        standing
    }

    /// A container that stays.
    pub(in crate::plan) fn keep(&mut self, named: Named<'_>, container: &ObservedInstance) {
        self.restore_name(named, container);
        if self.wanted.options.create_only {
            return self.note_kept(named.0, container);
        }
        match container.state {
            InstanceState::Running | InstanceState::Restarting => self.keep_running(named, container),
            InstanceState::Paused => {
                let (service, id) = (named.0.to_owned(), container.id.clone());
                let unpause = Operation::Container(ContainerOperation::Unpause { service, container: id });
                let unpaused = self.plan.push(Phase::Switch, unpause, "it is paused", &[]);
                self.note_kept(named.0, container);
                self.await_kept_container(named, container, Some(("it was unpaused", unpaused)));
            }
            InstanceState::Exited if container.exit_code == Some(0) && self.is_done(named.0) => {
                self.note_kept(named.0, container);
            }
            state => {
                let cause = match container.exit_code {
                    Some(code) if state == InstanceState::Exited => {
                        format!("it is not running, it exited with {code}")
                    }
                    _ => format!("it is {}", state.word()),
                };
                self.start(named, &container.id, &cause, &[]);
                self.note_container(named.0, container.id.clone());
            }
        }
    }

    /// A replacement that was cut off before its last step still has its temporary name.
    fn restore_name(&mut self, named: Named<'_>, container: &ObservedInstance) {
        let canonical = named.1.container_name(&self.wanted.stack.name, named.0, container.number);
        if container.name == canonical || !container.labels.contains_key(labels::REPLACE) {
            return;
        }
        let (service, id) = (named.0.to_owned(), container.id.clone());
        let rename = Operation::Container(ContainerOperation::Rename { service, container: id, name: canonical });
        let after: Vec<StepId> = self.plan.last_step().into_iter().collect();
        self.plan.push(Phase::Retire, rename, "its replacement was interrupted before the last step", &after);
    }

    fn keep_running(&mut self, named: Named<'_>, container: &ObservedInstance) {
        let (name, service) = named;
        if let Some(cause) = self.restart_cause(named, container) {
            let gates = self.gates(service);
            let (service_name, id) = (name.to_owned(), container.id.clone());
            let timeout = self.wanted.options.stop_timeout;
            let restart = Operation::Container(ContainerOperation::Restart {
                service: service_name,
                container: id.clone(),
                timeout,
            });
            let step = self.plan.push(Phase::Switch, restart, cause, &gates);
            self.note_container(name, id.clone());
            return self.after_start(named, &id, step);
        }
        self.note_kept(name, container);
        self.await_kept_container(named, container, None);
    }

    /// Waits for a kept container that is not healthy yet or was restarted by the engine.
    fn await_kept_container(
        &mut self,
        named: Named<'_>,
        container: &ObservedInstance,
        unpaused: Option<(&str, StepId)>,
    ) {
        let readiness = self.readiness(named.0, named.1);
        let checked = readiness == Readiness::Healthy && container.health != Health::None;
        let cause = match (unpaused, container.state) {
            (Some((cause, _)), _) => cause,
            (_, InstanceState::Restarting) => "it is restarting",
            _ if checked && container.health != Health::Healthy => "it is not healthy yet",
            _ if !checked && readiness != Readiness::Completed && container.restarts > 0 => {
                "it was restarted by the engine"
            }
            _ => return,
        };
        if self.wanted.options.wait {
            let after: Vec<StepId> = unpaused.into_iter().map(|(_, step)| step).collect();
            let wait = self.await_kept_ready(named, container);
            let step = self.plan.push(Phase::Switch, wait, cause, &after);
            self.entry(named.0).ready.push(step);
        }
    }

    /// A finished one-shot is run again only when something that waits for it starts.
    fn is_done(&self, name: &str) -> bool {
        let stack = self.wanted.stack;
        let waits = |s: &Service| {
            s.depends_on.get(name).is_some_and(|d| d.condition == Condition::ServiceCompletedSuccessfully)
        };
        let mut dependents = stack.services.iter().filter(|(n, s)| self.wanted.is_selected(n) && waits(s)).peekable();
        let some = dependents.peek().is_some();
        some && dependents.all(|(n, s)| {
            let standing = self.containers_of(n);
            let shares = !namespace_parents(s).is_empty();
            let stays = |c: &&ObservedInstance| {
                // One that is only replaced because that was asked for starts on the same work as before.
                c.state == InstanceState::Running && (shares || self.stays_or_is_asked_for(n, s, c))
            };
            standing.len() == s.scale() as usize && standing.iter().all(stays)
        })
    }

    fn stays_or_is_asked_for(&self, name: &str, service: &Service, container: &ObservedInstance) -> bool {
        let whole = self.wanted.options.named.is_empty();
        let cause =
            if whole { self.obsolete(name, service, container) } else { self.changed(name, service, container) };
        cause.is_none()
    }

    /// Containers for the missing numbers.
    fn fill_up(&mut self, named: Named<'_>, standing: &[&ObservedInstance], freed: &[&'a ObservedInstance]) {
        let (name, service) = named;
        let taken = |n: u32| standing.iter().any(|c| c.number == n);
        let missing = (service.scale() as usize).saturating_sub(standing.len());
        for number in (1..).filter(|n| !taken(*n)).take(missing) {
            let replaces = freed.iter().copied().find(|c| c.number == number);
            let slot = Slot { service: name, number, replaces, temporary_name: false, image_id: None };
            let spec = self.spec(service, slot);
            let container = spec.name.clone();
            let cause = if replaces.is_some() { "its network is recreated" } else { "it does not exist" };
            let created = self.create(name, spec, cause);
            self.note_container(name, container.clone());
            if !self.wanted.options.create_only {
                let started = self.start(named, &container, "it was created", &[created]);
                self.void_undo(created, Some(started));
            } else {
                self.void_undo(created, None);
            }
        }
    }

    pub(in crate::plan) fn spec(&self, service: &Service, slot: Slot<'_>) -> ContainerSpec {
        let image = service.image_or_default(&self.wanted.stack.name, slot.service);
        let slot = Slot { image_id: self.observed.image_id(&image), ..slot };
        let mut spec = container_spec(self.wanted, service, slot);
        if self.wanted.options.release {
            spec.labels.insert(labels::RELEASE.to_owned(), labels::PENDING_RELEASE.to_owned());
        }
        spec
    }

    pub(in crate::plan) fn create(&mut self, name: &str, spec: ContainerSpec, cause: &str) -> StepId {
        let mut after: Vec<StepId> =
            spec.networks.iter().filter_map(|n| self.resources.get(&n.network)).copied().collect();
        // `volume_names` holds every volume of the stack; only those it mounts are its business.
        let mounted = spec.service.volumes.iter().filter_map(|v| spec.volume_names.get(&v.source));
        after.extend(mounted.filter_map(|v| self.resources.get(v)));
        after.extend(self.entry(name).cleared.clone());
        let parents = self.wanted.stack.services.get(name).map(|s| s.depends_on.keys()).into_iter().flatten();
        let shares = spec.network_mode.is_some() || spec.ipc.is_some() || spec.pid.is_some();
        // The engine resolves a link when the container is created.
        if shares || !spec.volumes_from.is_empty() || !spec.service.links.is_empty() {
            after.extend(parents.filter_map(|p| self.progress.get(p)).flat_map(|p| p.created.iter().copied()));
        }
        let undo = Operation::Container(ContainerOperation::Remove {
            service: name.to_owned(),
            container: spec.name.clone(),
            // Inherited anonymous volumes hold the old container's data.
            volumes: spec.inherited_volumes.is_empty(),
            force: true,
        });
        let step = self.plan.push(
            Phase::Prepare,
            Operation::Container(ContainerOperation::Create(Box::new(spec))),
            cause,
            &after,
        );
        self.plan.on_failure(step, undo, &[]);
        self.entry(name).created.push(step);
        step
    }

    /// Once the container was started, neither it nor the networks and volumes it uses are undone.
    pub(super) fn void_undo(&mut self, created: StepId, started: Option<StepId>) {
        let Some(create) = self.plan.steps.get(created.0) else { return };
        let mut uses = create.after.clone();
        uses.push(created);
        let unless = started.unwrap_or(created);
        for step in uses {
            if let Some(step) = self.plan.steps.get_mut(step.0)
                && !step.undo.is_empty()
            {
                step.undo_unless.push(unless);
            }
        }
    }

    pub(super) fn start(&mut self, named: Named<'_>, container: &str, cause: &str, after: &[StepId]) -> StepId {
        let mut after = after.to_vec();
        after.extend(self.gates(named.1));
        after.extend(self.handovers_to(named.0));
        let after = self.push_before_start(named.0, container, &after);
        let start = Operation::Container(ContainerOperation::Start {
            service: named.0.to_owned(),
            container: container.to_owned(),
            turn: start_turn(named.1),
        });
        let step = self.plan.push(Phase::Switch, start, cause, &after);
        self.handover_done(named.0, step);
        self.after_start(named, container, step);
        step
    }

    /// Hooks and the wait that follow a start.
    fn after_start(&mut self, named: Named<'_>, container: &str, started: StepId) {
        let (name, service) = named;
        let mut last = started;
        for hook in &service.post_start {
            let operation = crate::plan::teardown::hook(name, container, hook);
            last = self.plan.push(Phase::Switch, operation, "it was started", &[last]);
        }
        let wait = self.is_awaited(name).then(|| self.await_ready(named, container));
        let ready = wait.map(|wait| self.plan.push(Phase::Switch, wait, "it was started", &[last]));
        let entry = self.entry(name);
        entry.touched = true;
        entry.started.push(last);
        entry.ready.extend(ready);
    }

    pub(in crate::plan) fn entry(&mut self, name: &str) -> &mut Progress {
        self.progress.entry(name.to_owned()).or_default()
    }

    pub(in crate::plan) fn note_container(&mut self, name: &str, container: String) {
        self.entry(name).containers.push(container);
    }

    fn note_kept(&mut self, name: &str, container: &ObservedInstance) {
        let entry = self.entry(name);
        entry.containers.push(container.id.clone());
        entry.kept.push(container.clone());
    }
}

/// How long starting the service keeps other starts waiting.
pub(in crate::plan) fn start_turn(service: &Service) -> StartTurn {
    let mut published = service.ports.iter().map(|p| p.published.as_str());
    let picks = published.any(|p| p.is_empty() || p == "0" || p.contains('-'));
    match service.network_mode.as_str() {
        "none" | "host" => StartTurn::Free,
        mode if mode.starts_with("container:") || mode.starts_with("service:") => StartTurn::Free,
        _ if picks => StartTurn::UntilStarted,
        _ => StartTurn::UntilConnected(service.networks.len().max(1)),
    }
}
