//! One rendering, from a loaded chart and the user's values to its manifests.

use std::collections::BTreeMap;

use aictl_gotemplate::{Map, World};

use super::capabilities::Capabilities;
use super::coalesce::{Nulls, coalesced};
use super::dependencies;
use super::engine::{self, Scope};
use super::error::ChartError;
use super::load::Chart;
use super::manifests::{CrdFile, Manifests, sorted};
use super::release::Release;
use super::schema;

/// The file that is shown to the user after an installation.
const NOTES: &str = "NOTES.txt";

/// What is rendered, and for what.
pub struct Request<'r> {
    pub chart: &'r Chart,
    /// The user's values.
    pub values: &'r Map,
    pub release: &'r Release,
    pub capabilities: &'r Capabilities,
    pub skip_schema_validation: bool,
}

/// Renders a chart.
pub fn render(request: &Request, world: &dyn World) -> Result<Manifests, ChartError> {
    request.release.check()?;
    let mut chart = request.chart.clone();
    check(&chart, request.capabilities)?;
    dependencies::process(&mut chart, request.values)?;
    let values = coalesced(&chart, request.values, Nulls::Delete)?;
    if !request.skip_schema_validation {
        schema::check(&chart, &values)?;
    }
    let scope = Scope { release: request.release.as_map(), capabilities: request.capabilities.as_value(), values };
    let mut rendered = engine::render(&chart, &scope, world)?;
    let notes = notes(&chart, &mut rendered);
    let mut manifests = sorted(&rendered)?;
    manifests.notes = notes;
    crds(&chart, chart.name(), &mut manifests.crds);
    Ok(manifests)
}

fn check(chart: &Chart, capabilities: &Capabilities) -> Result<(), ChartError> {
    if chart.metadata.is_library() {
        return Err(ChartError::Library { chart: chart.name().to_owned() });
    }
    dependencies::check(chart)?;
    let (wanted, given) = (&chart.metadata.kube_version, &capabilities.kube_version);
    if wanted.is_empty() || dependencies::is_compatible(wanted, &given.normal) {
        return Ok(());
    }
    let (wanted, given) = (wanted.clone(), given.version.clone());
    Err(ChartError::KubeVersion { chart: chart.name().to_owned(), wanted, given })
}

/// Takes the notes out: those of subcharts are not shown.
fn notes(chart: &Chart, rendered: &mut BTreeMap<String, String>) -> String {
    let own = rendered.get(&format!("{}/templates/{NOTES}", chart.name())).cloned();
    rendered.retain(|name, _| !name.ends_with(NOTES));
    own.unwrap_or_default()
}

fn crds(chart: &Chart, path: &str, found: &mut Vec<CrdFile>) {
    let is_manifest = |name: &str| {
        let extension = name.rsplit_once('.').map(|(_, extension)| extension.to_ascii_lowercase());
        extension.is_some_and(|extension| matches!(extension.as_str(), "yaml" | "yml" | "json"))
    };
    let own = chart.files.iter().filter(|file| file.name.starts_with("crds/") && is_manifest(&file.name));
    found.extend(own.map(|file| CrdFile { source: format!("{path}/{}", file.name), text: file.text() }));
    for subchart in &chart.dependencies {
        crds(subchart, &format!("{path}/charts/{}", subchart.name()), found);
    }
}
