//! When is a container ready: the contract per service as a small state machine over sightings.
//! Reads what was seen of one container and when; returns waiting, ready or failed, with the reason.
//! Never waits, never asks an engine: `execute` feeds it.

use std::time::Duration;

use super::{ContainerState, Health, ObservedContainer, Readiness};

/// A container that restarted once must then run this long before it counts as stable.
const STABLE_AFTER_RESTART: Duration = Duration::from_secs(10);

/// PostgreSQL's image runs a temporary server during initdb: one pass may be of that one, a second a second later is not.
const MOST_APART: Duration = Duration::from_secs(1);

/// The engine's interval where a health check names none.
const USUAL_INTERVAL: Duration = Duration::from_secs(30);

/// Up to this interval the engine is soon as far as two probes of ours, which would only take processor time from the
/// services that start, and a start may as well end with what the engine says.
const SHORT_INTERVAL: Duration = Duration::from_millis(1500);

/// The same where others wait for the service.
const SHORT_INTERVAL_OF_GATE: Duration = Duration::from_millis(500);

/// One look at a container.
#[derive(Debug, Clone, Copy)]
pub struct Sample<'a> {
    /// The container as the engine shows it.
    pub container: &'a ObservedContainer,
    /// Result of running its health test ourselves, when that was done for this look.
    pub probe_passed: Option<bool>,
    /// Time since the wait began.
    pub at: Duration,
}

/// What the sightings so far mean.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// Not yet.
    Waiting,
    /// Ready; the words say by what.
    Ready(&'static str),
    /// It will not become ready.
    Failed(ReadinessFailure),
}

/// Why a container will not become ready.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ReadinessFailure {
    /// Its restart count rose twice.
    CrashLoop { restarts: u64 },
    /// It ended and nothing restarts it.
    Exited { code: i64 },
    /// The engine gave up on its health check; the last output of the check.
    Unhealthy { log: Option<String> },
    /// It was removed by another process.
    Removed,
}

/// The state machine for one container.
#[derive(Debug, Clone)]
pub struct ReadinessWatch {
    readiness: Readiness,
    restarts_before: Option<u64>,
    running_since: Option<Duration>,
    first_pass: Option<Duration>,
}

impl ReadinessWatch {
    /// A watch for this contract, before the first sample.
    pub fn new(readiness: Readiness) -> Self {
        Self { readiness, restarts_before: None, running_since: None, first_pass: None }
    }

    /// Takes one sample.
    pub fn see(&mut self, sample: Sample<'_>) -> Verdict {
        let container = sample.container;
        if let Readiness::ByImage { millis } = self.readiness {
            let checked = container.health_test.first().is_some_and(|word| word != "NONE");
            self.readiness = if checked { Readiness::Healthy } else { Readiness::Stable { millis } };
        }
        let before = *self.restarts_before.get_or_insert(container.restart_count);
        let restarts = container.restart_count.saturating_sub(before);
        match container.state {
            ContainerState::Running if self.readiness == Readiness::Started => Verdict::Ready("started"),
            ContainerState::Running => self.see_running(sample, restarts),
            ContainerState::Exited | ContainerState::Dead => self.see_ended(container),
            ContainerState::Removing => Verdict::Failed(ReadinessFailure::Removed),
            _ => {
                self.running_since = None;
                self.first_pass = None;
                self.crash_loop(restarts)
            }
        }
    }

    /// When the next sample may bring the verdict although nothing happens: the end of the time to be stable.
    pub fn due_in(&self, at: Duration) -> Option<Duration> {
        let Readiness::Stable { millis } = self.readiness else { return None };
        Some((self.running_since? + Duration::from_millis(millis)).saturating_sub(at)).filter(|left| !left.is_zero())
    }

    fn see_running(&mut self, sample: Sample<'_>, restarts: u64) -> Verdict {
        if let failed @ Verdict::Failed(_) = self.crash_loop(restarts) {
            return failed;
        }
        let since = *self.running_since.get_or_insert(sample.at);
        match self.readiness {
            Readiness::Stable { millis } | Readiness::ByImage { millis } => {
                let needed = if restarts > 0 { STABLE_AFTER_RESTART } else { Duration::from_millis(millis) };
                if sample.at.saturating_sub(since) >= needed { Verdict::Ready("running") } else { Verdict::Waiting }
            }
            Readiness::Healthy => self.see_health(sample),
            Readiness::Completed | Readiness::Started => Verdict::Waiting,
        }
    }

