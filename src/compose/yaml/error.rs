//! Why a text could not be read as YAML.
//! Data only.
//! The place is one of the text.

use crate::compose::value::Position;

/// Why a text could not be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct YamlError {
    /// Where.
    pub at: Position,
    /// What.
    pub message: String,
}

impl YamlError {
    pub(super) fn new(at: Position, message: impl Into<String>) -> Self {
        Self { at, message: message.into() }
    }
}
