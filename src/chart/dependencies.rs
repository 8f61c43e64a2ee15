//! Which subcharts take part, under which names, and which of their values the parent imports.

use std::collections::BTreeSet;

use aictl_gotemplate::{Constraint, Map, Value, Version};

use super::coalesce::{Nulls, coalesced, copied, table, tables};
use super::error::ChartError;
use super::load::Chart;
use super::metadata::Dependency;

/// Names in Chart.yaml without a chart in charts/.
pub fn check(chart: &Chart) -> Result<(), ChartError> {
    let is_there = |wanted: &&Dependency| chart.dependencies.iter().any(|found| found.name() == wanted.name);
    let wanted = chart.metadata.dependencies.iter().flatten();
    let missing: Vec<&str> = wanted.filter(|wanted| !is_there(wanted)).map(|wanted| wanted.name.as_str()).collect();
    if missing.is_empty() {
        return Ok(());
    }
    Err(ChartError::MissingDependencies { chart: chart.name().to_owned(), missing: missing.join(", ") })
}

/// Applies aliases, tags, conditions and import-values.
pub fn process(chart: &mut Chart, values: &Map) -> Result<(), ChartError> {
    enable(chart, values, "")?;
    import(chart)
}

/// Whether a version is in a range; an invalid one is not.
pub fn is_compatible(range: &str, version: &str) -> bool {
    match (Constraint::parse(range), Version::parse(version)) {
        (Ok(range), Ok(version)) => range.allows(&version),
        _ => false,
    }
}

fn fits(wanted: &Dependency, found: &Chart) -> bool {
    found.name() == wanted.name && is_compatible(&wanted.version, &found.metadata.version)
}

fn enable(chart: &mut Chart, values: &Map, path: &str) -> Result<(), ChartError> {
    let Some(mut wanted) = chart.metadata.dependencies.take() else { return Ok(()) };
    let is_named = |found: &Chart| wanted.iter().any(|wanted| fits(wanted, found));
    // What lies in charts/ without being named takes part too.
    let mut charts: Vec<Chart> = chart.dependencies.iter().filter(|found| !is_named(found)).cloned().collect();
    for wanted in &mut wanted {
        if let Some(found) = chart.dependencies.iter().find(|found| fits(wanted, found)) {
            let mut found = found.clone();
            if !wanted.alias.is_empty() {
                found.metadata.name = wanted.alias.clone();
            }
            charts.push(found);
        }
        if !wanted.alias.is_empty() {
            wanted.name = wanted.alias.clone();
        }
        wanted.enabled = true;
    }
    chart.dependencies = charts;
    let values = coalesced(chart, values, Nulls::Delete)?;
    for wanted in &mut wanted {
        by_tags(wanted, &values);
        by_condition(wanted, &values, path);
    }
    let off: BTreeSet<String> =
        wanted.iter().filter(|wanted| !wanted.enabled).map(|wanted| wanted.name.clone()).collect();
    chart.dependencies.retain(|found| !off.contains(found.name()));
    wanted.retain(|wanted| !off.contains(&wanted.name));
    for subchart in &mut chart.dependencies {
        let path = format!("{path}{}.", subchart.name());
        enable(subchart, &values, &path)?;
    }
    // Go keeps nil for an empty list, and then imports nothing.
    chart.metadata.dependencies = (!wanted.is_empty()).then_some(wanted);
    Ok(())
}

/// On unless every tag that has a value is off.
fn by_tags(wanted: &mut Dependency, values: &Map) {
    let Some(tags) = table(values.get("tags")) else { return };
    let said: Vec<bool> = wanted
        .tags
        .iter()
        .filter_map(|tag| match tags.get(tag) {
            Some(Value::Bool(on)) => Some(on),
            _ => None,
        })
        .collect();
    wanted.enabled = said.is_empty() || said.contains(&true);
}

/// The first path that leads to a boolean decides.
fn by_condition(wanted: &mut Dependency, values: &Map, path: &str) {
    for condition in wanted.condition.trim().split(',').filter(|condition| !condition.is_empty()) {
        if let Some(Value::Bool(on)) = value_at(values, &format!("{path}{condition}")) {
            wanted.enabled = on;
            return;
        }
    }
}

/// The value of a dotted path; a table is no value.
fn value_at(values: &Map, path: &str) -> Option<Value> {
    if path.is_empty() {
        return None;
    }
    let (last, folders) = match path.rsplit_once('.') {
        Some((folders, last)) => (last, Some(folders)),
        None => (path, None),
    };
    let held = match folders {
        Some(folders) => table_at(values, folders)?,
        None => values.clone(),
    };
    held.get(last).filter(|value| table(Some(value.clone())).is_none())
}

/// The table of a dotted path.
pub fn table_at(values: &Map, path: &str) -> Option<Map> {
    path.split('.').try_fold(values.clone(), |held, name| table(held.get(name)))
}

fn import(chart: &mut Chart) -> Result<(), ChartError> {
    for subchart in &mut chart.dependencies {
        import(subchart)?;
    }
    let Some(wanted) = &chart.metadata.dependencies else { return Ok(()) };
    let values = coalesced(chart, &Map::new(), Nulls::Keep)?;
    let imported = Map::new();
    for wanted in wanted {
        for import in &wanted.import_values {
            let Some(found) = table_at(&values, &format!("{}.{}", wanted.name, import.child)) else { continue };
            tables(&imported, &nested(&import.parent, found), Nulls::Keep);
        }
    }
    // The parent's own values win over what it imports.
    let values = copied(&values);
    tables(&values, &imported, Nulls::Keep);
    chart.values = values;
    Ok(())
}

fn nested(path: &str, values: Map) -> Map {
    if path == "." {
        return values;
    }
    path.rsplit('.').fold(values, |inner, name| {
        let outer = Map::new();
        outer.set(name, Value::Map(inner));
        outer
    })
}
