//! What a verb itself refuses or finds wrong, beyond the errors of the rooms it uses.
//! Facts only.
//! Never repeats what a room already says.

use crate::error::{ErrorKind, Hint};

/// A refusal of a verb.
#[derive(Debug, thiserror::Error)]
pub enum WorkflowError {
    /// The command line contradicts itself or lacks something clap cannot see.
    #[error("{message}")]
    Usage { message: String, hint: Option<String> },
    /// What was asked for would go wrong, and how it goes right.
    #[error("{message}")]
    Refused { message: String, hint: Option<String> },
    /// A container that must run does not.
    #[error("service `{service}` is not running")]
    NotRunning { service: String },
    /// A service has no container with this number.
    #[error("service `{service}` has no container {number}")]
    NoContainer { service: String, number: u32 },
    /// What was named is neither a task nor a service.
    #[error("`{name}` is neither a task nor a service{}", nearest.as_ref().map(|n| format!(" (did you mean `{n}`?)")).unwrap_or_default())]
    NoTask { name: String, nearest: Option<String>, known: Vec<String> },
    /// The project file has no task `migrate`.
    #[error("the project has no task `migrate`")]
    NoMigration,
    /// No service of a kind was recognised.
    #[error("no service with a {kind} image was found")]
    NoServiceOfKind { kind: &'static str },
    /// A name that is no check.
    #[error("no check is named `{name}`{}", nearest.as_ref().map(|n| format!(" (did you mean `{n}`?)")).unwrap_or_default())]
    NoCheck { name: String, nearest: Option<String> },
    /// There is nothing to check.
    #[error("there is nothing to check: no service and no check was found")]
    NoChecks { inactive: Vec<String> },
    /// Some parts worked, others did not.
    #[error("{done} of {all} done: {failed}")]
    Partial { done: usize, all: usize, failed: String },
    /// Something local could not be read or written.
    #[error("{path}: {reason}")]
    File { path: String, reason: String },
    /// An env file cannot be read as one; the reason never quotes it.
    #[error("{path}:{line}: {reason}")]
    EnvFile { path: String, line: u32, reason: String },
    /// A name that is no secret of the project.
    #[error("`{name}` is no secret of this project{}", nearest.as_ref().map(|n| format!(" (did you mean `{n}`?)")).unwrap_or_default())]
    NoSecret { name: String, nearest: Option<String>, known: Vec<String> },
    /// A port is not published.
    #[error("port {port} of service `{service}` is not published")]
    NotPublished { service: String, port: String },
    /// A service has no port a browser could show.
    #[error("service `{service}` publishes no page{}", port.as_ref().map(|p| format!(" on port {p}")).unwrap_or_default())]
    NoPage { service: String, port: Option<String> },
    /// No service that runs has one.
    #[error("no running service of {project} publishes a page")]
    NoPages { project: String },
    /// Nothing watches the stack.
    #[error("no service is in the profile `monitoring`, and none has an image known to watch others")]
    NoMonitoring,
    /// Two at once where only one makes sense.
    #[error("nobody holds the lock of {project}")]
    NotLocked { project: String },
    /// The lock is held by a living owner.
    #[error("the lock of {project} is held by {holder}, which looks alive")]
    LockAlive { project: String, holder: String },
    /// A task's command failed; `run` passes its code on.
    #[error("task `{task}` ended with exit code {code}")]
    TaskEnded { task: String, code: u8 },
    /// Ctrl-C while streaming or waiting.
    #[error("interrupted")]
    Interrupted,
    /// A bounded wait ran out.
    #[error("{what} did not end within {seconds}s")]
    TimedOut { what: String, seconds: u64 },
}

impl WorkflowError {
    /// A usage error without a hint.
    pub fn usage(message: impl Into<String>) -> Self {
        Self::Usage { message: message.into(), hint: None }
    }
}

impl Hint for WorkflowError {
    fn kind(&self) -> ErrorKind {
        match self {
            Self::Usage { .. } => ErrorKind::Usage,
            Self::EnvFile { .. } | Self::NoChecks { .. } => ErrorKind::Config,
            Self::NoTask { .. }
            | Self::NoSecret { .. }
            | Self::NoCheck { .. }
            | Self::NoMigration
            | Self::NoServiceOfKind { .. }
            | Self::NoContainer { .. }
            | Self::NotLocked { .. }
            | Self::NoPage { .. }
            | Self::NoPages { .. }
            | Self::NoMonitoring
            | Self::NotPublished { .. } => ErrorKind::NotFound,
            Self::Partial { .. } => ErrorKind::Partial,
            Self::LockAlive { .. } => ErrorKind::Locked,
            Self::Interrupted => ErrorKind::Interrupted,
            Self::TimedOut { .. } => ErrorKind::NotReady,
            Self::NotRunning { .. } | Self::TaskEnded { .. } | Self::File { .. } | Self::Refused { .. } => {
                ErrorKind::Failed
            }
        }
    }

    fn hints(&self) -> Vec<String> {
        match self {
            Self::Usage { hint: Some(hint), .. } | Self::Refused { hint: Some(hint), .. } => vec![hint.clone()],
            Self::NotRunning { service } => vec![format!("`aictl start {service}` starts it")],
            Self::NoTask { known, .. } | Self::NoSecret { known, .. } if !known.is_empty() => vec![format!("known: {}", known.join(", "))],
            Self::NoMigration => vec![
                "say it in aictl.yaml, such as `tasks: { migrate: { service: api, command: [alembic, upgrade, head] } }`"
                    .to_owned(),
            ],
            Self::NoCheck { .. } => vec!["`aictl smoke-test --dry-run` lists the checks".to_owned()],
            Self::NoChecks { inactive } if !inactive.is_empty() => vec![format!(
                "in no active profile: {}; `aictl config --profiles` lists the profiles, `aictl --profile NAME smoke-test` checks one of them",
                inactive.join(", ")
            )],
            Self::NoChecks { .. } => vec![
                "`aictl ls` lists the projects that run; checks of your own go under `checks` in aictl.yaml".to_owned(),
            ],
            Self::TaskEnded { task, .. } => vec![format!("`aictl run {task}` runs it alone")],
            Self::NoServiceOfKind { .. } => vec!["name the service: `--service NAME`".to_owned()],
            Self::NoPage { service, .. } => vec![format!(
                "`aictl port {service}` lists what it publishes; `aictl open {service} --port PORT` opens one of them"
            )],
            Self::NoPages { .. } => vec!["`aictl status` shows what runs and its addresses".to_owned()],
            Self::NoMonitoring => vec![
                "give what watches `profiles: [monitoring]` in the compose file; `aictl config --profiles` lists them"
                    .to_owned(),
            ],
            Self::LockAlive { .. } => vec!["`aictl lock break --force` removes it all the same".to_owned()],
            _ => Vec::new(),
        }
    }
}
