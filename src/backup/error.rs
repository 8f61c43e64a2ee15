//! What goes wrong with a backup repository or a data service, and the exit code of each.

use crate::error::{ErrorKind, Hint};
use crate::target::TargetError;

/// A failure of a backup or of its repository.
#[derive(Debug, thiserror::Error)]
pub enum BackupError {
    /// A file that cannot be restored.
    #[error("{path}: {reason}")]
    BadFile { path: String, reason: String },
    /// There is no repository.
    #[error("no backup repository at {path}")]
    NoRepository { path: String },
    /// The directory holds something else.
    #[error("{path} is not empty and not a backup repository")]
    NotRepository { path: String },
    /// No key file of the repository fits the password.
    #[error("wrong password for the backup repository at {path}")]
    WrongPassword { path: String },
    /// The server of the repository does not accept the credentials.
    #[error("could not open the repository: {reason}")]
    Refused { reason: String },
    /// An S3 server is reached with credentials only.
    #[error("the credentials of the S3 repository are missing")]
    NoCredentials,
    /// Another process has locked the repository.
    #[error("the backup repository is locked by {holder}")]
    Locked { holder: String },
    /// Another drill or trial of the project runs.
    #[error("another {what} of this project is running: {holder}")]
    DrillRuns { what: &'static str, holder: String },
    /// The lock cannot be written: the disk is full, or the repository is read-only for this user.
    #[error("could not lock the repository: {reason}")]
    Unlockable { reason: String },
    /// A set that was named does not exist.
    #[error("the repository has no backup set `{name}`")]
    NoSet { name: String },
    /// There is nothing to restore or verify.
    #[error("the repository has no complete backup set of {project}")]
    NoCompleteSet { project: String },
    /// A set has nothing of a service.
    #[error("backup set {set} has no data for service `{service}`{}", nearest.as_ref().map(|n| format!(" (did you mean `{n}`?)")).unwrap_or_default())]
    NoPart { set: String, service: String, nearest: Option<String> },
    /// No base backup with its WAL reaches the time.
    #[error("{service} cannot be restored to {time}: {}", reachable_words(windows))]
    NotReachable { service: String, time: String, windows: Vec<String> },
    /// A service that the backups of the project do not take.
    #[error("the project backs up no service `{service}`{}", nearest.as_ref().map(|n| format!(" (did you mean `{n}`?)")).unwrap_or_default())]
    NoService { service: String, nearest: Option<String>, known: Vec<String> },
    /// A set that lacks a part, or was made by another version.
    #[error("backup set {set} cannot be used: {reason}")]
    BadSet { set: String, reason: String },
    /// A file of the repository is missing or not what was written.
    #[error("the repository is damaged: {what}")]
    Damaged { what: String },
    /// The index does not say what is in the repository.
    #[error("the index of the repository is damaged: {what}")]
    Index { what: String },
    /// The index names content that is gone: the same content would not be stored again.
    #[error("content of the repository is lost: {}; affected: {}", packs.join(", "), words_or_none(affected))]
    LostContent { packs: Vec<String>, affected: Vec<String> },
    /// What a set needs is gone: nothing of it was restored.
    #[error("content of backup set {set} is lost: {}; affected: {}", packs_or_index(packs), affected.join(", "))]
    LostSet { set: String, packs: Vec<String>, affected: Vec<String> },
    /// There are complete sets, and all of them are damaged.
    #[error("all complete backup sets are damaged; the newest is {set}")]
    OnlyDamaged { set: String },
    /// Snapshots whose content would be removed, as it is not known what it is.
    #[error("nothing is removed while parts of the repository cannot be read: {}", files.join(", "))]
    Unreadable { files: Vec<String> },
    /// The repository could not be read or written.
    #[error("could not {doing}: {reason}")]
    Repository { doing: &'static str, reason: String },
    /// A dump broke, is empty or was cut.
    #[error("{what}: {reason}")]
    Dump { what: String, reason: String },
    /// A data service did not do what it was asked for.
    #[error("{service}: {reason}")]
    Service { service: String, reason: String },
    /// The engine failed.
    #[error(transparent)]
    Target(#[from] TargetError),
}

impl Hint for BackupError {
    fn kind(&self) -> ErrorKind {
        match self {
            Self::NoRepository { .. } | Self::NoSet { .. } | Self::NoCompleteSet { .. } | Self::NoPart { .. } => {
                ErrorKind::NotFound
            }
            Self::NoService { .. } | Self::NotReachable { .. } => ErrorKind::NotFound,
            Self::NotRepository { .. } => ErrorKind::Config,
            Self::WrongPassword { .. } | Self::Refused { .. } | Self::NoCredentials => ErrorKind::Credentials,
            Self::Locked { .. } | Self::DrillRuns { .. } => ErrorKind::Locked,
            Self::Damaged { .. }
            | Self::Index { .. }
            | Self::LostContent { .. }
            | Self::LostSet { .. }
            | Self::OnlyDamaged { .. }
            | Self::Unreadable { .. } => ErrorKind::ChecksFailed,
            Self::BadFile { .. }
            | Self::BadSet { .. }
            | Self::Unlockable { .. }
            | Self::Repository { .. }
            | Self::Dump { .. }
            | Self::Service { .. } => ErrorKind::Failed,
            Self::Target(error) => error.kind(),
        }
    }

    fn hints(&self) -> Vec<String> {
        match self {
            Self::NoRepository { .. } => vec!["create one with `aictl backup create`".to_owned()],
            Self::NotRepository { .. } => vec!["name an empty or new directory in `backup.repository`".to_owned()],
            Self::WrongPassword { .. } => vec!["see `backup.password` in aictl.yaml".to_owned()],
            Self::Refused { .. } | Self::NoCredentials => {
                vec!["set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY in the environment or in .env".to_owned()]
            }
            Self::Locked { .. } => {
                vec!["wait until it finishes; stale locks are ignored after 30 minutes".to_owned()]
            }
            Self::NoSet { .. } | Self::NoCompleteSet { .. } | Self::BadSet { .. } | Self::NoPart { .. } => {
                vec!["list the sets with `aictl backup list`".to_owned()]
            }
            Self::NotReachable { .. } => vec!["store the WAL up to now with `aictl backup create`".to_owned()],
            Self::NoService { known, .. } if known.is_empty() => Vec::new(),
            Self::NoService { known, .. } => vec![format!("known: {}", known.join(", "))],
            Self::Index { .. } => vec![REPAIR.to_owned()],
            Self::LostContent { .. } => vec![format!("{REPAIR}; the next backup stores the data again")],
            Self::LostSet { .. } => {
                vec!["restore another set, or only the undamaged services with `--only`".to_owned(), REPAIR.to_owned()]
            }
            Self::OnlyDamaged { set } => vec![
                VERIFY.to_owned(),
                format!("restore only the undamaged services with `aictl backup restore {set} --only SERVICE`"),
            ],
            Self::Damaged { .. } | Self::Unreadable { .. } => {
                vec![VERIFY.to_owned()]
            }
            Self::Target(error) => error.hints(),
            Self::BadFile { .. }
            | Self::Unlockable { .. }
            | Self::Repository { .. }
            | Self::Dump { .. }
            | Self::Service { .. }
            | Self::DrillRuns { .. } => Vec::new(),
        }
    }
}

/// How the index is made anew.
const REPAIR: &str = "repair the index with `aictl backup verify --repair-index`";

/// Where it is said what is damaged.
const VERIFY: &str = "see what is affected with `aictl backup verify`";

fn packs_or_index(packs: &[String]) -> String {
    if packs.is_empty() { "the index does not name it".to_owned() } else { packs.join(", ") }
}

fn reachable_words(windows: &[String]) -> String {
    match windows {
        [] => "no base backup has its WAL".to_owned(),
        windows => format!("the backup sets reach {}", windows.join(", ")),
    }
}

fn words_or_none(words: &[String]) -> String {
    if words.is_empty() { "no backup set".to_owned() } else { words.join(", ") }
}

/// Why rustic failed, in our words: the system's reason where there is one, else content that is not what was written.
pub(super) fn reason_of(error: &rustic_core::RusticError) -> String {
    let mut cause = std::error::Error::source(error);
    while let Some(found) = cause {
        if let Some(io) = found.downcast_ref::<std::io::Error>() {
            return match io.kind() {
                std::io::ErrorKind::NotFound => "a file is missing".to_owned(),
                std::io::ErrorKind::UnexpectedEof => "a file is truncated".to_owned(),
                _ => io.to_string(),
            };
        }
        cause = found.source();
    }
    "its content is missing or not what was written".to_owned()
}

/// The conversion of a failure of rustic while doing something.
pub(super) fn failed(doing: &'static str) -> impl Fn(Box<rustic_core::RusticError>) -> BackupError {
    move |error| BackupError::Repository { doing, reason: reason_of(&error) }
}