    fn see_health(&mut self, sample: Sample<'_>) -> Verdict {
        match (sample.container.health, sample.probe_passed) {
            (Health::Healthy, _) => Verdict::Ready("healthy"),
            // No health check is left to wait for: running is all there is.
            (Health::None, _) if sample.container.health_test.is_empty() => Verdict::Ready("running"),
            (Health::Unhealthy, _) => {
                Verdict::Failed(ReadinessFailure::Unhealthy { log: sample.container.health_log.clone() })
            }
            (_, Some(true)) => {
                let apart = passes_apart(interval(sample.container));
                let first = *self.first_pass.get_or_insert(sample.at);
                if sample.at.saturating_sub(first) >= apart { Verdict::Ready("healthy") } else { Verdict::Waiting }
            }
            (_, Some(false)) => {
                self.first_pass = None;
                Verdict::Waiting
            }
            _ => Verdict::Waiting,
        }
    }

    fn see_ended(&self, container: &ObservedContainer) -> Verdict {
        let code = container.exit_code.unwrap_or_default();
        match self.readiness {
            Readiness::Completed | Readiness::Stable { .. } | Readiness::Started if code == 0 => {
                Verdict::Ready("exited 0")
            }
            _ => Verdict::Failed(ReadinessFailure::Exited { code }),
        }
    }

    /// A one-shot that may retry (`restart: on-failure`) is left to its policy; everything else fails at the second rise.
    fn crash_loop(&self, restarts: u64) -> Verdict {
        if restarts >= 2 && self.readiness != Readiness::Completed {
            return Verdict::Failed(ReadinessFailure::CrashLoop { restarts });
        }
        Verdict::Waiting
    }
}

/// Whether our own health probes are worth running for a container; `is_gate`: others wait for it.
pub fn probes_early(container: &ObservedContainer, is_gate: bool) -> bool {
    let short = if is_gate { SHORT_INTERVAL_OF_GATE } else { SHORT_INTERVAL };
    container.health_test.first().is_some_and(|word| word != "NONE") && interval(container) > short
}

/// How far apart two passes of our own probes must be to count: a second, or a quarter of an interval shorter than four.
/// With such an interval its author lets the engine decide by a single pass that may be as young.
pub fn passes_apart(interval: Duration) -> Duration {
    (interval / 4).min(MOST_APART)
}

/// The interval of a container's health check, as the engine keeps it.
pub fn interval(container: &ObservedContainer) -> Duration {
    match container.health_interval {
        0 => USUAL_INTERVAL,
        nanoseconds => Duration::from_nanos(nanoseconds),
    }
}

