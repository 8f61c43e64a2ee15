//! Values an entry has when it does not say them.
//! Reads a canonical tree, fills it in place.
//! Never overrides what was written.

use crate::compose::go::text::sprint;
use crate::compose::value::{Node, Value};

/// Fills in the defaults of build contexts, secrets, ports, devices and binds.
pub(crate) fn set_defaults(root: &mut Node) {
    for section in ["services", "jobs"] {
        let containers = root.get_mut(section).and_then(Node::as_map_mut);
        containers.into_iter().flat_map(|map| map.values_mut()).for_each(container);
    }
}

fn default(node: &mut Node, key: &str, value: Value) {
    if node.as_map().is_some_and(|map| !map.contains_key(key)) {
        node.set(key, value);
    }
}

fn each<'n>(container: &'n mut Node, path: &[&str]) -> impl Iterator<Item = &'n mut Node> {
    let mut node = Some(container);
    for key in path {
        node = node.and_then(|node| node.get_mut(key));
    }
    node.and_then(Node::as_list_mut).into_iter().flatten()
}

fn container(container: &mut Node) {
    if let Some(build) = container.get_mut("build") {
        default(build, "context", ".".into());
    }
    for secret in each(container, &["secrets"]) {
        let source = secret.get("source").map(|source| sprint(&source.value)).unwrap_or_default();
        default(secret, "target", format!("/run/secrets/{source}").into());
    }
    for port in each(container, &["ports"]) {
        default(port, "protocol", "tcp".into());
        default(port, "mode", "ingress".into());
    }
    for volume in each(container, &["volumes"]) {
        if let Some(bind) = volume.get_mut("bind") {
            default(bind, "create_host_path", true.into());
        }
    }
    each(container, &["gpus"]).for_each(device);
    each(container, &["deploy", "resources", "reservations", "devices"]).for_each(device);
}

fn device(request: &mut Node) {
    if request.get("device_ids").is_none() {
        default(request, "count", "all".into());
    }
}
