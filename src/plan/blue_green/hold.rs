//! Holding the requests to a routed service back while its only container is replaced in place.

use std::time::Duration;

use super::deploy::WantedProxy;
use super::deployment::Deployment;
use crate::compose::model::Service;
use crate::event::human;
use crate::plan::converge::planner::BeforeStop;
use crate::plan::{
    GATE_ARCHITECTURES, HoldScope, Observed, ObservedInstance, Operation, Phase, ProbeRequest, ProxyOperation, StepId,
};

/// Requests wait this long for the new container; then they fail until it answers.
const HOLD: Duration = Duration::from_secs(30);
/// Requests that are being answered when the hold begins may take this long; the rest of the time is the replacement's.
const DRAIN: Duration = Duration::from_secs(10);
/// A container that is ready must answer through the proxy within this time.
const PROBE: Duration = Duration::from_secs(15);

/// The container of the proxy that can hold requests as it is, or why there is none.
pub fn holding_proxy<'o>(observed: &'o Observed, wanted: &WantedProxy) -> Result<&'o ObservedInstance, String> {
    let of_proxy = |c: &&ObservedInstance| c.service == wanted.service && !c.one_off;
    let found: Vec<&ObservedInstance> = observed.instances.iter().filter(of_proxy).collect();
    let [proxy] = &found[..] else {
        return Err(format!("{} has {}", wanted.service, human::count(found.len(), "container")));
    };
    let in_use = observed.proxy.as_ref().and_then(|found| found.configuration.as_ref());
    let architecture = observed.engine.architecture.as_str();
    if !proxy.state.is_up() {
        Err(format!("{} is {}", proxy.name, proxy.state.word()))
    } else if in_use != Some(&wanted.configuration) {
        Err(format!("{} does not have the configuration of this aictl and these files yet", proxy.name))
    } else if !GATE_ARCHITECTURES.contains(&architecture) {
        Err(format!("aictl has no gate for {architecture}"))
    } else {
        Ok(proxy)
    }
}

