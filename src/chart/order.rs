//! The order of kinds in which Helm installs (helm, pkg/release/v1/util/kind_sorter.go).

use std::cmp::Ordering;

const INSTALLED: &[&str] = &[
    "PriorityClass",
    "Namespace",
    "NetworkPolicy",
    "ResourceQuota",
    "LimitRange",
    "PodSecurityPolicy",
    "PodDisruptionBudget",
    "ServiceAccount",
    "Secret",
    "SecretList",
    "ConfigMap",
    "StorageClass",
    "PersistentVolume",
    "PersistentVolumeClaim",
    "CustomResourceDefinition",
    "ClusterRole",
    "ClusterRoleList",
    "ClusterRoleBinding",
    "ClusterRoleBindingList",
    "Role",
    "RoleList",
    "RoleBinding",
    "RoleBindingList",
    "Service",
    "DaemonSet",
    "Pod",
    "ReplicationController",
    "ReplicaSet",
    "Deployment",
    "HorizontalPodAutoscaler",
    "StatefulSet",
    "Job",
    "CronJob",
    "IngressClass",
    "Ingress",
    "APIService",
    "MutatingWebhookConfiguration",
    "ValidatingWebhookConfiguration",
];

/// The place of a kind when a release is installed; kinds that Helm does not know come last.
pub fn install_rank(kind: &str) -> usize {
    INSTALLED.iter().position(|known| *known == kind).unwrap_or(INSTALLED.len())
}

/// Compares two kinds; unknown ones come last, by name.
pub fn by_kind(a: &str, b: &str) -> Ordering {
    let known = |kind: &str| install_rank(kind) < INSTALLED.len();
    install_rank(a).cmp(&install_rank(b)).then_with(|| if known(a) { Ordering::Equal } else { a.cmp(b) })
}
