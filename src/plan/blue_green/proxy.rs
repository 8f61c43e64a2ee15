//! The part of a deploy that goes through the proxy: configuration, probes, the switch.

use std::time::Duration;

use super::deploy::WantedProxy;
use super::deployment::{Deployment, Roll};
use crate::plan::converge::planner::BeforeStart;
use crate::plan::{ContainerOperation, Green, Operation, Phase, ProbeRequest, ProxyOperation, StepId};
use crate::release::Side;

/// A probe through the proxy is repeated until it succeeds, at most this long.
const PROBE: Duration = Duration::from_secs(15);

impl Deployment<'_> {
    /// A proxy that is made anew finds its configuration when it starts.
    pub(super) fn write_in_place(&self, wanted: &WantedProxy) -> BeforeStart {
        let service = wanted.service.clone();
        let green = self.serving.clone();
        let write = move |proxy: &str, configuration: &str| {
            Operation::Proxy(ProxyOperation::Write {
                service: service.clone(),
                proxy: proxy.to_owned(),
                configuration: configuration.to_owned(),
                staged: false,
                green: green.clone(),
            })
        };
        let before = self.observed.proxy.as_ref().and_then(|proxy| proxy.configuration.clone());
        // The new container is removed before this is taken back.
        let old = self.planner.containers_of(&wanted.service).first().map(|c| c.id.clone());
        let text = wanted.configuration.clone();
        let operations = move |proxy: &str| {
            let before = before.as_ref().filter(|before| **before != text);
            let undo = before.zip(old.as_ref()).map(|(before, old)| write(old, before));
            (write(proxy, &text), undo)
        };
        let (service, cause) = (wanted.service.clone(), "it reads it when it starts");
        BeforeStart { service, cause, operations: Box::new(operations) }
    }

    /// Id or name of the proxy's container.
    pub(super) fn proxy_container(&self) -> Option<String> {
        let proxy = self.deploy.proxy?;
        self.planner.progress.get(&proxy.service)?.containers.first().cloned()
    }

    /// Configuration, probes by the header, the switch, probes as a client.
    pub(super) fn through_the_proxy(&mut self) {
        let Some(wanted) = self.deploy.proxy else { return };
        let Some(proxy) = self.proxy_container() else { return };
        let mut after = self.planner.progress.get(&wanted.service).map(|p| p.ready.clone()).unwrap_or_default();
        let written = !self.planner.before_start.iter().any(|before| before.service == wanted.service);
        let found = self.observed.proxy.as_ref().and_then(|found| found.configuration.as_ref());
        let configures = !written && found != Some(&wanted.configuration);
        if configures {
            after.extend(self.reload(wanted, &proxy, &after));
        }
        let switching: Vec<usize> = (0..self.rolls.len()).filter(|index| self.rolls[*index].switches).collect();
        let mut probes = after.clone();
        probes.extend(self.checks_before_the_switch());
        for index in &switching {
            let mut before = after.clone();
            before.extend(&self.rolls[*index].ready);
            for probe in self.probes(wanted, &proxy, (*index, true)) {
                probes.push(self.planner.plan.push(Phase::Prepare, probe, "its requests are to be switched", &before));
            }
        }
        let switched = self.switch(&proxy, &switching, &probes);
        let changed = configures || written;
        for index in 0..self.rolls.len() {
            if !(changed || self.rolls[index].switches) {
                continue;
            }
            let mut before = after.clone();
            before.extend(&self.rolls[index].ready);
            before.extend(switched);
            let cause =
                if self.rolls[index].switches { "its requests were switched" } else { "its route is new or changed" };
            for probe in self.probes(wanted, &proxy, (index, false)) {
                self.planner.plan.push(Phase::Switch, probe, cause, &before);
            }
        }
    }

    /// Staged, checked, loaded; the one before comes back on a failure.
    fn reload(&mut self, wanted: &WantedProxy, proxy: &str, after: &[StepId]) -> Vec<StepId> {
        let service = || wanted.service.clone();
        let write = |configuration: &str| {
            Operation::Proxy(ProxyOperation::Write {
                service: service(),
                proxy: proxy.to_owned(),
                configuration: configuration.to_owned(),
                staged: true,
                green: Green::new(),
            })
        };
        let reload = Operation::Proxy(ProxyOperation::Reload { service: service(), proxy: proxy.to_owned() });
        let check = Operation::Proxy(ProxyOperation::Check { service: service(), proxy: proxy.to_owned() });
        let plan = &mut self.planner.plan;
        let cause = "the configuration changed";
        let mut before = after.to_vec();
        before.extend(self.rolls.iter().flat_map(|roll| roll.ready.iter().copied()));
        let written = plan.push(Phase::Prepare, write(&wanted.configuration), cause, &before);
        let checked = plan.push(Phase::Prepare, check, "it was written", &[written]);
        let loaded = plan.push(Phase::Switch, reload.clone(), "it is valid", &[checked]);
        if let Some(found) = self.observed.proxy.as_ref().and_then(|found| found.configuration.as_ref()) {
            plan.on_failure(loaded, write(found), &[]);
            plan.on_failure(loaded, reload, &[]);
            let warning = "the proxy loads a new configuration: idle kept-alive connections of clients may be reset";
            plan.warnings.push(warning.to_owned());
        }
        vec![loaded]
    }

    /// One rename for all services; on a failure one rename back, and what began meanwhile may end.
    fn switch(&mut self, proxy: &str, switching: &[usize], after: &[StepId]) -> Option<StepId> {
        if switching.is_empty() {
            return None;
        }
        let mut green = self.serving.clone();
        let mut services = Vec::new();
        for roll in switching.iter().map(|index| &self.rolls[*index]) {
            services.push(roll.service.clone());
            match roll.side {
                Side::Green => green.insert(roll.service.clone()),
                Side::Blue => green.remove(&roll.service),
            };
        }
        let to = |green: &Green| {
            let (proxy, services) = (proxy.to_owned(), services.clone());
            Operation::Proxy(ProxyOperation::Switch { proxy, services, green: green.clone() })
        };
        let step = self.planner.plan.push(Phase::Switch, to(&green), "the new side answers", after);
        self.planner.plan.on_failure(step, to(&self.serving), &[]);
        for roll in switching.iter().map(|index| self.rolls[*index].clone()) {
            let drain = Operation::Proxy(ProxyOperation::Drain {
                service: roll.service,
                proxy: proxy.to_owned(),
                container: roll.container,
                serving: None,
                timeout: self.deploy.drain,
            });
            self.planner.plan.on_failure(step, drain, &[]);
        }
        Some(step)
    }

    /// The switch was a step of an earlier plan: what undoes it is the other side, as long as all of it runs.
    pub(super) fn switch_back_on_failure(&mut self, bake: StepId) {
        let Some(proxy) = self.proxy_container() else { return };
        let (kept, gone): (Vec<Roll>, Vec<Roll>) =
            self.rolls.iter().filter(|roll| !roll.switches && !roll.old.is_empty()).cloned().partition(|roll| {
                roll.old.iter().any(|(serves, old)| *serves && Side::of_number(old.number) != roll.side)
            });
        if !gone.is_empty() {
            return;
        }
        let mut green = self.serving.clone();
        for roll in &kept {
            match roll.side {
                Side::Green => green.remove(&roll.service),
                Side::Blue => green.insert(roll.service.clone()),
            };
        }
        let services = kept.iter().map(|roll| roll.service.clone()).collect();
        let back = Operation::Proxy(ProxyOperation::Switch { proxy: proxy.clone(), services, green });
        self.planner.plan.on_failure(bake, back, &[]);
        for Roll { service, container, .. } in kept {
            let drain = ProxyOperation::Drain {
                service: service.clone(),
                proxy: proxy.clone(),
                container: container.clone(),
                serving: None,
                timeout: self.deploy.drain,
            };
            let remove = ContainerOperation::Remove { service, container, volumes: true, force: true };
            self.planner.plan.on_failure(bake, Operation::Proxy(drain), &[]);
            self.planner.plan.on_failure(bake, Operation::Container(remove), &[]);
        }
    }

    /// A request for each route of a service.
    fn probes(&self, wanted: &WantedProxy, proxy: &str, (index, by_header): (usize, bool)) -> Vec<Operation> {
        let roll = &self.rolls[index];
        let side = by_header.then_some(roll.side);
        let probe = |(port, path): &(u16, String)| {
            let (path, fingerprint) = (path.clone(), wanted.fingerprint.clone());
            Operation::Proxy(ProxyOperation::Probe {
                service: roll.service.clone(),
                proxy: proxy.to_owned(),
                container: roll.container.clone(),
                request: ProbeRequest { path, port: *port, side, fingerprint, secret: wanted.secret.clone() },
                timeout: PROBE,
            })
        };
        wanted.paths.get(&roll.service).into_iter().flatten().map(probe).collect()
    }
}
