//! What `doctor` looks at in a cluster: permissions, storage classes and the metrics API.
//! Reads only; asks the API server itself what this user may do.

use futures_util::{StreamExt, TryStreamExt};
use k8s_openapi::api::authorization::v1::{ResourceAttributes, SelfSubjectAccessReview, SelfSubjectAccessReviewSpec};
use k8s_openapi::api::storage::v1::StorageClass;
use kube::Api;
use kube::api::{ListParams, PostParams};

use super::KubernetesCluster;
use super::error_mapping::{map, status_of};
use crate::target::{ClusterFacts, TargetError};

/// Questions that are asked at once.
const PARALLEL: usize = 8;
/// Marks the class of claims that name none.
const DEFAULT_CLASS: &str = "storageclass.kubernetes.io/is-default-class";
/// The group of `kubectl top` and of autoscaling by CPU and memory.
const METRICS: &str = "metrics.k8s.io";

/// What deploys and the verbs that look into pods do: group, resource, subresource, verbs.
const NEEDED: &[(&str, &str, &str, &[&str])] = &[
    ("", "secrets", "", &["get", "list", "create", "update", "delete"]),
    ("coordination.k8s.io", "leases", "", &["get", "create", "update", "delete"]),
    ("", "pods", "", &["get", "list"]),
    ("", "pods", "log", &["get"]),
    ("", "pods", "exec", &["create"]),
    ("", "pods", "portforward", &["create"]),
    ("", "events", "", &["list"]),
    ("apps", "replicasets", "", &["list"]),
    ("apps", "deployments", "", &["get", "create", "patch", "delete"]),
    ("apps", "statefulsets", "", &["get", "create", "patch", "delete"]),
    ("", "services", "", &["get", "create", "patch", "delete"]),
    ("", "configmaps", "", &["get", "create", "patch", "delete"]),
];

impl KubernetesCluster {
    /// What a cluster offers, and what this user may not do in the namespace of the release.
    pub(super) async fn cluster_facts(&self) -> Result<ClusterFacts, TargetError> {
        let (namespace_exists, versions) = tokio::join!(self.namespace_exists(), self.api_versions());
        Ok(ClusterFacts {
            namespace: self.namespace.clone(),
            namespace_exists: namespace_exists?,
            denied: self.denied().await?,
            default_class: self.default_class().await?,
            has_metrics: versions?.iter().any(|version| version.split('/').next() == Some(METRICS)),
        })
    }

    /// What this user may not do: `create secrets`.
    async fn denied(&self) -> Result<Vec<String>, TargetError> {
        let questions = NEEDED.iter().flat_map(|(group, resource, below, verbs)| {
            verbs.iter().map(move |verb| ResourceAttributes {
                group: Some((*group).to_owned()),
                resource: Some((*resource).to_owned()),
                subresource: Some((*below).to_owned()).filter(|below| !below.is_empty()),
                verb: Some((*verb).to_owned()),
                namespace: Some(self.namespace.clone()),
                ..Default::default()
            })
        });
        let asked = futures_util::stream::iter(questions.map(|question| self.is_denied(question)).collect::<Vec<_>>());
        let answers: Vec<Option<String>> = asked.buffered(PARALLEL).try_collect().await?;
        Ok(answers.into_iter().flatten().collect())
    }

    async fn is_denied(&self, question: ResourceAttributes) -> Result<Option<String>, TargetError> {
        let below = question.subresource.as_ref().map(|below| format!("/{below}")).unwrap_or_default();
        let words =
            format!("{} {}{below}", question.verb.as_deref().unwrap_or(""), question.resource.as_deref().unwrap_or(""));
        let spec = SelfSubjectAccessReviewSpec { resource_attributes: Some(question), ..Default::default() };
        let review = SelfSubjectAccessReview { spec, ..Default::default() };
        let reviews: Api<SelfSubjectAccessReview> = Api::all(self.client.clone());
        let answer = reviews.create(&PostParams::default(), &review).await;
        let answer = answer.map_err(|error| map(&self.address, "asking for permissions", error))?;
        let allowed = answer.status.is_some_and(|status| status.allowed);
        Ok((!allowed).then_some(words))
    }

    /// The class of claims that name none; the outer none where this user may not list classes.
    async fn default_class(&self) -> Result<Option<Option<String>>, TargetError> {
        let classes: Api<StorageClass> = Api::all(self.client.clone());
        let found = match classes.list_metadata(&ListParams::default()).await {
            Ok(found) => found,
            Err(error) if status_of(&error).is_some_and(|status| status.is_forbidden()) => return Ok(None),
            Err(error) => return Err(map(&self.address, "listing storage classes", error)),
        };
        let is_default = |annotations: &std::collections::BTreeMap<String, String>| {
            annotations.get(DEFAULT_CLASS).is_some_and(|value| value == "true")
        };
        let default = found.items.into_iter().find(|class| class.metadata.annotations.as_ref().is_some_and(is_default));
        Ok(Some(default.and_then(|class| class.metadata.name)))
    }
}
