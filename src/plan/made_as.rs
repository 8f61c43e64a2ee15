//! Containers that are as wanted although they were made with another value: what reads a variable once, when its data is
//! created, need not be replaced because of it.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{ObservedInstance, labels};

/// What the labels of a container say of its configuration and of the content of its files.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MadeAs {
    /// Hash of the configuration.
    pub hash: String,
    /// Digest of the content.
    pub content: Option<String>,
}

/// By service.
pub type AcceptedAs = BTreeMap<String, Vec<MadeAs>>;

impl MadeAs {
    /// Whether a container was made so. One made by Compose has no content label.
    pub fn is(&self, container: &ObservedInstance) -> bool {
        let content = container.labels.get(labels::CONTENT);
        container.docker.config_hash.as_ref() == Some(&self.hash)
            && (content.is_none() || content == self.content.as_ref())
    }
}
