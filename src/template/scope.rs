//! What templates are rendered from: files, and all a template can see.
//! Data only.
//! Nothing ambient is in it.

use serde_json::{Map, Value};

/// A file that may be a template.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TemplateFile {
    /// Its name, as `include` and `extends` know it, and as errors show it.
    pub name: String,
    /// Its text.
    pub text: String,
}

/// All a template can see: `values`, `environment` and `project`.
#[derive(Debug, Clone, Copy)]
pub struct Scope<'a> {
    /// Merged values.
    pub values: &'a Map<String, Value>,
    /// Name of the environment, empty when there is none.
    pub environment: &'a str,
    /// Name of the project.
    pub project: &'a str,
}
