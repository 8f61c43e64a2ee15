//! Pods as instances of services. A service is a workload; its name is that of the workload without the release's.
//! Reads pods of the namespace that belong to the release by Helm's labels or by their owners.

use std::collections::BTreeMap;

use k8s_openapi::api::apps::v1::ReplicaSet;
use k8s_openapi::api::core::v1::{ContainerPort, ContainerStatus, Pod};
use kube::api::ListParams;

use super::KubernetesCluster;
use super::error_mapping::{is_code, map};
use crate::plan::cluster::service_of;
use crate::plan::{Health, InstanceState, ObservedInstance, ObservedPort};
use crate::target::TargetError;

/// The label by which charts mark what belongs to a release.
const INSTANCE: &str = "app.kubernetes.io/instance";
/// The container that tools mean when they name only the pod.
const DEFAULT_CONTAINER: &str = "kubectl.kubernetes.io/default-container";

impl KubernetesCluster {
    /// The pods of a release, without those that are being deleted: another one has their place, or none is wanted.
    pub(super) async fn instances(&self, release: &str) -> Result<Vec<ObservedInstance>, TargetError> {
        let doing = format!("listing the pods of {release}");
        let params = ListParams::default().labels(&format!("{INSTANCE}={release}"));
        let (pods, sets) = (self.here::<Pod>(), self.here::<ReplicaSet>());
        let (pods, sets) = tokio::join!(pods.list(&params), sets.list_metadata(&params));
        let pods = pods.map_err(|error| map(&self.address, &doing, error))?;
        let sets = sets.map_err(|error| map(&self.address, &doing, error))?;
        let owner_of_set = sets.items.iter().filter_map(|set| {
            let owner = set.metadata.owner_references.as_ref()?.first()?;
            Some((set.metadata.name.clone()?, owner.name.clone()))
        });
        let owners: BTreeMap<String, String> = owner_of_set.collect();
        let staying = pods.items.iter().filter(|pod| pod.metadata.deletion_timestamp.is_none());
        let mut instances: Vec<ObservedInstance> = staying.map(|pod| instance(pod, release, &owners)).collect();
        instances.sort_by(|a, b| (&a.service, &a.created_at, &a.name).cmp(&(&b.service, &b.created_at, &b.name)));
        let mut number = 0;
        for at in 0..instances.len() {
            let again = at > 0 && instances[at - 1].service == instances[at].service;
            number = if again { number + 1 } else { 1 };
            instances[at].number = number;
        }
        Ok(instances)
    }

    /// One pod by name.
    pub(super) async fn pod(&self, name: &str) -> Result<ObservedInstance, TargetError> {
        let found = self.here::<Pod>().get_opt(name).await;
        let found = found.map_err(|error| map(&self.address, &format!("reading pod {name}"), error))?;
        let pod = found.ok_or_else(|| TargetError::NotFound { kind: "pod", name: name.to_owned() })?;
        let release = pod.metadata.labels.as_ref().and_then(|labels| labels.get(INSTANCE)).cloned().unwrap_or_default();
        Ok(instance(&pod, &release, &BTreeMap::new()))
    }
}

/// The container of a pod that verbs mean.
pub(super) fn main_container(pod: &Pod) -> Option<String> {
    let annotated = pod.metadata.annotations.as_ref().and_then(|all| all.get(DEFAULT_CONTAINER)).cloned();
    annotated.or_else(|| Some(pod.spec.as_ref()?.containers.first()?.name.clone()))
}

fn workload(pod: &Pod, owners: &BTreeMap<String, String>) -> String {
    let name = pod.metadata.name.clone().unwrap_or_default();
    let owner = pod.metadata.owner_references.as_ref().and_then(|all| all.first());
    match owner {
        None => name,
        Some(owner) if owner.kind == "ReplicaSet" => {
            let hash = pod.metadata.labels.as_ref().and_then(|labels| labels.get("pod-template-hash"));
            let stripped = hash.and_then(|hash| owner.name.strip_suffix(hash.as_str())?.strip_suffix('-'));
            owners.get(&owner.name).cloned().or(stripped.map(str::to_owned)).unwrap_or_else(|| owner.name.clone())
        }
        Some(owner) => owner.name.clone(),
    }
}

fn instance(pod: &Pod, release: &str, owners: &BTreeMap<String, String>) -> ObservedInstance {
    let name = pod.metadata.name.clone().unwrap_or_default();
    let spec = pod.spec.clone().unwrap_or_default();
    let status = pod.status.clone().unwrap_or_default();
    let main = main_container(pod);
    let container = spec.containers.iter().find(|container| Some(&container.name) == main.as_ref());
    let found = status.container_statuses.iter().flatten().find(|c| Some(&c.name) == main.as_ref());
    let phase = status.phase.as_deref().unwrap_or_default();
    let terminating = pod.metadata.deletion_timestamp.is_some();
    let is_ready = status.conditions.iter().flatten().any(|c| c.type_ == "Ready" && c.status == "True");
    let state = state_of(phase, terminating, found);
    let terminated =
        found.and_then(|c| c.state.as_ref()?.terminated.as_ref().or(c.last_state.as_ref()?.terminated.as_ref()));
    let has_probe = container.is_some_and(|container| container.readiness_probe.is_some());
    let health = match (state, is_ready, has_probe) {
        (InstanceState::Running, true, true) => Health::Healthy,
        (InstanceState::Running, false, true) => Health::Starting,
        _ => Health::None,
    };
    let ports = container.into_iter().flat_map(|container| container.ports.iter().flatten());
    ObservedInstance {
        id: name.clone(),
        service: service_of(&workload(pod, owners), release),
        one_off: pod.metadata.owner_references.iter().flatten().any(|owner| owner.kind == "Job"),
        labels: pod.metadata.labels.clone().unwrap_or_default(),
        image: container.and_then(|container| container.image.clone()).unwrap_or_default(),
        state,
        health,
        exit_code: terminated.map(|ended| i64::from(ended.exit_code)),
        oom_killed: terminated.is_some_and(|ended| is_code(&ended.reason, "OOMKilled")),
        error: found.and_then(|c| c.state.as_ref()?.waiting.as_ref()?.message.clone()),
        restarts: found.map_or(0, |c| u64::try_from(c.restart_count).unwrap_or(0)),
        created_at: pod.metadata.creation_timestamp.as_ref().map(|time| time.0.to_string()).unwrap_or_default(),
        started_at: found.and_then(|c| Some(c.state.as_ref()?.running.as_ref()?.started_at.as_ref()?.0.to_string())),
        finished_at: terminated.and_then(|ended| Some(ended.finished_at.as_ref()?.0.to_string())),
        ports: ports.map(observed_port).collect(),
        name,
        ..Default::default()
    }
}

fn observed_port(port: &ContainerPort) -> ObservedPort {
    ObservedPort {
        target: u16::try_from(port.container_port).unwrap_or(0),
        protocol: port.protocol.clone().unwrap_or_else(|| "tcp".to_owned()).to_lowercase(),
        ..Default::default()
    }
}

fn state_of(phase: &str, terminating: bool, container: Option<&ContainerStatus>) -> InstanceState {
    let waiting = container.and_then(|c| c.state.as_ref()?.waiting.as_ref()?.reason.clone()).unwrap_or_default();
    match phase {
        _ if terminating => InstanceState::Removing,
        "Succeeded" | "Failed" => InstanceState::Exited,
        "Unknown" => InstanceState::Dead,
        _ if waiting == "CrashLoopBackOff" => InstanceState::Restarting,
        "Running" => InstanceState::Running,
        _ => InstanceState::Created,
    }
}
