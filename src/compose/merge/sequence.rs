//! Lists: appended without repeats, or merged by the name before `=`.
//! Reads lists, mappings and single texts; returns lists.
//! Never sorts what was written as a list.

use super::error::Merged;
use super::unique::{key_value_name, unique_by};
use crate::compose::go::text::sprint;
use crate::compose::value::{Node, Value};

/// The override's entries after the base's, without those the base has already.
pub(super) fn append(mut base: Node, over: Node) -> Node {
    if let (Value::List(list), Value::List(other)) = (&mut base.value, over.value) {
        for item in other {
            if !list.contains(&item) {
                list.push(item);
            }
        }
    }
    base
}

/// A value as a list: a mapping becomes sorted `key=value` texts, a text a list of one.
pub(super) fn from(node: Node) -> Node {
    let (at, key_at) = (node.at, node.key_at);
    let items = match node.value {
        Value::List(items) => items,
        Value::Str(_) => vec![Node::new(node.value, at)],
        Value::Map(map) => {
            let mut items: Vec<Node> = map.into_iter().flat_map(|(key, child)| entries(&key, child)).collect();
            items.sort_by(|a, b| a.as_str().cmp(&b.as_str()));
            items
        }
        _ => Vec::new(),
    };
    Node { value: Value::List(items), at, key_at }
}

fn entries(key: &str, child: Node) -> Vec<Node> {
    let at = child.key_at;
    match child.value {
        Value::Null => vec![Node::text(key, at)],
        Value::List(values) => {
            values.iter().map(|value| Node::text(format!("{key}={}", sprint(&value.value)), value.at)).collect()
        }
        value => vec![Node::text(format!("{key}={}", sprint(&value)), at)],
    }
}

/// Entries of the same name replace each other in place, new ones follow.
pub(super) fn merge_key_values(base: Node, over: Node, path: &[&str]) -> Merged {
    let (at, key_at) = (base.at, over.key_at);
    let mut items = Vec::new();
    for node in [from(base), from(over)] {
        if let Value::List(list) = node.value {
            items.extend(list);
        }
    }
    let items = unique_by(items, &key_value_name, path)?;
    Ok(Node { value: Value::List(items), at, key_at })
}