impl Deployment<'_> {
    /// Has the requests to a service held before the container that goes is stopped, where that is possible.
    pub(super) fn hold(&mut self, name: &str, service: &Service) {
        let routed = |proxy: &WantedProxy| proxy.paths.contains_key(name) || proxy.service == name;
        let Some(choice) = self.deploy.strategies.get(name).filter(|_| self.deploy.proxy.is_some_and(routed)) else {
            return;
        };
        // An interrupted replacement leaves another one that never ran.
        let up: Vec<ObservedInstance> =
            self.planner.containers_of(name).into_iter().filter(|c| c.state.is_up()).cloned().collect();
        let Some(old) = up.iter().find(|c| self.planner.obsolete(name, service, c).is_some()) else { return };
        let only = up.len() == 1 && service.scale() == 1 && self.planner.handed_over(&old.id).is_none();
        let warning = match self.holding_proxy(name).filter(|_| only) {
            Some(proxy) => {
                self.planner.before_stop = Some(self.before_stop(name, &proxy, old));
                let most = HOLD.as_secs();
                format!(
                    "requests to {name} wait while it is replaced, at most {most}s: not blue-green because {}",
                    choice.cause
                )
            }
            None => format!("{name} does not answer while it is replaced: not blue-green because {}", choice.cause),
        };
        self.planner.plan.warnings.push(warning);
    }

    /// The container of the proxy, where it stays and can hold requests to the service.
    fn holding_proxy(&self, name: &str) -> Option<String> {
        let wanted = self.deploy.proxy.filter(|proxy| proxy.paths.contains_key(name))?;
        let declared = self.deploy.wanted.stack.services.get(&wanted.service)?;
        let proxy = holding_proxy(self.observed, wanted).ok()?;
        let stays = self.planner.obsolete(&wanted.service, declared, proxy).is_none();
        stays.then(|| proxy.id.clone())
    }

    fn before_stop(&self, name: &str, proxy: &str, old: &ObservedInstance) -> BeforeStop {
        let drain = Operation::Proxy(ProxyOperation::Drain {
            service: name.to_owned(),
            proxy: proxy.to_owned(),
            container: old.id.clone(),
            serving: None,
            timeout: self.deploy.drain.min(DRAIN),
        });
        // When the old container comes back, requests go on once it answers.
        let mut undo: Vec<Operation> = self.probes_of(name, proxy, &old.id).into_iter().take(1).collect();
        undo.push(self.releases(name, proxy));
        let operations = vec![
            (self.holds(name, proxy), "its container is about to be replaced", undo),
            (drain, "requests under way may end", Vec::new()),
        ];
        BeforeStop { container: old.id.clone(), operations, after: self.released.into_iter().collect() }
    }

    /// Releases the requests once the new container answers, if they are held since the step `first`.
    pub(super) fn release(&mut self, name: &str, first: usize) {
        self.planner.before_stop = None;
        let new = self.planner.plan.steps.iter().enumerate().skip(first);
        let held = new.clone().find_map(|(_, step)| match &step.operation {
            Operation::Proxy(ProxyOperation::Hold { proxy, .. }) => Some(proxy.clone()),
            _ => None,
        });
        let Some(proxy) = held else { return };
        let mut after: Vec<StepId> =
            new.filter(|(_, step)| step.phase != Phase::Retire).map(|(index, _)| StepId(index)).collect();
        let container = self.planner.entry(name).containers.first().cloned().unwrap_or_default();
        for probe in self.probes_of(name, &proxy, &container) {
            let step = self.planner.plan.push(Phase::Switch, probe, "requests to it are held", &after);
            self.planner.plan.tolerate(step);
            after.push(step);
        }
        let release = self.releases(name, &proxy);
        let step = self.planner.plan.push(Phase::Switch, release, "its new container is ready", &after);
        // The way back replaces the container once more.
        self.planner.plan.on_failure(step, self.holds(name, &proxy), &[]);
        self.released = Some(step);
    }

    /// Ends a hold that an interrupted operation left, unless a step of this plan does.
    pub(super) fn release_leftovers(&mut self) {
        let Some(proxy) = self.proxy_container() else { return };
        let held = self.observed.proxy.as_ref().map(|proxy| proxy.held.iter().cloned().collect::<Vec<_>>());
        let Some(services) = held.filter(|held| !held.is_empty() && self.released.is_none()) else { return };
        let project = self.deploy.wanted.stack.name.clone();
        let release = Operation::Proxy(ProxyOperation::Release { project, proxy, services });
        let before = self.all_so_far();
        self.planner.plan.push(Phase::Switch, release, "left over from an interrupted operation", &before);
    }

    fn holds(&self, name: &str, proxy: &str) -> Operation {
        Operation::Proxy(ProxyOperation::Hold {
            project: self.deploy.wanted.stack.name.clone(),
            proxy: proxy.to_owned(),
            services: vec![name.to_owned()],
            scope: HoldScope::All,
            deadline: HOLD,
        })
    }

    fn releases(&self, name: &str, proxy: &str) -> Operation {
        Operation::Proxy(ProxyOperation::Release {
            project: self.deploy.wanted.stack.name.clone(),
            proxy: proxy.to_owned(),
            services: vec![name.to_owned()],
        })
    }

    /// A request for each route of the service that is not held itself.
    fn probes_of(&self, name: &str, proxy: &str, container: &str) -> Vec<Operation> {
        let Some(wanted) = self.deploy.proxy else { return Vec::new() };
        let probe = |(port, path): &(u16, String)| {
            let (path, fingerprint, secret) = (path.clone(), wanted.fingerprint.clone(), wanted.secret.clone());
            Operation::Proxy(ProxyOperation::Probe {
                service: name.to_owned(),
                proxy: proxy.to_owned(),
                container: container.to_owned(),
                request: ProbeRequest { path, port: *port, side: None, fingerprint, secret },
                timeout: PROBE,
            })
        };
        wanted.paths.get(name).into_iter().flatten().map(probe).collect()
    }
}
