//! YAML of charts: one document, several merged, and Go's conversion of scalars to strings.

use aictl_gotemplate::{Map, Value, YamlError, from_yaml, to_json};

use super::error::ChartError;
use super::files::ChartFile;

/// The map of a file with one document; an empty one is an empty map.
pub fn map_of(file: &ChartFile) -> Result<Map, ChartError> {
    table(&file.name, &file.text(), 0)
}

/// Values files may have several documents, which are merged.
pub fn merged_map(name: &str, text: &str) -> Result<Map, ChartError> {
    let merged = Map::new();
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    for (first, document) in documents(name, text)? {
        merge(&merged, &table(name, &document, first)?);
    }
    Ok(merged)
}

/// Helm's MergeMaps: the second map wins, tables are merged.
pub fn merge(into: &Map, from: &Map) {
    for (key, value) in from.pairs() {
        match (into.get(&key), &value) {
            (Some(Value::Map(held)), Value::Map(new)) => {
                let both = shallow_copy(&held);
                merge(&both, new);
                into.set(&key, Value::Map(both));
            }
            _ => into.set(&key, value),
        }
    }
}

/// A map with the same values.
pub fn shallow_copy(map: &Map) -> Map {
    Map::of(map.pairs().into_iter().collect())
}

fn table(name: &str, text: &str, before: usize) -> Result<Map, ChartError> {
    // What is missing at the end is said of the line after it.
    let last = text.lines().count().max(1);
    let placed = |error: YamlError| ChartError::Yaml {
        file: name.to_owned(),
        line: before + error.line.min(last),
        message: error.message,
    };
    match from_yaml(text).map_err(placed)? {
        Value::Map(map) => Ok(map),
        Value::Nil | Value::Null => Ok(Map::new()),
        other => {
            let message = format!("expected a map, found {}", other.type_name());
            Err(ChartError::Yaml { file: name.to_owned(), line: before + 1, message })
        }
    }
}

/// The documents with the number of lines before each, split as Kubernetes' YAML reader does.
fn documents(name: &str, text: &str) -> Result<Vec<(usize, String)>, ChartError> {
    let mut found = Vec::new();
    let (mut held, mut first) = (String::new(), 0);
    for (at, line) in text.split_inclusive('\n').enumerate() {
        let Some(rest) = line.strip_prefix("---") else {
            held.push_str(line);
            continue;
        };
        let rest = rest.trim();
        if !rest.is_empty() && !rest.starts_with('#') {
            let message = format!("invalid document separator: {rest}");
            return Err(ChartError::Yaml { file: name.to_owned(), line: at + 1, message });
        }
        if !held.is_empty() {
            found.push((first, std::mem::take(&mut held)));
        }
        first = at + 1;
    }
    if !held.is_empty() {
        found.push((first, held));
    }
    Ok(found)
}

/// A scalar where Go wants a string: numbers and booleans as text, nothing as "".
pub fn string(value: Option<Value>) -> Result<String, String> {
    match value {
        None | Some(Value::Nil | Value::Null) => Ok(String::new()),
        Some(Value::Str(text)) => Ok(text.to_string()),
        Some(value @ (Value::Bool(_) | Value::Float(_) | Value::Int(..))) => Ok(to_json(&value)),
        Some(other) => Err(format!("expected a string, found {}", other.type_name())),
    }
}

/// A list of strings.
pub fn strings(value: Option<Value>) -> Result<Vec<String>, String> {
    match value {
        None | Some(Value::Nil | Value::Null) => Ok(Vec::new()),
        Some(Value::List(list)) => list.items.iter().map(|item| string(Some(item.clone()))).collect(),
        Some(other) => Err(format!("expected a list of strings, found {}", other.type_name())),
    }
}

/// A map of strings.
pub fn string_map(value: Option<Value>) -> Result<Vec<(String, String)>, String> {
    match value {
        None | Some(Value::Nil | Value::Null) => Ok(Vec::new()),
        Some(Value::Map(map)) => {
            map.pairs().into_iter().map(|(key, value)| Ok((key.to_string(), string(Some(value))?))).collect()
        }
        Some(other) => Err(format!("expected a map of strings, found {}", other.type_name())),
    }
}
