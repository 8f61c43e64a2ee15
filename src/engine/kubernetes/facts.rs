//! Evidence of pods: state, exit code, events and the last lines of their logs.
//! Reads the API server; missing evidence is no error.

use std::time::Duration;

use k8s_openapi::api::core::v1::{Event, Pod};
use kube::api::{ListParams, LogParams};
use serde_json::Value;

use super::KubernetesCluster;
use crate::plan::cluster::text;
use crate::target::ContainerFacts;

/// How many log lines and events are kept.
const LINES: i64 = 20;
/// Bytes that are kept of a line.
const LONGEST_LINE: usize = 4096;
/// How long collecting them may take.
const PATIENCE: Duration = Duration::from_secs(5);

/// The container of a pod that went wrong, or its first one.
fn failing(pod: &Value) -> Option<&Value> {
    let list = |at: &str| pod.pointer(at).and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
    let all = || list("/status/initContainerStatuses").iter().chain(list("/status/containerStatuses"));
    let ended_badly = |status: &&Value| {
        ["/state/terminated/exitCode", "/lastState/terminated/exitCode"]
            .iter()
            .any(|at| status.pointer(at).and_then(Value::as_i64).is_some_and(|code| code != 0))
    };
    all()
        .find(ended_badly)
        .or_else(|| all().find(|s| s.get("ready").and_then(Value::as_bool) == Some(false)))
        .or_else(|| all().next())
}

/// The init container that the others wait for. One that runs beside them counts as started.
fn begun_init(pod: &Value) -> Option<&str> {
    let init = pod.pointer("/status/initContainerStatuses").and_then(Value::as_array)?;
    let waits = |status: &&Value| {
        status.pointer("/state/running").is_some() && status.get("ready").and_then(Value::as_bool) != Some(true)
    };
    init.iter().find(waits).map(|status| text(status, "/name"))
}

impl KubernetesCluster {
    /// What can be said of a pod right now.
    pub(super) async fn pod_facts(&self, pod: &Value) -> ContainerFacts {
        let name = text(pod, "/metadata/name").to_owned();
        let mut facts = ContainerFacts { name: name.clone(), ..Default::default() };
        let mut container = None;
        let mut restarted = false;
        if let Some(status) = failing(pod) {
            container = Some(text(status, "/name").to_owned());
            let ended = ["/state/terminated", "/lastState/terminated"];
            let ended = ended.iter().find_map(|at| status.pointer(at));
            facts.exit_code = ended.and_then(|ended| ended.get("exitCode")?.as_i64());
            facts.oom_killed = ended.is_some_and(|ended| text(ended, "/reason") == "OOMKilled");
            facts.restarts = status.get("restartCount").and_then(Value::as_u64).unwrap_or(0);
            let waiting = text(status, "/state/waiting/message");
            facts.engine_error = Some(waiting.to_owned()).filter(|said| !said.is_empty());
            // The log of the run that just ended is not that of the run before it.
            let waits = ["/state/running", "/state/terminated"].iter().all(|at| status.pointer(at).is_none());
            restarted = waits && status.pointer("/lastState/terminated").is_some();
        }
        let read = async {
            let logs = self.last_lines(&name, container, restarted);
            let (logs, events) = tokio::join!(logs, self.events(&name));
            facts.logs = logs;
            facts.logs.extend(events);
        };
        let begun = begun_init(pod);
        // Evidence that cannot be had must not hold up the failure it would explain.
        let _ = tokio::time::timeout(PATIENCE, read).await;
        if let Some(name) = begun {
            facts.logs.insert(0, format!("init container {name} has not ended"));
        }
        facts
    }

    /// The last lines of a container; of its run before where it is being restarted.
    pub(super) async fn last_lines(&self, pod: &str, container: Option<String>, previous: bool) -> Vec<String> {
        let params = LogParams { container, previous, tail_lines: Some(LINES), ..Default::default() };
        let pods = self.here::<Pod>();
        let found = match pods.logs(pod, &params).await {
            Err(_) if previous => pods.logs(pod, &LogParams { previous: false, ..params }).await,
            found => found,
        };
        let line = |line: &str| self.redactor.redact_beginning(line, LONGEST_LINE);
        found.map(|text| text.lines().map(line).collect()).unwrap_or_default()
    }

    /// Warnings about an object, oldest first: `event FailedCreate: exceeded quota`.
    pub(super) async fn events(&self, name: &str) -> Vec<String> {
        let params = ListParams::default().fields(&format!("involvedObject.name={name},type=Warning"));
        let Ok(found) = self.here::<Event>().list(&params).await else { return Vec::new() };
        let mut events = found.items;
        events.sort_by_key(|event| event.last_timestamp.as_ref().map(|time| time.0));
        let said = |event: &Event| {
            let (reason, message) =
                (event.reason.clone().unwrap_or_default(), event.message.clone().unwrap_or_default());
            format!("event {reason}: {}", message.trim())
        };
        events.iter().rev().take(5).rev().map(said).collect()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn an_init_container_that_the_others_wait_for_is_named() {
        let pod = |ready: bool| {
            let running = json!({"name": "wait", "ready": ready, "state": {"running": {}}});
            json!({"status": {"initContainerStatuses": [running]}})
        };
        assert_eq!(begun_init(&pod(false)), Some("wait"));
        assert_eq!(begun_init(&pod(true)), None);
        assert_eq!(begun_init(&json!({})), None);
    }
}
