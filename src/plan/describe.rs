//! What an operation is, for people and for records: one exhaustive description per group of operations.
//! Reads an operation, returns its kind, words, subject, service and deadline.
//! Never decides anything.

use super::{Description, Guard, Names, Operation, Phase, Plan, Step};
use crate::release::{OperationKind, StepOutcome, StepRecord};

impl Operation {
    /// The description, with names for the containers it refers to by id.
    pub fn describe(&self, names: &Names) -> Description {
        match self {
            Self::Image(image) => image.describe(),
            Self::Network(network) => network.describe(),
            Self::Volume(volume) => volume.describe(),
            Self::Container(container) => container.describe(names),
            Self::Wait(wait) => wait.describe(names),
            Self::Proxy(proxy) => proxy.describe(names),
            Self::Task(task) => task.describe(),
            Self::Check(check) => check.describe(names),
            Self::Data(data) => data.describe(),
            Self::Cluster(cluster) => cluster.describe(),
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

    /// The step as records hold it before it is started.
    pub fn record(&self, names: &Names) -> StepRecord {
        let told = self.operation.describe(names);
        StepRecord {
            operation: told.kind,
            subject: told.subject,
            service: told.service.filter(|name| !name.is_empty()),
            task: self.operation.task().map(str::to_owned),
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

    /// Failed steps of the last phase, which are only warned about: `remove container shop-web-1`.
    pub fn incomplete(&self, records: &[StepRecord]) -> Vec<String> {
        let failed = self.steps.iter().zip(records).filter(|(_, record)| record.outcome == StepOutcome::Failed);
        let retired = failed.filter(|(step, _)| step.phase == Phase::Retire);
        retired.map(|(_, record)| format!("{} {}", record.operation.verb(), record.subject)).collect()
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
