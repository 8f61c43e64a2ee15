//! Everything the schema and the command tree have.

use std::collections::{BTreeMap, BTreeSet};

use aictl::cli::Cli;
use clap::{Arg, Command, CommandFactory as _};
use serde_json::Value;

/// Every key: `a.b`, `a.*.b` in a mapping of names, `a[].b` in a list. The checks of an environment are those of the
/// project.
pub fn keys(schema: &Value) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    below(schema, schema, "", &mut found);
    found.into_iter().filter(|key| !key.starts_with("environments.*.checks[]")).collect()
}

fn below(root: &Value, schema: &Value, path: &str, found: &mut BTreeSet<String>) {
    let reference = schema.get("$ref").and_then(Value::as_str).and_then(|name| name.strip_prefix("#/$defs/"));
    if let Some(name) = reference {
        return below(root, &root["$defs"][name], path, found);
    }
    for word in ["anyOf", "oneOf"] {
        schema.get(word).and_then(Value::as_array).into_iter().flatten().for_each(|one| below(root, one, path, found));
    }
    for (name, inner) in schema.get("properties").and_then(Value::as_object).into_iter().flatten() {
        let path = if path.is_empty() { name.clone() } else { format!("{path}.{name}") };
        // What only excludes a combination is no key.
        if inner.is_object() && (inner.get("description").is_some() || !found.contains(&path)) {
            found.insert(path.clone());
        }
        below(root, inner, &path, found);
    }
    if let Some(inner) = schema.get("additionalProperties").filter(|inner| inner.is_object()) {
        below(root, inner, &format!("{path}.*"), found);
    }
    if let Some(inner) = schema.get("items") {
        below(root, inner, &format!("{path}[]"), found);
    }
}

/// Every flag as verb and name; global ones with no verb.
pub fn flags() -> BTreeSet<(String, String)> {
    helps().into_keys().collect()
}

/// The help of every flag.
pub fn helps() -> BTreeMap<(String, String), String> {
    let tree = Cli::command();
    let mut found = BTreeMap::new();
    of_command(&tree, "", &mut found);
    found
}

fn of_command(command: &Command, verb: &str, found: &mut BTreeMap<(String, String), String>) {
    for flag in command.get_arguments().filter(|flag| !flag.is_positional() && !is_builtin(flag)) {
        let name = flag.get_long().map_or_else(|| flag.get_id().to_string(), str::to_owned);
        let help = flag.get_help().map(ToString::to_string).unwrap_or_default();
        found.insert((verb.to_owned(), name), help);
    }
    for inner in command.get_subcommands() {
        let path = format!("{verb} {}", inner.get_name());
        of_command(inner, path.trim(), found);
    }
}

fn is_builtin(flag: &Arg) -> bool {
    matches!(flag.get_id().as_str(), "help" | "version")
}
