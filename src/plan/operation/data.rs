//! Operations on the data of services: dumps into a backup set, and their restore.
//! Data and its description; the session runs them, because it has the backup repository.

use std::time::Duration;

use serde::Serialize;

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
    /// Keeps the data of a service as an interrupted restore left it.
    AbandonRestore {
        /// The service.
        part: String,
    },
}

summary::debug_as_serialised!(DataOperation);

impl DataOperation {
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
            Self::AbandonRestore { part } => {
                let subject = format!("interrupted restore of {part}");
                (OperationKind::AbandonRestore, "abandon", "Abandoned", subject, Some(part.clone()))
            }
        };
        Description { kind, infinitive, participle, subject, service, deadline: LONG_DUMP }
    }
}
