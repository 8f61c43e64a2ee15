//! Operations on containers.
//! Data and its description.
//! Never decides what becomes of a container.

use std::time::Duration;

use serde::Serialize;

use super::description::{Description, ENGINE_CALL, Names, container_name, container_subject};
use super::summary;
use crate::compose::model::ServiceHook;
use crate::plan::ContainerSpec;
use crate::release::OperationKind;

/// A container that ignores its stop signal is killed after this long where nothing else is said.
const USUAL_GRACE: Duration = Duration::from_secs(10);

/// An answer may come this long after the time an operation was given.
const MARGIN: Duration = Duration::from_secs(5);

/// How long a start keeps others waiting. The engine's allocations on a network (addresses, endpoints, host ports) are
/// not atomic: engine 20.10 miscounts a network's endpoints under parallel starts and can then never remove it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum StartTurn {
    /// It joins no network: not at all.
    Free,
    /// Until it is on so many networks.
    UntilConnected(usize),
    /// To its end, where the engine picks host ports or nothing better is known.
    UntilStarted,
}

/// A change of one container. `container` is an id or a name.
#[derive(Clone, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum ContainerOperation {
    /// Creates a container and copies its files into it.
    Create(Box<ContainerSpec>),
    /// Starts a container. `turn`: when the next start may follow.
    Start { service: String, container: String, turn: StartTurn },
    /// Stops a container: signal, then kill after the timeout.
    Stop { service: String, container: String, timeout: Option<Duration> },
    /// Sends a signal.
    Kill { service: String, container: String, signal: String },
    /// Stops and starts a container in one call.
    Restart { service: String, container: String, timeout: Option<Duration> },
    /// Lets a paused container run on.
    Unpause { service: String, container: String },
    /// Removes a container; `volumes` removes its anonymous volumes too, `force` kills it first.
    Remove { service: String, container: String, volumes: bool, force: bool },
    /// Renames a container.
    Rename { service: String, container: String, name: String },
    /// Runs a lifecycle hook inside a container and waits for it.
    RunHook {
        service: String,
        container: String,
        #[serde(serialize_with = "summary::hook")]
        hook: Box<ServiceHook>,
        timeout: Duration,
    },
}

summary::debug_as_serialised!(ContainerOperation);

impl ContainerOperation {
    /// The container it names, for replacing a name by an id; none for one that is yet to be created.
    pub fn container_mut(&mut self) -> Option<&mut String> {
        match self {
            Self::Create(_) => None,
            Self::Start { container, .. }
            | Self::Stop { container, .. }
            | Self::Kill { container, .. }
            | Self::Restart { container, .. }
            | Self::Unpause { container, .. }
            | Self::Remove { container, .. }
            | Self::Rename { container, .. }
            | Self::RunHook { container, .. } => Some(container),
        }
    }

    pub(in crate::plan) fn describe(&self, names: &Names) -> Description {
        let (kind, infinitive, participle) = self.words();
        let (subject, service) = match self {
            Self::Create(spec) => (format!("container {}", spec.name), &spec.service_name),
            Self::Rename { service, container, name } => {
                (format!("{} to {name}", container_subject(container, names)), service)
            }
            Self::RunHook { service, container, hook, .. } => {
                let command = hook.command.as_slice().unwrap_or_default().join(" ");
                (format!("`{command}` in {}", container_name(container, names)), service)
            }
            Self::Start { service, container, .. }
            | Self::Stop { service, container, .. }
            | Self::Kill { service, container, .. }
            | Self::Restart { service, container, .. }
            | Self::Unpause { service, container }
            | Self::Remove { service, container, .. } => (container_subject(container, names), service),
        };
        Description { kind, infinitive, participle, subject, service: Some(service.clone()), deadline: self.deadline() }
    }

    const fn words(&self) -> (OperationKind, &'static str, &'static str) {
        match self {
            Self::Create(_) => (OperationKind::CreateContainer, "create", "Created"),
            Self::Start { .. } => (OperationKind::StartContainer, "start", "Started"),
            Self::Stop { .. } => (OperationKind::StopContainer, "stop", "Stopped"),
            Self::Kill { .. } => (OperationKind::KillContainer, "kill", "Killed"),
            Self::Restart { .. } => (OperationKind::RestartContainer, "restart", "Restarted"),
            Self::Unpause { .. } => (OperationKind::UnpauseContainer, "unpause", "Unpaused"),
            Self::Remove { .. } => (OperationKind::RemoveContainer, "remove", "Removed"),
            Self::Rename { .. } => (OperationKind::RenameContainer, "rename", "Renamed"),
            Self::RunHook { .. } => (OperationKind::RunHook, "run hook", "Ran hook"),
        }
    }

    fn deadline(&self) -> Duration {
        match self {
            Self::Stop { timeout, .. } | Self::Restart { timeout, .. } => ENGINE_CALL + timeout.unwrap_or(USUAL_GRACE),
            Self::RunHook { timeout, .. } => *timeout + MARGIN,
            Self::Create(_)
            | Self::Start { .. }
            | Self::Kill { .. }
            | Self::Unpause { .. }
            | Self::Remove { .. }
            | Self::Rename { .. } => ENGINE_CALL,
        }
    }
}
