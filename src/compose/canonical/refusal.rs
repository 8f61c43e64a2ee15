//! Why an entry cannot be rewritten, and what is done then.
//! Data only.
//! Names the item that is to blame.

use crate::compose::value::{Node, Position};

/// Why an entry cannot be rewritten, and which item of it is to blame.
#[derive(Debug, Default)]
pub(super) struct Refusal {
    pub(super) message: String,
    pub(super) item: Option<usize>,
    pub(super) at: Option<Position>,
}

impl From<String> for Refusal {
    fn from(message: String) -> Self {
        Self { message, ..Self::default() }
    }
}

impl Refusal {
    pub(super) fn of_item(item: usize, node: &Node, message: impl Into<String>) -> Self {
        Self { message: message.into(), item: Some(item), at: Some(node.at) }
    }
}

/// Whether a short form that cannot be read is an error, or stays: uninterpolated models hold variables there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Unreadable {
    Refuse,
    Keep,
}
