//! Waiting until an object is ready: by its own status, and by the pods of its newest revision, whose failure ends the
//! wait at once.
//! Reads the API server every third of a second; never waits without a deadline.

use std::time::{Duration, Instant};

use k8s_openapi::api::apps::v1::ReplicaSet;
use k8s_openapi::api::core::v1::{PersistentVolumeClaim, Pod};
use k8s_openapi::api::storage::v1::StorageClass;
use kube::Api;
use kube::api::ListParams;
use serde_json::Value;

use super::KubernetesCluster;
use super::apply::owner;
use super::cluster::json_of;
use super::error_mapping::map;
use crate::plan::Outcome;
use crate::plan::cluster::{
    Judged, OBSERVED_REVISION, ObjectRef, PodFailure, PodPhase, judge, judge_pod, service_of, text,
};
use crate::target::{ContainerFacts, TargetError, WorkloadFailure};

/// Time between two looks.
const LOOK: Duration = Duration::from_millis(300);
/// A container without a readiness probe has to run this long.
const STABLE: Duration = Duration::from_secs(5);
/// Time between two looks while the API server does not answer.
const AWAY: Duration = Duration::from_secs(1);
/// Events are read this often: they cost the API server more than an object.
const EVENTS: Duration = Duration::from_secs(2);
/// A pod that no node takes may be waiting for a volume or a new node; after this it counts as failed.
const UNSCHEDULABLE: Duration = Duration::from_secs(10);

/// The state of a wait.
struct Watched<'a> {
    cluster: &'a KubernetesCluster,
    object: &'a ObjectRef,
    /// The workload as verbs name it.
    service: String,
    began: Instant,
    timeout: Duration,
    /// Since when it is ready.
    ready: Option<Instant>,
    /// Since when a pod is unschedulable.
    unschedulable: Option<Instant>,
    events_read: Option<Instant>,
}

impl KubernetesCluster {
    /// Waits until an object is ready.
    pub(super) async fn await_object(&self, object: &ObjectRef, timeout: Duration) -> Result<Outcome, TargetError> {
        let began = Instant::now();
        let mut watched = Watched {
            cluster: self,
            object,
            service: object.name.clone(),
            began,
            timeout,
            ready: None,
            unschedulable: None,
            events_read: None,
        };
        loop {
            match watched.look_once().await {
                Ok(Some(outcome)) => return Ok(outcome),
                Ok(None) => tokio::time::sleep(LOOK).await,
                // An API server that is restarted comes back; the deadline holds.
                Err(error) if is_passing(&error) && began.elapsed() < timeout => tokio::time::sleep(AWAY).await,
                Err(error) => return Err(error),
            }
        }
    }

    /// The pods of the newest revision of a workload.
    pub(super) async fn newest_pods(&self, workload: &Value) -> Result<Vec<Value>, TargetError> {
        let doing = format!("listing the pods of {}", text(workload, "/metadata/name"));
        let mut labels = selector(workload);
        match text(workload, "/kind") {
            "Deployment" => match self.newest_hash(workload, &labels).await? {
                Some(hash) => labels.push(format!("pod-template-hash={hash}")),
                None => return Ok(Vec::new()),
            },
            "StatefulSet" => {
                let revision = text(workload, "/status/updateRevision");
                labels.push(format!("controller-revision-hash={revision}"));
            }
            "Pod" => return Ok(vec![workload.clone()]),
            "DaemonSet" | "Job" => {}
            _ => return Ok(Vec::new()),
        }
        let params = ListParams::default().labels(&labels.join(","));
        let found = self.here::<Pod>().list(&params).await.map_err(|error| map(&self.address, &doing, error))?;
        found.items.iter().map(|pod| json_of(pod, &doing)).collect()
    }

