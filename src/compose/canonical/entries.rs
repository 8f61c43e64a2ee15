//! The long form of each entry that has a short one.
//! Reads the entry at its path, rewrites it; the error says what cannot be read.
//! Never fills in a value the entry's form does not imply.

use super::refusal::{Refusal, Unreadable};
use crate::compose::go::text::sprint;
use crate::compose::merge::wrapped;
use crate::compose::short_form::{port, volume};
use crate::compose::value::{Map, Node, Position, Value};

pub(super) type Rewrite = fn(&mut Node, Unreadable) -> Result<(), Refusal>;

/// The rewriting that applies at a path.
pub(super) fn rewrite(path: &[&str]) -> Option<Rewrite> {
    let found: Rewrite = match path {
        ["services", _, "pre_start", _, rest @ ..] => return container(rest),
        ["services", _, "develop", "watch", _, "ignore" | "include"] => text_as_list,
        ["jobs", _, "triggers", "schedule", _] => schedule,
        ["services" | "jobs", _, rest @ ..] => return container(rest).or_else(|| workload(rest)),
        ["volumes" | "networks" | "secrets" | "configs", _] => external,
        ["include", _] => include,
        _ => return None,
    };
    Some(found)
}

fn container(path: &[&str]) -> Option<Rewrite> {
    let found: Rewrite = match path {
        ["env_file"] => env_files,
        ["label_file" | "dns"] => text_as_list,
        ["gpus"] => gpus,
        ["networks" | "models"] => names,
        ["volumes", _] => mount,
        ["devices", _] => device,
        ["secrets" | "configs", _] => source,
        ["ulimits", _] => ulimit,
        _ => return None,
    };
    Some(found)
}

fn workload(path: &[&str]) -> Option<Rewrite> {
    let found: Rewrite = match path {
        ["build"] => build,
        ["build", "secrets", _] => source,
        ["build", "ulimits", _] => ulimit,
        ["build", "provenance" | "sbom"] => as_text,
        ["build", "additional_contexts"] => key_values,
        ["build", "ssh"] => ssh,
        ["depends_on"] => depends_on,
        ["extends"] => extends,
        ["ports"] => ports,
        _ => return None,
    };
    Some(found)
}

fn entry(pairs: Vec<(&str, Value)>, at: Position) -> Value {
    Value::Map(pairs.into_iter().map(|(key, value)| (key.to_owned(), Node::new(value, at))).collect())
}

fn wrap(node: &mut Node, key: &str) {
    if node.as_str().is_some() {
        *node = wrapped(key, std::mem::take(node));
    }
}

fn build(node: &mut Node, _: Unreadable) -> Result<(), Refusal> {
    wrap(node, "context");
    Ok(())
}

fn extends(node: &mut Node, _: Unreadable) -> Result<(), Refusal> {
    wrap(node, "service");
    Ok(())
}

fn source(node: &mut Node, _: Unreadable) -> Result<(), Refusal> {
    wrap(node, "source");
    Ok(())
}

fn schedule(node: &mut Node, _: Unreadable) -> Result<(), Refusal> {
    wrap(node, "cron");
    Ok(())
}

fn include(node: &mut Node, _: Unreadable) -> Result<(), Refusal> {
    wrap(node, "path");
    Ok(())
}

fn text_as_list(node: &mut Node, _: Unreadable) -> Result<(), Refusal> {
    if let Value::Str(text) = &node.value {
        node.value = Value::List(vec![Node::text(text.clone(), node.at)]);
    }
    Ok(())
}

fn as_text(node: &mut Node, _: Unreadable) -> Result<(), Refusal> {
    node.value = Value::Str(sprint(&node.value));
    Ok(())
}

fn env_files(node: &mut Node, unreadable: Unreadable) -> Result<(), Refusal> {
    text_as_list(node, unreadable)?;
    for file in node.as_list_mut().into_iter().flatten() {
        wrap(file, "path");
        if file.as_map().is_some_and(|map| !map.contains_key("required")) {
            file.set("required", Value::Bool(true));
        }
    }
    Ok(())
}

