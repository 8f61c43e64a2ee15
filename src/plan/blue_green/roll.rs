//! One blue-green service: which side serves after the deploy, and the container made for it.

use std::time::Duration;

use super::deploy::OtherSide;
use super::deployment::{Deployment, Roll};
use crate::compose::model::Service;
use crate::plan::converge::service::start_turn;
use crate::plan::converge::{Namespaces, Slot};
use crate::plan::{
    ContainerOperation, Health, InstanceState, ObservedInstance, Operation, Phase, ProxyOperation, StepId, teardown,
};
use crate::release::Side;

/// How long a container may take to stop where nothing else is declared, as on the engine.
const STOP_GRACE: Duration = Duration::from_secs(10);

/// The containers of a service by what the plan does with them.
struct Found {
    active: Option<ObservedInstance>,
    other: Option<ObservedInstance>,
    surplus: Vec<ObservedInstance>,
}

impl Deployment<'_> {
    /// Plans the side that serves after the deploy.
    pub(super) fn roll(&mut self, name: &str, declared: &Service) {
        let container_of = |parent: &str| self.planner.progress.get(parent).and_then(|p| p.containers.first().cloned());
        let service = &Namespaces::resolve(declared, container_of).apply(declared);
        self.planner.progress.insert(name.to_owned(), Default::default());
        let side = if self.serving.contains(name) { Side::Green } else { Side::Blue };
        let Found { active, other, surplus } = self.found(name, side);
        let fresh = |c: &ObservedInstance| self.planner.obsolete(name, service, c).is_none();
        if let Some(active) = active.as_ref().filter(|c| fresh(c)) {
            self.planner.keep((name, service), active);
            let left = other.into_iter().chain(surplus);
            let (old, cause) = match self.deploy.other_side {
                OtherSide::Remove => (left.map(|c| (false, c)).collect(), "left over from an interrupted deploy"),
                OtherSide::Keep => {
                    left.for_each(|c| self.planner.keep((name, service), &c));
                    (Vec::new(), "")
                }
                OtherSide::Judge { .. } => (left.map(|c| (c.state.is_up(), c)).collect(), "it was replaced"),
            };
            let (service, container) = (name.to_owned(), active.id.clone());
            let ready = self.planner.entry(name).ready.clone();
            let cause = cause.to_owned();
            self.rolls.push(Roll { service, container, side, switches: false, ready, old, cause });
            return;
        }
        let serves = active.as_ref().is_some_and(|c| c.state.is_up());
        let adopted = other.as_ref().filter(|c| fresh(c) && c.state == InstanceState::Running && is_sound(c)).cloned();
        if let Some(adopted) = adopted {
            let ready = self.adopt((name, service), &adopted);
            self.adopted.insert(name.to_owned());
            let old = active.into_iter().map(|c| (serves, c)).chain(surplus.into_iter().map(|c| (false, c))).collect();
            let (service, container) = (name.to_owned(), adopted.id);
            let cause = "it was replaced".to_owned();
            self.rolls.push(Roll { service, container, side: side.other(), switches: true, ready, old, cause });
            return;
        }
        self.replace_side((name, service), side, Found { active, other, surplus });
    }

    /// A new container on the other side; where nothing serves there is nothing to switch from.
    fn replace_side(&mut self, named: (&str, &Service), side: Side, found: Found) {
        let Found { active, other, surplus } = found;
        let (name, service) = named;
        let cause = match &active {
            Some(active) => self.planner.obsolete(name, service, active).unwrap_or_default(),
            None => "it does not exist".to_owned(),
        };
        let serves = active.as_ref().is_some_and(|c| c.state.is_up());
        let to = if active.is_some() { side.other() } else { side };
        for leftover in other.iter().chain(&surplus).filter(|c| Side::of_number(c.number) == to) {
            self.planner.remove_leftover(leftover);
        }
        let staying = other.into_iter().chain(surplus).filter(|c| Side::of_number(c.number) != to);
        let old = active.into_iter().map(|c| (serves, c)).chain(staying.map(|c| (false, c))).collect();
        let (container, ready) = self.new_side(named, to, &cause);
        let (service, cause) = (name.to_owned(), "it was replaced".to_owned());
        self.rolls.push(Roll { service, container, side: to, switches: to != side, ready, old, cause });
    }

    /// The first container of each side; those that run come first.
    fn found(&self, name: &str, side: Side) -> Found {
        let mut all: Vec<ObservedInstance> = self.planner.containers_of(name).into_iter().cloned().collect();
        all.sort_by_key(|c| (!c.state.is_up(), c.number));
        let mut take = |wanted: Side| {
            let at = all.iter().position(|c| Side::of_number(c.number) == wanted)?;
            Some(all.remove(at))
        };
        let (active, other) = (take(side), take(side.other()));
        Found { active, other, surplus: all }
    }

    /// A container that an interrupted deploy left complete.
    fn adopt(&mut self, named: (&str, &Service), container: &ObservedInstance) -> Vec<StepId> {
        let gates = self.planner.gates(named.1);
        let wait = self.planner.await_kept_ready(named, container);
        let ready = self.planner.plan.push(Phase::Prepare, wait, "an interrupted deploy left it", &gates);
        let entry = self.planner.entry(named.0);
        entry.ready.push(ready);
        entry.started.push(ready);
        entry.containers.push(container.id.clone());
        vec![ready]
    }

    /// A new container beside whatever serves, started and ready.
    fn new_side(&mut self, named: (&str, &Service), side: Side, cause: &str) -> (String, Vec<StepId>) {
        let (name, service) = named;
        let slot = Slot { service: name, number: side.number(), replaces: None, temporary_name: false, image_id: None };
        let spec = self.planner.spec(service, slot);
        let container = spec.name.clone();
        let created = self.planner.create(name, spec, cause);
        let mut after = vec![created];
        after.extend(self.planner.gates(service));
        after.extend(self.planner.handovers_to(name));
        let after = self.planner.push_before_start(name, &container, &after);
        let start = Operation::Container(ContainerOperation::Start {
            service: name.to_owned(),
            container: container.clone(),
            turn: start_turn(service),
        });
        let plan = &mut self.planner.plan;
        let mut last = plan.push(Phase::Prepare, start, cause, &after);
        for hook in &service.post_start {
            last = plan.push(Phase::Prepare, teardown::hook(name, &container, hook), "it was started", &[last]);
        }
        let started = last;
        let wait = self.planner.await_ready(named, &container);
        let ready = self.planner.plan.push(Phase::Prepare, wait, "it was started", &[last]);
        self.planner.handover_done(name, ready);
        let entry = self.planner.entry(name);
        entry.started.push(started);
        entry.ready.push(ready);
        self.planner.note_container(name, container.clone());
        (container, vec![ready])
    }

    /// Waits for the connections of the old sides. Until all have ended, the new sides must serve; else requests are
    /// switched back.
    pub(super) fn drain_old_sides(&mut self) {
        let Some(proxy) = self.proxy_container() else { return };
        let before = self.all_so_far();
        for roll in self.rolls.clone() {
            for (_, old) in roll.old.iter().filter(|(serves, _)| *serves) {
                let drain = Operation::Proxy(ProxyOperation::Drain {
                    service: roll.service.clone(),
                    proxy: proxy.clone(),
                    container: old.id.clone(),
                    serving: Some(roll.container.clone()),
                    timeout: self.deploy.drain,
                });
                self.planner.plan.push(Phase::Switch, drain, "its connections may end by themselves", &before);
            }
        }
    }

    /// Stops and removes what the switch left behind.
    pub(super) fn retire_old_sides(&mut self) {
        for roll in std::mem::take(&mut self.rolls) {
            for (_, old) in &roll.old {
                self.retire_side(&roll, old);
            }
        }
    }

    fn retire_side(&mut self, roll: &Roll, old: &ObservedInstance) {
        let declared = self.deploy.wanted.stack.services.get(&roll.service).cloned().unwrap_or_default();
        let (service, container) = (roll.service.clone(), old.id.clone());
        let mut after: Vec<StepId> = self.planner.handed_over(&old.id).into_iter().collect();
        let (plan, drain) = (&mut self.planner.plan, self.deploy.drain);
        if old.state.is_up() && after.is_empty() {
            for hook in &declared.pre_stop {
                let hook = teardown::hook(&service, &container, hook);
                after = vec![plan.push(Phase::Retire, hook, "it is about to be stopped", &after)];
            }
            let timeout = Some(declared.stop_grace_period.map_or(STOP_GRACE, |d| d.to_std()).max(drain));
            let (service, container) = (service.clone(), container.clone());
            let stop = Operation::Container(ContainerOperation::Stop { service, container, timeout });
            after = vec![plan.push(Phase::Retire, stop, &*roll.cause, &after)];
        }
        let remove =
            Operation::Container(ContainerOperation::Remove { service, container, volumes: true, force: true });
        plan.push(Phase::Retire, remove, &*roll.cause, &after);
    }
}

fn is_sound(container: &ObservedInstance) -> bool {
    container.health != Health::Unhealthy && container.restarts == 0
}
