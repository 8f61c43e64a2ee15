//! What an operation is, for people and for records: one exhaustive description per group of operations.
//! Reads an operation, returns its kind, words, subject, service and deadline.
//! Never decides anything.

use std::collections::BTreeMap;
use std::time::Duration;

use super::{Guard, Operation, Plan, Step};
use crate::release::{OperationKind, StepOutcome, StepRecord};

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

impl Operation {
    /// The description, with names for the containers it refers to by id.
    pub fn describe(&self, names: &Names) -> Description {
        match self {
            Self::Image(image) => image.describe(),
            Self::Network(network) => network.describe(),
            Self::Volume(volume) => volume.describe(),
            Self::Container(container) => container.describe(names),
            Self::Wait(wait) => wait.describe(names),
            Self::Task(task) => task.describe(),
        }
    }

    /// What it is about, with names for containers.
    pub fn subject(&self, names: &Names) -> String {
        self.describe(names).subject
    }

    /// The service it belongs to, when it belongs to one.
    pub fn service(&self) -> Option<String> {
        self.describe(&Names::new()).service
    }

    /// Its kind.
    pub fn kind(&self) -> OperationKind {
        self.describe(&Names::new()).kind
    }
}

impl Step {
    /// The step as plans print it: `create container web-api-1: configuration changed`.
    pub fn line(&self, names: &Names) -> String {
        let told = self.operation.describe(names);
        let condition = self.guard.as_ref().map(|guard| format!(" ({guard})")).unwrap_or_default();
        format!("{} {}: {}{condition}", told.infinitive, told.subject, self.cause)
    }

    /// The step as records hold it before it was begun.
    pub fn record(&self, names: &Names) -> StepRecord {
        let told = self.operation.describe(names);
        StepRecord {
            operation: told.kind,
            subject: told.subject,
            service: told.service.filter(|name| !name.is_empty()),
            cause: self.cause.clone(),
            outcome: StepOutcome::Planned,
            duration_ms: None,
        }
    }
}

impl Plan {
    /// The plan as lines.
    pub fn lines(&self) -> Vec<String> {
        self.steps.iter().map(|step| step.line(&self.names)).collect()
    }

    /// The plan as records hold it before it is carried out.
    pub fn records(&self) -> Vec<StepRecord> {
        self.steps.iter().map(|step| step.record(&self.names)).collect()
    }
}

impl std::fmt::Display for Guard {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let list = |images: &[super::KnownImage]| {
            images.iter().map(|image| image.reference.as_str()).collect::<Vec<_>>().join(" or ")
        };
        match self {
            Self::ImageChanged { images } => write!(f, "if image {} changed", list(images)),
            Self::ImageUnchanged { images } => write!(f, "unless image {} changed", list(images)),
        }
    }
}

/// `container NAME`, short where only the id is known.
pub(super) fn container_subject(container: &str, names: &Names) -> String {
    format!("container {}", container_name(container, names))
}

/// The name of a container, or its id as the engine's tools show it.
pub(super) fn container_name(container: &str, names: &Names) -> String {
    let is_id = container.len() == 64 && container.bytes().all(|b| b.is_ascii_hexdigit());
    match names.get(container) {
        Some(name) => name.clone(),
        None if is_id => container[..12].to_owned(),
        None => container.to_owned(),
    }
}
