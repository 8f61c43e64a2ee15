//! Waits until one container is ready, with a timeout: engine events, polling and early health probes feed
//! `plan::ReadinessWatch`, which decides.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use time::OffsetDateTime;
use tokio::sync::{broadcast, watch};
use tokio::time::Instant;

use super::ExecuteError;
use super::evidence::collect;
use crate::event::{Channel, LogLine, OutputStream};
use crate::plan::{
    Change, Health, InstanceState, ObservedInstance, Readiness, ReadinessFailure, ReadinessWatch, Sample, Verdict,
    early_probe, passes_apart, restarts_in_words, uptime,
};
use crate::target::{ContainerFacts, ExecArgs, ExecInput, Target, TargetError};

/// Events bring news at once; polling is only there for what they miss.
const POLL: Duration = Duration::from_millis(500);

/// The first early probe comes this long after the process runs, later ones at growing distance up to a second.
const FIRST_PROBE: Duration = Duration::from_millis(60);

/// One early probe may take this long.
const PROBE_PATIENCE: Duration = Duration::from_secs(10);

/// How long to wait for the next crash of a crash loop, to report its exit code.
const NEXT_CRASH: Duration = Duration::from_secs(5);

/// Output kept of a probe, the same as the engine keeps of a health check.
const MAX_PROBE_OUTPUT: usize = 4096;

/// What a wait needs from the run it belongs to.
pub(super) struct Wait<'a> {
    pub(super) target: &'a dyn Target,
    pub(super) service: &'a str,
    pub(super) container: &'a str,
    pub(super) readiness: &'a Readiness,
    pub(super) timeout: Duration,
    /// Restart count when the wait began; 0 for a container that was just started.
    pub(super) restarts: u64,
    pub(super) changes: broadcast::Receiver<Change>,
    pub(super) stop: watch::Receiver<bool>,
}

