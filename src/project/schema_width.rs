//! What the loader takes although the types are narrower: nothing for an empty mapping or list, a number for text.
//! Reads the schema made from the types; widens it in place, and says how much an integer holds.
//! Never lets anything in that a type could not be read from afterwards.

use std::collections::BTreeSet;

use serde_json::{Map, Value, json};

use super::schema_rules::NOT_BLANK;

/// Widens the whole schema.
pub(super) fn widen(schema: &mut Value) {
    let definitions = schema["$defs"].as_object().cloned().unwrap_or_default();
    let empty = |name: &&String| may_be_empty(&definitions[*name]);
    let may_be_empty: BTreeSet<String> =
        definitions.keys().filter(empty).map(|name| format!("#/$defs/{name}")).collect();
    every(schema, &mut |schema| {
        nothing(schema, &may_be_empty);
        limits(schema);
        text(schema);
    });
    // An empty file is a project that says nothing; a name may look like a number.
    schema["type"] = json!(["object", "null"]);
    schema["properties"]["name"]["type"] = json!(["string", "integer", "boolean", "null"]);
    schema["properties"]["name"]["minimum"] = 0.into();
}

/// Visits every schema within a schema; not what rules say about a schema that is already described.
fn every(schema: &mut Value, visit: &mut impl FnMut(&mut Map<String, Value>)) {
    let Value::Object(map) = schema else { return };
    visit(map);
    for key in ["properties", "$defs"] {
        map.get_mut(key)
            .and_then(Value::as_object_mut)
            .into_iter()
            .flatten()
            .for_each(|(_, inner)| every(inner, visit));
    }
    for key in ["items", "additionalProperties"] {
        map.get_mut(key).into_iter().for_each(|inner| every(inner, visit));
    }
    for key in ["anyOf", "oneOf"] {
        map.get_mut(key).and_then(Value::as_array_mut).into_iter().flatten().for_each(|inner| every(inner, visit));
    }
}

/// A mapping of which nothing has to be said.
fn may_be_empty(schema: &Value) -> bool {
    schema["type"] == "object" && schema.get("required").is_none() && schema.get("allOf").is_none_or(is_exclusion)
}

/// Only forbids something, so that saying nothing is right.
fn is_exclusion(all: &Value) -> bool {
    all.as_array().is_some_and(|all| all.iter().all(|rule| rule.get("not").is_some()))
}

/// Nothing may stand for a mapping that may be empty, and for a list that may be left out.
fn nothing(object: &mut Map<String, Value>, may_be_empty: &BTreeSet<String>) {
    let required = object.get("required").cloned().unwrap_or_default();
    let is_required = |name: &String| required.as_array().is_some_and(|list| list.iter().any(|n| n == name));
    let known = object.get_mut("properties").and_then(Value::as_object_mut).into_iter().flatten();
    for (name, schema) in known {
        let optional_list = schema["type"] == "array" && !is_required(name);
        let empty_mapping = schema["type"] == "object" && (self::may_be_empty(schema) || !is_required(name));
        if optional_list || empty_mapping {
            schema["type"] = json!([schema["type"], "null"]);
        }
        or_nothing(schema, may_be_empty);
    }
    object.get_mut("additionalProperties").into_iter().for_each(|schema| or_nothing(schema, may_be_empty));
}

fn or_nothing(schema: &mut Value, may_be_empty: &BTreeSet<String>) {
    let Some(map) = schema.as_object_mut() else { return };
    if map.get("$ref").and_then(Value::as_str).is_some_and(|name| may_be_empty.contains(name)) {
        let reference = map.remove("$ref");
        map.insert("anyOf".to_owned(), json!([{ "$ref": reference }, { "type": "null" }]));
    }
}

/// What the integers of the types hold.
fn limits(schema: &mut Map<String, Value>) {
    let (low, high): (i64, i64) = match schema.get("format").and_then(Value::as_str) {
        Some("uint16") => (0, u16::MAX.into()),
        Some("uint32") => (0, u32::MAX.into()),
        Some("int32") => (i32::MIN.into(), i32::MAX.into()),
        _ => return,
    };
    schema.entry("minimum").or_insert(low.into());
    schema.entry("maximum").or_insert(high.into());
}

/// Text need not be quoted where only text can be meant.
fn text(schema: &mut Map<String, Value>) {
    let kinds = schema.get("type").cloned().unwrap_or_default();
    let nullable = kinds == json!(["string", "null"]);
    let formatted = schema.get("format").is_some_and(|format| format != "command-line");
    let special = schema.get("pattern").is_some_and(|pattern| pattern != NOT_BLANK);
    let named = ["const", "enum"].iter().any(|key| schema.contains_key(*key));
    if (kinds != "string" && !nullable) || formatted || special || named {
        return;
    }
    let mut kinds = vec!["string", "number", "boolean"];
    kinds.extend(nullable.then_some("null"));
    schema.insert("type".to_owned(), json!(kinds));
}
