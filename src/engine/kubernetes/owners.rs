//! Which object a pod goes back to, by its owner references: labels are the chart's own affair.
//! Reads the metadata of what stands between a workload and its pods.

use std::collections::{BTreeMap, BTreeSet};

use k8s_openapi::api::apps::v1::{Deployment, ReplicaSet, StatefulSet};
use k8s_openapi::api::batch::v1::Job;
use k8s_openapi::api::core::v1::Pod;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{ObjectMeta, OwnerReference};
use kube::api::ListParams;
use serde::de::DeserializeOwned;

use super::KubernetesCluster;
use super::error_mapping::{map, status_of};
use crate::plan::cluster::ObjectRef;
use crate::target::TargetError;

/// Owners of owners that are followed: an operator's object, a Deployment, a ReplicaSet.
pub(super) const FARTHEST: usize = 8;

/// Group, kind and name, in the namespace of the release.
type Name = (String, String, String);

/// What is known of the owners in the namespace.
#[derive(Default)]
pub(super) struct Owners {
    /// The objects of the release.
    roots: BTreeSet<Name>,
    /// The owners of objects that are no pods.
    above: BTreeMap<Name, Vec<OwnerReference>>,
}

impl Owners {
    fn new(objects: &BTreeSet<ObjectRef>, home: &str) -> Self {
        let here = objects.iter().filter(|object| object.namespace.as_deref().is_none_or(|name| name == home));
        let name = |object: &ObjectRef| (object.group().to_owned(), object.kind.clone(), object.name.clone());
        Self { roots: here.map(name).collect(), ..Self::default() }
    }

    /// The workload of a pod of the release; none for pods of others.
    pub(super) fn workload_of(&self, pod: &Pod) -> Option<String> {
        let pod_name = (String::new(), "Pod".to_owned(), pod.metadata.name.clone().unwrap_or_default());
        let mut chain = vec![pod_name];
        let mut above = pod.metadata.owner_references.clone().unwrap_or_default();
        while !chain.last().is_some_and(|last| self.roots.contains(last)) {
            let owner = above.iter().find(|owner| owner.controller == Some(true)).or(above.first())?;
            let owner = named(owner);
            above = self.above.get(&owner).cloned().unwrap_or_default();
            chain.push(owner);
            if chain.len() > FARTHEST {
                return None;
            }
        }
        // What an operator's object stands for is told by the workloads below it.
        let workload = chain.iter().rev().find(|(_, kind, _)| is_workload(kind)).or(chain.last());
        workload.map(|(_, _, name)| name.clone())
    }
}

fn named(owner: &OwnerReference) -> Name {
    let group = owner.api_version.split_once('/').map_or("", |(group, _)| group);
    (group.to_owned(), owner.kind.clone(), owner.name.clone())
}

fn is_workload(kind: &str) -> bool {
    matches!(kind, "Deployment" | "StatefulSet" | "DaemonSet" | "CronJob" | "Job" | "Pod")
}

impl KubernetesCluster {
    /// The owners of the pods of a release.
    pub(super) async fn owners(&self, release: &str) -> Result<Owners, TargetError> {
        let sets = self.above::<ReplicaSet>("apps", "ReplicaSet");
        let jobs = self.above::<Job>("batch", "Job");
        let stateful = self.above::<StatefulSet>("apps", "StatefulSet");
        let deployments = self.above::<Deployment>("apps", "Deployment");
        let (objects, sets, jobs) = tokio::join!(self.released_objects(release), sets, jobs);
        let (stateful, deployments) = tokio::join!(stateful, deployments);
        let mut owners = Owners::new(&objects?, &self.namespace);
        for found in [sets?, jobs?, stateful?, deployments?] {
            owners.above.extend(found);
        }
        Ok(owners)
    }

    async fn above<K>(&self, group: &str, kind: &str) -> Result<Vec<(Name, Vec<OwnerReference>)>, TargetError>
    where
        K: kube::Resource<Scope = kube::core::NamespaceResourceScope> + Clone + DeserializeOwned + std::fmt::Debug,
        K::DynamicType: Default,
    {
        let doing = format!("listing objects of kind {kind}");
        let found = match self.here::<K>().list_metadata(&ListParams::default()).await {
            Ok(found) => found.items,
            // Who may not list a kind has none of it in the release, as a rule.
            Err(error) if kind != "ReplicaSet" && status_of(&error).is_some_and(|status| status.is_forbidden()) => {
                Vec::new()
            }
            Err(error) => return Err(map(&self.address, &doing, error)),
        };
        let entry = |metadata: ObjectMeta| {
            let owners = metadata.owner_references.unwrap_or_default();
            Some(((group.to_owned(), kind.to_owned(), metadata.name?), owners))
        };
        Ok(found.into_iter().filter_map(|object| entry(object.metadata)).collect())
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn owner(api_version: &str, kind: &str, name: &str) -> OwnerReference {
        let (api_version, kind, name) = (api_version.to_owned(), kind.to_owned(), name.to_owned());
        OwnerReference { api_version, kind, name, controller: Some(true), ..Default::default() }
    }

    fn pod(owner: &OwnerReference) -> Pod {
        serde_json::from_value(json!({"metadata": {"name": "p", "ownerReferences": [owner]}})).unwrap()
    }

    fn owners(root: &serde_json::Value) -> Owners {
        let mut owners = Owners::new(&[ObjectRef::of(root).unwrap()].into(), "home");
        let set = ("apps".to_owned(), "ReplicaSet".to_owned(), "web-1".to_owned());
        owners.above.insert(set, vec![owner("apps/v1", "Deployment", "web")]);
        let web = ("apps".to_owned(), "Deployment".to_owned(), "web".to_owned());
        owners.above.insert(web, vec![owner("example.com/v1", "Site", "shop")]);
        owners
    }

    #[test]
    fn a_pod_goes_back_to_the_object_of_the_release() {
        let object = |api: &str, kind: &str, name: &str| json!({"apiVersion": api, "kind": kind, "metadata": {"name": name, "namespace": "home"}});
        let of_set = pod(&owner("apps/v1", "ReplicaSet", "web-1"));
        let found = |root: &serde_json::Value, pod: &Pod| owners(root).workload_of(pod);
        assert_eq!(found(&object("apps/v1", "Deployment", "web"), &of_set).as_deref(), Some("web"));
        assert_eq!(found(&object("example.com/v1", "Site", "shop"), &of_set).as_deref(), Some("web"));
        assert_eq!(found(&object("apps/v1", "Deployment", "other"), &of_set), None);
        assert_eq!(found(&object("v1", "Deployment", "web"), &of_set), None, "another group is another kind");
        let elsewhere =
            json!({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "web", "namespace": "away"}});
        assert_eq!(found(&elsewhere, &of_set), None);
        assert_eq!(found(&object("v1", "Pod", "p"), &of_set).as_deref(), Some("p"));
    }
}
