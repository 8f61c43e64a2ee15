//! The traits of `target` on a Kubernetes cluster: server-side apply, waits that end at once on failure, Helm's release
//! records, and a lease of coordination.k8s.io.
//! Reads and writes through kube; returns the data of `plan` and `release`.
//! Never decides what is applied: that is `plan`.

mod apply;
mod await_object;
mod cluster;
mod cluster_facts;
mod connect;
mod copy;
mod delete;
mod dial;
mod error_mapping;
mod exec;
mod facts;
mod hook;
mod journal;
mod kinds;
mod lease;
mod logs;
mod managed_fields;
mod observe;
mod owners;
mod perform;
mod pods;
mod released;
mod restore;
mod traits;

pub use cluster::KubernetesCluster;
pub use connect::{FoundCluster, KubeEnvironment, locate};
