//! The JSON Schema of the project file, made from the types and their doc comments.
//! Reads nothing; returns the schema as JSON.
//! Never differs from what the loader accepts: `shape` checks files against this very value.

use std::sync::LazyLock;

use serde_json::Value;

use super::model::Project;

static SCHEMA: LazyLock<Value> = LazyLock::new(|| {
    let mut schema = schemars::schema_for!(Project).to_value();
    if let Some(root) = schema.as_object_mut() {
        root.insert("title".to_owned(), "aictl.yaml".into());
    }
    schema
});

/// The schema, draft 2020-12.
pub fn schema() -> &'static Value {
    &SCHEMA
}
