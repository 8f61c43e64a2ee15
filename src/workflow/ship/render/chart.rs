//! `aictl render --chart`: the manifests of a Helm chart, without a project and without a cluster.
//! Reads the chart and the values files; returns what `helm template` prints.

use std::path::{Path, PathBuf};

use clap::Args;
use serde::Serialize;

use crate::chart::{Capabilities, Hook, KubeVersion, Manifest, Manifests, Release, UserValues};
use crate::error::Result;
use crate::input_file::{Files, LocalFiles, text_of};
use crate::session::chart_files::chart_files;
use crate::session::chart_rendering::{ChartJob, rendered};
use crate::session::report::{Block, Report, to_json};
use crate::session::{Context, WorkflowError};

/// A chart and its values.
#[derive(Debug, Clone, Default, Args)]
#[command(next_help_heading = "Options for charts")]
pub struct ChartArgs {
    /// Helm chart to render: a directory or a .tgz archive
    #[arg(long, value_name = "PATH")]
    pub chart: Option<PathBuf>,
    /// Values file, or - for standard input; repeatable
    #[arg(long, value_name = "FILE", requires = "chart")]
    pub values: Vec<PathBuf>,
    /// Set a string value; repeatable
    #[arg(long, value_name = "KEY=VALUE", requires = "chart")]
    pub set_string: Vec<String>,
    /// Set a JSON value; repeatable
    #[arg(long, value_name = "KEY=JSON", requires = "chart")]
    pub set_json: Vec<String>,
    /// Set a value to the content of a file; repeatable
    #[arg(long, value_name = "KEY=FILE", requires = "chart")]
    pub set_file: Vec<String>,
    /// Set a string value without escapes and lists; repeatable
    #[arg(long, value_name = "KEY=VALUE", requires = "chart")]
    pub set_literal: Vec<String>,
    /// Release name [default: release-name]
    #[arg(long, value_name = "NAME", requires = "chart")]
    pub name: Option<String>,
    /// Namespace of the release [default: default]
    #[arg(long, value_name = "NAMESPACE", requires = "chart")]
    pub namespace: Option<String>,
    /// Show only the manifests of a template, such as templates/service.yaml; repeatable
    #[arg(long, value_name = "FILE", requires = "chart")]
    pub show_only: Vec<String>,
    /// Include the custom resource definitions of crds/
    #[arg(long, requires = "chart")]
    pub include_crds: bool,
    /// Kubernetes version for .Capabilities.KubeVersion
    #[arg(long, value_name = "VERSION", requires = "chart")]
    pub kube_version: Option<String>,
    /// API versions for .Capabilities.APIVersions, comma-separated; repeatable
    #[arg(long, value_name = "VERSIONS", value_delimiter = ',', requires = "chart")]
    pub api_versions: Vec<String>,
    /// Skip validation of the values against values.schema.json
    #[arg(long, requires = "chart")]
    pub skip_schema_validation: bool,
    /// Show the notes of the chart instead of its manifests
    #[arg(long, requires = "chart", conflicts_with_all = ["show_only", "include_crds"])]
    pub notes: bool,
}

/// A document, as JSON shows it.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct ShownManifest {
    source: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    api_version: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    kind: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    name: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    namespace: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    hook: Option<ShownHook>,
    text: String,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct ShownHook {
    events: Vec<String>,
    weight: i64,
    delete_policies: Vec<String>,
}

/// What a chart gives.
#[derive(Debug, Serialize)]
pub struct ChartReport {
    name: String,
    namespace: String,
    manifests: Vec<ShownManifest>,
    notes: String,
    #[serde(skip)]
    text: String,
}

