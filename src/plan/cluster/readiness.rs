//! When is an object ready, by its kind; and when will it not become ready, by its pods.
//! Reads objects as the API server shows them; returns ready, waiting or failed, with the reason.
//! Only pods of the newest revision count: those of an old one may fail as they like.

use serde_json::Value;

use super::object::text;
use super::pod_image::stale_container;

/// The annotation that numbers the revisions of a Deployment and its ReplicaSets.
pub const OBSERVED_REVISION: &str = "deployment.kubernetes.io/revision";

/// What an object's own status says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Judged {
    /// Ready; with a remark where that is not the whole truth.
    Ready(Option<&'static str>),
    /// Not yet: `1 of 2 pods are ready`.
    Waiting(String),
    /// It will not become ready.
    Failed(String),
}

/// Why a pod will not become ready.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PodFailure {
    /// It crashes again and again.
    CrashLoop {
        /// The container.
        container: String,
        /// Its restarts.
        restarts: u64,
        /// Exit code of the last run.
        exit_code: Option<i64>,
        /// Killed for memory.
        oom_killed: bool,
    },
    /// Its image is not to be had.
    Image {
        /// The image.
        image: String,
        /// The kubelet's words.
        reason: String,
    },
    /// A container cannot be created.
    Container {
        /// The kubelet's words.
        reason: String,
    },
    /// No node takes it; counts only when it lasts.
    Unschedulable {
        /// The scheduler's words.
        reason: String,
    },
}

/// What a pod's status says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PodPhase {
    /// Nothing is wrong with it.
    Fine,
    /// It will not become ready.
    Failing(PodFailure),
}

/// A crash loop is one from this many restarts on, as on a Docker engine.
const CRASHES: u64 = 2;

fn number(object: &Value, at: &str) -> i64 {
    object.pointer(at).and_then(Value::as_i64).unwrap_or(0)
}

fn list<'v>(object: &'v Value, at: &str) -> &'v [Value] {
    object.pointer(at).and_then(Value::as_array).map_or(&[], Vec::as_slice)
}

/// A condition of the object: its status and message.
fn condition<'v>(object: &'v Value, kind: &str) -> Option<&'v Value> {
    list(object, "/status/conditions").iter().find(|condition| text(condition, "/type") == kind)
}

fn holds(object: &Value, kind: &str) -> bool {
    condition(object, kind).is_some_and(|condition| text(condition, "/status") == "True")
}

/// Whether the controller has seen the newest specification.
fn is_seen(object: &Value) -> bool {
    number(object, "/status/observedGeneration") >= number(object, "/metadata/generation")
}

const UNSEEN: &str = "the controller has not seen the change yet";

fn pods(ready: i64, wanted: i64) -> String {
    format!("{ready} of {wanted} pods are ready")
}

/// Judges an object by its own status.
pub fn judge(object: &Value) -> Judged {
    let group = text(object, "/apiVersion").split_once('/').map_or("", |(group, _)| group);
    match (group, text(object, "/kind")) {
        ("apps", "Deployment") => deployment(object),
        ("apps", "StatefulSet") => stateful_set(object),
        ("apps", "DaemonSet") => daemon_set(object),
        ("batch", "Job") => job(object),
        ("", "Pod") => pod(object),
        ("", "PersistentVolumeClaim") => claim(object),
        ("", "Service") => service(object),
        ("", "Namespace") if text(object, "/status/phase") == "Terminating" => {
            Judged::Failed("the namespace is being deleted".to_owned())
        }
        ("apiextensions.k8s.io", "CustomResourceDefinition") => definition(object),
        ("apiregistration.k8s.io", "APIService") => by_condition(object, "Available"),
        _ => of_unknown_kind(object),
    }
}

fn deployment(object: &Value) -> Judged {
    if !is_seen(object) {
        return Judged::Waiting(UNSEEN.to_owned());
    }
    if let Some(failed) = condition(object, "ReplicaFailure").filter(|c| text(c, "/status") == "True") {
        return Judged::Failed(text(failed, "/message").to_owned());
    }
    if let Some(progress) = condition(object, "Progressing")
        && text(progress, "/reason") == "ProgressDeadlineExceeded"
    {
        return Judged::Failed(text(progress, "/message").to_owned());
    }
    let wanted = object.pointer("/spec/replicas").and_then(Value::as_i64).unwrap_or(1);
    let updated = number(object, "/status/updatedReplicas");
    let available = number(object, "/status/availableReplicas");
    let all = number(object, "/status/replicas");
    if updated < wanted || available < wanted {
        return Judged::Waiting(pods(available.min(updated), wanted));
    }
    if all > updated {
        return Judged::Waiting(format!("{} of the old revision left", counted(all - updated, "pod")));
    }
    Judged::Ready(None)
}

fn counted(count: i64, what: &str) -> String {
    if count == 1 { format!("1 {what}") } else { format!("{count} {what}s") }
}

