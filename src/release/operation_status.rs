//! The status of an operation.

use serde::Serialize;

/// Status of a recorded operation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum OperationStatus {
    /// In progress: its process holds the lock.
    Running,
    /// Completed without an error.
    Done,
    /// Failed; its changes were undone where possible.
    Failed,
    /// Its process ended before the operation did.
    Interrupted,
}

impl OperationStatus {
    /// The word for tables.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Running => "running",
            Self::Done => "done",
            Self::Failed => "failed",
            Self::Interrupted => "interrupted",
        }
    }
}
