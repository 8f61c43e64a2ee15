//! The whole project after loading.
//! Reads nothing; holds services, networks, volumes, secrets, configs, models, and writes them as Compose prints them.
//! Never holds a secret's content in what it writes.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::define::{Field, append_extensions};
use super::{ConfigSource, Extensions, Job, Mapping, Model, Network, SecretSource, Service, Volume};
use crate::compose::value::{Map, Node, Value};

/// A loaded project. Serde writes all of it, so that it can be saved and read back; `to_json` and `to_yaml` write what
/// Compose prints.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Stack {
    /// Project name.
    pub name: String,
    /// Absolute directory relative paths start at.
    pub working_dir: PathBuf,
    /// The compose files it was read from, absolute.
    pub compose_files: Vec<PathBuf>,
    /// The environment used for interpolation.
    pub environment: Mapping,
    /// Active profiles.
    pub profiles: Vec<String>,
    /// Enabled services.
    pub services: BTreeMap<String, Service>,
    /// Services no active profile enables.
    pub disabled_services: BTreeMap<String, Service>,
    /// Enabled jobs.
    pub jobs: BTreeMap<String, Job>,
    /// Jobs no active profile enables.
    pub disabled_jobs: BTreeMap<String, Job>,
    /// Networks.
    pub networks: BTreeMap<String, Network>,
    /// Volumes.
    pub volumes: BTreeMap<String, Volume>,
    /// Secrets.
    pub secrets: BTreeMap<String, SecretSource>,
    /// Configs.
    pub configs: BTreeMap<String, ConfigSource>,
    /// Models.
    pub models: BTreeMap<String, Model>,
    /// The top-level `x-` keys.
    pub extensions: Extensions,
}

impl Stack {
    /// The document `config --format json` prints, before indentation and dollar escaping; like Compose's without models.
    pub fn to_json(&self) -> Result<serde_json::Value, serde_json::Error> {
        let mut entries = BTreeMap::<&str, serde_json::Value>::new();
        entries.insert("name", self.name.clone().into());
        entries.insert("services", serde_json::to_value(&self.services)?);
        let mut part = |key, empty: bool, value: Result<serde_json::Value, serde_json::Error>| {
            if !empty {
                entries.insert(key, value?);
            }
            Ok::<_, serde_json::Error>(())
        };
        part("networks", self.networks.is_empty(), serde_json::to_value(&self.networks))?;
        part("volumes", self.volumes.is_empty(), serde_json::to_value(&self.volumes))?;
        part("secrets", self.secrets.is_empty(), serde_json::to_value(&self.secrets))?;
        part("configs", self.configs.is_empty(), serde_json::to_value(configs_as_written(&self.configs)))?;
        part("jobs", self.jobs.is_empty(), serde_json::to_value(&self.jobs))?;
        for (key, node) in &self.extensions {
            entries.insert(key, serde_json::to_value(node)?);
        }
        serde_json::to_value(entries)
    }

    /// The tree `config --format yaml` prints.
    pub fn to_yaml(&self) -> Value {
        let mut map = Map::new();
        if !self.name.is_empty() {
            map.insert("name".to_owned(), Node::from(self.name.to_yaml()));
        }
        map.insert("services".to_owned(), Node::from(self.services.to_yaml()));
        let parts = [
            ("jobs", self.jobs.json_empty(), named(self.jobs.to_yaml())),
            ("networks", self.networks.json_empty(), self.networks.to_yaml()),
            ("volumes", self.volumes.json_empty(), self.volumes.to_yaml()),
            ("secrets", self.secrets.json_empty(), self.secrets.to_yaml()),
            ("configs", self.configs.json_empty(), configs_as_written(&self.configs).to_yaml()),
            ("models", self.models.json_empty(), self.models.to_yaml()),
        ];
        for (key, empty, value) in parts {
            if !empty {
                map.insert(key.to_owned(), Node::from(value));
            }
        }
        append_extensions(&mut map, &self.extensions);
        Value::Map(map)
    }

    /// All services, enabled or not.
    pub fn all_services(&self) -> impl Iterator<Item = (&String, &Service)> {
        self.services.iter().chain(&self.disabled_services)
    }

    /// Every image the enabled services need, without repeats, sorted.
    pub fn all_images(&self) -> Vec<String> {
        let images = self.services.iter().flat_map(|(name, service)| service.all_images(&self.name, name));
        images.collect::<std::collections::BTreeSet<_>>().into_iter().collect()
    }

    /// The names of the enabled services that wait for a service.
    pub fn dependents_of(&self, service: &str) -> Vec<&str> {
        let waiting = self.services.iter().filter(|(_, other)| other.depends_on.contains_key(service));
        waiting.map(|(name, _)| name.as_str()).collect()
    }
}

/// Jobs as written: unlike services they repeat their name.
fn named(mut jobs: Value) -> Value {
    if let Value::Map(jobs) = &mut jobs {
        for (name, job) in jobs {
            if let Some(fields) = job.as_map_mut() {
                fields.shift_insert(0, "name".to_owned(), Node::from(name.as_str()));
            }
        }
    }
    jobs
}

/// A config taken from an environment variable is written without the content that was found there.
fn configs_as_written(configs: &BTreeMap<String, ConfigSource>) -> BTreeMap<String, ConfigSource> {
    let mut written = configs.clone();
    for config in written.values_mut().filter(|config| !config.environment.is_empty()) {
        config.content.clear();
    }
    written
}
