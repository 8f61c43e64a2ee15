//! What ready means for each service of a convergence, how long to wait for it, and what its dependents wait for.
//! Reads health checks, dependencies and the plan so far; pushes `AwaitReady` steps.
//! Never judges a container: `plan::ReadinessWatch` does.

use std::collections::BTreeMap;
use std::time::Duration;

use super::options::{ConvergeOptions, Wanted};
use super::planner::{Named, Planner, Progress};
use super::rolling::rolling_config;
use crate::compose::model::{Condition, Service, Stack};
use crate::plan::{
    Health, InstanceState, Observed, ObservedInstance, Operation, Phase, Readiness, StepId, WaitOperation,
};

/// How long a service without a health check must run to be ready: most crashes follow soon after the start.
const WATCHED: Duration = Duration::from_secs(5);

/// The same with `--no-wait`, for services that others depend on.
const WATCHED_BY_DEPENDENT: Duration = Duration::from_millis(400);

/// Nothing is waited for shorter than this unless asked.
const SHORTEST_WAIT: Duration = Duration::from_secs(120);

/// The contract and the patience for a service outside a convergence, for restarts.
pub fn readiness_of(
    stack: &Stack,
    observed: &Observed,
    name: &str,
    ready_timeout: Option<Duration>,
) -> (Readiness, Duration) {
    let options = ConvergeOptions { ready_timeout, wait: true, ..Default::default() };
    let selected = stack.services.keys().cloned().collect();
    let (contents, env_files) = (BTreeMap::new(), Vec::new());
    let wanted = Wanted {
        stack,
        selected: &selected,
        contents: &contents,
        env_files: &env_files,
        version: "",
        options: &options,
    };
    let planner = Planner::new(&wanted, observed);
    let service = stack.services.get(name).cloned().unwrap_or_default();
    (planner.readiness(name, &service), planner.ready_timeout(&service))
}

