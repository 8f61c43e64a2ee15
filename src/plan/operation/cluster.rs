//! Operations on a Kubernetes cluster: each applies, deletes, awaits or runs one object.
//! Data and its description; the bodies of objects are never shown, as they may be Secrets.
//! The engine performs them; an await ends at once when the object will not become ready.

use std::time::Duration;

use serde::Serialize;

use super::description::{Description, ENGINE_CALL};
use super::summary;
use crate::plan::cluster::{ClusterObject, HookRun, ObjectRef};
use crate::release::OperationKind;

/// The engine ends a wait itself; this long afterwards it counts as hung.
const MARGIN: Duration = Duration::from_secs(30);

/// An operation on a cluster.
#[derive(Clone, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum ClusterOperation {
    /// Applies an object on the server's side as the field manager `helm`.
    Apply {
        /// The object.
        object: Box<ClusterObject>,
        /// The release it belongs to; none for custom resource definitions, which belong to no release.
        release: Option<String>,
        /// Takes fields over that another manager owns.
        force: bool,
    },
    /// Deletes an object and waits until it is gone.
    Delete {
        /// The object.
        object: ObjectRef,
        /// The longest wait: finalizers may hold it.
        timeout: Duration,
    },
    /// Brings back an object of nobody's or of another release as it was before it was taken over.
    Restore {
        /// The object as it was found.
        object: Box<ClusterObject>,
    },
    /// Waits until an object is ready.
    Await {
        /// The object.
        object: ObjectRef,
        /// The longest wait.
        timeout: Duration,
    },
    /// Creates the object of a hook and waits until it succeeded.
    RunHook(Box<HookRun>),
    /// Replaces the pods of a workload one after the other, with the same specification.
    Restart {
        /// The workload.
        object: ObjectRef,
        /// When, RFC 3339: what the pod template is annotated with.
        at: String,
    },
}

summary::debug_as_serialised!(ClusterOperation);

impl ClusterOperation {
    pub(in crate::plan) fn describe(&self) -> Description {
        use OperationKind::{ApplyObject, AwaitObject, DeleteObject, RestartWorkload, RunChartHook};
        let (kind, infinitive, participle, subject, deadline) = match self {
            Self::Apply { object, .. } => (ApplyObject, "apply", "Applied", object.reference.to_string(), ENGINE_CALL),
            Self::Delete { object, timeout } => {
                (DeleteObject, "delete", "Deleted", object.to_string(), *timeout + MARGIN)
            }
            Self::Restore { object } => (ApplyObject, "restore", "Restored", object.reference.to_string(), ENGINE_CALL),
            Self::Await { object, timeout } => (AwaitObject, "await", "Ready", object.to_string(), *timeout + MARGIN),
            Self::RunHook(hook) => {
                let subject = format!("{} hook {}", hook.event, hook.object.reference);
                // Deleted before, run and deleted afterwards.
                (RunChartHook, "run", "Ran", subject, 3 * hook.timeout + MARGIN)
            }
            Self::Restart { object, .. } => (RestartWorkload, "restart", "Restarted", object.to_string(), ENGINE_CALL),
        };
        Description { kind, infinitive, participle, subject, service: self.service(), deadline }
    }

    /// The workload it is about, as verbs name it.
    fn service(&self) -> Option<String> {
        let object = match self {
            Self::Apply { object, .. } | Self::Restore { object } => &object.reference,
            Self::Delete { object, .. } | Self::Await { object, .. } | Self::Restart { object, .. } => object,
            Self::RunHook(hook) => &hook.object.reference,
        };
        object.is_workload().then(|| object.name.clone())
    }
}
