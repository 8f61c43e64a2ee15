//! When is a container ready: the contract per service as a small state machine over sightings.
//! Reads what was seen of one container and when; returns waiting, ready or failed, with the reason.
//! Never waits, never asks an engine: `execute` feeds it.

use std::time::Duration;

use super::restarts::STABLE_AFTER_RESTART;
use super::{Health, HealthCheck, InstanceState, ObservedInstance, Readiness, settles_after};

/// PostgreSQL's image runs a temporary server during initdb: one pass may be of that one, a second a second later is not.
const MOST_APART: Duration = Duration::from_secs(1);

/// Up to this interval the engine's own check decides as early as two probes of ours, which would only take processor time
/// from starting services.
const SHORT_INTERVAL: Duration = Duration::from_millis(500);

/// One look at a container.
#[derive(Debug, Clone, Copy)]
pub struct Sample<'a> {
    /// The container as the engine shows it.
    pub container: &'a ObservedInstance,
    /// Result of running its health test ourselves, when that was done for this look.
    pub probe_passed: Option<bool>,
    /// Time since the wait began.
    pub at: Duration,
    /// How long the container has run already, if it was not started for this wait.
    pub uptime: Option<Duration>,
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
    restarts_before: u64,
    running_since: Option<Duration>,
    stable_at: Option<Duration>,
    first_pass: Option<Duration>,
}

impl ReadinessWatch {
    /// A watch before its first sample. `restarts_before` is 0 for a container that was just started, because the engine
    /// counts from the start.
    pub fn new(readiness: Readiness, restarts_before: u64) -> Self {
        Self { readiness, restarts_before, running_since: None, stable_at: None, first_pass: None }
    }

    /// Takes one sample.
    pub fn see(&mut self, sample: Sample<'_>) -> Verdict {
        let container = sample.container;
        if let Readiness::ByImage { millis } = self.readiness {
            self.readiness =
                if container.health_check.is_some() { Readiness::Healthy } else { Readiness::Stable { millis } };
        }
        let restarts = container.restarts.saturating_sub(self.restarts_before);
        match container.state {
            InstanceState::Running if self.readiness == Readiness::Started => Verdict::Ready("started"),
            InstanceState::Running => self.see_running(sample, restarts),
            InstanceState::Exited | InstanceState::Dead => self.see_ended(container),
            InstanceState::Removing => Verdict::Failed(ReadinessFailure::Removed),
            _ => {
                self.running_since = None;
                self.stable_at = None;
                self.first_pass = None;
                self.crash_loop(restarts)
            }
        }
    }

    /// When the next sample may bring the verdict although nothing happens: the end of the time to be stable.
    pub fn due_in(&self, at: Duration) -> Option<Duration> {
        self.stable_at.map(|stable| stable.saturating_sub(at)).filter(|left| !left.is_zero())
    }

    fn see_running(&mut self, sample: Sample<'_>, restarts: u64) -> Verdict {
        if let failed @ Verdict::Failed(_) = self.crash_loop(restarts) {
            return failed;
        }
        match self.readiness {
            Readiness::Stable { millis } | Readiness::ByImage { millis } => {
                self.see_stable(sample, (restarts, Duration::from_millis(millis)))
            }
            Readiness::Healthy => self.see_health(sample),
            Readiness::Completed | Readiness::Started => Verdict::Waiting,
        }
    }

    /// Ready after running for a while, longer if it was restarted.
    fn see_stable(&mut self, sample: Sample<'_>, (restarts, usual): (u64, Duration)) -> Verdict {
        let longer = match sample.uptime {
            Some(_) => settles_after(sample.container),
            None => (restarts > 0).then_some(STABLE_AFTER_RESTART),
        };
        let needed = longer.unwrap_or_default().max(usual);
        let since = *self.running_since.get_or_insert(sample.at);
        let ran = sample.at.saturating_sub(since).max(sample.uptime.unwrap_or_default());
        self.stable_at = Some(sample.at + needed.saturating_sub(ran));
        if ran >= needed { Verdict::Ready("running") } else { Verdict::Waiting }
    }

