//! Why a plan was not carried out to its end.
//! Facts only: which service, which container, its last log lines.
//! What was undone is in `Execution`.

use std::time::Duration;

use crate::error::{ErrorKind, Hint};
use crate::target::{ContainerFacts, TargetError};

/// A failure while walking a plan.
#[derive(Debug, Clone, thiserror::Error)]
pub enum ExecuteError {
    /// The target refused or broke.
    #[error("{subject}")]
    Target {
        /// What was being done: `start container web-api-1`.
        subject: String,
        /// Why it did not work.
        #[source]
        source: TargetError,
    },
    /// The service was not ready in time.
    #[error("container {} of service `{service}` did not become ready within {}s ({state})", container.name, after.as_secs())]
    NotReady { service: String, container: ContainerFacts, after: Duration, state: String },
    /// The service crashes again and again.
    #[error(
        "container {} of service `{service}` is in a crash loop: restarted {}{}",
        container.name, times(*restarts), container.exit_code.map(|code| format!(", last exit code {code}")).unwrap_or_default()
    )]
    CrashLoop { service: String, container: ContainerFacts, restarts: u64 },
    /// The service ended.
    #[error("container {} of service `{service}` exited with code {}", container.name, container.exit_code.unwrap_or_default())]
    Exited { service: String, container: ContainerFacts, oom_killed: bool },
    /// The engine calls it unhealthy.
    #[error("container {} of service `{service}` is unhealthy{}", container.name, log.as_ref().filter(|l| !l.trim().is_empty()).map(|l| format!(": {l}")).unwrap_or_default())]
    Unhealthy { service: String, container: ContainerFacts, log: Option<String> },
    /// Somebody removed it meanwhile.
    #[error("container {} of service `{service}` was removed by another process", container.name)]
    Removed { service: String, container: ContainerFacts },
    /// A lifecycle hook failed.
    #[error("hook `{command}` of service `{service}` exited with code {code}")]
    HookFailed { service: String, command: String, code: i64, output: Vec<String> },
    /// The command of a task ended with another exit code than 0.
    #[error("task `{task}` ended with exit code {code}")]
    TaskEnded { task: String, service: String, code: u8, container: Box<ContainerFacts> },
    /// A check did not pass in time.
    #[error("check `{check}` failed: {message}")]
    CheckFailed {
        check: String,
        service: Option<String>,
        container: Option<Box<ContainerFacts>>,
        message: String,
        attempts: Vec<String>,
    },
    /// Something went wrong after the switch, while the old side stayed.
    #[error("the new release failed after the switch: {message}")]
    BakeFailed {
        service: Option<String>,
        container: Option<Box<ContainerFacts>>,
        message: String,
        attempts: Vec<String>,
    },
    /// A step of the plan waits for one that comes later; nothing was started.
    #[error("the plan is out of order at step {step}: this is a fault of aictl")]
    OutOfOrder { step: usize },
    /// Ctrl-C.
    #[error("interrupted")]
    Interrupted,
    /// Ctrl-C during a bake: its new side serves, and the old one is kept.
    #[error("interrupted during the bake")]
    Baking,
    /// The whole operation ran into `--timeout`.
    #[error("the operation did not end within {}s", after.as_secs())]
    Deadline { after: Duration },
}

fn times(count: u64) -> String {
    if count == 1 { "once".to_owned() } else { format!("{count} times") }
}

impl ExecuteError {
    /// The hints where the container the failure is about was removed since: its log is in the record alone. None where the
    /// failure has no hint at it.
    pub fn hints_without_its_container(&self) -> Option<Vec<String>> {
        match self {
            Self::Exited { oom_killed: true, .. } => None,
            Self::CrashLoop { .. } | Self::Exited { .. } | Self::Unhealthy { .. } => Some(Vec::new()),
            Self::NotReady { .. } => Some(vec!["`--timeout` sets how long to wait".to_owned()]),
            _ => None,
        }
    }

    /// What is known of the container the failure is about.
    pub fn container(&self) -> Option<&ContainerFacts> {
        match self {
            Self::NotReady { container, .. }
            | Self::CrashLoop { container, .. }
            | Self::Exited { container, .. }
            | Self::Unhealthy { container, .. }
            | Self::Removed { container, .. } => Some(container),
            Self::Target { source: TargetError::StartFailed { container, .. }, .. } => Some(container),
            Self::Target { source: TargetError::WorkloadFailed { container, .. }, .. } => Some(container),
            Self::CheckFailed { container, .. } | Self::BakeFailed { container, .. } => container.as_deref(),
            Self::TaskEnded { container, .. } => Some(container),
            _ => None,
        }
    }
}

impl ExecuteError {
    /// The attempts of a failed check.
    pub fn attempts(&self) -> &[String] {
        match self {
            Self::CheckFailed { attempts, .. } | Self::BakeFailed { attempts, .. } => attempts,
            _ => &[],
        }
    }

    /// The failure without naming its subject again.
    pub fn brief(&self) -> String {
        match self {
            Self::Target { source, .. } => source.to_string(),
            Self::NotReady { after, state, .. } => format!("not ready within {}s ({state})", after.as_secs()),
            Self::CrashLoop { restarts, .. } => format!("crash loop, restarted {}", times(*restarts)),
            Self::Exited { container, .. } => format!("exited with code {}", container.exit_code.unwrap_or_default()),
            Self::Unhealthy { log, .. } => format!(
                "unhealthy: {}",
                log.as_deref().map(str::trim).filter(|log| !log.is_empty()).unwrap_or("no output")
            ),
            Self::CheckFailed { message, .. } | Self::BakeFailed { message, .. } => message.clone(),
            other => other.to_string(),
        }
    }
}

impl Hint for ExecuteError {
    fn kind(&self) -> ErrorKind {
        match self {
            Self::Target { source, .. } => source.kind(),
            Self::NotReady { .. } | Self::Unhealthy { .. } | Self::Deadline { .. } => ErrorKind::NotReady,
            Self::Interrupted | Self::Baking => ErrorKind::Interrupted,
            _ => ErrorKind::Failed,
        }
    }

    fn details(&self) -> Vec<String> {
        // The output of a task was shown while it ran.
        if matches!(self, Self::TaskEnded { .. }) {
            return Vec::new();
        }
        self.attempts().iter().cloned().chain(self.container().into_iter().flat_map(|c| c.logs.clone())).collect()
    }

    fn hints(&self) -> Vec<String> {
        match self {
            Self::Target { source, .. } => source.hints(),
            Self::Exited { service, oom_killed: true, .. } => {
                vec![format!("the engine killed it for memory: raise the memory limit of `{service}`")]
            }
            Self::CrashLoop { service, .. } | Self::Exited { service, .. } | Self::Unhealthy { service, .. } => {
                vec![format!("see `aictl logs {service}`")]
            }
            Self::NotReady { service, .. } => {
                vec![format!("see `aictl logs {service}`; `--timeout` sets how long to wait")]
            }
            Self::HookFailed { output, .. } if !output.is_empty() => {
                vec![format!("its last line: {}", output.join(" "))]
            }
            _ => Vec::new(),
        }
    }
}
