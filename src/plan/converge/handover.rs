//! Host ports and fixed addresses that move from one service to another: who has them lets go before the other starts.
//! Reads what the selected services claim and what was found holding it; pushes early stops.
//! Never stops a container that would stay.

use std::collections::BTreeSet;

use super::planner::{Handover, Named, Planner};
use crate::compose::model::{Service, ServicePort};
use crate::plan::{ContainerOperation, ObservedInstance, Operation, Phase, StartTurn, StepId};

/// What only one running container can have.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Claim {
    /// Address (empty for all), port and protocol of the host.
    Port(String, u16, String),
    /// Network and address on it.
    Address(String, String),
}

impl Claim {
    fn port(host: &str, port: u16, protocol: &str) -> Self {
        let every = matches!(host, "" | "0.0.0.0" | "::");
        let protocol = if protocol.is_empty() { "tcp" } else { protocol };
        Self::Port(if every { String::new() } else { host.to_owned() }, port, protocol.to_owned())
    }

    fn meets(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Port(host, port, protocol), Self::Port(other, same, alike)) => {
                (port, protocol) == (same, alike) && (host == other || host.is_empty() || other.is_empty())
            }
            _ => self == other,
        }
    }
}

fn meet(some: &BTreeSet<Claim>, others: &BTreeSet<Claim>) -> bool {
    some.iter().any(|claim| others.iter().any(|other| claim.meets(other)))
}

impl Planner<'_> {
    /// Stops containers on their way out whose ports or addresses another service takes over.
    pub(in crate::plan) fn release_claims(&mut self) {
        if self.wanted.options.create_only {
            return;
        }
        let selected = self.wanted.stack.services.iter().filter(|(name, _)| self.wanted.is_selected(name));
        let claims: Vec<(&String, BTreeSet<Claim>)> = selected.map(|(name, s)| (name, self.claimed(s))).collect();
        for holder in self.observed.instances.iter().filter(|c| c.state.is_up() && !c.one_off) {
            let held = held(holder);
            let takers = claims.iter().filter(|(name, claims)| **name != holder.service && meet(claims, &held));
            let takers: Vec<String> = takers.map(|(name, _)| (*name).clone()).collect();
            if takers.is_empty() || !self.goes(holder) {
                continue;
            }
            let service = self.wanted.stack.services.get(&holder.service).cloned().unwrap_or_default();
            let cause = format!("{} takes over its port or address", takers.join(", "));
            let step = self.stop(&(holder.service.as_str(), &service), holder, &cause, &[]);
            let back = Operation::Container(ContainerOperation::Start {
                service: holder.service.clone(),
                container: holder.id.clone(),
                turn: StartTurn::UntilStarted,
            });
            self.plan.on_failure(step, back, &[]);
            self.handed_over.push(Handover { container: holder.id.clone(), step, takers });
        }
    }

    /// Whether the plan will take the container away whatever else happens.
    fn goes(&self, holder: &ObservedInstance) -> bool {
        if self.is_orphan(holder) {
            let options = &self.wanted.options;
            return options.remove_orphans || options.dropped_services.contains(&holder.service);
        }
        let service = self.wanted.stack.services.get(&holder.service);
        let selected = service.filter(|_| self.wanted.is_selected(&holder.service));
        selected.is_some_and(|service| {
            !meet(&self.claimed(service), &held(holder)) && self.obsolete(&holder.service, service, holder).is_some()
        })
    }

    fn claimed(&self, service: &Service) -> BTreeSet<Claim> {
        // A range leaves the choice to the engine.
        let claim = |p: &ServicePort| Some(Claim::port(&p.host_ip, p.published.parse().ok()?, &p.protocol));
        let mut claims: BTreeSet<Claim> = service.ports.iter().filter_map(claim).collect();
        for (key, joined) in service.networks.iter().filter_map(|(key, joined)| Some((key, joined.as_ref()?))) {
            if !joined.ipv4_address.is_empty() {
                claims.insert(Claim::Address(self.wanted.network_name(key), joined.ipv4_address.clone()));
            }
        }
        claims
    }

    /// The early stop of a container, if there is one.
    pub(in crate::plan) fn handed_over(&self, container: &str) -> Option<StepId> {
        self.handed_over.iter().find(|v| v.container == container).map(|v| v.step)
    }

    /// What a service's starts wait for, so that what it claims is free.
    pub(in crate::plan) fn handovers_to(&self, service: &str) -> Vec<StepId> {
        self.handed_over.iter().filter(|v| v.takers.iter().any(|taker| taker == service)).map(|v| v.step).collect()
    }

    /// Once one of its takers was started, a container cannot come back.
    pub(in crate::plan) fn handover_done(&mut self, service: &str, started: StepId) {
        for step in self.handovers_to(service) {
            if let Some(step) = self.plan.steps.get_mut(step.0) {
                step.undo_unless.push(started);
            }
        }
    }

    /// The starts of those who take over from a container: until then it may have to come back.
    pub(in crate::plan) fn takers_of(&self, container: &str) -> Vec<StepId> {
        let takers = self.handed_over.iter().filter(|v| v.container == container).flat_map(|v| &v.takers);
        takers.filter_map(|taker| self.progress.get(taker)).flat_map(|p| p.started.iter().copied()).collect()
    }

    /// Stops a container after its hooks.
    pub(in crate::plan) fn stop(
        &mut self,
        named: &Named<'_>,
        container: &ObservedInstance,
        cause: &str,
        after: &[StepId],
    ) -> StepId {
        let mut after = after.to_vec();
        for hook in &named.1.pre_stop {
            let operation = crate::plan::teardown::hook(named.0, &container.id, hook);
            after = vec![self.plan.push(Phase::Switch, operation, "it is about to be stopped", &after)];
        }
        let timeout = self.wanted.options.stop_timeout;
        let stop = Operation::Container(ContainerOperation::Stop {
            service: named.0.to_owned(),
            container: container.id.clone(),
            timeout,
        });
        self.plan.push(Phase::Switch, stop, cause, &after)
    }
}

fn held(container: &ObservedInstance) -> BTreeSet<Claim> {
    let published = container.ports.iter().filter(|p| p.published != 0);
    let mut held: BTreeSet<Claim> = published.map(|p| Claim::port(&p.host, p.published, &p.protocol)).collect();
    let addresses = container.docker.networks.iter().filter(|(_, (_, address))| !address.is_empty());
    held.extend(addresses.map(|(network, (_, address))| Claim::Address(network.clone(), address.clone())));
    held
}
