//! Address pools of a network, merged by subnet.
//! Reads two lists of pools, returns one.
//! Never checks that a subnet is one.

use super::error::{MergeError, Merged};
use super::named::by_name;
use crate::compose::value::{Node, Value};

/// How two mappings are merged at a path.
pub(super) type Mappings = fn(Node, Node, &[&str]) -> Merged;

/// Merges the pools of the override into those with the same subnet, and adds the others.
pub(super) fn merge(base: Node, over: Node, path: &[&str], mappings: Mappings) -> Merged {
    let (Some(configs), Some(overrides)) = (base.as_list(), over.as_list()) else {
        return Err(MergeError::new(path, &over, "expected a list of address pools"));
    };
    let mut pools: Vec<Node> = Vec::new();
    for original in configs {
        let mut right = by_name(original.clone(), path, &|_| Value::Null)?;
        for wanted in overrides {
            let left = by_name(wanted.clone(), path, &|_| Value::Null)?;
            let known = pools.iter().any(|pool| subnet(pool) == subnet(&left));
            if subnet(&left) != subnet(&right) && !known {
                pools.push(left);
                continue;
            }
            // Compose merges into the pool it iterates over, so later overrides see the result.
            right = mappings(right, left, path)?;
            match pools.iter().position(|pool| subnet(pool) == subnet(&right)) {
                Some(at) => pools[at] = right.clone(),
                None => pools.push(right.clone()),
            }
        }
    }
    Ok(Node { value: Value::List(pools), at: over.at, key_at: over.key_at })
}

fn subnet(pool: &Node) -> Option<&Value> {
    pool.get("subnet").map(|node| &node.value)
}
