//! A chart's default values under the user's: Helm's CoalesceValues and MergeValues, null deletion included.
//! Maps are shared exactly where Helm shares them, since templates change them.

use aictl_gotemplate::{Map, MapKind, Value};

use super::error::ChartError;
use super::load::Chart;
use super::yaml::shallow_copy;

/// Values that every subchart sees.
const GLOBAL: &str = "global";

/// What happens to nulls.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Nulls {
    /// A null of the user deletes the default.
    Delete,
    /// Nulls stay, for a later pass.
    Keep,
}

/// A table in Helm's sense.
pub fn table(value: Option<Value>) -> Option<Map> {
    match value {
        Some(Value::Map(map)) if map.kind == MapKind::Any => Some(map),
        _ => None,
    }
}

/// The user's values with the chart's defaults, and those of its subcharts, below them.
pub fn coalesced(chart: &Chart, values: &Map, nulls: Nulls) -> Result<Map, ChartError> {
    let copy = copied(values);
    with_subcharts(chart, &copy, nulls)?;
    Ok(copy)
}

/// A copy that shares no map.
pub fn copied(values: &Map) -> Map {
    table(Some(Value::Map(values.clone()).deep_copy())).unwrap_or_default()
}

fn with_subcharts(chart: &Chart, values: &Map, nulls: Nulls) -> Result<(), ChartError> {
    with_defaults(chart, values, nulls);
    for subchart in &chart.dependencies {
        let name = subchart.name();
        if values.get(name).is_none() {
            values.set(name, Value::Map(Map::new()));
        }
        let Some(own) = table(values.get(name)) else {
            let file = format!("{}/values.yaml", chart.name());
            let message = format!("`{name}` is the name of a subchart: its values must be a map");
            return Err(ChartError::File { file, message });
        };
        with_globals(&own, values);
        with_subcharts(subchart, &own, nulls)?;
    }
    Ok(())
}

/// The parent's global values win over those of the subchart.
fn with_globals(own: &Map, parent: &Map) {
    let read = |from: &Map| match from.get(GLOBAL) {
        None => Some(Map::new()),
        given => table(given),
    };
    let (Some(into), Some(from)) = (read(own), read(parent)) else { return };
    for (key, value) in from.pairs() {
        match (table(Some(value.clone())), into.get(&key)) {
            (Some(given), held) => {
                // One level is copied; below it both charts share their maps, as in Helm.
                let copy = shallow_copy(&given);
                match held.map(|held| table(Some(held))) {
                    None => into.set(&key, Value::Map(copy)),
                    Some(None) => {}
                    Some(Some(held)) => {
                        tables(&copy, &held, Nulls::Keep);
                        into.set(&key, Value::Map(copy));
                    }
                }
            }
            (None, Some(held)) if table(Some(held.clone())).is_some() => {}
            (None, _) => into.set(&key, value),
        }
    }
    own.set(GLOBAL, Value::Map(into));
}

fn with_defaults(chart: &Chart, values: &Map, nulls: Nulls) {
    for (key, default) in copied(&chart.values).pairs() {
        let Some(given) = values.get(&key) else {
            if nulls == Nulls::Delete {
                if default.is_nil() {
                    continue;
                }
                if let Some(default) = table(Some(default.clone())) {
                    without_nulls(&default);
                }
            }
            values.set(&key, default);
            continue;
        };
        if given.is_nil() && nulls == Nulls::Delete {
            values.remove(&key);
        } else if let (Some(given), Some(default)) = (table(Some(given)), table(Some(default))) {
            // Nulls for a subchart are still wanted when its own turn comes.
            let is_subchart = chart.dependencies.iter().any(|subchart| subchart.name() == &*key);
            let nulls = if is_subchart { Nulls::Keep } else { nulls };
            if nulls == Nulls::Delete {
                without_nulls(&default);
            }
            tables(&given, &default, nulls);
        }
    }
}

/// Fills the first map from the second, which it may change. Where one is a table and the other is not, the first stays.
pub fn tables(into: &Map, from: &Map, nulls: Nulls) {
    let from_keys: Vec<_> = from.pairs().into_iter().filter(|(_, value)| !value.is_nil()).map(|(key, _)| key).collect();
    for (key, value) in into.pairs() {
        if value.is_nil() {
            from.set(&key, Value::Null);
        }
    }
    for (key, value) in from.pairs() {
        match into.get(&key) {
            Some(held) if nulls == Nulls::Delete && held.is_nil() && from_keys.contains(&key) => into.remove(&key),
            None => into.set(&key, value),
            Some(held) => {
                if let (Some(value), Some(held)) = (table(Some(value)), table(Some(held))) {
                    tables(&held, &value, nulls);
                }
            }
        }
    }
}

fn without_nulls(map: &Map) {
    for (key, value) in map.pairs() {
        if value.is_nil() {
            map.remove(&key);
        } else if let Some(inner) = table(Some(value)) {
            without_nulls(&inner);
        }
    }
}
