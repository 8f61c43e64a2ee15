//! Lists and mappings of the model from nodes, in the forms each may be written in.
//! Reads one node, returns the collection.
//! Never keeps an order the model does not have.

use std::collections::BTreeMap;

use super::context::{Context, Decode};
use crate::compose::go::text::sprint;
use crate::compose::model::{Extensions, HealthTest, HostList, ShellCommand, SshKey, Ulimit};
use crate::compose::short_form::command;
use crate::compose::value::{Map, Node, Value};

impl<T: Decode> Decode for Option<T> {
    const TEXT: bool = T::TEXT;
    const UNSET: bool = true;

    fn decode(node: &Node, context: &mut Context) -> Self {
        Some(T::decode(node, context))
    }

    fn from_pair(value: Option<&str>) -> Option<Self> {
        match value {
            Some(text) => T::from_pair(Some(text)).map(Some),
            None => Some(None),
        }
    }
}

impl<T: Decode> Decode for Vec<T> {
    fn decode(node: &Node, context: &mut Context) -> Self {
        match &node.value {
            Value::List(items) => {
                let read = |(number, item): (usize, &Node)| {
                    context.within(&format!("[{number}]"), |context| T::decode_value(item, context))
                };
                items.iter().enumerate().map(read).collect()
            }
            Value::Map(map) => {
                let mut entries: Vec<_> = map.iter().collect();
                entries.sort_by_key(|(key, _)| key.as_str());
                entries.into_iter().filter_map(|(key, child)| T::from_entry(key, child)).collect()
            }
            _ => vec![T::decode(node, context)],
        }
    }
}

impl<T: Decode> Decode for BTreeMap<String, T> {
    fn decode(node: &Node, context: &mut Context) -> Self {
        match &node.value {
            Value::Map(map) => from_map(map, context),
            Value::List(items) => {
                let read = |(number, item): (usize, &Node)| {
                    context.within(&format!("[{number}]"), |context| from_item(item, context))
                };
                items.iter().enumerate().filter_map(read).collect()
            }
            _ => {
                context.misfit(node, format!("must be a mapping or a list, got {}", sprint(&node.value)));
                Self::new()
            }
        }
    }
}

fn from_map<T: Decode>(map: &Map, context: &mut Context) -> BTreeMap<String, T> {
    let mut read = BTreeMap::new();
    let mut extensions = Extensions::new();
    for (key, child) in map {
        // Compose takes these for extensions even among texts, where nothing can be extended.
        if T::TEXT && key.starts_with("x-") {
            extensions.insert(key.clone(), child.clone());
            continue;
        }
        // Among texts a timestamp is its text; elsewhere it fits no text.
        let text = T::TEXT && matches!(child.value, Value::Time(_));
        let as_text = if text { T::from_pair(Some(&sprint(&child.value))) } else { None };
        let value = as_text.unwrap_or_else(|| context.within(key, |context| T::decode_value(child, context)));
        read.insert(key.clone(), value);
    }
    if !extensions.is_empty()
        && let Some(text) = T::from_pair(Some(&swallowed_extensions(&extensions)))
    {
        read.insert("#extensions".to_owned(), text);
    }
    read
}

fn from_item<T: Decode>(item: &Node, context: &mut Context) -> Option<(String, T)> {
    let text = sprint(&item.value);
    let (key, value) = text.split_once('=').map_or((text.as_str(), None), |(key, value)| (key, Some(value)));
    if T::UNSET && key.ends_with(char::is_whitespace) {
        context.misfit(item, format!("variable {key:?} is declared with a trailing space"));
    }
    T::from_pair(value).map(|value| (key.to_owned(), value))
}

impl Decode for ShellCommand {
    fn decode(node: &Node, context: &mut Context) -> Self {
        match &node.value {
            Value::Str(text) => Self(Some(command::split(text).unwrap_or_else(|message| {
                context.misfit(node, message);
                Vec::new()
            }))),
            Value::List(items) => Self(Some(texts(items, context))),
            _ => Self(None),
        }
    }
}

impl Decode for HealthTest {
    fn decode(node: &Node, context: &mut Context) -> Self {
        match &node.value {
            Value::Str(text) => Self(vec!["CMD-SHELL".to_owned(), text.clone()]),
            Value::List(items) => Self(texts(items, context)),
            _ => Self(vec![String::decode(node, context)]),
        }
    }
}

fn texts(items: &[Node], context: &mut Context) -> Vec<String> {
    items.iter().map(|item| String::decode(item, context)).collect()
}

impl Decode for SshKey {
    fn decode(node: &Node, _context: &mut Context) -> Self {
        Self { id: sprint(&node.value), path: String::new() }
    }

    fn from_entry(key: &str, node: &Node) -> Option<Self> {
        let path = if node.is_null() { String::new() } else { sprint(&node.value) };
        Some(Self { id: key.to_owned(), path })
    }
}

impl Decode for Ulimit {
    fn decode(node: &Node, context: &mut Context) -> Self {
        match &node.value {
            Value::Map(map) => {
                let mut bound = |key: &str| map.get(key).map_or(0, |child| i64::decode(child, context));
                Self { single: 0, soft: bound("soft"), hard: bound("hard") }
            }
            _ => Self { single: i64::decode(node, context), ..Self::default() },
        }
    }
}

impl Decode for HostList {
    fn decode(node: &Node, context: &mut Context) -> Self {
        let mut hosts = BTreeMap::<String, Vec<String>>::new();
        match &node.value {
            Value::Map(map) => {
                for (name, child) in map {
                    if matches!(child.value, Value::Time(_)) {
                        context.within(name, |context| context.misfit(child, "must be an address"));
                    }
                    hosts.insert(name.clone(), addresses(child));
                }
            }
            Value::List(items) => {
                for (number, item) in items.iter().enumerate() {
                    let text = sprint(&item.value);
                    let Some((name, ips)) = text.split_once('=').or_else(|| text.split_once(':')) else {
                        let message = format!("invalid additional host, missing IP: {text}");
                        context.within(&format!("[{number}]"), |context| context.misfit(item, message));
                        continue;
                    };
                    hosts.entry(name.to_owned()).or_default().extend(ips.split(',').map(unbracketed));
                }
            }
            _ => context.misfit(node, "must be a mapping or a list of hosts"),
        }
        if let Some(bad) = hosts.keys().find(|name| name.is_empty() || name.contains([':', '='])) {
            context.misfit(node, format!("bad host name '{bad}'"));
        }
        Self(hosts)
    }
}

fn addresses(node: &Node) -> Vec<String> {
    match &node.value {
        Value::List(items) => items.iter().map(|item| unbracketed(&sprint(&item.value))).collect(),
        Value::Null => vec![String::new()],
        other => vec![unbracketed(&sprint(other))],
    }
}

fn unbracketed(ip: &str) -> String {
    match ip.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
        Some(inner) if !inner.is_empty() => inner.to_owned(),
        _ => ip.to_owned(),
    }
}

/// The entries Compose takes for extensions inside a mapping of texts, as the one entry it makes of them.
fn swallowed_extensions(extensions: &Extensions) -> String {
    let entries: Vec<_> = extensions.iter().map(|(key, node)| format!("{key}:{}", sprint(&node.value))).collect();
    format!("map[{}]", entries.join(" "))
}