fn stateful_set(object: &Value) -> Judged {
    if !is_seen(object) {
        return Judged::Waiting(UNSEEN.to_owned());
    }
    let wanted = object.pointer("/spec/replicas").and_then(Value::as_i64).unwrap_or(1);
    let ready = number(object, "/status/readyReplicas");
    if text(object, "/spec/updateStrategy/type") == "OnDelete" {
        let ready = if ready >= wanted {
            Judged::Ready(Some("its pods are replaced when they are deleted"))
        } else {
            Judged::Waiting(pods(ready, wanted))
        };
        return ready;
    }
    let partition = number(object, "/spec/updateStrategy/rollingUpdate/partition");
    let updated = number(object, "/status/updatedReplicas");
    let is_current = text(object, "/status/currentRevision") == text(object, "/status/updateRevision");
    if ready < wanted {
        return Judged::Waiting(pods(ready, wanted));
    }
    if partition == 0 && !is_current && updated < wanted {
        return Judged::Waiting(format!("{updated} of {wanted} pods are of the new revision"));
    }
    if partition > 0 && updated < wanted - partition {
        return Judged::Waiting(format!("{updated} of {} pods are of the new revision", wanted - partition));
    }
    Judged::Ready(None)
}

fn daemon_set(object: &Value) -> Judged {
    if !is_seen(object) {
        return Judged::Waiting(UNSEEN.to_owned());
    }
    let wanted = number(object, "/status/desiredNumberScheduled");
    let updated = number(object, "/status/updatedNumberScheduled");
    let available = number(object, "/status/numberAvailable");
    let on_delete = text(object, "/spec/updateStrategy/type") == "OnDelete";
    if (updated < wanted && !on_delete) || available < wanted {
        return Judged::Waiting(pods(available.min(updated), wanted));
    }
    Judged::Ready(None)
}

fn job(object: &Value) -> Judged {
    if let Some(failed) = condition(object, "Failed").filter(|c| text(c, "/status") == "True") {
        return Judged::Failed(text(failed, "/message").to_owned());
    }
    if holds(object, "Complete") {
        return Judged::Ready(None);
    }
    if object.pointer("/spec/suspend").and_then(Value::as_bool).unwrap_or(false) {
        return Judged::Ready(Some("it is suspended"));
    }
    Judged::Waiting("it is running".to_owned())
}

fn pod(object: &Value) -> Judged {
    // Before 1.33 the kubelet does not say which generation it has seen.
    if object.pointer("/status/observedGeneration").is_some() && !is_seen(object) {
        return Judged::Waiting(UNSEEN.to_owned());
    }
    if let Some(container) = stale_container(object) {
        return Judged::Waiting(format!("container {container} still runs its old image"));
    }
    match text(object, "/status/phase") {
        "Succeeded" => Judged::Ready(None),
        "Failed" => Judged::Failed("the pod failed".to_owned()),
        _ if holds(object, "Ready") => Judged::Ready(None),
        phase => Judged::Waiting(format!("it is {}", if phase.is_empty() { "pending" } else { phase }.to_lowercase())),
    }
}

/// Whether a claim waits for its first pod is the storage class's to say; the engine asks it.
fn claim(object: &Value) -> Judged {
    match text(object, "/status/phase") {
        "Bound" => Judged::Ready(None),
        "Lost" => Judged::Failed("its volume is lost".to_owned()),
        _ => Judged::Waiting("it is not bound".to_owned()),
    }
}

fn service(object: &Value) -> Judged {
    let balanced = text(object, "/spec/type") == "LoadBalancer" && list(object, "/spec/externalIPs").is_empty();
    if balanced && list(object, "/status/loadBalancer/ingress").is_empty() {
        return Judged::Waiting("its load balancer has no address".to_owned());
    }
    Judged::Ready(None)
}

fn definition(object: &Value) -> Judged {
    if let Some(names) = condition(object, "NamesAccepted")
        && text(names, "/status") == "False"
    {
        return Judged::Failed(text(names, "/message").to_owned());
    }
    by_condition(object, "Established")
}

fn by_condition(object: &Value, kind: &str) -> Judged {
    if holds(object, kind) {
        Judged::Ready(None)
    } else {
        Judged::Waiting(format!("it is not {}", kind.to_lowercase()))
    }
}

/// Kinds of operators usually say `Ready`; one that says nothing is applied, and that is said.
fn of_unknown_kind(object: &Value) -> Judged {
    let seen = object.pointer("/status/observedGeneration").is_none() || is_seen(object);
    match condition(object, "Ready") {
        _ if !seen => Judged::Waiting(UNSEEN.to_owned()),
        Some(ready) if text(ready, "/status") != "True" => Judged::Waiting(match text(ready, "/message") {
            "" => "it is not ready".to_owned(),
            message => message.to_owned(),
        }),
        _ => Judged::Ready(None),
    }
}

