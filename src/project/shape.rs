//! Holds a document against the schema: unknown keys, wrong types, missing keys, values out of range, all in one walk.
//! Reads the tree and the schema; returns the document as JSON, each scalar read as its place wants it, and the problems.
//! Never stops at the first problem, and never guesses a type the schema does not name.

use serde_json::{Map, Value, json};

use super::document::{Content, Fault, Node, joined};
use super::quantity::format_fault;
use super::scalar;
use crate::error::nearest;

/// What the walk found wrong, with the nearest valid name where there is one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Misfit {
    pub(super) fault: Fault,
    pub(super) nearest: Option<String>,
}

/// The document as JSON and what is wrong with it.
pub(super) fn fit(root: &Node, schema: &Value) -> (Value, Vec<Misfit>) {
    let mut walk = SchemaCheck { schema, misfits: Vec::new() };
    let value = walk.node(root, schema, "");
    (value, walk.misfits)
}

struct SchemaCheck<'s> {
    schema: &'s Value,
    misfits: Vec<Misfit>,
}

impl<'s> SchemaCheck<'s> {
    fn node(&mut self, node: &Node, schema: &'s Value, key: &str) -> Value {
        let schema = self.resolved(schema);
        let branches = self.branches(schema);
        if !branches.is_empty() {
            return self.choose(node, schema, &branches, key);
        }
        if is_free(schema) {
            return free(node);
        }
        match &node.content {
            Content::Map(entries) if accepts(schema, "object") => self.map(node, entries, schema, key),
            Content::List(items) if accepts(schema, "array") => self.list(items, schema, key),
            Content::Scalar { .. } => self.scalar(node, schema, key),
            _ => self.wrong_type(node, &wanted(schema), key),
        }
    }

