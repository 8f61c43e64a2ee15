//! Errors of merging two values.
//! The key is their path.

use crate::compose::value::{Node, Position};

/// Error: two values cannot be merged.
#[derive(Debug, Clone)]
pub(crate) struct MergeError {
    pub key: String,
    pub at: Position,
    pub message: String,
}

impl MergeError {
    pub(super) fn new(path: &[&str], node: &Node, message: impl Into<String>) -> Self {
        Self { key: path.join("."), at: node.at, message: message.into() }
    }
}

/// Result of a merge.
pub(super) type Merged = Result<Node, MergeError>;
