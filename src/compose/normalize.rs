//! What a project means without saying it: networks, names, dependencies, build defaults, inherited hooks.
//! Reads a canonical tree and the environment; completes the tree in place.
//! Never overrides what was written.

use std::collections::BTreeMap;

use super::merge::{self, MergeError};
use super::paths;
use super::value::{Map, Node, Position, Value};

type Environment = BTreeMap<String, String>;

/// Completes a tree that already has the project's name.
pub(crate) fn normalize(root: &mut Node, environment: &Environment) -> Result<(), MergeError> {
    networks(root);
    for section in ["services", "jobs"] {
        let containers = root.get_mut(section).and_then(Node::as_map_mut);
        for container in containers.into_iter().flat_map(|map| map.values_mut()) {
            complete(container, environment)?;
        }
    }
    names(root);
    Ok(())
}

/// Containers without networks join `default`, which exists when one does.
fn networks(root: &mut Node) {
    let mut uses_default = false;
    for section in ["services", "jobs"] {
        let containers = root.get_mut(section).and_then(Node::as_map_mut);
        for container in containers.into_iter().flat_map(|map| map.values_mut()) {
            if container.get("provider").is_some() || container.get("network_mode").is_some() {
                continue;
            }
            let joined = container.get("networks").and_then(Node::as_map);
            if joined.is_none_or(Map::is_empty) {
                let default = Map::from_iter([("default".to_owned(), Node::new(Value::Null, container.at))]);
                container.set("networks", Value::Map(default));
                uses_default = true;
            } else if joined.is_some_and(|joined| joined.contains_key("default")) {
                uses_default = true;
            }
        }
    }
    if !uses_default {
        return;
    }
    if root.get("networks").is_none_or(Node::is_null) {
        root.set("networks", Value::Map(Map::new()));
    }
    if let Some(networks) = root.get_mut("networks").and_then(Node::as_map_mut) {
        networks.entry("default".to_owned()).or_default();
    }
}

fn complete(container: &mut Node, environment: &Environment) -> Result<(), MergeError> {
    if container.get("pull_policy").and_then(Node::as_str) == Some("if_not_present") {
        container.set("pull_policy", "missing".into());
    }
    if let Some(build) = container.get_mut("build") {
        complete_build(build, environment);
    }
    if let Some(variables) = container.get_mut("environment") {
        resolve(variables, environment, true);
    }
    implied_dependencies(container);
    for volume in container.get_mut("volumes").and_then(Node::as_list_mut).into_iter().flatten() {
        if let Some(Value::Str(target)) = volume.get_mut("target").map(|target| &mut target.value) {
            *target = paths::clean(target);
        }
    }
    inherited_hooks(container)
}

fn complete_build(build: &mut Node, environment: &Environment) {
    let missing = |build: &Node, key: &str| build.get(key).is_none_or(Node::is_null);
    if missing(build, "context") {
        build.set("context", ".".into());
    }
    if missing(build, "dockerfile") && missing(build, "dockerfile_inline") {
        build.set("dockerfile", "Dockerfile".into());
    }
    if let Some(args) = build.get_mut("args") {
        resolve(args, environment, false);
    }
}

/// Gives names without a value their value; without one they stay or go.
fn resolve(node: &mut Node, environment: &Environment, keep: bool) {
    match &mut node.value {
        Value::Map(map) => map.retain(|key, child| {
            if child.is_null()
                && let Some(value) = environment.get(key)
            {
                child.value = Value::Str(value.clone());
            }
            keep || !child.is_null()
        }),
        Value::List(list) => list.retain_mut(|item| {
            let Some(name) = item.as_str().filter(|text| !text.contains('=')) else { return true };
            let Some(value) = environment.get(name) else { return keep };
            item.value = Value::Str(format!("{name}={value}"));
            true
        }),
        _ => {}
    }
}

