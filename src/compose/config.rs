//! What `config` prints of a project, in Compose's JSON and YAML.
//! Reads a loaded project or its tree; returns the text.
//! Never prints it.

use super::emit::{escape_dollars, to_yaml};
use super::json::{self, Layout};
use super::loader::LoadedModel;
use super::model::define::sorted;
use super::model::{Job, Service, Stack};
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

    /// Every image a registry could be asked for: of services, their hooks and their mounts.
    pub fn images_mut(&mut self) -> Vec<&mut String> {
        let mut images = Vec::new();
        for service in self.services.values_mut() {
            images.push(&mut service.image);
            images.extend(service.pre_start.iter_mut().map(|hook| &mut hook.image));
            let mounts = service.volumes.iter_mut().filter(|volume| volume.r#type == "image");
            images.extend(mounts.map(|volume| &mut volume.source));
        }
        images.retain(|image| !image.is_empty());
        images
    }

    /// Only the images: what `config --lock-image-digests` prints as an override file.
    pub fn images_only(self) -> Self {
        let services = self.services.into_iter().map(|(name, service)| {
            let volumes = service.volumes.into_iter().filter(|volume| volume.r#type == "image").collect();
            (name, Service { image: service.image, volumes, ..Service::default() })
        });
        let jobs = self.jobs.into_iter().map(|(name, job)| {
            let volumes = job.volumes.into_iter().filter(|volume| volume.r#type == "image").collect();
            (name, Job { image: job.image, volumes, ..Job::default() })
        });
        Self { services: services.collect(), jobs: jobs.collect(), ..Self::default() }
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

    /// Every image a registry could be asked for: of services, their hooks and their mounts.
    pub fn images_mut(&mut self) -> Vec<&mut String> {
        let mut images = Vec::new();
        let services = self.root.get_mut("services").and_then(Node::as_map_mut);
        let keys = services.into_iter().flat_map(|map| map.values_mut()).filter_map(Node::as_map_mut).flatten();
        for (key, node) in keys {
            match key.as_str() {
                "image" => images.extend(node.as_str_mut()),
                "pre_start" => images.extend(entries_mut(node).filter_map(|hook| hook.get_mut("image")?.as_str_mut())),
                "volumes" => images.extend(
                    entries_mut(node)
                        .filter(|mount| is_image(mount))
                        .filter_map(|mount| mount.get_mut("source")?.as_str_mut()),
                ),
                _ => {}
            }
        }
        images.retain(|image| !image.is_empty());
        images
    }

    /// Only the images: what `config --no-interpolate --lock-image-digests` prints.
    pub fn images_only(&mut self) {
        let Some(root) = self.root.as_map_mut() else { return };
        root.retain(|key, _| matches!(key.as_str(), "services" | "jobs"));
        for container in root.values_mut().filter_map(Node::as_map_mut).flat_map(|map| map.values_mut()) {
            if let Some(mounts) = container.get_mut("volumes").and_then(Node::as_list_mut) {
                mounts.retain(is_image);
            }
            if let Some(keys) = container.as_map_mut() {
                let empty = |node: &Node| node.as_list().is_none_or(<[Node]>::is_empty);
                keys.retain(|key, node| key == "image" || (key == "volumes" && !empty(node)));
            }
        }
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

fn entries_mut(node: &mut Node) -> impl Iterator<Item = &mut Node> {
    node.as_list_mut().into_iter().flatten()
}

fn is_image(mount: &Node) -> bool {
    mount.get("type").and_then(Node::as_str) == Some("image")
}

fn nothing_as_null(node: Option<&mut Node>) {
    if let Some(node) = node.filter(|node| node.as_list().is_some_and(<[Node]>::is_empty)) {
        node.value = Value::Null;
    }
}