    /// The hash of the ReplicaSet of a Deployment's newest revision.
    async fn newest_hash(&self, deployment: &Value, labels: &[String]) -> Result<Option<String>, TargetError> {
        let doing = "listing ReplicaSets";
        let revision = deployment.pointer("/metadata/annotations").and_then(|all| all.get(OBSERVED_REVISION)?.as_str());
        let Some(revision) = revision else { return Ok(None) };
        let params = ListParams::default().labels(&labels.join(","));
        let sets = self.here::<ReplicaSet>().list(&params).await.map_err(|error| map(&self.address, doing, error))?;
        let uid = text(deployment, "/metadata/uid");
        let newest = sets.items.into_iter().find(|set| {
            let owned = set.metadata.owner_references.iter().flatten().any(|owner| owner.uid == uid);
            let numbered = set.metadata.annotations.as_ref().and_then(|all| all.get(OBSERVED_REVISION));
            owned && numbered.map(String::as_str) == Some(revision)
        });
        Ok(newest.and_then(|set| set.metadata.labels?.get("pod-template-hash").cloned()))
    }

    /// Whether a claim is bound by the first pod that uses it.
    async fn waits_for_consumer(&self, claim: &ObjectRef) -> bool {
        let Ok(claim) = self.here::<PersistentVolumeClaim>().get(&claim.name).await else { return false };
        let Some(class) = claim.spec.and_then(|spec| spec.storage_class_name) else { return false };
        let classes: Api<StorageClass> = Api::all(self.client.clone());
        let mode = classes.get(&class).await.ok().and_then(|class| class.volume_binding_mode);
        mode.as_deref() == Some("WaitForFirstConsumer")
    }
}

/// Whether every container of a pod has a readiness probe.
fn is_probed(pod: &Value) -> bool {
    let containers = pod.pointer("/spec/containers").and_then(Value::as_array);
    containers.into_iter().flatten().all(|container| container.get("readinessProbe").is_some())
}

/// Whether the API server may answer the same question later.
fn is_passing(error: &TargetError) -> bool {
    match error {
        TargetError::Unreachable { .. } => true,
        TargetError::Refused { status, .. } => *status == 429 || *status >= 500,
        _ => false,
    }
}

/// The labels of a workload's selector, as a query.
fn selector(workload: &Value) -> Vec<String> {
    let labels = workload.pointer("/spec/selector/matchLabels").and_then(Value::as_object);
    let pair = |(key, value): (&String, &Value)| Some(format!("{key}={}", value.as_str()?));
    labels.into_iter().flatten().filter_map(pair).collect()
}

