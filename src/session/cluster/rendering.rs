//! The chart of an environment, rendered for a release in a live cluster.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use super::live_objects::{Known, KnownWorld, fetch};
use super::project::chart_source;
use crate::chart::{
    Capabilities, ChartError, ChartFile, ChartRecord, KubeVersion, Manifests, Release, Request, UserValues, load,
    objects, record, render, user_values,
};
use crate::error::{Error, Result};
use crate::input_file::{Files, LocalFiles};
use crate::plan::cluster::ObjectRef;
use crate::project::{LoadedProject, ProjectError};
use crate::session::WorkflowError;
use crate::session::chart_files::chart_files;
use crate::session::chart_rendering::on_deep_stack;
use crate::session::templates::render_files;
use crate::target::Target;
use crate::template;

/// A chart whose look-ups depend on one another deeper than this is not rendered.
const ROUNDS: usize = 8;

/// A rendered chart.
pub(super) struct RenderedChart {
    pub manifests: Manifests,
    pub record: ChartRecord,
}

/// What does not change between the rounds of one rendering.
struct Input {
    files: Vec<ChartFile>,
    values: UserValues,
    folder: PathBuf,
    release: Release,
    capabilities: Capabilities,
}

/// Renders the environment's chart with the cluster's versions and objects.
pub(super) async fn rendered(project: &LoadedProject, target: &dyn Target, release: Release) -> Result<RenderedChart> {
    let source = chart_source(project)?;
    let files = chart_files(&project.directory.join(&source.path));
    let files = files.map_err(|error| of_key(project, &["chart", "path"], error))?;
    let values = values_files(project, &source.values);
    let values = values.map_err(|error| of_key(project, &["chart", "values"], error))?;
    let values = UserValues { files: values, ..Default::default() };
    let cluster = target.need_cluster()?;
    let (engine, versions) = tokio::join!(target.observe_engine(), cluster.observe_api_versions());
    let kube_version = KubeVersion::parse(&engine?.version)?;
    let capabilities = Capabilities { kube_version, api_versions: versions? };
    let input = Input { files, values, folder: project.directory.clone(), release, capabilities };
    let input = Arc::new(input);
    let mut known = Known::new();
    for _ in 0..ROUNDS {
        let (input, asked) = (input.clone(), known.clone());
        let (result, missing) = on_deep_stack(move || round(&input, &asked)).await?;
        if missing.is_empty() {
            return Ok(result?);
        }
        fetch(cluster, &missing, &mut known).await?;
    }
    let message = format!("its look-ups depend on one another more than {ROUNDS} times");
    Err(ChartError::Template { message }.into())
}

/// A file that cannot be read, with the place in aictl.yaml that names it.
fn of_key(project: &LoadedProject, keys: &[&str], error: Error) -> Error {
    match error.downcast_ref::<WorkflowError>() {
        Some(unread @ WorkflowError::File { .. }) => {
            let problem = project.problem_of_environment(keys, unread.to_string(), None);
            ProjectError::Target(Box::new(problem)).into()
        }
        _ => error,
    }
}

/// One rendering with what is known; also what it asked for in vain.
fn round(input: &Input, known: &Known) -> (std::result::Result<RenderedChart, ChartError>, Vec<[String; 4]>) {
    let world = KnownWorld::new(known);
    let result = rendered_once(input, &world);
    (result, world.into_missing())
}

fn rendered_once(input: &Input, world: &KnownWorld<'_>) -> std::result::Result<RenderedChart, ChartError> {
    let chart = load(&input.files)?;
    let read = |path: &str| LocalFiles.read_named(&input.folder.join(path)).map_err(|error| format!("{path}: {error}"));
    let values = user_values(&input.values, &read)?;
    let request = Request {
        chart: &chart,
        values: &values,
        release: &input.release,
        capabilities: &input.capabilities,
        skip_schema_validation: false,
    };
    let manifests = render(&request, world)?;
    let mut sources: BTreeMap<String, &str> = BTreeMap::new();
    for manifest in manifests.resources.iter().chain(&manifests.hooks) {
        // Said here with file and line, before anything is looked at in the cluster.
        for (at, object) in objects(&manifest.source, &manifest.text)?.iter().enumerate() {
            let reference = check_named(&manifest.source, at, object)?;
            // Hooks are made and deleted one after the other; of the rest, one would overwrite the other.
            let key = reference.key_in(&input.release.namespace);
            if manifest.hook.is_none()
                && let Some(other) = sources.insert(key, &manifest.source)
            {
                return Err(twice(&reference, &manifest.source, other));
            }
        }
    }
    Ok(RenderedChart { manifests, record: record(&input.files, &values)? })
}

/// What has no name cannot be found again.
fn check_named(source: &str, at: usize, object: &serde_json::Value) -> std::result::Result<ObjectRef, ChartError> {
    ObjectRef::of(object).ok_or_else(|| {
        let not_text = ["apiVersion", "kind", "metadata/name"].into_iter().find_map(|at| {
            let found = object.pointer(&format!("/{at}")).filter(|found| !found.is_string() && !found.is_null())?;
            Some(format!("{} must be a string, but is {found}: put it in quotes", at.replace('/', ".")))
        });
        let message = not_text.unwrap_or_else(|| "an object needs apiVersion, kind and metadata.name".to_owned());
        ChartError::Rendered { file: source.to_owned(), document: at + 1, line: 1, message }
    })
}

fn twice(object: &ObjectRef, source: &str, other: &str) -> ChartError {
    ChartError::Twice { object: object.to_string(), file: source.to_owned(), other: other.to_owned() }
}

/// Values files with their names; those that end in `.tera` are rendered.
fn values_files(project: &LoadedProject, names: &[String]) -> Result<Vec<(String, String)>> {
    let mut found = Vec::new();
    for name in names {
        let text = if name.ends_with(template::SUFFIX) {
            render_files(project, std::slice::from_ref(name))?.into_iter().map(|file| file.text).collect()
        } else {
            let path = project.directory.join(name);
            LocalFiles
                .read_text(&path)
                .map_err(|error| WorkflowError::File { path: path.display().to_string(), reason: error.to_string() })?
        };
        found.push((name.clone(), text));
    }
    Ok(found)
}
