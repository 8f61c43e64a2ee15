//! Watching a release after the switch: its checks, the proxy's responses, the alerts of Prometheus.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use futures_util::StreamExt as _;
use futures_util::future::join_all;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use super::checks::DeployChecks;
use super::responses::ResponseLog;
use crate::execute::{Baked, CheckFailure};
use crate::plan::Bake;
use crate::probe::{ProbeContext, ProbeError, RetryPolicy, firing_alerts, run_check};
use crate::target::{LogArgs, TargetError};

/// The time between two looks: a part of the window within these bounds.
const SHORTEST_PAUSE: Duration = Duration::from_millis(500);
const LONGEST_PAUSE: Duration = Duration::from_secs(5);
/// How long one look at a check may take.
const LOOK: Duration = Duration::from_secs(10);
/// At most this much of the time before the switch is compared.
const BEFORE: Duration = Duration::from_secs(600);

/// The watch over one release.
pub(super) struct Watch<'a> {
    checks: &'a DeployChecks<'a>,
    bake: &'a Bake,
    probes: ProbeContext<'a>,
    switched: OffsetDateTime,
    /// How much of the window had passed when the watch started.
    passed: Duration,
    responses: ResponseLog,
    /// The newest line of the proxy's log that was counted, by container.
    read: BTreeMap<String, OffsetDateTime>,
    /// Why alerts or responses could not be seen.
    unseen: Option<String>,
}

impl<'a> Watch<'a> {
    pub(super) async fn begin(checks: &'a DeployChecks<'a>, bake: &'a Bake) -> Result<Self, CheckFailure> {
        let time = checks.target.observe_engine().await.map_err(CheckFailure::Target)?.host.time;
        let parsed = |time: &str| OffsetDateTime::parse(time, &Rfc3339).ok();
        let now = parsed(&time).unwrap_or_else(OffsetDateTime::now_utc);
        let switched = bake.since.as_deref().and_then(parsed).unwrap_or(now);
        let passed = Duration::try_from(now - switched).unwrap_or_default();
        let probes = checks.probes().await?.only(bake.containers.clone());
        let responses = ResponseLog::new(switched);
        Ok(Self { checks, bake, probes, switched, passed, responses, read: BTreeMap::new(), unseen: None })
    }

    /// Looks again and again until the window has passed or something is wrong.
    pub(super) async fn run(mut self) -> Result<Baked, CheckFailure> {
        let (began, window) = (Instant::now(), self.bake.window.saturating_sub(self.passed));
        let pause = (self.bake.window / 10).clamp(SHORTEST_PAUSE, LONGEST_PAUSE);
        loop {
            self.look().await?;
            let left = window.saturating_sub(began.elapsed());
            if left.is_zero() {
                return self.verdict();
            }
            tokio::time::sleep(pause.min(left)).await;
        }
    }

    async fn look(&mut self) -> Result<(), CheckFailure> {
        self.repeat_checks().await?;
        self.read_responses().await?;
        if let Some(rise) = self.responses.rise() {
            return Err(wrong(None, rise));
        }
        self.alerts().await
    }

    async fn repeat_checks(&self) -> Result<(), CheckFailure> {
        let due = self.checks.planned.iter().filter(|planned| self.bake.checks.contains(&planned.check.name));
        let policy = || RetryPolicy { deadline: Instant::now() + LOOK, retries: Some(1) };
        let outcomes = join_all(due.map(|planned| run_check(&self.probes, planned, policy()))).await;
        match outcomes.into_iter().find(|outcome| !outcome.passed()) {
            Some(outcome) => {
                let name = outcome.name.clone();
                Err(match self.checks.failure(outcome) {
                    CheckFailure::Failed { service, message, attempts } => {
                        CheckFailure::Failed { service, message: format!("check `{name}` failed: {message}"), attempts }
                    }
                    other => other,
                })
            }
            None => Ok(()),
        }
    }

    async fn read_responses(&mut self) -> Result<(), CheckFailure> {
        let Some(proxy) = &self.bake.proxy else { return Ok(()) };
        for container in self.probes.running(proxy).await.map_err(unreadable)? {
            let last = self.read.get(&container.id).copied();
            let from = last.unwrap_or(self.switched - self.bake.window.min(BEFORE));
            let since = format!("{}.{:09}", from.unix_timestamp(), from.nanosecond());
            let args = LogArgs { since: Some(since), ..LogArgs::default() };
            let mut lines = match self.checks.target.logs(&container, &args).await {
                Ok(lines) => lines,
                Err(error) => return self.no_log(&error),
            };
            while let Some(line) = lines.next().await {
                let line = line.map_err(CheckFailure::Target)?;
                let time = line.time.as_deref().and_then(|time| OffsetDateTime::parse(time, &Rfc3339).ok());
                let Some(time) = time.filter(|time| last.is_none_or(|last| *time > last)) else { continue };
                self.responses.add(time, &line.message);
                self.read.insert(container.id.clone(), time);
            }
        }
        Ok(())
    }

    /// A log driver may not let its log be read.
    fn no_log(&mut self, error: &TargetError) -> Result<(), CheckFailure> {
        self.unseen.get_or_insert_with(|| format!("cannot read the logs of the proxy: {error}"));
        Ok(())
    }

    /// Alerts whose condition became true after the switch.
    async fn alerts(&mut self) -> Result<(), CheckFailure> {
        let Some(service) = &self.checks.prometheus else { return Ok(()) };
        match firing_alerts(&self.probes, service).await {
            Ok(firing) => {
                let new = |since: Option<OffsetDateTime>| since.is_some_and(|since| since >= self.switched);
                match firing.into_iter().find(|alert| new(alert.since)) {
                    Some(alert) => Err(wrong(None, format!("alert {} started firing after the switch", alert.name))),
                    None => Ok(()),
                }
            }
            Err(error) => {
                self.unseen.get_or_insert_with(|| format!("cannot read the alerts of `{service}`: {error}"));
                Ok(())
            }
        }
    }

    fn verdict(self) -> Result<Baked, CheckFailure> {
        let total = self.responses.total();
        let mut unseen: Vec<String> = self.unseen.into_iter().collect();
        if self.bake.proxy.is_some() && total.all == 0 {
            unseen.push("the proxy logged no response".to_owned());
        }
        let warnings: Vec<String> =
            unseen.into_iter().map(|what| format!("the bake time is inconclusive: {what}")).collect();
        match warnings.first().filter(|_| self.checks.strict) {
            Some(warning) => Err(wrong(None, warning.clone())),
            None => Ok(Baked { found: format!("{} responses, {} of them 5xx", total.all, total.failed), warnings }),
        }
    }
}

fn wrong(service: Option<&String>, message: String) -> CheckFailure {
    CheckFailure::Failed { service: service.cloned(), message, attempts: Vec::new() }
}

fn unreadable(error: ProbeError) -> CheckFailure {
    match error {
        ProbeError::Target(error) => CheckFailure::Target(error),
        other => wrong(None, other.to_string()),
    }
}
