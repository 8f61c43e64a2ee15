//! Operations that run a task of the project in a container of its own.
//! Data and its description; the session runs it, because its input and output are the operator's.
//! The service's own containers are not changed.

use std::time::Duration;

use serde::Serialize;

use super::description::{Description, LONG_TRANSFER};
use super::summary;
use crate::plan::ContainerSpec;
use crate::release::OperationKind;

/// The run of a task.
#[derive(Clone, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum TaskOperation {
    /// Creates the container, runs it to its end and removes it unless it is to be kept. An exit code other than 0 is a
    /// failure.
    Run {
        /// Name of the task in aictl.yaml.
        task: String,
        /// The container.
        spec: Box<ContainerSpec>,
        /// How long it may run.
        timeout: Option<Duration>,
    },
}

summary::debug_as_serialised!(TaskOperation);

impl TaskOperation {
    pub(in crate::plan) fn describe(&self) -> Description {
        match self {
            Self::Run { task, spec, timeout } => Description {
                kind: OperationKind::RunTask,
                infinitive: "run",
                participle: "Ran",
                subject: format!("task {task} in a container of {}", spec.service_name),
                service: Some(spec.service_name.clone()),
                deadline: timeout.unwrap_or(LONG_TRANSFER),
            },
        }
    }
}