fn ulimit(node: &mut Node, unreadable: Unreadable) -> Result<(), Refusal> {
    let bounds = ["soft", "hard"].into_iter().filter_map(|key| node.get(key));
    let text = std::iter::once(&*node).chain(bounds).find_map(Node::as_str);
    match text {
        Some(text) if unreadable == Unreadable::Refuse => Err(format!("must be an integer, got {text:?}").into()),
        _ => Ok(()),
    }
}

fn gpus(node: &mut Node, _: Unreadable) -> Result<(), Refusal> {
    if node.as_str().is_some() {
        node.value = Value::List(vec![Node::new(entry(vec![("count", "all".into())], node.at), node.at)]);
    }
    Ok(())
}

fn names(node: &mut Node, _: Unreadable) -> Result<(), Refusal> {
    if let Value::List(list) = &node.value {
        let named = list.iter().filter_map(|item| Some((item.as_str()?.to_owned(), Node::new(Value::Null, item.at))));
        node.value = Value::Map(named.collect());
    }
    Ok(())
}

fn key_values(node: &mut Node, unreadable: Unreadable) -> Result<(), Refusal> {
    let Value::List(list) = &node.value else { return Ok(()) };
    let mut map = Map::new();
    for (number, item) in list.iter().enumerate() {
        match item.as_str().and_then(|text| text.split_once('=')) {
            Some((key, value)) => {
                map.insert(key.to_owned(), Node::text(value, item.at));
            }
            None if unreadable == Unreadable::Keep => return Ok(()),
            None => {
                let message = format!("invalid value {}, expected key=value", sprint(&item.value));
                return Err(Refusal::of_item(number, item, message));
            }
        }
    }
    node.value = Value::Map(map);
    Ok(())
}

fn ssh(node: &mut Node, unreadable: Unreadable) -> Result<(), Refusal> {
    let Value::List(list) = &node.value else { return Ok(()) };
    let mut map = Map::new();
    for (number, item) in list.iter().enumerate() {
        let text = item.as_str().unwrap_or_default();
        match text.split_once('=') {
            Some((id, path)) => map.insert(id.to_owned(), Node::text(path, item.at)),
            None if text == "default" => map.insert(text.to_owned(), Node::new(Value::Null, item.at)),
            None if unreadable == Unreadable::Keep => return Ok(()),
            None => return Err(Refusal::of_item(number, item, format!("invalid ssh key {text:?}, expected id=path"))),
        };
    }
    node.value = Value::Map(map);
    Ok(())
}

fn depends_on(node: &mut Node, _: Unreadable) -> Result<(), Refusal> {
    let defaults = [("condition", Value::from("service_started")), ("required", Value::Bool(true))];
    if let Value::List(list) = &node.value {
        let named = list
            .iter()
            .filter_map(|item| Some((item.as_str()?.to_owned(), Node::new(Value::Map(Map::new()), item.at))));
        node.value = Value::Map(named.collect());
    }
    for dependency in node.as_map_mut().into_iter().flat_map(|map| map.values_mut()) {
        for (key, value) in &defaults {
            if dependency.get(key).is_none() {
                dependency.set(key, value.clone());
            }
        }
    }
    Ok(())
}

fn device(node: &mut Node, unreadable: Unreadable) -> Result<(), Refusal> {
    let Value::Str(text) = &node.value else { return Ok(()) };
    let parts: Vec<&str> = text.split(':').collect();
    let (source, target, permissions) = match parts[..] {
        [source] => (source, source, "rwm"),
        [source, target] => (source, target, "rwm"),
        [source, target, permissions] => (source, target, permissions),
        _ if unreadable == Unreadable::Keep => ("", "", "rwm"),
        _ => return Err(format!("confusing device mapping, please use long syntax: {text}").into()),
    };
    let target = if target.is_empty() { source } else { target };
    let parts = vec![("source", source.into()), ("target", target.into()), ("permissions", permissions.into())];
    node.value = entry(parts, node.at);
    Ok(())
}

