//! The status of an operation.

use serde::Serialize;

/// Status of a recorded operation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum OperationStatus {
    /// In progress: its process holds the lock.
    Running,
    /// Its new release serves and is watched, by it or, after an interruption, by nobody.
    Baking,
    /// Completed without an error.
    Done,
    /// Failed; its changes were undone where possible.
    Failed,
    /// Its process ended before the operation did.
    Interrupted,
}

impl OperationStatus {
    /// What a step without a recorded outcome is called: a process that died could not write what it did.
    pub const fn planned_word(self) -> &'static str {
        match self {
            Self::Running | Self::Baking => "pending",
            Self::Interrupted => "unknown",
            Self::Done | Self::Failed => "not started",
        }
    }

    /// The word for tables.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Running => "running",
            Self::Baking => "baking",
            Self::Done => "done",
            Self::Failed => "failed",
            Self::Interrupted => "interrupted",
        }
    }
}
