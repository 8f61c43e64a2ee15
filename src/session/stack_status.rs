//! A stack as it stands: its services with state, health, uptime and addresses, as `status` and `start` show them.
//! Reads what was observed and, where there are files, the stack: a service without a container is listed too.
//! Never observes by itself.

use std::collections::BTreeSet;

use serde::Serialize;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use crate::compose::model::Stack;
use crate::event::human;
use crate::plan::drift::Drift;
use crate::plan::{Health, InstanceState, Observed, ObservedInstance, may_restart_again, restarts_in_words};
use crate::probe::may_complete;
use crate::release::ObservedLease;
use crate::session::backup::BackupStatus;
use crate::session::report::{Block, Cell, Tone};
use crate::session::urls::addresses;
use crate::session::verdict_lines::verdict_lines;

/// A stack as it stands.
#[derive(Debug, Clone, Default, Serialize)]
pub struct StackStatus {
    /// Project name.
    pub project: String,
    /// Containers, and services that have none.
    pub services: Vec<ServiceStatus>,
    /// An operation that is going on, or was cut off.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lock: Option<ObservedLease>,
    /// The current release.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub release: Option<u32>,
    /// Where what runs differs from that release.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub drift: Vec<Drift>,
    /// Whether clients get the maintenance page.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub maintenance: bool,
    /// Services that an interrupted restore left half restored.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub unfinished_restore: Vec<String>,
    /// Age and quality of the backups, where the project has some.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub backup: Option<BackupStatus>,
}

/// One line of the status.
#[derive(Debug, Clone, Default, Serialize)]
pub struct ServiceStatus {
    /// Service.
    pub service: String,
    /// Container name, empty when there is none.
    pub container: String,
    /// Container id.
    pub id: String,
    /// Image reference.
    pub image: String,
    /// Engine state, or `missing`.
    pub state: String,
    /// Health verdict, `none` without a check.
    pub health: Health,
    /// Exit code, when it ended.
    pub exit_code: Option<i64>,
    /// RFC 3339 start time, when it runs.
    pub started_at: Option<String>,
    /// Seconds since then.
    pub uptime_seconds: Option<u64>,
    /// Restarts by the engine since it was last started.
    pub restarts: u64,
    /// Why it is not ready: `exited with 3`, `restarted 4 times since it was started`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fault: Option<String>,
    /// Addresses of published ports.
    pub urls: Vec<String>,
}

impl StackStatus {
    /// Services that a start has waited for are healthy by probes of its own where the engine has not judged yet.
    pub fn count_early_health(&mut self, awaited: &BTreeSet<String>) {
        let early = |s: &&mut ServiceStatus| s.health == Health::Starting && awaited.contains(&s.service);
        self.services.iter_mut().filter(early).for_each(|service| service.health = Health::Healthy);
    }

    /// Why containers of the selected services are not ready, one line each: `api: exited with 3`.
    pub fn faults(&self, is_selected: impl Fn(&str) -> bool) -> Vec<String> {
        let selected = self.services.iter().filter(|service| is_selected(&service.service));
        selected
            .filter_map(|service| Some(format!("{}: {}", self.shown_name(service), service.fault.as_ref()?)))
            .collect()
    }

    /// The status of what was found; running containers, and every wanted service that has none.
    pub fn of(project: &str, stack: Option<&Stack>, observed: &Observed) -> Self {
        let mut services: Vec<ServiceStatus> =
            observed.instances.iter().filter(|c| !c.one_off).map(|c| line(observed, c)).collect();
        for (name, service) in stack.into_iter().flat_map(|s| &s.services) {
            let present = services.iter().any(|s| s.service == *name);
            if !present && service.scale() > 0 && service.provider.is_none() {
                let (state, fault) = ("missing".into(), Some("has no container".to_owned()));
                services.push(ServiceStatus { service: name.clone(), state, fault, ..Default::default() });
            }
            let runs_on = |line: &&mut ServiceStatus| line.service == *name && line.has_completed();
            let is_server = !may_complete(service, &service.image_or_default(project, name));
            for line in services.iter_mut().filter(runs_on).filter(|_| is_server) {
                line.fault = Some("exited with 0".to_owned());
            }
        }
        services.sort_by(|a, b| (&a.service, &a.container).cmp(&(&b.service, &b.container)));
        Self { project: project.to_owned(), services, ..Default::default() }
    }
}

impl ServiceStatus {
    fn has_completed(&self) -> bool {
        self.state == InstanceState::Exited.word() && self.exit_code == Some(0)
    }
}

/// Why a container is not ready; one that exited with 0 may be a one-shot.
fn fault(container: &ObservedInstance) -> Option<String> {
    match (container.state, container.exit_code) {
        (InstanceState::Running, _) if container.health == Health::Unhealthy => Some("unhealthy".to_owned()),
        (InstanceState::Running | InstanceState::Restarting, _)
            if may_restart_again(container, OffsetDateTime::now_utc()) =>
        {
            Some(restarts_in_words(container))
        }
        (InstanceState::Running, _) | (InstanceState::Exited, Some(0)) => None,
        (InstanceState::Exited | InstanceState::Dead, Some(code)) => Some(format!("exited with {code}")),
        (state, _) => Some(state.word().to_owned()),
    }
}

