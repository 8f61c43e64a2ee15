//! Where a key of the project was written.
//! Reads the tree and a key; returns the place of the nearest part that was written.
//! A key that is not in the file has its parent's position.

use crate::compose::value::{Node, Position};

/// The place of a key, or of the nearest parent that has one.
pub(super) fn position(root: &Node, key: &[String]) -> Position {
    let mut best = Position::default();
    let mut current = root;
    for part in key {
        let Some(next) = child(current, part) else { break };
        let at = if next.key_at.line > 0 { next.key_at } else { next.at };
        if at.line > 0 {
            best = at;
        }
        current = next;
    }
    best
}

fn child<'n>(node: &'n Node, part: &str) -> Option<&'n Node> {
    match part.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
        Some(number) => node.as_list()?.get(number.parse::<usize>().ok()?),
        None => node.get(part),
    }
}
