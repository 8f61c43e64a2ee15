//! An observed instance of a service: a container on a Docker engine, or a pod in a cluster.
//! Docker-specific fields are in `DockerContainer`.
//! Environment variables are left out, as they may contain secrets.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::Serialize;

/// The state of an instance.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum InstanceState {
    /// Never started, or a pending pod.
    #[default]
    Created,
    /// Its process runs.
    Running,
    /// Paused; does not apply to pods.
    Paused,
    /// Waiting to be restarted, or a pod in back-off.
    Restarting,
    /// Being removed, or a terminating pod.
    Removing,
    /// Exited, or a pod that succeeded or failed.
    Exited,
    /// Could not be removed, or a pod whose node is lost.
    Dead,
}

impl InstanceState {
    /// Whether there is a process to stop.
    pub const fn is_up(self) -> bool {
        matches!(self, Self::Running | Self::Paused | Self::Restarting)
    }

    /// The state as Docker writes it.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Created => "created",
            Self::Running => "running",
            Self::Paused => "paused",
            Self::Restarting => "restarting",
            Self::Removing => "removing",
            Self::Exited => "exited",
            Self::Dead => "dead",
        }
    }
}

/// Result of the health check or readiness probe.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Health {
    /// No health check.
    #[default]
    None,
    /// No verdict yet.
    Starting,
    /// Passing.
    Healthy,
    /// Failing.
    Unhealthy,
}

/// Default interval of a health check.
const USUAL_INTERVAL: Duration = Duration::from_secs(30);

/// Command of a health check, run periodically inside the instance.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct HealthCheck {
    /// Program and arguments.
    pub command: Vec<String>,
    /// Interval.
    pub interval: Duration,
    /// Interval until the first verdict: engines from API 1.44 on use `start_interval` within the start period.
    pub start_interval: Duration,
}

impl HealthCheck {
    /// From a test as Compose and Docker write it (`CMD`, `CMD-SHELL`), with its interval in nanoseconds, 0 when it names
    /// none; nothing where there is no check or it is disabled (`NONE`).
    pub fn of_test(test: &[String], interval: u64) -> Option<Self> {
        let command = match test.split_first()? {
            (kind, _) if kind == "NONE" => return None,
            (kind, rest) if kind == "CMD-SHELL" => {
                ["/bin/sh", "-c"].into_iter().map(str::to_owned).chain(rest.iter().cloned()).collect()
            }
            (kind, rest) if kind == "CMD" => rest.to_vec(),
            _ => test.to_vec(),
        };
        let interval = if interval == 0 { USUAL_INTERVAL } else { Duration::from_nanos(interval) };
        Some(Self { command, interval, start_interval: interval })
    }
}

/// One instance of a service.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct ObservedInstance {
    /// The id the target knows it by: a container's full id, a pod's name.
    pub id: String,
    /// Name.
    pub name: String,
    /// Service, from its label.
    pub service: String,
    /// Number within the service, from its label.
    pub number: u32,
    /// Made by `run`.
    pub one_off: bool,
    /// All labels.
    pub labels: BTreeMap<String, String>,
    /// Image reference it was created from.
    pub image: String,
    /// State.
    pub state: InstanceState,
    /// Readiness.
    pub health: Health,
    /// Last output of the health check, when it fails.
    pub health_log: Option<String>,
    /// The health check, where it is a command.
    pub health_check: Option<HealthCheck>,
    /// Exit code of the last run.
    pub exit_code: Option<i64>,
    /// Killed because it ran out of memory.
    pub oom_killed: bool,
    /// Error of the last start, as reported by the engine.
    pub error: Option<String>,
    /// Automatic restarts since it was last started.
    pub restarts: u64,
    /// RFC 3339.
    pub created_at: String,
    /// RFC 3339; absent when it never started.
    pub started_at: Option<String>,
    /// RFC 3339; absent when it never ended.
    pub finished_at: Option<String>,
    /// Ports, and where each is published.
    pub ports: Vec<ObservedPort>,
    /// Docker-specific fields; empty on other targets.
    pub docker: DockerContainer,
}

/// Docker-specific fields of an instance, used by `converge` and `engine/docker`.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct DockerContainer {
    /// Config hash label; a container without one does not exist for Compose.
    pub config_hash: Option<String>,
    /// Id of the image it was created from.
    pub image_id: String,
    /// Command line as one string.
    pub command: String,
    /// Network name → (network id, address).
    pub networks: BTreeMap<String, (String, String)>,
    /// Configured network mode (`bridge`, `host`, `container:ID`).
    pub network_mode: String,
    /// Mounts.
    pub mounts: Vec<ObservedMount>,
    /// Whether the process has a terminal: its log then has one channel.
    pub tty: bool,
}

/// A port of an instance and where it is published.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct ObservedPort {
    /// Port inside.
    pub target: u16,
    /// `tcp`, `udp`, `sctp`.
    pub protocol: String,
    /// Host address, empty when not published.
    pub host: String,
    /// Host port, 0 when not published.
    pub published: u16,
}

/// A mount of a container.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct ObservedMount {
    /// `bind`, `volume`, `tmpfs`.
    pub kind: String,
    /// Volume name or host path.
    pub source: String,
    /// Path inside.
    pub target: String,
}

/// Kind of a change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ChangeKind {
    /// Its process started.
    Started,
    /// Its process ended.
    Died,
    /// Its health status changed.
    Health(Health),
    /// It was removed.
    Removed,
}

/// A change of an instance.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// The instance's id.
    pub id: String,
    /// What changed.
    pub kind: ChangeKind,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(test: &[&str], interval: u64) -> Option<HealthCheck> {
        HealthCheck::of_test(&test.iter().map(|word| (*word).to_owned()).collect::<Vec<_>>(), interval)
    }

    #[test]
    fn a_health_test_is_a_command_unless_it_is_disabled() {
        let found = check(&["CMD-SHELL", "pg_isready || exit 1"], 0).unwrap();
        assert_eq!(found.command, ["/bin/sh", "-c", "pg_isready || exit 1"]);
        assert_eq!(found.interval, Duration::from_secs(30), "an interval that is not given is long");
        let found = check(&["CMD", "true"], 300_000_000).unwrap();
        assert_eq!((found.command, found.interval), (vec!["true".to_owned()], Duration::from_millis(300)));
        assert_eq!(check(&["NONE"], 0), None);
        assert_eq!(check(&[], 0), None);
    }
}