impl Planner<'_> {
    /// The contract of a service: completion where a dependent waits for it, else health, else running.
    pub(in crate::plan) fn readiness(&self, name: &str, service: &Service) -> Readiness {
        if self.waited_for(name, |c| c == Condition::ServiceCompletedSuccessfully) {
            return Readiness::Completed;
        }
        let declared = service.healthcheck.as_ref();
        let disabled = declared.is_some_and(|h| h.disable || h.test.0.first().is_some_and(|t| t == "NONE"));
        let image = service.image_or_default(&self.wanted.stack.name, name);
        let of_image = self.observed.images.get(&image).is_some_and(|i| i.has_health_check);
        let checked = declared.is_some_and(|h| !h.test.0.is_empty()) || of_image;
        if self.observed.pending_images.contains(&image) && !disabled && declared.is_none_or(|h| h.test.0.is_empty()) {
            return Readiness::ByImage { millis: self.watched_millis(service) };
        }
        if checked && !disabled {
            Readiness::Healthy
        } else {
            Readiness::Stable { millis: self.watched_millis(service) }
        }
    }

    /// How long a service without a health check is watched: at most three quarters of its timeout.
    fn watched_millis(&self, service: &Service) -> u64 {
        let usual = if self.wanted.options.wait { WATCHED } else { WATCHED_BY_DEPENDENT };
        let watched = usual.min(self.ready_timeout(service) * 3 / 4);
        u64::try_from(watched.as_millis()).unwrap_or(u64::MAX)
    }

    /// Whether a selected service waits for this one under such a condition.
    pub(in crate::plan) fn waited_for(&self, name: &str, condition: impl Fn(Condition) -> bool) -> bool {
        self.wanted.stack.services.iter().any(|(other, s)| {
            self.wanted.is_selected(other) && s.depends_on.get(name).is_some_and(|d| condition(d.condition))
        })
    }

    /// How long a service may take: what its own health check allows, and not less than two minutes.
    pub(in crate::plan) fn ready_timeout(&self, service: &Service) -> Duration {
        let Some(check) = service.healthcheck.as_ref() else {
            return self.wanted.options.ready_timeout.unwrap_or(SHORTEST_WAIT);
        };
        let of = |d: Option<crate::compose::model::GoDuration>, default: u64| {
            d.map_or(Duration::from_secs(default), |d| d.to_std())
        };
        let retries = u32::try_from(check.retries.unwrap_or(3)).unwrap_or(u32::MAX);
        let rounds = (of(check.interval, 30) + of(check.timeout, 30)).saturating_mul(retries);
        let allowed = of(check.start_period, 0).saturating_add(rounds).saturating_add(Duration::from_secs(30));
        self.wanted.options.ready_timeout.unwrap_or_else(|| allowed.max(SHORTEST_WAIT))
    }

    /// The wait for a container that was just started.
    pub(in crate::plan) fn await_ready(&self, named: (&str, &Service), container: &str) -> Operation {
        let config = rolling_config(self.wanted.options.rolling, named.1);
        self.awaiting(named, (container, 0), config.map_or(Duration::ZERO, |config| config.monitor.to_std()))
    }

    /// The wait for a container that is kept; its restarts so far do not count.
    pub(in crate::plan) fn await_kept_ready(&self, named: (&str, &Service), container: &ObservedInstance) -> Operation {
        self.awaiting(named, (&container.id, container.restarts), Duration::ZERO)
    }

    fn awaiting(&self, named: Named<'_>, (container, restarts): (&str, u64), monitor: Duration) -> Operation {
        let (name, service) = named;
        Operation::Wait(WaitOperation::Ready {
            service: name.to_owned(),
            container: container.to_owned(),
            readiness: self.readiness(name, service),
            timeout: self.ready_timeout(service),
            restarts,
            monitor,
        })
    }

    /// Whether another step depends on this service being ready.
    pub(in crate::plan) fn is_awaited(&self, name: &str) -> bool {
        self.wanted.options.wait || self.waited_for(name, |c| c != Condition::ServiceStarted)
    }

    /// The steps after which a service may start: its dependencies started, healthy or completed, as it asks.
    pub(in crate::plan) fn gates(&mut self, service: &Service) -> Vec<StepId> {
        let mut gates = Vec::new();
        for (name, dependency) in &service.depends_on {
            let Some(progress) = self.progress.get(name).cloned() else { continue };
            if dependency.condition == Condition::ServiceStarted {
                gates.extend(progress.started);
                continue;
            }
            if dependency.condition == Condition::ServiceHealthy {
                self.warn_of_no_check(name);
            }
            if progress.ready.is_empty() {
                self.await_kept(name, &progress);
            }
            gates.extend(self.progress.get(name).map(|p| p.ready.clone()).unwrap_or_default());
        }
        gates
    }

    /// What is waited for cannot be seen; Compose fails there, once everything before is started.
    fn warn_of_no_check(&mut self, name: &str) {
        let Some(service) = self.wanted.stack.services.get(name) else { return };
        let image = service.image_or_default(&self.wanted.stack.name, name);
        // An image that is not there yet may bring a check.
        let known = self.observed.images.contains_key(&image) && !self.observed.pending_images.contains(&image);
        let warning = format!(
            "services wait until {name} is healthy, but neither it nor its image has a health check; it counts as ready once running"
        );
        if known && self.readiness(name, service) != Readiness::Healthy && !self.plan.warnings.contains(&warning) {
            self.plan.warnings.push(warning);
        }
    }

    /// A dependency that stays as it is may still be on its way to health.
    fn await_kept(&mut self, name: &str, progress: &Progress) {
        let Some(service) = self.wanted.stack.services.get(name) else { return };
        for container in &progress.kept {
            let settled = match self.readiness(name, service) {
                Readiness::Completed => container.state == InstanceState::Exited && container.exit_code == Some(0),
                Readiness::Healthy => container.health == Health::Healthy,
                _ => container.state == InstanceState::Running,
            };
            if !settled {
                let wait = self.await_kept_ready((name, service), container);
                let step = self.plan.push(Phase::Switch, wait, "a dependent service waits for it", &[]);
                if let Some(entry) = self.progress.get_mut(name) {
                    entry.ready.push(step);
                }
            }
        }
    }
}
