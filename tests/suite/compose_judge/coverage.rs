//! Decides whether the corpus uses everything the Compose Specification's schema allows, every form of it.
//! Walks the schema and every compose file of the corpus; compares what may be said with what is said.
//! Never validates: an alternative is followed wherever the value's type fits it.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use serde_json::Value as Json;
use serde_yaml_ng::Value as Yaml;

use super::case;
use super::judge::skipped;

/// Forms no project can show, each with its reason. One that does occur after all fails the test.
const IMPOSSIBLE: &[(&str, &str)] = &[
    ("services.*.blkio_config.weight: string", "Compose refuses it"),
    ("services.*.blkio_config.weight_device[].weight: string", "Compose refuses it"),
    ("services.*.build.additional_contexts.*: boolean", "Compose crashes"),
    ("services.*.build.additional_contexts.*: null", "Compose crashes"),
    ("services.*.build.additional_contexts.*: number", "Compose crashes"),
    ("services.*.build.ulimits.*: string", "Compose refuses it"),
    ("services.*.build.ulimits.*.hard: string", "Compose crashes"),
    ("services.*.build.ulimits.*.soft: string", "Compose crashes"),
    ("services.*.pid: null", "Compose crashes"),
    ("services.*.volumes[].tmpfs.mode: string", "Compose refuses it"),
];

type Forms = BTreeSet<String>;

#[test]
fn every_property_of_the_specification_occurs_in_every_form() {
    let Some(schema) = schema() else { return };
    let mut wanted = Forms::new();
    Allowed { schema: &schema }.collect(&schema, "", &mut wanted);
    let mut used = Forms::new();
    for file in case::load("compose").iter().flat_map(case::Case::files) {
        for document in documents(&file) {
            Used { schema: &schema }.collect(&document, &schema, "", &mut used);
        }
    }
    let impossible: BTreeSet<&str> = IMPOSSIBLE.iter().map(|(form, _)| *form).collect();
    let missing: Vec<&String> =
        wanted.iter().filter(|f| !used.contains(*f) && !impossible.contains(f.as_str())).collect();
    assert!(missing.is_empty(), "{} of {} forms occur in no project: {missing:#?}", missing.len(), wanted.len());
    let possible: Vec<&&str> = impossible.iter().filter(|form| used.contains(**form)).collect();
    assert!(possible.is_empty(), "said to be impossible, and yet used: {possible:?}");
}

/// The schema, from AICTL_COMPOSE_SCHEMA or the shared folder beside the repository.
fn schema() -> Option<Json> {
    let beside = || Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/data/compose-spec.json");
    // A worktree lies one folder deeper than the repository it belongs to.
    let deeper = || Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/data/compose-spec.json");
    let given = std::env::var_os("AICTL_COMPOSE_SCHEMA").map(PathBuf::from);
    let mut places = given.into_iter().chain([beside(), deeper()]);
    let Some(text) = places.find_map(|place| std::fs::read_to_string(place).ok()) else {
        skipped("compose_schema_coverage", "the Compose Specification's schema is not here (set AICTL_COMPOSE_SCHEMA)");
        return None;
    };
    Some(serde_json::from_str(&text).unwrap())
}

/// The documents of a compose file; files that are no YAML have none.
fn documents(file: &Path) -> Vec<Yaml> {
    let yaml = file.extension().is_some_and(|ending| ending == "yaml" || ending == "yml");
    if !yaml || file.file_name().is_some_and(|name| name == "case.yaml") {
        return Vec::new();
    }
    let text = std::fs::read_to_string(file).unwrap();
    serde_yaml_ng::Deserializer::from_str(&text).filter_map(|document| Yaml::deserialize(document).ok()).collect()
}

/// `$ref` and `oneOf` undone: the plain schemas a place may follow.
fn alternatives<'a>(schema: &'a Json, node: &'a Json) -> Vec<&'a Json> {
    if let Some(name) = node["$ref"].as_str().and_then(|path| path.strip_prefix("#/definitions/")) {
        return alternatives(schema, &schema["definitions"][name]);
    }
    match node["oneOf"].as_array() {
        Some(all) => all.iter().flat_map(|one| alternatives(schema, one)).collect(),
        None => vec![node],
    }
}

