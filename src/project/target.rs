//! Where an environment runs: a Docker engine, or one or more Kubernetes clusters.
//! Plain data.
//! Never connects anywhere.

use schemars::JsonSchema;
use serde::Deserialize;

/// Where an environment runs: exactly one of the two.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum TargetConfig {
    /// A Docker engine.
    Docker(DockerTarget),
    /// Kubernetes clusters, deployed to one after the other.
    Kubernetes(Vec<KubernetesTarget>),
}

/// A Docker engine; default: DOCKER_HOST or the current Docker context.
#[derive(Debug, Clone, Default, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct DockerTarget {
    /// `ssh://user@host`, `tcp://host:2376` or `unix:///path`.
    pub host: Option<String>,
    /// Name of a Docker context, instead of a host.
    pub context: Option<String>,
    /// Directory with `ca.pem`, `cert.pem` and `key.pem`, for `tcp`.
    pub tls: Option<String>,
}

/// One Kubernetes cluster.
#[derive(Debug, Clone, Default, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct KubernetesTarget {
    /// The context in the kubeconfig.
    pub context: String,
    /// UID of the `kube-system` namespace; a context that points to another cluster is refused.
    #[serde(default)]
    pub cluster_uid: Option<String>,
    /// The kubeconfig file; default: the standard one.
    #[serde(default)]
    pub kubeconfig: Option<String>,
}
