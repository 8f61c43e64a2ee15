//! What a cluster has of a release: its pods, and how each wanted object differs.

use std::collections::BTreeMap;

use futures_util::{FutureExt, StreamExt, TryStreamExt};
use k8s_openapi::api::core::v1::Namespace;
use kube::Api;

use super::KubernetesCluster;
use super::apply::owner;
use super::error_mapping::map;
use crate::plan::cluster::{ClusterObject, ClusterScope, KEEP, ObjectRef, ObjectState, ObservedCluster};
use crate::plan::{EngineInfo, Observed, Scope};
use crate::target::TargetError;

/// Objects that are compared at once.
const PARALLEL: usize = 16;

impl KubernetesCluster {
    pub(super) async fn info(&self) -> Result<EngineInfo, TargetError> {
        let version = self.client.apiserver_version().await;
        let version = version.map_err(|error| map(&self.address, "reading the version of the cluster", error))?;
        Ok(EngineInfo {
            address: self.address.clone(),
            version: version.git_version.clone(),
            api_version: format!("{}.{}", version.major, version.minor),
            operating_system: "Kubernetes".to_owned(),
            ..Default::default()
        })
    }

    pub(super) async fn found(&self, scope: &Scope) -> Result<Observed, TargetError> {
        let (engine, instances) = tokio::join!(self.info(), self.instances(&scope.project));
        let cluster = match &scope.cluster {
            Some(wanted) => Some(self.objects(wanted, &scope.project).await?),
            None => None,
        };
        Ok(Observed { engine: engine?, instances: instances?, cluster, ..Default::default() })
    }

    async fn objects(&self, scope: &ClusterScope, release: &str) -> Result<ObservedCluster, TargetError> {
        // Who may not read it can still deploy; a pinned identity was compared when connecting.
        let uid = async { self.uid().await.unwrap_or_default() };
        let (uid, namespace_exists, entries) = tokio::join!(uid, self.namespace_exists(), self.helm_entries(release));
        let namespace_exists = namespace_exists?;
        let wanted = scope.wanted.iter().map(|object| self.wanted(object, (scope, release, namespace_exists)).boxed());
        let wanted = futures_util::stream::iter(wanted.collect::<Vec<_>>());
        let former = scope.former.iter().map(|object| self.former(object, release).boxed()).collect::<Vec<_>>();
        let former = futures_util::stream::iter(former);
        let mut objects: BTreeMap<String, ObjectState> = former.buffer_unordered(PARALLEL).try_collect().await?;
        let found: BTreeMap<String, ObjectState> = wanted.buffer_unordered(PARALLEL).try_collect().await?;
        objects.extend(found);
        Ok(ObservedCluster {
            uid,
            namespace: self.namespace.clone(),
            namespace_exists,
            newest_revision: entries?.last().map_or(0, |entry| entry.revision),
            objects,
        })
    }

    async fn wanted(
        &self,
        object: &ClusterObject,
        (scope, release, namespace_exists): (&ClusterScope, &str, bool),
    ) -> Result<(String, ObjectState), TargetError> {
        let inside = object.reference.namespace.is_none();
        let belongs = (!scope.definitions.contains(&object.reference)).then_some(release);
        let state = if inside && !namespace_exists {
            match self.kind_of(&object.reference).await? {
                None => ObjectState::NoKind,
                Some((_, true)) => self.foresee_elsewhere(object, belongs).await?,
                Some((_, false)) => self.foresee(object, belongs).await?,
            }
        } else {
            self.foresee(object, belongs).await?
        };
        Ok((object.reference.key(), state))
    }

    async fn former(&self, object: &ObjectRef, release: &str) -> Result<(String, ObjectState), TargetError> {
        Ok((object.key(), self.presence(object, release).await?))
    }

    async fn presence(&self, object: &ObjectRef, release: &str) -> Result<ObjectState, TargetError> {
        let Some(live) = self.live(object).await? else { return Ok(ObjectState::Absent) };
        let annotation = live.pointer("/metadata/annotations").and_then(|all| all.get(KEEP.0)?.as_str());
        let foreign = owner(&live).is_some_and(|found| found != format!("{}/{release}", self.namespace));
        Ok(ObjectState::Present { keep: annotation == Some(KEEP.1), foreign })
    }

    pub(super) async fn namespace_exists(&self) -> Result<bool, TargetError> {
        let namespaces: Api<Namespace> = Api::all(self.client.clone());
        match namespaces.get_metadata_opt(&self.namespace).await {
            Ok(found) => Ok(found.is_some()),
            // Who may not read namespaces may still use one.
            Err(kube::Error::Api(status)) if status.is_forbidden() => Ok(true),
            Err(error) => Err(map(&self.address, &format!("reading namespace {}", self.namespace), error)),
        }
    }
}