/// How many ports a list comes to, ranges counted whole.
pub(super) fn count_ports(node: &Node) -> usize {
    let count = |item: &Node| item.as_str().map_or(1, port::count);
    node.as_list().into_iter().flatten().map(count).sum()
}

fn ports(node: &mut Node, unreadable: Unreadable) -> Result<(), Refusal> {
    let Value::List(list) = &node.value else { return Ok(()) };
    let mut ports = Vec::with_capacity(list.len());
    for (number, item) in list.iter().enumerate() {
        let text = match &item.value {
            Value::Str(text) => text.clone(),
            Value::Map(_) => {
                ports.push(item.clone());
                continue;
            }
            Value::Int(port) => port.to_string(),
            other => {
                let message = format!("must be a port or a mapping, got {}", sprint(other));
                return Err(Refusal::of_item(number, item, message));
            }
        };
        match port::parse(&text) {
            Ok(specs) => ports.extend(specs.into_iter().map(|spec| Node::new(long_port(spec, item.at), item.at))),
            Err(_) if unreadable == Unreadable::Keep => return Ok(()),
            Err(message) => return Err(Refusal::of_item(number, item, format!("{message} (in {text:?})"))),
        }
    }
    node.value = Value::List(ports);
    Ok(())
}

fn long_port(spec: port::PortSpec, at: Position) -> Value {
    let mut pairs = vec![("mode", Value::from("ingress"))];
    if !spec.host_ip.is_empty() {
        pairs.push(("host_ip", spec.host_ip.into()));
    }
    // Port 0 counts as none, which is then missing.
    if spec.target > 0 {
        pairs.push(("target", Value::Int(i64::from(spec.target))));
    }
    if !spec.published.is_empty() {
        pairs.push(("published", spec.published.into()));
    }
    pairs.push(("protocol", spec.protocol.into()));
    entry(pairs, at)
}

fn mount(node: &mut Node, unreadable: Unreadable) -> Result<(), Refusal> {
    let Value::Str(text) = &node.value else { return Ok(()) };
    match volume::parse(text) {
        Ok(spec) => node.value = long_mount(&spec, node.at),
        Err(_) if unreadable == Unreadable::Keep => {}
        Err(message) => return Err(message.into()),
    }
    Ok(())
}

fn long_mount(spec: &volume::VolumeSpec, at: Position) -> Value {
    let mut pairs: Vec<(&str, Value)> = vec![("type", if spec.bind { "bind" } else { "volume" }.into())];
    if !spec.source.is_empty() {
        pairs.push(("source", spec.source.as_str().into()));
    }
    if !spec.target.is_empty() {
        pairs.push(("target", clean(&spec.target).into()));
    }
    if spec.read_only {
        pairs.push(("read_only", true.into()));
    }
    if spec.bind || spec.bind_options {
        let mut options: Vec<(&str, Value)> = Vec::new();
        if !spec.selinux.is_empty() {
            options.push(("selinux", spec.selinux.as_str().into()));
        }
        if !spec.propagation.is_empty() {
            options.push(("propagation", spec.propagation.as_str().into()));
        }
        if spec.bind {
            options.push(("create_host_path", true.into()));
        }
        pairs.push(("bind", entry(options, at)));
    }
    if spec.nocopy {
        pairs.push(("volume", entry(vec![("nocopy", true.into())], at)));
    } else if !spec.bind && !spec.bare {
        pairs.push(("volume", entry(Vec::new(), at)));
    }
    entry(pairs, at)
}

/// The target as the shortest equal path.
pub(crate) fn clean(path: &str) -> String {
    crate::compose::paths::clean(path)
}

fn external(node: &mut Node, _: Unreadable) -> Result<(), Refusal> {
    let Some(outer) = node.get("external").and_then(Node::as_map).cloned() else { return Ok(()) };
    let written = node.get("name").cloned();
    node.set("external", Value::Bool(true));
    match (outer.get("name"), written) {
        (Some(inner), Some(name)) if *inner != name => {
            return Err("name and external.name conflict; only use name".to_owned().into());
        }
        (Some(inner), None) => node.set("name", inner.value.clone()),
        _ => {}
    }
    Ok(())
}
