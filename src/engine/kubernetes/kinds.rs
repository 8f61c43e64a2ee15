//! The kinds a cluster knows, read by discovery once and again where one is missing.

use std::sync::Arc;

use kube::Discovery;
use kube::api::{ApiResource, GroupVersionKind};
use kube::discovery::Scope;

use super::KubernetesCluster;
use super::error_mapping::map;
use crate::plan::cluster::ObjectRef;
use crate::target::TargetError;

impl KubernetesCluster {
    /// The resource of a kind and whether it lies in namespaces; none where the cluster does not know it.
    pub(super) async fn kind_of(&self, object: &ObjectRef) -> Result<Option<(ApiResource, bool)>, TargetError> {
        let (group, version) = object.api_version.split_once('/').unwrap_or(("", &object.api_version));
        let kind = GroupVersionKind::gvk(group, version, &object.kind);
        let mut kinds = self.kinds.lock().await;
        if let Some(found) = kinds.as_ref().and_then(|kinds| resolve(kinds, &kind)) {
            return Ok(Some(found));
        }
        // A definition may have been applied since.
        let fresh = Arc::new(self.discover().await?);
        let found = resolve(&fresh, &kind);
        *kinds = Some(fresh);
        Ok(found)
    }

    async fn discover(&self) -> Result<Discovery, TargetError> {
        let aggregated = Discovery::new(self.client.clone()).run_aggregated().await;
        match aggregated {
            Ok(found) => Ok(found),
            // Servers before 1.27 answer each group by itself.
            Err(_) => Discovery::new(self.client.clone())
                .run()
                .await
                .map_err(|error| map(&self.address, "listing the kinds of the cluster", error)),
        }
    }

    /// Every `group/version` and `group/version/Kind` of the cluster, as `.Capabilities.APIVersions` has them.
    pub async fn api_versions(&self) -> Result<Vec<String>, TargetError> {
        let discovery = self.discover().await?;
        let mut found = Vec::new();
        for group in discovery.groups() {
            for version in group.versions() {
                let name = match group.name() {
                    "" => version.to_owned(),
                    name => format!("{name}/{version}"),
                };
                let kinds = group.versioned_resources(version);
                found.extend(kinds.iter().map(|(resource, _)| format!("{name}/{}", resource.kind)));
                found.push(name);
            }
        }
        found.sort();
        found.dedup();
        *self.kinds.lock().await = Some(Arc::new(discovery));
        Ok(found)
    }
}

fn resolve(kinds: &Discovery, kind: &GroupVersionKind) -> Option<(ApiResource, bool)> {
    let (resource, capabilities) = kinds.resolve_gvk(kind)?;
    Some((resource, capabilities.scope == Scope::Namespaced))
}
