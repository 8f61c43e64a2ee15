//! Operations that change nothing: bounded waits, which the executor answers itself through observations and exec.
//! Data and its description.
//! Never without a deadline.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::description::{Description, Names, container_subject};
use super::summary;
use crate::release::OperationKind;

/// The verdict may come this long after the time that was given.
const MARGIN: Duration = Duration::from_secs(5);

/// What it means for a container to be ready.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Readiness {
    /// It was started.
    Started,
    /// It runs and has not ended for this long; a one-shot that exits 0 is ready too.
    Stable { millis: u64 },
    /// Its health check passes.
    Healthy,
    /// It ended with exit code 0.
    Completed,
    /// The image is not present yet, so its health check is unknown: `Healthy` when the container turns
    /// out to have one, else `Stable`.
    ByImage { millis: u64 },
}

/// A bounded wait.
#[derive(Clone, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum WaitOperation {
    /// Until a container is ready, and then as long as it is monitored. `restarts`: its restart count at the beginning, 0
    /// when it was just started.
    Ready {
        service: String,
        container: String,
        readiness: Readiness,
        timeout: Duration,
        restarts: u64,
        #[serde(skip_serializing_if = "Duration::is_zero")]
        monitor: Duration,
    },
    /// A pause between two replacements of a service.
    Pause { service: String, time: Duration },
}

summary::debug_as_serialised!(WaitOperation);

impl WaitOperation {
    pub(in crate::plan) fn describe(&self, names: &Names) -> Description {
        match self {
            Self::Ready { service, container, readiness, timeout, monitor, .. } => {
                let (infinitive, participle) = match readiness {
                    Readiness::Healthy => ("await health", "Healthy"),
                    Readiness::Completed => ("await completion", "Completed"),
                    Readiness::Started | Readiness::Stable { .. } | Readiness::ByImage { .. } => ("await", "Running"),
                };
                Description {
                    kind: OperationKind::AwaitReady,
                    infinitive,
                    participle,
                    subject: container_subject(container, names),
                    service: Some(service.clone()),
                    deadline: *timeout + *monitor + MARGIN,
                }
            }
            Self::Pause { service, time } => Description {
                kind: OperationKind::Pause,
                infinitive: "pause",
                participle: "Paused",
                subject: format!("{}s before the next containers of {service}", time.as_secs_f64()),
                service: Some(service.clone()),
                deadline: *time + MARGIN,
            },
        }
    }
}
