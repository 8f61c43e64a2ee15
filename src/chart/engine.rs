//! Renders the templates of a chart and its subcharts, in Helm's order, over values that they share.

use std::collections::BTreeMap;
use std::rc::Rc;

use aictl_gotemplate::{Budget, ExecError, Executor, Limits, Map, MapKind, Templates, Value, World};

use super::dependencies::table_at;
use super::error::ChartError;
use super::load::Chart;
use super::objects::FilesObject;

/// A template and what it is executed with.
struct Renderable {
    text: String,
    scope: Map,
    base: Rc<str>,
}

/// `.Release` and `.Capabilities`, which all templates share, and the values of the outermost chart.
pub struct Scope {
    pub release: Map,
    pub capabilities: Value,
    pub values: Map,
}

/// The rendered text of each template that is not a partial, by its path.
pub fn render(chart: &Chart, scope: &Scope, world: &dyn World) -> Result<BTreeMap<String, String>, ChartError> {
    let mut all = BTreeMap::new();
    collect(chart, scope, None, &mut all);
    let mut names: Vec<&String> = all.keys().collect();
    // Parents after their subcharts and `a` after `z`: what is parsed last wins.
    names.sort_by(|a, b| (slashes(b), b).cmp(&(slashes(a), a)));
    let mut templates = Templates::default();
    for name in &names {
        templates.add(name, &all[*name].text).map_err(|error| ChartError::Template {
            message: format!("{}:{}: {}", error.name, error.line, error.message),
        })?;
    }
    let budget = Budget::new(Limits::default());
    let executor = Executor::new(&templates, world, &budget);
    let mut rendered = BTreeMap::new();
    for name in names {
        if file_name(name).starts_with('_') {
            continue;
        }
        let Renderable { scope, base, .. } = &all[name];
        let template = Map::new();
        template.set("Name", Value::str(name.as_str()));
        template.set("BasePath", Value::Str(base.clone()));
        scope.set("Template", Value::Map(template.typed(MapKind::Values)));
        let data = Value::Map(scope.typed(MapKind::Values));
        let text = executor.execute(name, &data).map_err(|error| said(&error))?;
        // Go prints this for a missing key; helm removes it wherever it stands.
        rendered.insert(name.clone(), text.replace("<no value>", ""));
    }
    Ok(rendered)
}

fn slashes(name: &str) -> usize {
    name.bytes().filter(|byte| *byte == b'/').count()
}

fn file_name(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or(path)
}

/// The place in the file that is rendered and, for what the chart itself says, only that.
fn said(error: &ExecError) -> ChartError {
    let message = match &error.said {
        Some(said) => format!("{}: {said}", error.location),
        None => error.message.strip_prefix("template: ").unwrap_or(&error.message).to_owned(),
    };
    ChartError::Template { message }
}

/// Adds the templates of a chart; `above` is its parent's scope and path.
fn collect(chart: &Chart, scope: &Scope, above: Option<(&Map, &str)>, all: &mut BTreeMap<String, Renderable>) -> Map {
    let own = Map::new();
    let subcharts = Map::new();
    own.set("Chart", Value::Map(chart.metadata.as_map(above.is_none())));
    own.set("Files", FilesObject::value(&chart.files));
    own.set("Release", Value::Map(scope.release.clone()));
    own.set("Capabilities", scope.capabilities.clone());
    own.set("Subcharts", Value::Map(subcharts.clone()));
    let (values, path) = match above {
        None => (scope.values.clone(), chart.name().to_owned()),
        Some((parent, path)) => {
            let held = match parent.get("Values") {
                Some(Value::Map(values)) => table_at(&values, chart.name()),
                _ => None,
            };
            (held.unwrap_or_default(), format!("{path}/charts/{}", chart.name()))
        }
    };
    own.set("Values", Value::Map(values.typed(MapKind::Values)));
    for subchart in &chart.dependencies {
        let below = collect(subchart, scope, Some((&own, &path)), all);
        subcharts.set(subchart.name(), Value::Map(below));
    }
    let base: Rc<str> = format!("{path}/templates").into();
    for file in chart.templates.iter() {
        if !chart.metadata.is_library() || file_name(&file.name).starts_with('_') {
            let renderable = Renderable { text: file.text(), scope: own.clone(), base: base.clone() };
            all.insert(format!("{path}/{}", file.name), renderable);
        }
    }
    own
}