/// The status of one container.
pub fn line(observed: &Observed, container: &ObservedInstance) -> ServiceStatus {
    let up = container.state.is_up();
    ServiceStatus {
        service: container.service.clone(),
        container: container.name.clone(),
        id: container.id.clone(),
        image: container.image.clone(),
        state: container.state.word().to_owned(),
        health: container.health,
        exit_code: if ended(container.state) { container.exit_code } else { None },
        started_at: container.started_at.clone().filter(|_| up),
        uptime_seconds: container.started_at.as_deref().filter(|_| up).and_then(seconds_since),
        restarts: container.restarts,
        fault: fault(container),
        urls: if up { addresses(&observed.engine, container) } else { Vec::new() },
    }
}

fn ended(state: InstanceState) -> bool {
    !matches!(state, InstanceState::Created | InstanceState::Running | InstanceState::Paused)
}

fn seconds_since(time: &str) -> Option<u64> {
    let moment = OffsetDateTime::parse(time, &Rfc3339).ok()?;
    u64::try_from((OffsetDateTime::now_utc() - moment).whole_seconds()).ok()
}

impl StackStatus {
    /// The status as text.
    pub fn blocks(&self) -> Vec<Block> {
        let mut blocks = Vec::new();
        if self.services.is_empty() {
            blocks.push(Block::Line(vec![format!("{}: no containers", self.project).into()]));
        } else {
            let header = ["SERVICE", "STATE", "HEALTH", "UPTIME", "ADDRESS"].map(str::to_owned).to_vec();
            blocks.push(Block::Table { header, rows: self.services.iter().map(|s| self.row(s)).collect() });
        }
        for (drift, release) in self.drift.iter().zip(self.release.iter().cycle()) {
            let text = format!("differs from release {release}: {}: {}", drift.service, drift.message);
            blocks.push(Block::Line(vec![Cell::new(text, Tone::Warn)]));
        }
        blocks.extend(self.backup.iter().map(BackupStatus::block));
        if let Some(lock) = &self.lock {
            let dead =
                if lock.looks_dead() { ", which seems to be dead: the next change continues from there" } else { "" };
            blocks.push(Block::Gap);
            blocks.push(Block::Line(vec![Cell::new(format!("locked: {}{dead}", lock.summary()), Tone::Warn)]));
        }
        blocks
    }

    /// The service, or the container if the service has several.
    fn shown_name<'a>(&self, service: &'a ServiceStatus) -> &'a str {
        let several = self.services.iter().filter(|s| s.service == service.service).count() > 1;
        if several && !service.container.is_empty() {
            service.container.strip_prefix(&format!("{}-", self.project)).unwrap_or(&service.container)
        } else {
            &service.service
        }
    }

    fn row(&self, service: &ServiceStatus) -> Vec<Cell> {
        vec![
            Cell::new(self.shown_name(service), Tone::Strong),
            state_cell(service),
            health_cell(service.health),
            service.uptime_seconds.map(uptime).unwrap_or_default().into(),
            service.urls.join(" ").into(),
        ]
    }
}

/// A line for each container that is not ready.
pub fn not_ready(faults: &[String]) -> Vec<Block> {
    faults.iter().flat_map(|fault| verdict_lines(Cell::new("not ready", Tone::Bad), fault)).collect()
}

fn state_cell(service: &ServiceStatus) -> Cell {
    let restarts = usize::try_from(service.restarts).unwrap_or(usize::MAX);
    match (service.state.as_str(), service.exit_code) {
        ("running", _) if service.restarts > 0 => {
            Cell::new(format!("running, {}", human::count(restarts, "restart")), Tone::Warn)
        }
        ("restarting", Some(code)) => {
            Cell::new(format!("restarting, {}, exited {code}", human::count(restarts, "restart")), Tone::Bad)
        }
        ("running", _) => Cell::new("running", Tone::Good),
        ("exited", Some(0)) => Cell::new("exited 0", Tone::Dim),
        ("exited", Some(code)) => Cell::new(format!("exited {code}"), Tone::Bad),
        ("created" | "paused", _) => Cell::new(service.state.as_str(), Tone::Warn),
        (state, _) => Cell::new(state, Tone::Bad),
    }
}

fn health_cell(health: Health) -> Cell {
    match health {
        Health::None => Cell::new("-", Tone::Dim),
        Health::Starting => Cell::new("starting", Tone::Warn),
        Health::Healthy => Cell::new("healthy", Tone::Good),
        Health::Unhealthy => Cell::new("unhealthy", Tone::Bad),
    }
}

/// `45s`, `12m`, `3h 5m`, `2d 4h`.
pub fn uptime(seconds: u64) -> String {
    match seconds {
        0..60 => format!("{seconds}s"),
        60..3600 => format!("{}m", seconds / 60),
        3600..86_400 => format!("{}h {}m", seconds / 3600, seconds % 3600 / 60),
        _ => format!("{}d {}h", seconds / 86_400, seconds % 86_400 / 3600),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn uptime_is_short_at_every_scale() {
        let shown: Vec<String> = [45, 720, 11_100, 187_200].into_iter().map(uptime).collect();
        assert_eq!(shown, ["45s", "12m", "3h 5m", "2d 4h"]);
    }
}
