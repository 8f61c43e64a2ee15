//! The JSON Schema of the project file, made from the types and their doc comments.
//! Reads nothing; returns the schema as JSON.
//! Never differs from what the loader accepts: `shape` checks files against this very value.

use std::sync::LazyLock;

use serde_json::{Map, Value};

use super::model::Project;
use super::{schema_rules, schema_width};

static SCHEMA: LazyLock<Value> = LazyLock::new(|| {
    let mut made = schemars::schema_for!(Project).to_value();
    schema_rules::add(&mut made);
    schema_width::widen(&mut made);
    let Value::Object(mut made) = made else { return made };
    // What the schema is stands first; the definitions follow.
    let mut schema = Map::new();
    for key in ["$schema", "title", "description"] {
        schema.extend(made.remove(key).map(|value| (key.to_owned(), value)));
    }
    schema.insert("title".to_owned(), "aictl.yaml".into());
    schema.extend(made);
    Value::Object(schema)
});

/// The schema, draft 2020-12.
pub fn schema() -> &'static Value {
    &SCHEMA
}

#[cfg(test)]
#[path = "schema_tests.rs"]
mod tests;
