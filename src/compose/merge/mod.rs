//! One tree laid over another, by the rules Compose has for each key.
//! Reads a base and an override, returns the merged tree; both may be in short or long form.
//! Never reads a file and never fills in defaults.

mod error;
mod ipam;
mod named;
mod sequence;
mod unique;

pub(crate) use unique::enforce as enforce_unicity;

use super::value::{Map, Node, Position, Value};
use error::Merged;
use named::by_name;

pub(crate) use error::MergeError;

/// Merges whole documents.
pub(crate) fn merge(base: Node, over: Node) -> Merged {
    merge_at(base, over, &[])
}

/// Merges a service over the one it extends.
pub(crate) fn extend(base: Node, over: Node) -> Merged {
    merge_at(base, over, &["services", "x"])
}

/// Merges two values that stand at a path.
pub(crate) fn merge_at(base: Node, over: Node, path: &[&str]) -> Merged {
    if let Some(rule) = rule(path) {
        return apply(rule, base, over, path);
    }
    if over.is_null() {
        return Ok(base);
    }
    match (&base.value, &over.value) {
        (Value::Map(_), Value::Map(_)) => mappings(base, over, path),
        (Value::List(_), Value::List(_)) => Ok(sequence::append(base, over)),
        (Value::Map(_), _) => Err(MergeError::new(path, &over, "cannot override a mapping with something else")),
        (Value::List(_), _) => Err(MergeError::new(path, &over, "cannot override a list with something else")),
        _ => Ok(over),
    }
}

/// How a key is merged when it is not simply by its type.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Rule {
    Replace,
    KeyValues,
    Sequence,
    Build,
    DependsOn,
    Names,
    Logging,
    Ulimit,
    Ipam,
}

fn rule(path: &[&str]) -> Option<Rule> {
    match path {
        ["networks", _, "ipam", "config"] => Some(Rule::Ipam),
        ["networks" | "volumes" | "secrets" | "configs", _, "labels"] => Some(Rule::KeyValues),
        ["services", _, "deploy", "labels"] => Some(Rule::KeyValues),
        ["services" | "jobs", _, rest @ ..] => container_rule(rest),
        _ => None,
    }
}

fn container_rule(path: &[&str]) -> Option<Rule> {
    Some(match path {
        ["command" | "entrypoint"] | ["healthcheck", "test"] => Rule::Replace,
        ["annotations" | "environment" | "labels" | "sysctls"]
        | ["build", "args" | "additional_contexts" | "labels"]
        | ["volumes", _, "volume", "labels"] => Rule::KeyValues,
        ["dns" | "dns_opt" | "dns_search" | "env_file" | "label_file" | "extra_hosts" | "tmpfs"]
        | ["build", "extra_hosts"] => Rule::Sequence,
        ["build"] => Rule::Build,
        ["depends_on"] => Rule::DependsOn,
        ["models" | "networks"] => Rule::Names,
        ["logging"] => Rule::Logging,
        ["ulimits", _] => Rule::Ulimit,
        _ => return None,
    })
}

fn apply(rule: Rule, base: Node, over: Node, path: &[&str]) -> Merged {
    match rule {
        Rule::Replace => Ok(over),
        Rule::KeyValues => sequence::merge_key_values(base, over, path),
        Rule::Sequence => Ok(sequence::append(sequence::from(base), sequence::from(over))),
        Rule::Build => mappings(build(base), build(over), path),
        Rule::DependsOn => named(base, over, path, &dependency),
        Rule::Names => named(base, over, path, &|_| Value::Null),
        Rule::Logging => logging(base, over, path),
        Rule::Ulimit if base.as_map().is_some() && over.as_map().is_some() => mappings(base, over, path),
        Rule::Ulimit => Ok(over),
        Rule::Ipam => ipam::merge(base, over, path, mappings),
    }
}