/// Links, shared namespaces and `volumes_from` are dependencies.
fn implied_dependencies(container: &mut Node) {
    let mut implied: Vec<(String, bool, Position)> = Vec::new();
    let texts = |key: &str| container.get(key).and_then(Node::as_list).into_iter().flatten();
    for link in texts("links") {
        let text = link.as_str().unwrap_or_default();
        let name = match text.split(':').collect::<Vec<_>>()[..] {
            [service, _] => service,
            _ => text,
        };
        implied.push((name.to_owned(), true, link.at));
    }
    for key in ["network_mode", "ipc", "pid", "uts", "cgroup"] {
        let shared = container.get(key).and_then(|node| Some((node.as_str()?.strip_prefix("service:")?, node.at)));
        implied.extend(shared.map(|(service, at)| (service.to_owned(), true, at)));
    }
    for from in texts("volumes_from") {
        let text = from.as_str().unwrap_or_default();
        if !text.starts_with("container:") {
            implied.push((text.split(':').next().unwrap_or_default().to_owned(), false, from.at));
        }
    }
    if implied.is_empty() {
        return;
    }
    if container.get("depends_on").and_then(Node::as_map).is_none() {
        container.set("depends_on", Value::Map(Map::new()));
    }
    let Some(depends_on) = container.get_mut("depends_on").and_then(Node::as_map_mut) else { return };
    for (service, restart, at) in implied {
        depends_on.entry(service).or_insert_with(|| dependency(restart, at));
    }
}

fn dependency(restart: bool, at: Position) -> Node {
    let entries = [
        ("condition", Value::from("service_started")),
        ("restart", Value::Bool(restart)),
        ("required", Value::Bool(true)),
    ];
    let map = entries.into_iter().map(|(key, value)| (key.to_owned(), Node::new(value, at))).collect();
    Node::new(Value::Map(map), at)
}

/// A hook has what its service has, except the mounts, and what it says itself over it.
fn inherited_hooks(service: &mut Node) -> Result<(), MergeError> {
    if service.get("pre_start").and_then(Node::as_list).is_none_or(<[Node]>::is_empty) {
        return Ok(());
    }
    let inherits = |key: &str| key != "volumes" && CONTAINER_KEYS.split_ascii_whitespace().any(|known| known == key);
    let base: Map = service
        .as_map()
        .into_iter()
        .flatten()
        .filter(|(key, _)| inherits(key))
        .map(|(k, v)| (k.clone(), v.clone()))
        .collect();
    let base = Node::new(Value::Map(base), service.at);
    for hook in service.get_mut("pre_start").and_then(Node::as_list_mut).into_iter().flatten() {
        if hook.as_map().is_some() {
            *hook = merge::extend(base.clone(), std::mem::take(hook))?;
        }
    }
    Ok(())
}

/// The keys a hook inherits: those every container has.
const CONTAINER_KEYS: &str = "\
annotations blkio_config cap_add cap_drop cgroup cgroup_parent command configs cpu_count cpu_percent \
cpu_period cpu_quota cpu_rt_period cpu_rt_runtime cpu_shares cpus cpuset credential_spec device_cgroup_rules \
devices dns dns_opt dns_search domainname entrypoint env_file environment extra_hosts gpus group_add hostname \
image init ipc isolation label_file labels log_driver log_opt logging mac_address mem_limit mem_reservation \
mem_swappiness memswap_limit models network_mode networks oom_kill_disable oom_score_adj pid pids_limit \
platform privileged pull_policy pull_refresh_after read_only runtime secrets security_opt shm_size \
stop_grace_period stop_signal storage_opt sysctls tmpfs ulimits use_api_socket user userns_mode uts \
volume_driver volumes volumes_from working_dir";

/// Networks, volumes, configs and secrets without a name are called after the project and their key.
fn names(root: &mut Node) {
    let project = root.get("name").map(|name| crate::compose::go::text::sprint(&name.value)).unwrap_or_default();
    for section in ["networks", "volumes", "configs", "secrets"] {
        let resources = root.get_mut(section).and_then(Node::as_map_mut);
        for (key, resource) in resources.into_iter().flatten() {
            if resource.is_null() {
                resource.value = Value::Map(Map::new());
            }
            if resource.get("name").is_none_or(Node::is_null) {
                let external = resource.get("external").is_some_and(|external| match &external.value {
                    Value::Bool(external) => *external,
                    Value::Str(text) => matches!(text.as_str(), "1" | "t" | "T" | "true" | "TRUE" | "True"),
                    _ => false,
                });
                let name = if external { key.clone() } else { format!("{project}_{key}") };
                resource.set("name", Value::Str(name));
            }
        }
    }
}
