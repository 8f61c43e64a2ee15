//! What the schema cannot say about single entries: attributes that exclude each other, addresses.
//! Reads a canonical tree; returns every violation with its place.
//! Never looks beyond one entry.

use std::net::IpAddr;

use super::value::{Node, Position, Value};

/// A violation at a key.
#[derive(Debug, Clone)]
pub(crate) struct Refused {
    pub key: String,
    pub at: Position,
    pub message: String,
}

/// All violations of a tree.
pub(crate) fn validate(root: &Node) -> Vec<Refused> {
    let mut found = Vec::new();
    for (name, volume) in entries(root, "volumes") {
        external(volume, &format!("volumes.{name}"), &mut found);
    }
    for (name, config) in entries(root, "configs") {
        file_object(config, (&format!("configs.{name}"), &["file", "environment", "content"]), &mut found);
    }
    for (name, secret) in entries(root, "secrets") {
        file_object(secret, (&format!("secrets.{name}"), &["file", "environment"]), &mut found);
    }
    for (name, service) in entries(root, "services") {
        self::service(service, &format!("services.{name}"), &mut found);
    }
    found
}

fn entries<'n>(root: &'n Node, section: &str) -> impl Iterator<Item = (&'n String, &'n Node)> + use<'n> {
    root.get(section).and_then(Node::as_map).into_iter().flatten()
}

fn refuse(node: &Node, key: impl Into<String>, message: impl Into<String>) -> Refused {
    let at = if node.at.line > 0 { node.at } else { node.key_at };
    Refused { key: key.into(), at, message: message.into() }
}

fn external(node: &Node, key: &str, found: &mut Vec<Refused>) {
    if !matches!(node.get("external").map(|external| &external.value), Some(Value::Bool(true))) {
        return;
    }
    for (other, child) in node.as_map().into_iter().flatten() {
        if !matches!(other.as_str(), "name" | "external") && !other.starts_with("x-") {
            found.push(refuse(child, key, format!("conflicting parameters \"external\" and {other:?} specified")));
        }
    }
}

fn file_object(node: &Node, (key, sources): (&str, &[&str]), found: &mut Vec<Refused>) {
    let count = sources.iter().filter(|source| node.get(source).is_some()).count();
    let list = sources.join("|");
    if count > 1 {
        found.push(refuse(node, key, format!("{list} attributes are mutually exclusive")));
    } else if count == 0 && node.get("driver").is_none() && node.get("external").is_none() {
        found.push(refuse(node, key, format!("one of {list} must be set")));
    }
}

fn list<'n>(node: &'n Node, path: &[&str]) -> impl Iterator<Item = (usize, &'n Node)> + use<'n> {
    let mut found = Some(node);
    for key in path {
        found = found.and_then(|node| node.get(key));
    }
    found.and_then(Node::as_list).into_iter().flatten().enumerate()
}

fn service(service: &Node, key: &str, found: &mut Vec<Refused>) {
    // The specification allows both; Compose stops working on them.
    if let Some(pid) = service.get("pid").filter(|pid| pid.is_null()) {
        let at = Node { at: pid.key_at, ..pid.clone() };
        found.push(refuse(&at, format!("{key}.pid"), "must be a string, got nothing"));
    }
    let contexts = service.get("build").and_then(|build| build.get("additional_contexts")).and_then(Node::as_map);
    for (name, context) in contexts.into_iter().flatten().filter(|(_, context)| context.as_str().is_none()) {
        let key = format!("{key}.build.additional_contexts.{name}");
        found.push(refuse(context, key, "must be a path, an image or another context, as a string"));
    }
    for (number, port) in list(service, &["ports"]) {
        if let Some(ip) = port.get("host_ip").and_then(Node::as_str)
            && ip.parse::<IpAddr>().is_err()
        {
            found.push(refuse(port, format!("{key}.ports[{number}]"), format!("invalid ip address: {ip}")));
        }
    }
    for (number, rule) in list(service, &["develop", "watch"]) {
        if rule.get("path").and_then(Node::as_str) == Some("") {
            found.push(refuse(rule, format!("{key}.develop.watch[{number}].path"), "value can't be blank"));
        }
    }
    for path in [&["gpus"][..], &["deploy", "resources", "reservations", "devices"]] {
        for (number, device) in list(service, path) {
            if device.get("count").is_some() && device.get("device_ids").is_some() {
                let message = "\"count\" and \"device_ids\" attributes are exclusive";
                found.push(refuse(device, format!("{key}.{}[{number}]", path.join(".")), message));
            }
        }
    }
}