/// Renders a chart.
pub async fn run(context: &Context, args: &ChartArgs, path: &Path) -> Result<ChartReport> {
    refuse_project_options(context)?;
    let mut capabilities = Capabilities::default();
    if let Some(version) = &args.kube_version {
        capabilities.kube_version = KubeVersion::parse(version)?;
    }
    capabilities.api_versions.extend(args.api_versions.iter().cloned());
    let name = args.name.clone().unwrap_or_else(|| "release-name".to_owned());
    let namespace = args.namespace.clone().unwrap_or_else(|| "default".to_owned());
    let release = Release { name: name.clone(), namespace: namespace.clone(), revision: 1, is_upgrade: false };
    let manifests = rendered(ChartJob {
        files: chart_files(&context.cwd.join(path))?,
        values: user_values(context, args)?,
        folder: context.cwd.clone(),
        release,
        capabilities,
        skip_schema_validation: args.skip_schema_validation,
    })
    .await?;
    let manifests = if args.show_only.is_empty() { manifests } else { manifests.only(&args.show_only)? };
    // What is asked for by its file is shown, custom resource definitions too.
    let crds = args.include_crds;
    let text = if args.notes { manifests.notes.clone() } else { manifests.text(crds) };
    let manifests_shown = shown(&manifests, crds);
    Ok(ChartReport { name, namespace, manifests: manifests_shown, notes: manifests.notes, text })
}

/// Options that choose a project mean nothing here.
fn refuse_project_options(context: &Context) -> Result<()> {
    let options = &context.options;
    let given = [
        ("--file", !options.files.is_empty()),
        ("--project-dir", options.project_dir.is_some()),
        ("--project-name", options.project_name.is_some()),
        ("--profile", !options.profiles.is_empty()),
        ("--env-file", !options.env_files.is_empty()),
        ("--all-resources", options.all_resources),
    ];
    match given.iter().find(|(_, given)| *given) {
        Some((option, _)) => Err(WorkflowError::usage(format!("{option} cannot be used with --chart")).into()),
        None => Ok(()),
    }
}

fn user_values(context: &Context, args: &ChartArgs) -> Result<UserValues> {
    let mut files = Vec::new();
    for path in &args.values {
        let (path, name) = match path.to_str() {
            Some("-") => (PathBuf::from("/dev/stdin"), "standard input".to_owned()),
            _ => (context.cwd.join(path), path.display().to_string()),
        };
        let bytes = LocalFiles.read_named(&path);
        let text = bytes
            .map_err(|error| error.to_string())
            .and_then(|bytes| text_of(bytes).map_err(|error| error.to_string()));
        let text = text.map_err(|reason| WorkflowError::File { path: name.clone(), reason })?;
        files.push((name, text));
    }
    Ok(UserValues {
        files,
        set: context.options.set.clone(),
        set_string: args.set_string.clone(),
        set_json: args.set_json.clone(),
        set_file: args.set_file.clone(),
        set_literal: args.set_literal.clone(),
    })
}

fn shown(manifests: &Manifests, include_crds: bool) -> Vec<ShownManifest> {
    let crds = manifests.crds.iter().filter(|_| include_crds).map(|crd| ShownManifest {
        source: crd.source.clone(),
        api_version: String::new(),
        kind: String::new(),
        name: String::new(),
        namespace: None,
        hook: None,
        text: crd.text.clone(),
    });
    crds.chain(manifests.resources.iter().chain(&manifests.hooks).map(shown_manifest)).collect()
}

fn shown_manifest(manifest: &Manifest) -> ShownManifest {
    ShownManifest {
        source: manifest.source.clone(),
        api_version: manifest.api_version.clone(),
        kind: manifest.kind.clone(),
        name: manifest.name.clone(),
        namespace: manifest.namespace.clone(),
        hook: manifest.hook.as_ref().map(shown_hook),
        text: manifest.text.clone(),
    }
}

fn shown_hook(hook: &Hook) -> ShownHook {
    ShownHook { events: hook.events.clone(), weight: hook.weight, delete_policies: hook.delete_policies.clone() }
}

impl Report for ChartReport {
    fn blocks(&self) -> Vec<Block> {
        vec![Block::Raw(self.text.clone())]
    }

    fn json(&self) -> serde_json::Value {
        to_json(self)
    }
}
