//! The user's values: values files and the `--set` options, in Helm's order.

use aictl_gotemplate::{Map, Value, json_value};

use super::error::ChartError;
use super::set::{Style, set_into};
use super::yaml::{merge, merged_map};

/// What the user gives, each in the order of the command line.
#[derive(Debug, Clone, Default)]
pub struct UserValues {
    /// Values files with their names.
    pub files: Vec<(String, String)>,
    pub set: Vec<String>,
    pub set_string: Vec<String>,
    pub set_json: Vec<String>,
    pub set_file: Vec<String>,
    pub set_literal: Vec<String>,
}

/// Merges them: files, then JSON, values, strings, files as values, literals. `read` reads the files of `--set-file`.
pub fn user_values(given: &UserValues, read: &dyn Fn(&str) -> Result<Vec<u8>, String>) -> Result<Map, ChartError> {
    let values = Map::new();
    for (name, text) in &given.files {
        merge(&values, &merged_map(name, text)?);
    }
    for text in &given.set_json {
        json(&values, text).map_err(|message| wrong("--set-json", text, &message))?;
    }
    let content = |path: &str| read(path).map(|bytes| Value::bytes(&bytes));
    let options = [
        ("--set", &given.set),
        ("--set-string", &given.set_string),
        ("--set-file", &given.set_file),
        ("--set-literal", &given.set_literal),
    ];
    for (option, texts) in options {
        for text in texts {
            let style = match option {
                "--set" => Style::Typed,
                "--set-string" => Style::Text,
                "--set-file" => Style::File(&content),
                _ => Style::Literal,
            };
            set_into(&values, text, style).map_err(|message| wrong(option, text, &message))?;
        }
    }
    Ok(values)
}

/// A whole object, or `key=JSON`.
fn json(values: &Map, text: &str) -> Result<(), String> {
    if !text.trim().starts_with('{') {
        return set_into(values, text, Style::Json);
    }
    let parsed: serde_json::Value = serde_json::from_str(text.trim()).map_err(|error| error.to_string())?;
    if let Value::Map(map) = json_value(&parsed) {
        merge(values, &map);
    }
    Ok(())
}

/// Names the key only: the value may be a secret.
fn wrong(option: &str, text: &str, message: &str) -> ChartError {
    let key = text.split('=').next().unwrap_or_default();
    ChartError::Set { option: format!("{option} {key}"), message: message.to_owned() }
}