    /// The schema behind a `$ref`.
    fn resolved(&self, schema: &'s Value) -> &'s Value {
        let name = schema.get("$ref").and_then(Value::as_str).and_then(|path| path.strip_prefix("#/$defs/"));
        name.and_then(|name| self.schema.get("$defs")?.get(name)).map_or(schema, |found| self.resolved(found))
    }

    fn branches(&self, schema: &'s Value) -> Vec<&'s Value> {
        let list = schema.get("anyOf").or_else(|| schema.get("oneOf")).and_then(Value::as_array);
        let mut branches = Vec::new();
        for branch in list.into_iter().flatten() {
            let branch = self.resolved(branch);
            let inner = self.branches(branch);
            if inner.is_empty() { branches.push(branch) } else { branches.extend(inner) }
        }
        branches
    }

    /// Picks the branch the node can only mean, so that problems are reported for that one.
    fn choose(&mut self, node: &Node, schema: &'s Value, branches: &[&'s Value], key: &str) -> Value {
        let words: Vec<&str> = branches.iter().filter_map(|branch| words(branch)).flatten().collect();
        match &node.content {
            Content::Scalar { text, plain } => {
                let nothing = scalar::is_null(text, *plain);
                if nothing && branches.iter().any(|branch| accepts(branch, "null")) {
                    return Value::Null;
                }
                if !words.is_empty() && !nothing {
                    return self.word(node, text, &words, key);
                }
                let fitting = branches.iter().find(|branch| !is_container(branch) && !accepts_only_null(branch));
                match fitting {
                    Some(branch) => self.node(node, branch, key),
                    None => self.wrong_type(node, &wanted_of(branches, schema), key),
                }
            }
            Content::List(_) => match branches.iter().find(|branch| accepts(branch, "array")) {
                Some(branch) => self.node(node, branch, key),
                None => self.wrong_type(node, &wanted_of(branches, schema), key),
            },
            Content::Map(entries) => {
                self.choose_map(node, entries.first().map(|entry| entry.0.as_str()), branches, key)
            }
        }
    }

    fn choose_map(&mut self, node: &Node, first: Option<&str>, branches: &[&'s Value], key: &str) -> Value {
        let objects: Vec<&&Value> = branches.iter().filter(|branch| accepts(branch, "object")).collect();
        let has = |branch: &Value| first.is_some_and(|first| properties(branch).is_some_and(|p| p.contains_key(first)));
        match (objects.iter().find(|branch| has(branch)), &objects[..]) {
            (Some(branch), _) | (None, [branch]) => self.node(node, branch, key),
            (None, []) => self.wrong_type(node, &wanted_of(branches, &Value::Null), key),
            (None, several) => {
                let known: Vec<&str> =
                    several.iter().filter_map(|b| properties(b)).flat_map(|p| p.keys().map(String::as_str)).collect();
                let near = first.and_then(|first| nearest(first, known.iter().copied())).map(str::to_owned);
                let message = format!("takes one of {}", quoted(&known));
                self.misfit(node, key, message, near);
                Value::Null
            }
        }
    }

    fn map(
        &mut self,
        node: &Node,
        entries: &[(String, super::document::Position, Node)],
        schema: &'s Value,
        key: &str,
    ) -> Value {
        let mut object = Map::new();
        let names = || schema.get("required").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str);
        for (name, at, value) in entries {
            let inner = joined(key, name);
            let known = properties(schema).and_then(|properties| properties.get(name));
            match known.or_else(|| additional(schema)) {
                Some(schema) => {
                    let optional = known.is_some() && !names().any(|required| required == name);
                    let value = self.node(value, schema, &inner);
                    match value.is_null() {
                        // An empty value of an optional key is as good as none.
                        true if optional => {}
                        // Of any other key it is an empty mapping, where one may stand.
                        true if self.takes_mapping(schema) => drop(object.insert(name.clone(), json!({}))),
                        _ => drop(object.insert(name.clone(), value)),
                    }
                }
                None => {
                    let names = properties(schema).into_iter().flatten().map(|(name, _)| name.as_str());
                    let near = nearest(name, names).map(str::to_owned);
                    let fault = Fault { at: *at, key: inner, message: "unknown key".to_owned() };
                    self.misfits.push(Misfit { fault, nearest: near });
                }
            }
        }
        for name in names().filter(|name| !entries.iter().any(|entry| entry.0 == *name)) {
            self.misfit(node, key, format!("`{name}` is missing"), None);
        }
        Value::Object(object)
    }

    fn takes_mapping(&self, schema: &'s Value) -> bool {
        let schema = self.resolved(schema);
        accepts(schema, "object") || self.branches(schema).iter().any(|branch| accepts(branch, "object"))
    }

    fn list(&mut self, items: &[Node], schema: &'s Value, key: &str) -> Value {
        let inner = schema.get("items").unwrap_or(&Value::Bool(true));
        let indexed = items.iter().enumerate();
        Value::Array(indexed.map(|(index, item)| self.node(item, inner, &format!("{key}[{index}]"))).collect())
    }

    fn scalar(&mut self, node: &Node, schema: &'s Value, key: &str) -> Value {
        let Content::Scalar { text, plain } = &node.content else { return Value::Null };
        let plain = *plain;
        if scalar::is_null(text, plain) {
            return self.nothing(node, schema, key);
        }
        if let Some(words) = words(schema) {
            return self.word(node, text, &words, key);
        }
        if accepts(schema, "string") {
            let format = schema.get("format").and_then(Value::as_str).unwrap_or_default();
            if let Some(message) = format_fault(format, text).or_else(|| command_fault(format, text)) {
                self.misfit(node, key, message, None);
            }
            return Value::String(text.clone());
        }
        let value = scalar::resolve(text, plain);
        let fits = match &value {
            Value::Bool(_) => accepts(schema, "boolean"),
            Value::Number(number) => {
                accepts(schema, "number") || (accepts(schema, "integer") && (number.is_i64() || number.is_u64()))
            }
            _ => false,
        };
        if !fits {
            return self.wrong_scalar(node, text, schema, key);
        }
        self.in_range(node, &value, schema, key);
        value
    }

    /// No value: right where it may be left out, an empty mapping where one may stand.
    fn nothing(&mut self, node: &Node, schema: &'s Value, key: &str) -> Value {
        if accepts(schema, "null") {
            return Value::Null;
        }
        if accepts(schema, "object") {
            return self.map(node, &[], schema, key);
        }
        self.wrong_type(node, &wanted(schema), key)
    }

    fn word(&mut self, node: &Node, text: &str, words: &[&str], key: &str) -> Value {
        if !words.contains(&text) {
            let near = nearest(text, words.iter().copied()).map(str::to_owned);
            self.misfit(node, key, format!("invalid value `{text}`, expected one of {}", quoted(words)), near);
        }
        Value::String(text.to_owned())
    }

    fn in_range(&mut self, node: &Node, value: &Value, schema: &Value, key: &str) {
        let bound = |name: &str| schema.get(name).and_then(Value::as_f64);
        let Some(number) = value.as_f64() else { return };
        if let Some(low) = bound("minimum").filter(|low| number < *low) {
            self.misfit(node, key, format!("{value} is less than {low}"), None);
        }
        if let Some(high) = bound("maximum").filter(|high| number > *high) {
            self.misfit(node, key, format!("{value} is more than {high}"), None);
        }
    }

    fn wrong_scalar(&mut self, node: &Node, text: &str, schema: &Value, key: &str) -> Value {
        let wanted = wanted(schema);
        if let Some(meant) = scalar::old_boolean(text).filter(|_| accepts(schema, "boolean")) {
            self.misfit(
                node,
                key,
                format!("takes {wanted}, but `{text}` is a string in YAML 1.2; write `{meant}`"),
                None,
            );
            return Value::Null;
        }
        let found = if text.is_empty() { "nothing".to_owned() } else { format!("`{text}`") };
        self.misfit(node, key, format!("takes {wanted}, found {found}"), None);
        Value::Null
    }

    fn wrong_type(&mut self, node: &Node, wanted: &str, key: &str) -> Value {
        let found = match &node.content {
            Content::Map(_) => "a mapping".to_owned(),
            Content::List(_) => "a list".to_owned(),
            Content::Scalar { text, .. } if text.is_empty() => "nothing".to_owned(),
            // May be a token that was written in place of the mapping that holds it.
            Content::Scalar { .. } => "a single value".to_owned(),
        };
        self.misfit(node, key, format!("takes {wanted}, found {found}"), None);
        Value::Null
    }

    fn misfit(&mut self, node: &Node, key: &str, message: String, nearest: Option<String>) {
        let fault = Fault { at: node.at, key: key.to_owned(), message };
        self.misfits.push(Misfit { fault, nearest });
    }
}

/// The value where any value may stand.
pub(super) fn free(node: &Node) -> Value {
    match &node.content {
        Content::Scalar { text, plain } => scalar::resolve(text, *plain),
        Content::List(items) => Value::Array(items.iter().map(free).collect()),
        Content::Map(entries) => {
            Value::Object(entries.iter().map(|(name, _, node)| (name.clone(), free(node))).collect())
        }
    }
}

fn is_free(schema: &Value) -> bool {
    const TELLING: [&str; 4] = ["type", "enum", "const", "properties"];
    schema == &Value::Bool(true) || (schema.is_object() && TELLING.iter().all(|word| schema.get(word).is_none()))
}

fn accepts(schema: &Value, kind: &str) -> bool {
    match schema.get("type") {
        Some(Value::String(name)) => name == kind,
        Some(Value::Array(names)) => names.iter().any(|name| name == kind),
        _ => false,
    }
}

fn accepts_only_null(schema: &Value) -> bool {
    schema.get("type").is_some_and(|kind| kind == "null")
}

fn is_container(schema: &Value) -> bool {
    accepts(schema, "object") || accepts(schema, "array")
}

fn properties(schema: &Value) -> Option<&Map<String, Value>> {
    schema.get("properties").and_then(Value::as_object)
}

fn additional(schema: &Value) -> Option<&Value> {
    schema.get("additionalProperties").filter(|extra| **extra != Value::Bool(false))
}

/// The words of an enumeration.
fn words(schema: &Value) -> Option<Vec<&str>> {
    if let Some(word) = schema.get("const").and_then(Value::as_str) {
        return Some(vec![word]);
    }
    schema.get("enum").and_then(Value::as_array).map(|words| words.iter().filter_map(Value::as_str).collect())
}

fn command_fault(format: &str, text: &str) -> Option<String> {
    (format == "command-line" && shlex::split(text).is_none()).then(|| "unterminated quote".to_owned())
}

fn wanted(schema: &Value) -> String {
    wanted_of(&[schema], schema)
}

/// What the branches take, in words.
fn wanted_of(branches: &[&Value], schema: &Value) -> String {
    const KINDS: [(&str, &str); 6] = [
        ("string", "a string"),
        ("integer", "an integer"),
        ("number", "a number"),
        ("boolean", "`true` or `false`"),
        ("array", "a list"),
        ("object", "a mapping"),
    ];
    let takes = |kind: &str| branches.iter().any(|branch| accepts(branch, kind)) || accepts(schema, kind);
    // Where text may stand, everything that is written without quotes is text.
    let is_text = |kind: &str| matches!(kind, "integer" | "number" | "boolean") && takes("string");
    let named: Vec<&str> =
        KINDS.iter().filter(|(kind, _)| takes(kind) && !is_text(kind)).map(|(_, name)| *name).collect();
    if named.is_empty() { "a value of another type".to_owned() } else { named.join(" or ") }
}

fn quoted(words: &[&str]) -> String {
    words.iter().map(|word| format!("`{word}`")).collect::<Vec<_>>().join(", ")
}
