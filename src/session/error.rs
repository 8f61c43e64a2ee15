//! What a verb itself refuses or finds wrong, beyond the errors of the modules it uses.
//! Facts only.
//! Never repeats what a module already says.

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
    /// An option that is not supported yet.
    #[error("not supported yet: {what}")]
    Unsupported { what: String, hint: String },
    /// A deploy without the rehearsal that the project file requires.
    #[error("{message}")]
    NotRehearsed { message: String },
    /// The project file and the compose files do not fit together.
    #[error("{message}")]
    Configuration { message: String, hint: Option<String> },
    /// Containers of a release run; the files are not what is started.
    #[error("containers of a release run, and its record is missing")]
    HasRelease,
    /// A service of the files that the release does not have.
    #[error("release {revision} has no service `{service}`")]
    NotReleased { revision: u32, service: String },
    /// Every release failed.
    #[error("no release of {project} serves")]
    NoneServes { project: String },
    /// There is no release to go to.
    #[error("{project} has no release to roll back to{}", skipped_words(skipped))]
    NoRelease { project: String, skipped: Vec<(u32, &'static str)> },
    /// A release cannot be brought up again.
    #[error("release {revision} of {project} cannot be restored: {reason}")]
    NotRestorable { project: String, revision: u32, reason: String },
    /// The stored configuration of a release is missing or damaged.
    #[error("release {revision} cannot be used: its configuration {reason}")]
    UnusableConfiguration { revision: u32, reason: String, hint: &'static str },
    /// The plan that was confirmed is not the one that would be carried out.
    #[error("the plan changed after it was confirmed: something else changed {project}")]
    PlanChanged { project: String },
    /// The saved plan is not the one that would be carried out.
    #[error("the saved plan of {project} is stale: {}", differences.join("; "))]
    StalePlan { project: String, differences: Vec<String> },
    /// Images that are to be sent are not on the engine they come from.
    #[error("images not found on {address}: {}", images.join(", "))]
    NotOnEngine { images: Vec<String>, address: String },
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
    #[error("unknown check `{name}`{}", nearest.as_ref().map(|n| format!(" (did you mean `{n}`?)")).unwrap_or_default())]
    NoCheck { name: String, nearest: Option<String> },
    /// A name that is no channel of the project.
    #[error("aictl.yaml has no channel `{name}`{}", nearest.as_ref().map(|n| format!(" (did you mean `{n}`?)")).unwrap_or_default())]
    NoChannel { name: String, nearest: Option<String>, known: Vec<String> },
    /// There is nothing to check.
    #[error("no checks to run: no services or checks were found")]
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
    /// Another folder made what the verb would take over or take away.
    #[error("the engine holds {project} from another folder: {others}")]
    OtherFolder { project: String, others: String },
    /// A name that is no secret of the project.
    #[error("unknown secret `{name}`{}", nearest.as_ref().map(|n| format!(" (did you mean `{n}`?)")).unwrap_or_default())]
    NoSecret { name: String, nearest: Option<String>, known: Vec<String> },
    /// The history has no operation with this number.
    #[error("{project} has no operation {number}{}", newest.map(|n| format!(", the newest is {n}")).unwrap_or_default())]
    NoOperation { project: String, number: u32, newest: Option<u32> },
    /// No operation is recorded.
    #[error("no operations of {project} are recorded")]
    NoHistory { project: String },
    /// A port is not published.
    #[error("port {port} of service `{service}` is not published")]
    NotPublished { service: String, port: String },
    /// A service has no port a browser could show.
    #[error("service `{service}` does not publish a web page{}", port.as_ref().map(|p| format!(" on port {p}")).unwrap_or_default())]
    NoPage { service: String, port: Option<String> },
    /// No service that runs has one.
    #[error("no running service of {project} publishes a web page")]
    NoPages { project: String },
    /// Nothing watches the stack.
    #[error("no monitoring services found: no service has the profile `monitoring` or a known monitoring image")]
    NoMonitoring,
    /// Two at once where only one makes sense.
    #[error("{project} is not locked")]
    NotLocked { project: String },
    /// Data is half restored, or of two times.
    #[error("the restore of {} was interrupted: its data is neither the old nor the restored state", services.join(", "))]
    UnfinishedRestore { services: Vec<String> },
    /// There is no restore to give up.
    #[error("no restore of {project} is unfinished")]
    NoUnfinishedRestore { project: String },
    /// There is no bake to continue.
    #[error("no release of {project} is baking")]
    NoBake { project: String },
    /// The engine went away when a part of the steps was done.
    #[error("lost the connection to the engine during `{operation}`, after {done} of {all} steps")]
    HalfDone {
        operation: &'static str,
        done: usize,
        all: usize,
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// Every step was carried out, and no record of it can be written.
    #[error("`{operation}` is done, but its end could not be recorded")]
    NotRecorded {
        operation: &'static str,
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// The lock is held by a living owner.
    #[error("the lock of {project} is held by {holder}, which seems to be alive")]
    LockAlive { project: String, holder: String },
    /// A task's command failed; `run` passes its code on.
    #[error("task `{task}` exited with code {code}")]
    TaskEnded { task: String, code: u8 },
    /// Ctrl-C while streaming or waiting.
    #[error("interrupted")]
    Interrupted,
    /// The host has less than the environment requires.
    #[error("environment `{environment}` requires {}", shortfalls.join("; "))]
    Shortfall { environment: String, shortfalls: Vec<String> },
    /// Services are not ready after a start in which no step failed.
    #[error("not ready: {}", faults.join(", "))]
    NotReady { faults: Vec<String> },
    /// A bounded wait ran out.
    #[error("{what} timed out after {seconds}s")]
    TimedOut { what: String, seconds: u64 },
}

const DEFINE_IT: &str =
    "define it in aictl.yaml, such as `tasks: { migrate: { service: api, command: [alembic, upgrade, head] } }`";
const NONE_SERVES: &str = "see what happened with `aictl show`; bring one up with `aictl deploy`";
const NO_RELEASE: &str = "list the releases with `aictl history`; `aictl deploy` makes one";
const GET_THEM_HERE: &str = "build or pull them on this machine, see them with `docker image ls`, then push again";

/// The ways out of an unfinished restore.
pub const FINISH_RESTORE: &str = "finish it, or go back to the set it names, with `aictl backup restore`; to keep the data as it is, \
                                  use `aictl backup restore --abandon`";

fn skipped_words(skipped: &[(u32, &'static str)]) -> String {
    skipped.iter().map(|(revision, why)| format!("; not {revision}, {why}")).collect()
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
            Self::Shortfall { .. } | Self::NotRehearsed { .. } => ErrorKind::ChecksFailed,
            Self::EnvFile { .. } | Self::NoChecks { .. } => ErrorKind::Config,
            Self::Unsupported { .. } | Self::Configuration { .. } => ErrorKind::Config,
            Self::PlanChanged { .. } | Self::StalePlan { .. } => ErrorKind::StalePlan,
            Self::NotOnEngine { .. }
            | Self::NoTask { .. }
            | Self::NoSecret { .. }
            | Self::NoCheck { .. }
            | Self::NoChannel { .. }
            | Self::NoMigration
            | Self::NoServiceOfKind { .. }
            | Self::NoContainer { .. }
            | Self::NotLocked { .. }
            | Self::NoBake { .. }
            | Self::NoUnfinishedRestore { .. }
            | Self::NoPage { .. }
            | Self::NoPages { .. }
            | Self::NoMonitoring
            | Self::NoOperation { .. }
            | Self::NoHistory { .. }
            | Self::NoRelease { .. }
            | Self::NoneServes { .. }
            | Self::NotReleased { .. }
            | Self::NotPublished { .. } => ErrorKind::NotFound,
            Self::Partial { .. } | Self::HalfDone { .. } | Self::NotRecorded { .. } => ErrorKind::Partial,
            Self::OtherFolder { .. } => ErrorKind::NeedsConfirmation,
            Self::LockAlive { .. } => ErrorKind::Locked,
            Self::Interrupted => ErrorKind::Interrupted,
            Self::TimedOut { .. } | Self::NotReady { .. } => ErrorKind::NotReady,
            _ => ErrorKind::Failed,
        }
    }

    fn hints(&self) -> Vec<String> {
        match self {
            Self::Usage { hint: Some(hint), .. }
            | Self::Refused { hint: Some(hint), .. }
            | Self::Configuration { hint: Some(hint), .. }
            | Self::Unsupported { hint, .. } => vec![hint.clone()],
            Self::NotRehearsed { .. } => vec![REHEARSE.to_owned()],
            Self::NoneServes { .. } => vec![NONE_SERVES.to_owned()],
            Self::NoRelease { .. } => vec![NO_RELEASE.to_owned()],
            Self::UnusableConfiguration { hint, .. } => vec![(*hint).to_owned()],
            Self::NotRestorable { .. } => vec!["list the releases with `aictl history`".to_owned()],
            Self::StalePlan { .. } => vec!["plan again with `aictl plan --out FILE`".to_owned()],
            Self::HasRelease | Self::NotReleased { .. } => vec![DEPLOY_THE_FILES.to_owned()],
            Self::NotOnEngine { .. } => vec![GET_THEM_HERE.to_owned()],
            Self::UnfinishedRestore { .. } => vec![FINISH_RESTORE.to_owned()],
            Self::NotRunning { service } => vec![format!("start it with `aictl start {service}`")],
            Self::NoTask { known, .. } | Self::NoSecret { known, .. } | Self::NoChannel { known, .. }
                if !known.is_empty() =>
            {
                vec![format!("known: {}", known.join(", "))]
            }
            Self::OtherFolder { .. } => OTHER_FOLDER.map(str::to_owned).to_vec(),
            Self::NoMigration => vec![DEFINE_IT.to_owned()],
            Self::NoCheck { .. } => vec!["list the checks with `aictl smoke-test --dry-run`".to_owned()],
            Self::NoChecks { inactive } => vec![no_checks(inactive)],
            Self::TaskEnded { task, .. } => vec![format!("run it alone with `aictl run {task}`")],
            Self::NoServiceOfKind { .. } => vec!["name the service: `--service NAME`".to_owned()],
            Self::NoPage { service, .. } => vec![no_page(service)],
            Self::NoPages { .. } => vec!["see running services and their addresses with `aictl status`".to_owned()],
            Self::NoMonitoring => vec![ADD_PROFILE.to_owned()],
            Self::NoOperation { .. } => vec!["list the operations with `aictl history --all`".to_owned()],
            Self::NoHistory { .. } => vec!["list running projects with `aictl ls`".to_owned()],
            Self::Shortfall { .. } => vec!["see what the machine has with `aictl doctor`".to_owned()],
            Self::NotReady { .. } => vec!["see each service with `aictl status`".to_owned()],
            Self::HalfDone { operation, .. } => vec![half_done(operation).to_owned()],
            Self::NotRecorded { .. } => vec![NOT_RECORDED.to_owned()],
            Self::LockAlive { .. } => vec!["remove it anyway with `aictl lock break --force`".to_owned()],
            _ => Vec::new(),
        }
    }
}

const DEPLOY_THE_FILES: &str = "bring up what the files say with `aictl deploy`";

const REHEARSE: &str = "rehearse and deploy it with `aictl deploy --rehearse`";

const OTHER_FOLDER: [&str; 2] = [
    "choose another project name here with `-p NAME`, or run it in that folder",
    "run it in a terminal to confirm; `--yes` does not confirm this",
];

fn no_page(service: &str) -> String {
    format!("list its published ports with `aictl port {service}`, open one with `aictl open {service} --port PORT`")
}

const ADD_PROFILE: &str = "add `profiles: [monitoring]` to the monitoring services in the compose file; list profiles with `aictl config --profiles`";

const NOT_RECORDED: &str = "free disk space on the host of the engine; until then `aictl history` calls it interrupted";

/// What finishes or undoes a change whose engine went away.
fn half_done(operation: &str) -> &'static str {
    match operation {
        "deploy" => "once the engine is back, finish it with `aictl deploy`, or undo it with `aictl rollback`",
        "rollback" => {
            "once the engine is back, finish it with `aictl rollback`, or bring up what the files say with `aictl deploy`"
        }
        "start" => "once the engine is back, finish it with `aictl start`, or undo it with `aictl stop --remove`",
        _ => "once the engine is back, run the same command again; see what runs with `aictl status`",
    }
}

fn no_checks(inactive: &[String]) -> String {
    if inactive.is_empty() {
        return "list running projects with `aictl ls`; define checks under `checks` in aictl.yaml".to_owned();
    }
    format!(
        "services of inactive profiles: {}; list the profiles with `aictl config --profiles`, check one with `aictl --profile NAME smoke-test`",
        inactive.join(", ")
    )
}
