//! What `config` prints of a project, in Compose's JSON and YAML.
//! Reads a loaded project or its tree; returns the text.
//! Never prints it.

use std::collections::BTreeMap;

use super::emit::{escape_dollars, to_yaml};
use super::json::{self, Layout};
use super::loader::LoadedModel;
use super::model::Stack;
use super::model::define::sorted;
use super::value::{Node, Value};

impl Stack {
    /// `config --format json`; like Compose's it ends without a line break.
    pub fn config_json(&self) -> serde_json::Result<String> {
        Ok(escape_dollars(&json::to_string(&self.to_json()?, Layout::Indented)?))
    }

    /// `config`, in YAML.
    pub fn config_yaml(&self) -> String {
        escape_dollars(&to_yaml(&self.to_yaml()))
    }

    /// `config --lock-image-digests`: an override file of the images as they are.
    pub fn config_images(&self) -> BTreeMap<&str, String> {
        self.services
            .iter()
            .map(|(name, service)| (name.as_str(), service.image_or_default(&self.name, name)))
            .collect()
    }
}

impl LoadedModel {
    /// `config --no-interpolate --format json`; lists that were resolved to nothing are null there.
    pub fn config_json(&self) -> serde_json::Result<String> {
        let mut root = self.root.clone();
        for section in ["services", "jobs"] {
            let containers = root.get_mut(section).and_then(Node::as_map_mut);
            for container in containers.into_iter().flat_map(|map| map.values_mut()) {
                nothing_as_null(container.get_mut("environment"));
                nothing_as_null(container.get_mut("build").and_then(|build| build.get_mut("args")));
            }
        }
        json::to_string(&root, Layout::Indented)
    }

    /// `config --no-interpolate`, in YAML.
    pub fn config_yaml(&self) -> String {
        to_yaml(&sorted(&self.root.value))
    }

    /// The names of a section: services, networks, volumes, …
    pub fn names(&self, section: &str) -> Vec<&str> {
        let entries = self.root.get(section).and_then(Node::as_map);
        let mut names: Vec<&str> = entries.into_iter().flatten().map(|(name, _)| name.as_str()).collect();
        names.sort_unstable();
        names
    }

    /// The tree itself, sorted.
    pub fn tree(&self) -> Value {
        sorted(&self.root.value)
    }
}

fn nothing_as_null(node: Option<&mut Node>) {
    if let Some(node) = node.filter(|node| node.as_list().is_some_and(<[Node]>::is_empty)) {
        node.value = Value::Null;
    }
}