/// Judges a pod that is not ready.
pub fn judge_pod(pod: &Value) -> PodPhase {
    let statuses = list(pod, "/status/initContainerStatuses").iter().chain(list(pod, "/status/containerStatuses"));
    for status in statuses {
        if let Some(failure) = container_failure(status) {
            return PodPhase::Failing(failure);
        }
    }
    let scheduled = condition(pod, "PodScheduled");
    match scheduled.filter(|c| text(c, "/status") == "False" && text(c, "/reason") == "Unschedulable") {
        Some(condition) => {
            PodPhase::Failing(PodFailure::Unschedulable { reason: text(condition, "/message").to_owned() })
        }
        None => PodPhase::Fine,
    }
}

fn container_failure(status: &Value) -> Option<PodFailure> {
    let (waits, message) = (text(status, "/state/waiting/reason"), text(status, "/state/waiting/message"));
    let said = || if message.is_empty() { waits.to_owned() } else { message.to_owned() };
    // The kubelet may say for a long time that it ended before it says that it backs off.
    let crashed = status.pointer("/state/terminated/exitCode").and_then(Value::as_i64).is_some_and(|code| code != 0);
    match waits {
        _ if crashed || waits == "CrashLoopBackOff" => {
            let restarts = u64::try_from(number(status, "/restartCount")).unwrap_or(0);
            let last = if crashed { "/state/terminated" } else { "/lastState/terminated" };
            (restarts >= CRASHES).then(|| PodFailure::CrashLoop {
                container: text(status, "/name").to_owned(),
                restarts,
                exit_code: status.pointer(&format!("{last}/exitCode")).and_then(Value::as_i64),
                oom_killed: text(status, &format!("{last}/reason")) == "OOMKilled",
            })
        }
        "ImagePullBackOff" | "InvalidImageName" | "ErrImageNeverPull" => {
            Some(PodFailure::Image { image: text(status, "/image").to_owned(), reason: said() })
        }
        "CreateContainerConfigError" | "CreateContainerError" | "RunContainerError" => {
            Some(PodFailure::Container { reason: said() })
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_deployment_is_ready_when_all_pods_are_of_the_seen_revision() {
        let mut object = json!({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"generation": 2},
            "spec": {"replicas": 2},
            "status": {"observedGeneration": 1, "replicas": 2, "updatedReplicas": 2, "availableReplicas": 2}});
        assert!(matches!(judge(&object), Judged::Waiting(_)), "the status is of an older generation");
        object["status"]["observedGeneration"] = 2.into();
        assert_eq!(judge(&object), Judged::Ready(None));
        object["status"]["replicas"] = 3.into();
        assert_eq!(judge(&object), Judged::Waiting("1 pod of the old revision left".to_owned()));
        object["status"]["availableReplicas"] = 1.into();
        assert_eq!(judge(&object), Judged::Waiting("1 of 2 pods are ready".to_owned()));
        object["status"]["conditions"] =
            json!([{"type": "ReplicaFailure", "status": "True", "message": "exceeded quota"}]);
        assert_eq!(judge(&object), Judged::Failed("exceeded quota".to_owned()));
    }

    #[test]
    fn a_custom_resource_without_a_status_is_applied() {
        let object = |status: Value| json!({"apiVersion": "example.org/v1", "kind": "Thing", "status": status});
        assert_eq!(judge(&object(json!({}))), Judged::Ready(None));
        let ready = json!({"conditions": [{"type": "Ready", "status": "False", "message": "no certificate"}]});
        assert_eq!(judge(&object(ready)), Judged::Waiting("no certificate".to_owned()));
    }

    #[test]
    fn a_pod_fails_at_its_second_restart_and_at_once_without_its_image() {
        let waiting = |reason: &str, restarts: u32| {
            json!({"status": {"containerStatuses": [{"name": "api", "image": "api:9", "restartCount": restarts,
                "state": {"waiting": {"reason": reason, "message": "no such image"}},
                "lastState": {"terminated": {"exitCode": 3}}}]}})
        };
        assert_eq!(judge_pod(&waiting("CrashLoopBackOff", 1)), PodPhase::Fine);
        let crash =
            PodFailure::CrashLoop { container: "api".into(), restarts: 2, exit_code: Some(3), oom_killed: false };
        assert_eq!(judge_pod(&waiting("CrashLoopBackOff", 2)), PodPhase::Failing(crash.clone()));
        let mut ended = waiting("", 2);
        ended["status"]["containerStatuses"][0]["state"] = json!({"terminated": {"exitCode": 3}});
        assert_eq!(judge_pod(&ended), PodPhase::Failing(crash), "the kubelet has not said yet that it backs off");
        let image = PodFailure::Image { image: "api:9".into(), reason: "no such image".into() };
        assert_eq!(judge_pod(&waiting("ImagePullBackOff", 0)), PodPhase::Failing(image));
        assert_eq!(judge_pod(&waiting("ContainerCreating", 0)), PodPhase::Fine);
    }
}
