//! The age of the backups as a check.

use schemars::JsonSchema;
use serde::Deserialize;

use super::quantity::Period;

/// The age of the newest backup set.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct BackupCheck {
    /// Maximum age: `26h`.
    pub max_age: Period,
    /// Sets that count; default: `complete`.
    #[serde(default)]
    pub state: RequiredState,
}

/// What a backup set must have passed to count.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum RequiredState {
    /// No part is missing and none is known to be damaged.
    #[default]
    Complete,
    /// All of it was read back, or a drill restored it.
    Verified,
    /// A drill restored it.
    Proven,
}

impl RequiredState {
    /// The word in the project file.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Complete => "complete",
            Self::Verified => "verified",
            Self::Proven => "proven",
        }
    }

    /// The command that makes such a set.
    pub const fn command(self) -> &'static str {
        match self {
            Self::Complete => "aictl backup create",
            Self::Verified => "aictl backup verify",
            Self::Proven => "aictl backup drill",
        }
    }
}
