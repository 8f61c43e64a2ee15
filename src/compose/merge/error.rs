//! Two values that cannot be merged.
//! Data only.
//! The key is the path they stand at.

use crate::compose::value::{Node, Position};

/// Two values that cannot be merged.
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

/// A merged value.
pub(super) type Merged = Result<Node, MergeError>;