    fn see_health(&mut self, sample: Sample<'_>) -> Verdict {
        match (sample.container.health, sample.probe_passed) {
            (Health::Healthy, _) => Verdict::Ready("healthy"),
            // No health check is left to wait for: running is all there is.
            (Health::None, _) if sample.container.health_check.is_none() => Verdict::Ready("running"),
            (Health::Unhealthy, _) => {
                Verdict::Failed(ReadinessFailure::Unhealthy { log: sample.container.health_log.clone() })
            }
            (_, Some(true)) => {
                let apart = sample.container.health_check.as_ref().map_or(MOST_APART, passes_apart);
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

    fn see_ended(&self, container: &ObservedInstance) -> Verdict {
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

/// The health check, if it should be run early by us.
pub fn early_probe(container: &ObservedInstance) -> Option<&HealthCheck> {
    container.health_check.as_ref().filter(|check| check.start_interval > SHORT_INTERVAL)
}

/// How far apart two passes of our own probes must be to count: a second, or a quarter of an interval shorter than four.
/// With such an interval its author lets the engine decide by a single pass that may be as young.
pub fn passes_apart(check: &HealthCheck) -> Duration {
    (check.interval / 4).min(MOST_APART)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn container(state: InstanceState) -> ObservedInstance {
        ObservedInstance { state, health_check: check(0), ..Default::default() }
    }

    fn check(interval: u64) -> Option<HealthCheck> {
        HealthCheck::of_test(&["CMD".to_owned(), "true".to_owned()], interval)
    }

    fn sample(c: &ObservedInstance, at_ms: u64, probe_passed: Option<bool>) -> Sample<'_> {
        Sample { container: c, probe_passed, at: Duration::from_millis(at_ms), uptime: None }
    }

    #[test]
    fn two_passes_less_than_a_second_apart_are_not_health() {
        let mut c = container(InstanceState::Running);
        c.health = Health::Starting;
        let mut watch = ReadinessWatch::new(Readiness::Healthy, 0);
        assert_eq!(watch.see(sample(&c, 100, Some(true))), Verdict::Waiting);
        assert_eq!(watch.see(sample(&c, 900, Some(true))), Verdict::Waiting);
        assert_eq!(watch.see(sample(&c, 1100, Some(true))), Verdict::Ready("healthy"));
    }

    #[test]
    fn a_failed_probe_between_two_passes_starts_over() {
        let mut c = container(InstanceState::Running);
        c.health = Health::Starting;
        let mut watch = ReadinessWatch::new(Readiness::Healthy, 0);
        watch.see(sample(&c, 0, Some(true)));
        watch.see(sample(&c, 600, Some(false)));
        assert_eq!(watch.see(sample(&c, 1200, Some(true))), Verdict::Waiting);
        assert_eq!(watch.see(sample(&c, 2200, Some(true))), Verdict::Ready("healthy"));
    }

    #[test]
    fn the_engines_verdict_counts_when_it_comes_first() {
        let mut c = container(InstanceState::Running);
        c.health = Health::Healthy;
        assert_eq!(ReadinessWatch::new(Readiness::Healthy, 0).see(sample(&c, 1, None)), Verdict::Ready("healthy"));
        c.health = Health::Unhealthy;
        c.health_log = Some("refused".into());
        assert_eq!(
            ReadinessWatch::new(Readiness::Healthy, 0).see(sample(&c, 1, None)),
            Verdict::Failed(ReadinessFailure::Unhealthy { log: Some("refused".into()) })
        );
    }

    #[test]
    fn restarts_rising_twice_fail_at_once_and_old_restarts_do_not_count() {
        let mut c = container(InstanceState::Running);
        c.restarts = 7;
        let mut watch = ReadinessWatch::new(Readiness::Stable { millis: 1000 }, 7);
        assert_eq!(watch.see(sample(&c, 0, None)), Verdict::Waiting);
        c.restarts = 8;
        assert_eq!(watch.see(sample(&c, 1500, None)), Verdict::Waiting, "one restart asks for a longer look");
        c.restarts = 9;
        c.state = InstanceState::Restarting;
        assert_eq!(watch.see(sample(&c, 1600, None)), Verdict::Failed(ReadinessFailure::CrashLoop { restarts: 2 }));
    }

    #[test]
    fn restarts_before_the_first_look_count_and_one_asks_for_a_longer_look() {
        let mut c = container(InstanceState::Running);
        let watch = || ReadinessWatch::new(Readiness::Stable { millis: 5000 }, 0);
        c.restarts = 2;
        assert_eq!(watch().see(sample(&c, 10, None)), Verdict::Failed(ReadinessFailure::CrashLoop { restarts: 2 }));
        c.restarts = 1;
        let mut once = watch();
        for (at, verdict) in [(10, Verdict::Waiting), (5100, Verdict::Waiting), (10_010, Verdict::Ready("running"))] {
            assert_eq!(once.see(sample(&c, at, None)), verdict, "{at}");
        }
        let old = Sample { uptime: Some(Duration::from_secs(60)), ..sample(&c, 0, None) };
        assert_eq!(ReadinessWatch::new(Readiness::Stable { millis: 0 }, 1).see(old), Verdict::Ready("running"));
    }

    #[test]
    fn one_shots_are_ready_at_exit_0_and_failed_at_exit_3() {
        let mut c = container(InstanceState::Exited);
        c.exit_code = Some(0);
        for readiness in [Readiness::Completed, Readiness::Stable { millis: 1000 }] {
            assert_eq!(ReadinessWatch::new(readiness, 0).see(sample(&c, 0, None)), Verdict::Ready("exited 0"));
        }
        c.exit_code = Some(3);
        for readiness in [Readiness::Completed, Readiness::Stable { millis: 1000 }, Readiness::Healthy] {
            assert_eq!(
                ReadinessWatch::new(readiness, 0).see(sample(&c, 0, None)),
                Verdict::Failed(ReadinessFailure::Exited { code: 3 })
            );
        }
        c.exit_code = Some(0);
        assert_eq!(
            ReadinessWatch::new(Readiness::Healthy, 0).see(sample(&c, 0, None)),
            Verdict::Failed(ReadinessFailure::Exited { code: 0 }),
            "a service that ended cannot become healthy"
        );
    }

    #[test]
    fn a_short_interval_lets_passes_be_as_close_and_a_very_short_one_is_left_to_the_engine() {
        let mut c = container(InstanceState::Running);
        assert!(early_probe(&c).is_some(), "an interval that is not given is long");
        c.health = Health::Starting;
        c.health_check = check(1_000_000_000);
        let mut watch = ReadinessWatch::new(Readiness::Healthy, 0);
        assert_eq!(watch.see(sample(&c, 200, Some(true))), Verdict::Waiting);
        assert_eq!(watch.see(sample(&c, 440, Some(true))), Verdict::Waiting);
        assert_eq!(watch.see(sample(&c, 450, Some(true))), Verdict::Ready("healthy"));
        assert!(early_probe(&c).is_some());
        c.health_check = check(300_000_000);
        assert!(early_probe(&c).is_none());
        c.health_check = None;
        assert!(early_probe(&c).is_none());
    }
}
