//! values.schema.json of a chart and its subcharts. No schema is ever fetched.

use std::error::Error;

use aictl_gotemplate::{Map, Value, to_json};
use boon::{Compiler, SchemaIndex, Schemas, UrlLoader};

use super::coalesce::table;
use super::error::ChartError;
use super::load::Chart;

/// Checks the values of a chart and of each subchart against their schemas.
pub fn check(chart: &Chart, values: &Map) -> Result<(), ChartError> {
    let mut findings = Vec::new();
    collect(chart, values, &mut findings);
    if findings.is_empty() { Ok(()) } else { Err(ChartError::Schema { findings: findings.join("\n") }) }
}

fn collect(chart: &Chart, values: &Map, findings: &mut Vec<String>) {
    if let Some(schema) = &chart.schema
        && let Err(message) = valid(schema, values)
    {
        findings.push(format!("{}: {message}", chart.name()));
    }
    for subchart in &chart.dependencies {
        match values.get(subchart.name()) {
            None | Some(Value::Null | Value::Nil) => {}
            Some(given) => match table(Some(given.clone())) {
                Some(given) => collect(subchart, &given, findings),
                None => findings.push(format!("{}: expected a map, found {}", subchart.name(), given.type_name())),
            },
        }
    }
}

/// Where the schema itself is.
const HERE: &str = "file:///values.schema.json";

fn valid(schema: &[u8], values: &Map) -> Result<(), String> {
    let schema: serde_json::Value =
        serde_json::from_slice(schema).map_err(|error| format!("values.schema.json: {error}"))?;
    let values: serde_json::Value =
        serde_json::from_str(&to_json(&Value::Map(values.clone()))).map_err(|error| error.to_string())?;
    let mut schemas = Schemas::new();
    let index = compiled(schema, &mut schemas).map_err(|error| format!("values.schema.json: {error}"))?;
    schemas.validate(&values, index).map_err(|error| {
        let text = error.to_string();
        // The first line only says that something failed.
        let findings: Vec<&str> = text.lines().skip(1).map(str::trim).collect();
        if findings.is_empty() { text } else { findings.join("\n") }
    })
}

fn compiled(schema: serde_json::Value, schemas: &mut Schemas) -> Result<SchemaIndex, Box<dyn Error>> {
    let mut compiler = Compiler::new();
    compiler.use_loader(Box::new(NothingFetched));
    compiler.add_resource(HERE, schema)?;
    Ok(compiler.compile(HERE, schemas)?)
}

/// Refuses to fetch schemas; unknown names allow everything, as in Helm.
struct NothingFetched;

impl UrlLoader for NothingFetched {
    fn load(&self, url: &str) -> Result<serde_json::Value, Box<dyn Error>> {
        if url.starts_with("urn:") {
            return Ok(serde_json::Value::Bool(true));
        }
        Err(format!("refers to {url}; schemas are not fetched").into())
    }
}