/// The command the engine would run for a health check.
pub fn health_command(test: &[String]) -> Vec<String> {
    match test.split_first() {
        Some((kind, rest)) if kind == "CMD-SHELL" => {
            ["/bin/sh", "-c"].into_iter().map(str::to_owned).chain(rest.iter().cloned()).collect()
        }
        Some((kind, rest)) if kind == "CMD" => rest.to_vec(),
        _ => test.to_vec(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn container(state: ContainerState) -> ObservedContainer {
        ObservedContainer { state, health_test: vec!["CMD".into(), "true".into()], ..Default::default() }
    }

    fn sample(c: &ObservedContainer, at_ms: u64, probe_passed: Option<bool>) -> Sample<'_> {
        Sample { container: c, probe_passed, at: Duration::from_millis(at_ms) }
    }

    #[test]
    fn two_passes_less_than_a_second_apart_are_not_health() {
        let mut c = container(ContainerState::Running);
        c.health = Health::Starting;
        let mut watch = ReadinessWatch::new(Readiness::Healthy);
        assert_eq!(watch.see(sample(&c, 100, Some(true))), Verdict::Waiting);
        assert_eq!(watch.see(sample(&c, 900, Some(true))), Verdict::Waiting);
        assert_eq!(watch.see(sample(&c, 1100, Some(true))), Verdict::Ready("healthy"));
    }

    #[test]
    fn a_failed_probe_between_two_passes_starts_over() {
        let mut c = container(ContainerState::Running);
        c.health = Health::Starting;
        let mut watch = ReadinessWatch::new(Readiness::Healthy);
        watch.see(sample(&c, 0, Some(true)));
        watch.see(sample(&c, 600, Some(false)));
        assert_eq!(watch.see(sample(&c, 1200, Some(true))), Verdict::Waiting);
        assert_eq!(watch.see(sample(&c, 2200, Some(true))), Verdict::Ready("healthy"));
    }

    #[test]
    fn the_engines_verdict_counts_when_it_comes_first() {
        let mut c = container(ContainerState::Running);
        c.health = Health::Healthy;
        assert_eq!(ReadinessWatch::new(Readiness::Healthy).see(sample(&c, 1, None)), Verdict::Ready("healthy"));
        c.health = Health::Unhealthy;
        c.health_log = Some("refused".into());
        assert_eq!(
            ReadinessWatch::new(Readiness::Healthy).see(sample(&c, 1, None)),
            Verdict::Failed(ReadinessFailure::Unhealthy { log: Some("refused".into()) })
        );
    }

    #[test]
    fn restarts_rising_twice_fail_at_once_and_old_restarts_do_not_count() {
        let mut c = container(ContainerState::Running);
        c.restart_count = 7;
        let mut watch = ReadinessWatch::new(Readiness::Stable { millis: 1000 });
        assert_eq!(watch.see(sample(&c, 0, None)), Verdict::Waiting);
        c.restart_count = 8;
        assert_eq!(watch.see(sample(&c, 1500, None)), Verdict::Waiting, "one restart asks for a longer look");
        c.restart_count = 9;
        c.state = ContainerState::Restarting;
        assert_eq!(watch.see(sample(&c, 1600, None)), Verdict::Failed(ReadinessFailure::CrashLoop { restarts: 2 }));
    }

    #[test]
    fn one_shots_are_ready_at_exit_0_and_failed_at_exit_3() {
        let mut c = container(ContainerState::Exited);
        c.exit_code = Some(0);
        for readiness in [Readiness::Completed, Readiness::Stable { millis: 1000 }] {
            assert_eq!(ReadinessWatch::new(readiness).see(sample(&c, 0, None)), Verdict::Ready("exited 0"));
        }
        c.exit_code = Some(3);
        for readiness in [Readiness::Completed, Readiness::Stable { millis: 1000 }, Readiness::Healthy] {
            assert_eq!(
                ReadinessWatch::new(readiness).see(sample(&c, 0, None)),
                Verdict::Failed(ReadinessFailure::Exited { code: 3 })
            );
        }
        c.exit_code = Some(0);
        assert_eq!(
            ReadinessWatch::new(Readiness::Healthy).see(sample(&c, 0, None)),
            Verdict::Failed(ReadinessFailure::Exited { code: 0 }),
            "a service that ended cannot become healthy"
        );
    }

    #[test]
    fn a_short_interval_lets_passes_be_as_close_and_a_very_short_one_is_left_to_the_engine() {
        let mut c = container(ContainerState::Running);
        assert!(probes_early(&c, false), "an interval that is not given is long");
        c.health = Health::Starting;
        c.health_interval = 1_000_000_000;
        let mut watch = ReadinessWatch::new(Readiness::Healthy);
        assert_eq!(watch.see(sample(&c, 200, Some(true))), Verdict::Waiting);
        assert_eq!(watch.see(sample(&c, 440, Some(true))), Verdict::Waiting);
        assert_eq!(watch.see(sample(&c, 450, Some(true))), Verdict::Ready("healthy"));
        assert!(probes_early(&c, true));
        assert!(!probes_early(&c, false), "nobody waits for it but the operator");
        c.health_interval = 300_000_000;
        assert!(!probes_early(&c, true));
        let disabled = ObservedContainer { health_test: vec!["NONE".to_owned()], ..container(ContainerState::Running) };
        assert!(!probes_early(&disabled, true));
    }
}
