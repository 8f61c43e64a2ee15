//! A chart as Helm's release record holds it, and rendered documents as JSON.
//! Helm stores the chart's own templates and files and not those of its subcharts: the manifest has everything.

use aictl_gotemplate::{Map, Value, from_yaml, to_json};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::json;

use super::error::ChartError;
use super::files::ChartFile;
use super::yaml::map_of;

/// What a release record holds of a chart.
#[derive(Debug, Clone, PartialEq)]
pub struct ChartRecord {
    /// Metadata, templates, values, schema and files.
    pub chart: serde_json::Value,
    /// The user's values.
    pub config: serde_json::Value,
}

fn broken(file: &str, message: impl ToString) -> ChartError {
    ChartError::File { file: file.to_owned(), message: message.to_string() }
}

fn as_json(file: &str, value: &Value) -> Result<serde_json::Value, ChartError> {
    serde_json::from_str(&to_json(value)).map_err(|error| broken(file, error))
}

/// The chart and the user's values for a release record.
pub fn record(files: &[ChartFile], values: &Map) -> Result<ChartRecord, ChartError> {
    let file = |name: &str| files.iter().find(|file| file.name == name);
    let table = |name: &str| match file(name) {
        Some(found) => as_json(name, &Value::Map(map_of(found)?)),
        None => Ok(json!({})),
    };
    let stored = |found: &ChartFile| json!({ "name": found.name, "data": STANDARD.encode(&found.data) });
    let is_template = |found: &&ChartFile| found.name.starts_with("templates/");
    let is_own = |found: &&ChartFile| {
        let kept = ["Chart.yaml", "Chart.lock", "values.yaml", "values.schema.json"].contains(&found.name.as_str());
        !kept && !found.name.starts_with("templates/") && !found.name.starts_with("charts/")
    };
    let lock = match file("Chart.lock") {
        Some(_) => table("Chart.lock")?,
        None => serde_json::Value::Null,
    };
    let schema = file("values.schema.json").map(|found| STANDARD.encode(&found.data));
    let chart = json!({
        "metadata": table("Chart.yaml")?,
        "lock": lock,
        "templates": files.iter().filter(is_template).map(stored).collect::<Vec<_>>(),
        "values": table("values.yaml")?,
        "schema": schema,
        "files": files.iter().filter(is_own).map(stored).collect::<Vec<_>>(),
    });
    Ok(ChartRecord { chart, config: as_json("values", &Value::Map(values.clone()))? })
}

/// The objects of a rendered text as JSON; empty documents are left out, and items of a `List` stand for themselves.
pub fn objects(source: &str, text: &str) -> Result<Vec<serde_json::Value>, ChartError> {
    let mut found = Vec::new();
    for (at, document) in super::manifests::split(text).into_iter().enumerate() {
        let wrong = |line: usize, message: String| ChartError::Rendered {
            file: source.to_owned(),
            document: at + 1,
            line,
            message,
        };
        match from_yaml(document).map_err(|error| wrong(error.line, error.message))? {
            Value::Nil | Value::Null => {}
            value @ Value::Map(_) => {
                let object = as_json(source, &value)?;
                let is_list =
                    object.get("kind").and_then(serde_json::Value::as_str).is_some_and(|k| k.ends_with("List"));
                match object.get("items").and_then(serde_json::Value::as_array).filter(|_| is_list) {
                    Some(items) => found.extend(items.iter().cloned()),
                    None => found.push(object),
                }
            }
            other => return Err(wrong(1, format!("expected a map, found {}", other.type_name()))),
        }
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_holds_the_chart_without_its_subcharts() {
        let file = |name: &str, text: &str| ChartFile::new(name, text.as_bytes());
        let files = [
            file("Chart.yaml", "apiVersion: v2\nname: shop\nversion: 1.0.0\n"),
            file("values.yaml", "replicas: 1\n"),
            file("templates/a.yaml", "a"),
            file("charts/db/Chart.yaml", "name: db"),
            file("README.md", "text"),
        ];
        let found = record(&files, &Map::new()).unwrap();
        assert_eq!(found.chart["metadata"]["name"], "shop");
        assert_eq!(found.chart["values"], json!({"replicas": 1}));
        assert_eq!(found.chart["templates"], json!([{"name": "templates/a.yaml", "data": "YQ=="}]));
        assert_eq!(found.chart["files"], json!([{"name": "README.md", "data": "dGV4dA=="}]));
        assert_eq!(found.config, json!({}));
    }

    #[test]
    fn documents_become_objects_with_whole_numbers() {
        let text = "---\n# Source: a\nkind: A\nspec: {replicas: 2}\n---\n\n---\nkind: List\nitems: [{kind: B}]\n";
        assert_eq!(objects("a", text).unwrap(), [json!({"kind": "A", "spec": {"replicas": 2}}), json!({"kind": "B"})]);
        assert!(objects("a", "- 1").is_err());
    }
}