/// The types a plain schema allows; integers are numbers.
fn types(node: &Json) -> Vec<&str> {
    let named = |name: &'static str| move |ty: &&str| *ty == name;
    let all: Vec<&str> = match &node["type"] {
        Json::String(one) => vec![one.as_str()],
        Json::Array(many) => many.iter().filter_map(Json::as_str).collect(),
        _ => vec!["anything"],
    };
    let number = all.iter().any(named("integer")) && !all.iter().any(named("number"));
    let rest = all.into_iter().filter(|ty| *ty != "integer");
    rest.chain(number.then_some("number")).collect()
}

/// The keys below a plain schema: name in a path, matching pattern, schema.
fn children(node: &Json) -> Vec<(String, Option<&str>, &Json)> {
    let named = node["properties"].as_object().into_iter().flatten();
    let patterns = node["patternProperties"].as_object().into_iter().flatten();
    let named = named.map(|(key, child)| (key.clone(), None, child));
    named
        .chain(patterns.map(|(pattern, child)| {
            let name = if pattern == "^x-" { "x-*" } else { "*" };
            (name.to_owned(), Some(pattern.as_str()), child)
        }))
        .collect()
}

fn below(path: &str, key: &str) -> String {
    if path.is_empty() { key.to_owned() } else { format!("{path}.{key}") }
}

/// Collects what the schema allows.
struct Allowed<'a> {
    schema: &'a Json,
}

impl<'a> Allowed<'a> {
    fn collect(&self, node: &'a Json, path: &str, forms: &mut Forms) {
        for plain in alternatives(self.schema, node) {
            let types = types(plain);
            forms.extend(types.iter().map(|ty| format!("{path}: {ty}")));
            let words = plain["enum"].as_array().into_iter().flatten();
            forms.extend(words.map(|word| format!("{path} = {}", word.as_str().unwrap_or_default())));
            if types.contains(&"object") {
                for (key, _, child) in children(plain) {
                    self.collect(child, &below(path, &key), forms);
                }
            }
            if types.contains(&"array") && plain.get("items").is_some() {
                self.collect(&plain["items"], &format!("{path}[]"), forms);
            }
        }
    }
}

/// Collects what a document says.
struct Used<'a> {
    schema: &'a Json,
}

impl<'a> Used<'a> {
    fn collect(&self, value: &Yaml, node: &'a Json, path: &str, forms: &mut Forms) {
        if let Yaml::Tagged(tagged) = value {
            return self.collect(&tagged.value, node, path, forms);
        }
        for plain in alternatives(self.schema, node) {
            let types = types(plain);
            let Some(ty) = [type_of(value), "anything"].into_iter().find(|ty| types.contains(ty)) else { continue };
            forms.insert(format!("{path}: {ty}"));
            if let Yaml::String(word) = value {
                forms.insert(format!("{path} = {word}"));
            }
            self.collect_below(value, plain, path, forms);
        }
    }

    fn collect_below(&self, value: &Yaml, plain: &'a Json, path: &str, forms: &mut Forms) {
        for item in value.as_sequence().into_iter().flatten() {
            self.collect(item, &plain["items"], &format!("{path}[]"), forms);
        }
        for (key, entry) in value.as_mapping().into_iter().flatten() {
            let Some(key) = key.as_str() else { continue };
            if key == "<<" {
                self.collect(entry, plain, path, forms);
            } else if let Some((name, child)) = child_of(plain, key) {
                self.collect(entry, child, &below(path, &name), forms);
            }
        }
    }
}

/// The schema of a key: by its name, or else by a pattern.
fn child_of<'a>(plain: &'a Json, key: &str) -> Option<(String, &'a Json)> {
    let all = children(plain);
    let named = all.iter().find(|(name, pattern, _)| pattern.is_none() && name == key);
    let extension = || all.iter().find(|(name, _, _)| name == "x-*" && key.starts_with("x-"));
    let pattern = || all.iter().find(|(name, _, _)| name == "*");
    named.or_else(extension).or_else(pattern).map(|(name, _, child)| (name.clone(), *child))
}

fn type_of(value: &Yaml) -> &'static str {
    match value {
        Yaml::Null => "null",
        Yaml::Bool(_) => "boolean",
        Yaml::Number(_) => "number",
        Yaml::String(_) => "string",
        Yaml::Sequence(_) => "array",
        Yaml::Mapping(_) => "object",
        Yaml::Tagged(_) => "tagged",
    }
}
