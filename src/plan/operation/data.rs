//! Operations on the data of services: dumps into a backup set, their restore, and passwords that a service keeps.
//! Data and its description; the session runs them, because it has the backup repository and the values.

use std::time::Duration;

use serde::Serialize;

use super::PasswordChange;
use super::description::Description;
use super::summary;
use crate::event::human;
use crate::release::OperationKind;

/// Databases of many gigabytes take hours. A stream that stands still ends much earlier.
const LONG_DUMP: Duration = Duration::from_secs(24 * 3600);

/// A dump or restore of data.
#[derive(Clone, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum DataOperation {
    /// Stores a part of the stack in the set.
    Dump {
        /// Name of the part: a service, or `configuration`.
        part: String,
        /// What is stored: `postgres databases`.
        what: String,
        /// The service, where it is of one.
        service: Option<String>,
    },
    /// Waits until every dump of a service has begun, or the timeout: what is written afterwards is in none of them.
    AwaitBegun {
        /// How many services are dumped.
        parts: usize,
        /// How long it waits at most.
        timeout: Duration,
    },
    /// Writes the manifest of the set, which makes it complete.
    Complete {
        /// Id of the set; none where each run of the plan makes another one.
        set: Option<String>,
    },
    /// Restores a part of a set.
    Restore {
        /// Name of the part.
        part: String,
        /// What is restored: `postgres databases`.
        what: String,
        /// Id of the set.
        set: String,
    },
    /// Restores a file that another tool wrote.
    RestoreFile {
        /// The service.
        part: String,
        /// What is restored: `database app`.
        what: String,
        /// The file.
        file: String,
    },
    /// Keeps the data of a service as an interrupted restore left it.
    AbandonRestore {
        /// The service.
        part: String,
    },
    /// Changes which passwords a service accepts.
    ChangePassword(Box<PasswordChange>),
}

summary::debug_as_serialised!(DataOperation);

impl DataOperation {
    /// Whether it reads or writes a backup set.
    pub fn needs_backup(&self) -> bool {
        match self {
            Self::Dump { .. } | Self::AwaitBegun { .. } | Self::Complete { .. } | Self::Restore { .. } => true,
            Self::RestoreFile { .. } => true,
            Self::AbandonRestore { .. } | Self::ChangePassword(_) => false,
        }
    }

    pub(in crate::plan) fn describe(&self) -> Description {
        let (kind, infinitive, participle, subject, service) = match self {
            Self::Dump { part, what, service } => {
                (OperationKind::DumpData, "dump", "Dumped", format!("{what} of {part}"), service.clone())
            }
            Self::AwaitBegun { parts, .. } => {
                let subject = format!("begin of {}", human::count(*parts, "dump"));
                (OperationKind::AwaitDumps, "await", "Awaited", subject, None)
            }
            Self::Complete { set } => {
                let subject = set.as_ref().map_or_else(|| "backup set".to_owned(), |set| format!("backup set {set}"));
                (OperationKind::CompleteBackup, "complete", "Completed", subject, None)
            }
            Self::Restore { part, what, set } => {
                let subject = format!("{what} of {part} from backup set {set}");
                (OperationKind::RestoreData, "restore", "Restored", subject, Some(part.clone()))
            }
            Self::RestoreFile { part, what, file } => {
                let subject = format!("{what} of {part} from {file}");
                (OperationKind::RestoreData, "restore", "Restored", subject, Some(part.clone()))
            }
            Self::ChangePassword(change) => return change.describe(),
            Self::AbandonRestore { part } => {
                let subject = format!("interrupted restore of {part}");
                (OperationKind::AbandonRestore, "abandon", "Abandoned", subject, Some(part.clone()))
            }
        };
        Description { kind, infinitive, participle, subject, service, deadline: LONG_DUMP }
    }
}