impl Watched<'_> {
    /// One look; none where there is more to wait for.
    async fn look_once(&mut self) -> Result<Option<Outcome>, TargetError> {
        let (judged, live) = self.look().await?;
        let state = match judged {
            Judged::Ready(remark) => {
                if self.is_stable(&live).await? {
                    return Ok(Some(Outcome { detail: remark.map(str::to_owned), ..Default::default() }));
                }
                "it has only just started".to_owned()
            }
            Judged::Failed(reason) => return Err(self.failed(&live, WorkloadFailure::Other(reason)).await),
            Judged::Waiting(state) => {
                self.ready = None;
                self.check_pods(&live).await?;
                state
            }
        };
        if self.began.elapsed() < self.timeout {
            return Ok(None);
        }
        Err(self.failed(&live, WorkloadFailure::NotReady { state, after: self.timeout }).await)
    }

    /// Without a readiness probe a pod counts as ready as soon as it runs: it has to go on running, as on a Docker engine.
    async fn is_stable(&mut self, live: &Value) -> Result<bool, TargetError> {
        let since = *self.ready.get_or_insert_with(Instant::now);
        let runs_on =
            self.object.group() == "apps" || (self.object.kind == "Pod" && text(live, "/status/phase") == "Running");
        if !runs_on || since.elapsed() >= STABLE.min(self.timeout / 2) {
            return Ok(true);
        }
        Ok(self.cluster.newest_pods(live).await?.iter().all(is_probed))
    }

    async fn look(&mut self) -> Result<(Judged, Value), TargetError> {
        let Some(live) = self.cluster.live(self.object).await? else {
            return Err(TargetError::NotFound { kind: "object", name: self.object.to_string() });
        };
        if let Some(owner) = owner(&live) {
            let release = owner.rsplit('/').next().unwrap_or_default();
            self.service = service_of(&self.object.name, release);
        }
        let judged = match judge(&live) {
            Judged::Waiting(_)
                if self.object.kind == "PersistentVolumeClaim"
                    && self.cluster.waits_for_consumer(self.object).await =>
            {
                Judged::Ready(Some("it is bound when a pod uses it"))
            }
            judged => judged,
        };
        Ok((judged, live))
    }

    /// Ends the wait where a pod will not become ready.
    async fn check_pods(&mut self, live: &Value) -> Result<(), TargetError> {
        if !self.object.is_workload() {
            return Ok(());
        }
        let pods = self.cluster.newest_pods(live).await?;
        let failing = pods.iter().find_map(|pod| match judge_pod(pod) {
            PodPhase::Failing(failure) => Some((pod, failure)),
            PodPhase::Fine => None,
        });
        let Some((pod, failure)) = failing else {
            self.unschedulable = None;
            return self.check_creation(&pods).await;
        };
        let reason = match failure {
            PodFailure::CrashLoop { restarts, .. } => WorkloadFailure::CrashLoop { restarts },
            PodFailure::Image { image, reason } => {
                WorkloadFailure::Other(format!("image {image} is not present and could not be pulled: {reason}"))
            }
            PodFailure::Container { reason } => WorkloadFailure::Other(reason),
            PodFailure::Unschedulable { reason } => {
                let since = *self.unschedulable.get_or_insert_with(Instant::now);
                if since.elapsed() < UNSCHEDULABLE {
                    return Ok(());
                }
                WorkloadFailure::Other(format!("no node takes it: {reason}"))
            }
        };
        let container = Box::new(self.cluster.pod_facts(pod).await);
        Err(TargetError::WorkloadFailed { service: self.service.clone(), container, reason })
    }

    /// Where there is no pod at all, the controller's events say why: a quota, an admission webhook.
    async fn check_creation(&mut self, pods: &[Value]) -> Result<(), TargetError> {
        let due = self.events_read.is_none_or(|read| read.elapsed() >= EVENTS);
        if !pods.is_empty() || !due || self.began.elapsed() < EVENTS {
            return Ok(());
        }
        self.events_read = Some(Instant::now());
        let events = self.cluster.events(&self.object.name).await;
        let Some(event) = events.iter().rev().find(|event| event.starts_with("event FailedCreate")) else {
            return Ok(());
        };
        let reason = event.split_once(": ").map_or(event.as_str(), |(_, said)| said).to_owned();
        let container = ContainerFacts { name: self.object.name.clone(), logs: events.clone(), ..Default::default() };
        Err(TargetError::WorkloadFailed {
            service: self.service.clone(),
            container: Box::new(container),
            reason: WorkloadFailure::Other(reason),
        })
    }

    /// The failure with the evidence of the first pod that is not ready.
    async fn failed(&self, live: &Value, reason: WorkloadFailure) -> TargetError {
        let pods = self.cluster.newest_pods(live).await.unwrap_or_default();
        let unready = pods.iter().find(|pod| !matches!(judge(&pod_of(pod)), Judged::Ready(_))).or(pods.first());
        let container = match unready {
            Some(pod) => self.cluster.pod_facts(pod).await,
            None => ContainerFacts {
                name: self.object.name.clone(),
                logs: self.cluster.events(&self.object.name).await,
                ..Default::default()
            },
        };
        let is_run = matches!(self.object.kind.as_str(), "Job" | "Pod") && container.exit_code.is_some();
        let reason = match reason {
            WorkloadFailure::Other(_) if is_run => WorkloadFailure::Exited,
            reason => reason,
        };
        TargetError::WorkloadFailed { service: self.service.clone(), container: Box::new(container), reason }
    }
}

/// Lists leave kind and version out of their items.
fn pod_of(pod: &Value) -> Value {
    let mut pod = pod.clone();
    pod["apiVersion"] = "v1".into();
    pod["kind"] = "Pod".into();
    pod
}
