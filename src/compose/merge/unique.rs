//! Lists in which one thing may stand once: the last entry of a name wins, at the place of the first.
//! Reads a tree, rewrites the lists that have such a rule.
//! Never touches mappings.

use super::error::MergeError;
use crate::compose::go::text::sprint;
use crate::compose::short_form::volume;
use crate::compose::value::{Node, Value};

type Name = fn(&Node) -> Result<String, String>;

/// Removes redefinitions from every list with a rule.
pub(crate) fn enforce(root: &mut Node) -> Result<(), MergeError> {
    walk(root, &mut Vec::new())
}

fn walk<'n>(node: &'n mut Node, path: &mut Vec<&'n str>) -> Result<(), MergeError> {
    if node.as_list().is_some() {
        if let (Some(name), Value::List(items)) = (rule(path), &mut node.value) {
            *items = unique_by(std::mem::take(items), &name, path)?;
        }
        return Ok(());
    }
    if let Value::Map(map) = &mut node.value {
        for (key, child) in map {
            path.push(key);
            walk(child, path)?;
            path.pop();
        }
    }
    Ok(())
}

fn rule(path: &[&str]) -> Option<Name> {
    match path {
        ["networks", _, "labels"] | ["networks", _, "ipam", "options"] => Some(key_value_name),
        ["services", _, rest @ ..] => service_rule(rest),
        _ => None,
    }
}

fn service_rule(path: &[&str]) -> Option<Name> {
    Some(match path {
        ["annotations" | "cap_add" | "cap_drop" | "dns" | "dns_opt" | "dns_search" | "environment" | "labels"]
        | ["links" | "profiles" | "sysctls" | "tmpfs"]
        | ["build", "args" | "additional_contexts" | "platform" | "tags" | "labels"]
        | ["deploy", "labels"]
        | ["networks", _, "aliases" | "link_local_ips"] => key_value_name,
        ["volumes"] => volume_name,
        ["devices"] => device_name,
        ["configs"] => config_name,
        ["secrets"] => secret_name,
        ["env_file"] => env_file_name,
        ["expose"] => expose_name,
        ["ports"] => port_name,
        _ => return None,
    })
}

/// Keeps one entry per name.
pub(super) fn unique_by(
    entries: Vec<Node>,
    name: &dyn Fn(&Node) -> Result<String, String>,
    path: &[&str],
) -> Result<Vec<Node>, MergeError> {
    let mut places = std::collections::HashMap::with_capacity(entries.len());
    let mut kept: Vec<Node> = Vec::with_capacity(entries.len());
    for (number, entry) in entries.into_iter().enumerate() {
        let name = name(&entry).map_err(|message| {
            let mut error = MergeError::new(path, &entry, message);
            error.key.push_str(&format!("[{number}]"));
            error
        })?;
        match places.get(&name) {
            Some(place) => kept[*place] = entry,
            None => {
                places.insert(name, kept.len());
                kept.push(entry);
            }
        }
    }
    Ok(kept)
}

/// The part before `=`.
pub(super) fn key_value_name(node: &Node) -> Result<String, String> {
    let text = node.as_str().ok_or_else(|| format!("must be a string, got {}", sprint(&node.value)))?;
    Ok(text.split_once('=').map_or(text, |(key, _)| key).to_owned())
}

fn child_text(node: &Node, key: &str) -> Option<String> {
    node.get(key)?.as_str().map(str::to_owned)
}

fn volume_name(node: &Node) -> Result<String, String> {
    match &node.value {
        Value::Map(_) => child_text(node, "target").ok_or_else(|| "the mount has no target".to_owned()),
        Value::Str(text) => volume::parse(text).map(|spec| spec.target),
        _ => Ok(String::new()),
    }
}

fn device_name(node: &Node) -> Result<String, String> {
    match &node.value {
        Value::Map(_) => child_text(node, "target").ok_or_else(|| "the device has no target".to_owned()),
        Value::Str(text) => {
            let mut parts = text.split(':');
            let source = parts.next().unwrap_or_default();
            Ok(parts.next().unwrap_or(source).to_owned())
        }
        _ => Ok(String::new()),
    }
}

fn expose_name(node: &Node) -> Result<String, String> {
    match &node.value {
        Value::Str(text) => Ok(text.clone()),
        Value::Int(port) => Ok(port.to_string()),
        _ => Err("must be a port or a range of ports".to_owned()),
    }
}

fn config_name(node: &Node) -> Result<String, String> {
    mount_name(node, "")
}

fn secret_name(node: &Node) -> Result<String, String> {
    mount_name(node, "/run/secrets")
}

fn mount_name(node: &Node, directory: &str) -> Result<String, String> {
    match &node.value {
        Value::Str(source) => Ok(format!("{directory}/{source}")),
        Value::Map(_) => Ok(child_text(node, "target").unwrap_or_else(|| {
            let source = node.get("source").map_or_else(|| "<nil>".to_owned(), |source| sprint(&source.value));
            format!("{directory}/{source}")
        })),
        _ => Err("must be a name or a mapping".to_owned()),
    }
}

fn env_file_name(node: &Node) -> Result<String, String> {
    match &node.value {
        Value::Str(text) => Ok(text.clone()),
        Value::Map(_) => child_text(node, "path").ok_or_else(|| "the env file has no path".to_owned()),
        _ => Ok(String::new()),
    }
}

fn port_name(node: &Node) -> Result<String, String> {
    let part = |key: &str, missing: &str| node.get(key).map_or_else(|| missing.to_owned(), |part| sprint(&part.value));
    match &node.value {
        Value::Int(port) => Ok(port.to_string()),
        Value::Str(text) => Ok(text.clone()),
        Value::Map(map) if !map.contains_key("target") => Err("the port has no target".to_owned()),
        Value::Map(_) => Ok(format!(
            "{}:{}:{}/{}",
            part("host_ip", "0.0.0.0"),
            part("published", "<nil>"),
            part("target", ""),
            part("protocol", "tcp")
        )),
        _ => Ok(String::new()),
    }
}
