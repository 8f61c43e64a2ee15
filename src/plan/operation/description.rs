//! Description of an operation, and the container names used in it.
//! Each group of operations describes its own.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::release::OperationKind;

/// Names of containers by id, for people.
pub type Names = BTreeMap<String, String>;

/// How long a plain call to the engine may take.
pub const ENGINE_CALL: Duration = Duration::from_secs(120);

/// A pull or build of gigabytes over a slow line takes long and is still fine.
pub const LONG_TRANSFER: Duration = Duration::from_secs(3600);

/// Everything that is said of an operation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Description {
    /// Kind, for records and decisions.
    pub kind: OperationKind,
    /// For plans: `create`.
    pub infinitive: &'static str,
    /// For finished steps: `Created`.
    pub participle: &'static str,
    /// What it is about: `container web-api-1`, `network web_default`.
    pub subject: String,
    /// The service it belongs to, when it belongs to one.
    pub service: Option<String>,
    /// The longest it may take before it counts as failed.
    pub deadline: Duration,
}

/// `container NAME`, short where only the id is known.
pub(super) fn container_subject(container: &str, names: &Names) -> String {
    format!("container {}", container_name(container, names))
}

/// The name of a container, or its id as the engine's tools show it.
pub fn container_name(container: &str, names: &Names) -> String {
    let is_id = container.len() == 64 && container.bytes().all(|b| b.is_ascii_hexdigit());
    match names.get(container) {
        Some(name) => name.clone(),
        None if is_id => container[..12].to_owned(),
        None => container.to_owned(),
    }
}