impl Wait<'_> {
    /// Waits; the words say by what the container became ready.
    pub(super) async fn run(mut self) -> Result<&'static str, ExecuteError> {
        let began = Instant::now();
        let mut state = ReadinessWatch::new(self.readiness.clone(), self.restarts);
        let mut probes = Probes::new();
        loop {
            let container = self.look().await?;
            let left = self.timeout.saturating_sub(began.elapsed());
            let probed = self.probe(&mut probes, &container, left).await?;
            let at = probed.map_or_else(Instant::now, |probed| probed.began).duration_since(began);
            let uptime = (self.restarts > 0).then(|| uptime(&container, OffsetDateTime::now_utc())).flatten();
            let probe_passed = probed.map(|probed| probed.passed);
            let sample = Sample { container: &container, probe_passed, at, uptime };
            match state.see(sample) {
                Verdict::Ready(by) => return Ok(by),
                Verdict::Failed(failure) => return Err(self.failure(&container, failure).await),
                Verdict::Waiting if began.elapsed() >= self.timeout => {
                    return Err(self.not_ready(&container, probes.failure).await);
                }
                Verdict::Waiting => {}
            }
            let left = self.timeout.saturating_sub(began.elapsed());
            let due = state.due_in(began.elapsed()).unwrap_or(POLL);
            self.pause(&container, probes.next_in().min(due).min(POLL).min(left)).await?;
        }
    }

    /// Runs an early probe if one is due. The engine's verdict, the end of the time and an interrupt end it.
    async fn probe(
        &mut self,
        probes: &mut Probes,
        container: &ObservedInstance,
        left: Duration,
    ) -> Result<Option<Probed>, ExecuteError> {
        let target = self.target;
        tokio::select! {
            biased;
            probed = probes.probe(target, container) => Ok(probed),
            paused = self.pause(container, left.min(PROBE_PATIENCE)) => paused.map(|()| None),
        }
    }

    async fn look(&self) -> Result<ObservedInstance, ExecuteError> {
        match self.target.observe_instance(self.container).await {
            Ok(container) => Ok(container),
            Err(TargetError::NotFound { .. }) => Err(ExecuteError::Removed {
                service: self.service.to_owned(),
                container: ContainerFacts { name: self.container.to_owned(), ..Default::default() },
            }),
            Err(source) => Err(ExecuteError::Target { subject: format!("observe {}", self.container), source }),
        }
    }

    /// Until something changed on this container, the time is up, or the run stops.
    async fn pause(&mut self, container: &ObservedInstance, time: Duration) -> Result<(), ExecuteError> {
        let until = Instant::now() + time.max(Duration::from_millis(20));
        loop {
            tokio::select! {
                () = tokio::time::sleep_until(until) => return Ok(()),
                changed = self.stop.changed() => {
                    if changed.is_err() || *self.stop.borrow() { return Err(ExecuteError::Interrupted); }
                }
                change = self.changes.recv() => match change {
                    Ok(change) if change.id == container.id => return Ok(()),
                    Ok(_) => {}
                    // Behind or without events: the next look comes by the clock.
                    Err(_) => { tokio::time::sleep_until(until).await; return Ok(()); }
                },
            }
        }
    }

    async fn failure(&self, container: &ObservedInstance, failure: ReadinessFailure) -> ExecuteError {
        let service = self.service.to_owned();
        // Whatever ends together with its engine did not fail by itself.
        if let Err(source @ TargetError::Unreachable { .. }) = self.target.ping().await {
            return ExecuteError::Target { subject: format!("service `{service}` ended with its engine"), source };
        }
        let mut facts = collect(self.target, container).await;
        if matches!(failure, ReadinessFailure::CrashLoop { .. }) && facts.exit_code.is_none() {
            facts.exit_code = self.next_exit_code().await;
        }
        match failure {
            ReadinessFailure::CrashLoop { restarts } => ExecuteError::CrashLoop { service, container: facts, restarts },
            ReadinessFailure::Exited { .. } => {
                ExecuteError::Exited { service, container: facts, oom_killed: container.oom_killed }
            }
            ReadinessFailure::Unhealthy { log } => ExecuteError::Unhealthy { service, container: facts, log },
            ReadinessFailure::Removed => ExecuteError::Removed { service, container: facts },
        }
    }

    /// Exit code of the next crash: while a container runs, the engine does not report the last one.
    async fn next_exit_code(&self) -> Option<i64> {
        let deadline = Instant::now() + NEXT_CRASH;
        while Instant::now() < deadline {
            let code = self.target.observe_instance(self.container).await.ok()?.exit_code;
            if code.is_some() {
                return code;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        None
    }

    /// Reports the output of the last completed health check: the engine's, otherwise that of a probe.
    async fn not_ready(&self, container: &ObservedInstance, probe_failure: Option<String>) -> ExecuteError {
        let log = container
            .health_log
            .clone()
            .or(probe_failure)
            .map(|log| log.trim().to_owned())
            .filter(|log| !log.is_empty());
        let checked = container.health_check.is_some();
        let state = match (container.state, log) {
            (InstanceState::Running, Some(log)) => format!("its health check says: {log}"),
            (InstanceState::Running, None) if checked => "running, its health check has not passed".to_owned(),
            _ if container.restarts > 0 => restarts_in_words(container),
            (state, _) => state.word().to_owned(),
        };
        let container = collect(self.target, container).await;
        ExecuteError::NotReady { service: self.service.to_owned(), container, after: self.timeout, state }
    }
}

/// The early probes of one wait: when the next is due and how far apart they are.
struct Probes {
    /// Known once the container was seen running.
    due: Option<Instant>,
    distance: Duration,
    /// Output of the last completed probe, if it failed.
    failure: Option<String>,
}

/// What one early probe found.
#[derive(Debug, Clone, Copy)]
struct Probed {
    passed: bool,
    /// Two passes are as far apart as their begins: how long the engine takes to run a command says nothing about the service.
    began: Instant,
}

impl Probes {
    fn new() -> Self {
        Self { due: None, distance: FIRST_PROBE, failure: None }
    }

    fn next_in(&self) -> Duration {
        self.due.map_or(Duration::MAX, |due| due.saturating_duration_since(Instant::now()))
    }

    /// Runs the container's own health test when one is due; `None` when it is not.
    async fn probe(&mut self, target: &dyn Target, container: &ObservedInstance) -> Option<Probed> {
        let decided = matches!(container.health, Health::Healthy | Health::Unhealthy);
        let undecided = container.state == InstanceState::Running && !decided;
        let Some(check) = early_probe(container).filter(|_| undecided) else {
            self.due = None;
            return None;
        };
        let began = Instant::now();
        if began < *self.due.get_or_insert(began + FIRST_PROBE) {
            return None;
        }
        let args = ExecArgs { container: container.id.clone(), command: check.command.clone(), ..Default::default() };
        let output = ProbeOutput::default();
        let run = target.exec(&args, ExecInput::default(), &output);
        let ended = tokio::time::timeout(PROBE_PATIENCE, run).await;
        let passed = matches!(ended, Ok(Ok(0)));
        if let Ok(Ok(code)) = ended {
            self.failure = (code != 0).then(|| output.text(code));
        }
        self.distance = (self.distance * 3 / 2).min(Duration::from_secs(1));
        self.due = Some(if passed { began + passes_apart(check) } else { Instant::now() + self.distance });
        Some(Probed { passed, began })
    }
}

/// The first bytes of a probe's output.
#[derive(Default)]
struct ProbeOutput(Mutex<Vec<u8>>);

impl ProbeOutput {
    /// The output, or the exit code when there was none.
    fn text(&self, code: i64) -> String {
        let bytes = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match String::from_utf8_lossy(&bytes).trim() {
            "" => format!("exit code {code}"),
            text => text.to_owned(),
        }
    }
}

impl OutputStream for ProbeOutput {
    fn log(&self, _line: &LogLine) -> std::io::Result<()> {
        Ok(())
    }

    fn bytes(&self, _channel: Channel, bytes: &[u8]) -> std::io::Result<()> {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let left = MAX_PROBE_OUTPUT.saturating_sub(kept.len());
        kept.extend_from_slice(&bytes[..bytes.len().min(left)]);
        Ok(())
    }
}
