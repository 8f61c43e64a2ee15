//! Kubernetes objects as plans know them: what is wanted, what was found, and the steps between.
//! Reads objects as JSON; returns a `Plan` whose steps each apply, delete or await one object.
//! Never talks to a cluster: `engine/kubernetes` observes and performs.

mod changes;
mod confidential;
mod contents;
mod hook;
mod object;
mod order;
mod pod_image;
mod readiness;
mod refusals;
mod release;
#[cfg(test)]
mod release_tests;
mod released;
mod restart;

pub use changes::changed_paths;
pub use confidential::{public_names_of, secrets_of};
pub use contents::ClusterRelease;
pub use hook::{DeletePolicy, HookObject, HookRun};
pub use object::{ClusterObject, ObjectRef, text};
pub use order::uninstall_rank;
pub use readiness::{Judged, OBSERVED_REVISION, PodFailure, PodPhase, judge, judge_pod};
pub use release::{KEEP, plan_release, plan_uninstall};
pub use released::{released_objects, released_services};
pub use restart::{RestartRun, plan_restart, restarted, restarted_services, service_of};

use std::collections::BTreeMap;

use serde::Serialize;

/// What an observation of a cluster looks for besides the pods of a release.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ClusterScope {
    /// The objects that are wanted; each is compared with what the cluster would make of it.
    pub wanted: Vec<ClusterObject>,
    /// Those of them that belong to no release: custom resource definitions of the chart's `crds` folder.
    pub definitions: Vec<ObjectRef>,
    /// Objects that may have to go.
    pub former: Vec<ObjectRef>,
}

/// What was found of a release in a cluster.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct ObservedCluster {
    /// UID of the `kube-system` namespace.
    pub uid: String,
    /// The namespace of the release.
    pub namespace: String,
    /// Whether the namespace exists.
    pub namespace_exists: bool,
    /// The revision of the newest release record; 0 where there is none.
    pub newest_revision: u32,
    /// The wanted and the former objects, by reference.
    pub objects: BTreeMap<String, ObjectState>,
}

/// How an object in the cluster differs from what is wanted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum ObjectState {
    /// It does not exist.
    Absent,
    /// Applying would change nothing.
    Same {
        /// Whether it is ready.
        ready: bool,
    },
    /// Applying would change these fields.
    Differs {
        /// Paths of the fields: `spec.replicas`.
        paths: Vec<String>,
    },
    /// It exists; nothing is wanted of it.
    Present {
        /// Annotated to stay when its release no longer has it.
        keep: bool,
        /// Belongs to another release or to nobody's.
        foreign: bool,
    },
    /// Its namespace does not exist yet.
    Unknown,
    /// The cluster does not know its kind.
    NoKind,
    /// The API server refuses it.
    Refused {
        /// Why.
        reason: String,
    },
    /// Another field manager owns fields that would change.
    Conflict {
        /// Manager and field: `kubectl-edit owns spec.replicas`.
        owners: Vec<String>,
    },
    /// It exists and belongs to no Helm release.
    Unowned {
        /// The object as it is.
        live: Box<ClusterObject>,
    },
    /// It belongs to another Helm release.
    Foreign {
        /// Namespace and name of the release.
        release: String,
        /// The object as it is.
        live: Box<ClusterObject>,
    },
    /// It is being deleted: finalizers or the grace of its pods hold it.
    Deleting,
}
