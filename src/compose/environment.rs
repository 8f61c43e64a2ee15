//! Values that come from the environment without `${…}`: names in `environment` lists, secrets and configs.
//! Reads a canonical tree and an environment; fills the tree in.
//! Never puts a secret's value into the tree.

use std::collections::BTreeMap;

use super::value::{Node, Value};

/// Gives names without a value their value, and configs the content of their variable.
pub(crate) fn resolve(root: &mut Node, environment: &BTreeMap<String, String>) {
    for section in ["services", "jobs"] {
        let containers = root.get_mut(section).and_then(Node::as_map_mut);
        for container in containers.into_iter().flat_map(|map| map.values_mut()) {
            for entry in container.get_mut("environment").and_then(Node::as_list_mut).into_iter().flatten() {
                let found = entry.as_str().and_then(|name| Some(format!("{name}={}", environment.get(name)?)));
                if let Some(text) = found {
                    entry.value = Value::Str(text);
                }
            }
        }
    }
    let configs = root.get_mut("configs").and_then(Node::as_map_mut);
    for config in configs.into_iter().flat_map(|map| map.values_mut()) {
        let found = config.get("environment").and_then(Node::as_str).and_then(|name| environment.get(name)).cloned();
        if let Some(content) = found {
            config.set("content", Value::Str(content));
        }
    }
}
