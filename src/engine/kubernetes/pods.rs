//! Pods as instances of services. A service is a workload; its name is that of the workload without the release's.
//! Reads pods of the namespace that go back to an object of the release by their owners, whatever their labels.

use k8s_openapi::api::core::v1::{ContainerPort, ContainerStatus, Pod};
use kube::api::ListParams;

use super::KubernetesCluster;
use super::apply::RELEASE_NAME;
use super::error_mapping::{is_code, map};
use super::owners::FARTHEST;
use crate::plan::cluster::{ObjectRef, service_of};
use crate::plan::{Health, InstanceState, ObservedInstance, ObservedPort};
use crate::target::TargetError;

/// The container that tools mean when they name only the pod.
const DEFAULT_CONTAINER: &str = "kubectl.kubernetes.io/default-container";

impl KubernetesCluster {
    /// The pods of a release, without those that are being deleted: another one has their place, or none is wanted.
    pub(super) async fn instances(&self, release: &str) -> Result<Vec<ObservedInstance>, TargetError> {
        let doing = format!("listing the pods of {release}");
        let (pods, params) = (self.here::<Pod>(), ListParams::default());
        let (pods, owners) = tokio::join!(pods.list(&params), self.owners(release));
        let (pods, owners) = (pods.map_err(|error| map(&self.address, &doing, error))?, owners?);
        let staying = pods.items.iter().filter(|pod| pod.metadata.deletion_timestamp.is_none());
        let ours = staying.filter_map(|pod| Some(instance(pod, service_of(&owners.workload_of(pod)?, release))));
        let mut instances: Vec<ObservedInstance> = ours.collect();
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
        let service = self.service(&pod).await?;
        Ok(instance(&pod, service))
    }

    /// The service of a pod: its topmost owner is marked with the release.
    async fn service(&self, pod: &Pod) -> Result<String, TargetError> {
        let mut top = pod.metadata.clone();
        for _ in 0..FARTHEST {
            let Some(above) = top.owner_references.as_ref().and_then(|all| all.first()).cloned() else { break };
            let (api_version, kind, name) = (above.api_version, above.kind, above.name);
            let Some(api) = self.api_of(&ObjectRef { api_version, kind, namespace: None, name: name.clone() }).await?
            else {
                break;
            };
            let doing = format!("reading {name}");
            let found = api.get_metadata_opt(&name).await.map_err(|error| map(&self.address, &doing, error))?;
            let Some(found) = found else { break };
            top = found.metadata;
        }
        let release = top.annotations.as_ref().and_then(|all| all.get(RELEASE_NAME)).cloned().unwrap_or_default();
        Ok(service_of(&top.name.unwrap_or_default(), &release))
    }
}

/// The container of a pod that verbs mean.
pub(super) fn main_container(pod: &Pod) -> Option<String> {
    let annotated = pod.metadata.annotations.as_ref().and_then(|all| all.get(DEFAULT_CONTAINER)).cloned();
    annotated.or_else(|| Some(pod.spec.as_ref()?.containers.first()?.name.clone()))
}

fn instance(pod: &Pod, service: String) -> ObservedInstance {
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
        service,
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
