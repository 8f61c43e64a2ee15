//! Whether a pod runs the images it wants: its own status says ready until the kubelet replaces a container.

use serde_json::Value;

use super::object::text;

fn list<'v>(object: &'v Value, at: &str) -> &'v [Value] {
    object.pointer(at).and_then(Value::as_array).map_or(&[], Vec::as_slice)
}

/// The first container of a pod that still runs another image than the pod wants.
pub(super) fn stale_container(pod: &Value) -> Option<&str> {
    let stale = list(pod, "/spec/containers").iter().find(|container| runs_other_image(pod, container));
    stale.map(|container| text(container, "/name"))
}

/// What is named by digest, or has no name left, cannot be told.
fn runs_other_image(pod: &Value, container: &Value) -> bool {
    let named = |status: &&Value| text(status, "/name") == text(container, "/name");
    let running = list(pod, "/status/containerStatuses").iter().find(named).map_or("", |status| text(status, "/image"));
    let wanted = text(container, "/image");
    if running.is_empty() || [running, wanted].iter().any(|image| image.contains('@') || image.starts_with("sha256:")) {
        return false;
    }
    // The runtime names the registry and the tag that were left out.
    let has_tag = wanted.rsplit('/').next().is_some_and(|last| last.contains(':'));
    let wanted = if has_tag { wanted.to_owned() } else { format!("{wanted}:latest") };
    let short = wanted.strip_prefix("index.").unwrap_or(&wanted);
    let short = short.strip_prefix("docker.io/").unwrap_or(short);
    let short = short.strip_prefix("library/").unwrap_or(short);
    running != wanted && running != short && !running.ends_with(&format!("/{short}"))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_pod_is_not_ready_while_a_container_runs_another_image() {
        let pod = |wanted: &str, running: &str| {
            json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"generation": 2},
                "spec": {"containers": [{"name": "a", "image": wanted}]},
                "status": {"phase": "Running", "conditions": [{"type": "Ready", "status": "True"}],
                    "containerStatuses": [{"name": "a", "image": running}]}})
        };
        for (wanted, running) in [
            ("tool", "docker.io/library/tool:latest"),
            ("docker.io/tool:1", "docker.io/library/tool:1"),
            ("lab/tool:1", "docker.io/lab/tool:1"),
            ("r:5000/tool:1", "r:5000/tool:1"),
            ("tool@sha256:aa", "docker.io/library/tool:1"),
            ("tool:1", "sha256:bb"),
        ] {
            assert_eq!(stale_container(&pod(wanted, running)), None, "{wanted} {running}");
        }
        for (wanted, running) in [("tool:2", "docker.io/library/tool:1"), ("ool:1", "tool:1"), ("tool", "tool:1")] {
            assert_eq!(stale_container(&pod(wanted, running)), Some("a"), "{wanted} {running}");
        }
    }
}