/// Merges mappings key by key.
fn mappings(mut base: Node, over: Node, path: &[&str]) -> Merged {
    let (Some(map), Value::Map(other)) = (base.as_map_mut(), over.value) else {
        return Err(MergeError { key: path.join("."), at: over.at, message: "expected a mapping".to_owned() });
    };
    for (key, value) in other {
        let Some(slot) = map.get_mut(&key) else {
            map.insert(key, value);
            continue;
        };
        let mut next = Vec::with_capacity(path.len() + 1);
        next.extend_from_slice(path);
        next.push(&key);
        let key_at = value.key_at;
        *slot = merge_at(std::mem::take(slot), value, &next)?;
        slot.key_at = key_at;
    }
    Ok(base)
}

fn build(node: Node) -> Node {
    match node.value {
        Value::Str(_) => wrapped("context", node),
        Value::Null => Node { value: Value::Map(Map::new()), ..node },
        _ => node,
    }
}

/// A mapping of one key.
pub(crate) fn wrapped(key: &str, node: Node) -> Node {
    let (at, key_at) = (node.at, node.key_at);
    let map = Map::from_iter([(key.to_owned(), Node { key_at: at, ..node })]);
    Node { value: Value::Map(map), at, key_at }
}

/// The long form of a dependency named only.
fn dependency(at: Position) -> Value {
    let entries = [("condition", Value::from("service_started")), ("required", Value::Bool(true))];
    Value::Map(entries.into_iter().map(|(key, value)| (key.to_owned(), Node::new(value, at))).collect())
}

/// Merges lists of names or mappings by name.
fn named(base: Node, over: Node, path: &[&str], default: &dyn Fn(Position) -> Value) -> Merged {
    mappings(by_name(base, path, default)?, by_name(over, path, default)?, path)
}

/// Options are merged only under the same driver; with another driver the override stands alone.
fn logging(base: Node, over: Node, path: &[&str]) -> Merged {
    for node in [&base, &over] {
        if node.as_map().is_none() {
            return Err(MergeError::new(path, node, "cannot merge logging: expected a mapping"));
        }
    }
    match (base.get("driver"), over.get("driver")) {
        (Some(old), Some(new)) if old != new => Ok(over),
        _ => mappings(base, over, path),
    }
}

#[cfg(test)]
mod tests {
    use super::merge;
    use crate::compose::json::{Layout, to_string};
    use crate::compose::yaml::parse;

    fn merged(base: &str, over: &str) -> String {
        let node = |text: &str| parse(text, 0).unwrap().remove(0).root;
        let root = merge(node(base), node(over)).unwrap();
        to_string(&root.get("services").unwrap().get("s").unwrap(), Layout::Compact).unwrap()
    }

    #[test]
    fn each_key_is_merged_by_its_rule() {
        let cases = [
            ("command: a", "command: [b]", r#"{"command":["b"]}"#),
            ("environment: {A: 1}", "environment: [B=2, A=3]", r#"{"environment":["A=3","B=2"]}"#),
            ("ports: ['80']", "ports: ['80', '81']", r#"{"ports":["80","81"]}"#),
            ("dns: a", "dns: [b]", r#"{"dns":["a","b"]}"#),
            ("networks: [a]", "networks: {b: {}}", r#"{"networks":{"a":null,"b":{}}}"#),
            (
                "logging: {driver: a, options: {x: 1}}",
                "logging: {driver: b, options: {y: 2}}",
                r#"{"logging":{"driver":"b","options":{"y":2}}}"#,
            ),
            ("build: .", "build: {target: x}", r#"{"build":{"context":".","target":"x"}}"#),
            ("image: a", "image:", r#"{"image":"a"}"#),
            ("ulimits: {n: 1}", "ulimits: {n: {soft: 2}}", r#"{"ulimits":{"n":{"soft":2}}}"#),
        ];
        for (base, over, expected) in cases {
            let file = |body: &str| format!("services: {{s: {{{body}}}}}");
            assert_eq!(merged(&file(base), &file(over)), expected, "{base} + {over}");
        }
    }

    #[test]
    fn a_list_cannot_override_a_mapping() {
        let node = |text: &str| parse(text, 0).unwrap().remove(0).root;
        let error = merge(node("services: {s: {deploy: {}}}"), node("services: {s: {deploy: []}}")).unwrap_err();
        assert_eq!(error.key, "services.s.deploy");
    }
}
