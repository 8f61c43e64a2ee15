//! Lists of names as mappings by name.
//! Reads a list, a name or a mapping; returns the mapping.
//! Never merges anything itself.

use super::error::{MergeError, Merged};
use crate::compose::value::{Map, Node, Position, Value};

/// The mapping a list of names stands for; each name gets the default.
pub(super) fn by_name(node: Node, path: &[&str], default: &dyn Fn(Position) -> Value) -> Merged {
    let mut map = Map::new();
    match node.value {
        Value::Map(_) => return Ok(node),
        Value::Null => {}
        Value::Str(name) => {
            map.insert(name, Node::new(default(node.at), node.at));
        }
        Value::List(items) => {
            for item in items {
                let Value::Str(name) = &item.value else {
                    return Err(MergeError::new(path, &item, "expected a name"));
                };
                map.insert(name.clone(), Node::new(default(item.at), item.at));
            }
        }
        _ => return Err(MergeError::new(path, &node, "expected a mapping or a list of names")),
    }
    Ok(Node { value: Value::Map(map), at: node.at, key_at: node.key_at })
}
