//! `aictl render`: the compose files of an environment with their templates filled in, or the manifests of a chart.
//! Reads the project; returns the files as text, or writes them where `--to` says.
//! Never writes into the project by itself, and never writes outside the directory it was given.

mod chart;

use std::io::Read;
use std::path::{Path, PathBuf};

use clap::Args;
use serde::Serialize;

use crate::compose::{LoadArgs, LoadOptions};
use crate::error::{Error, Result};
use crate::output_file::{Found, OutputError, Rules, Tree};
use crate::project::LoadedProject;
use crate::session::report::{Block, Cell, Report, Tone, one_of_reports, to_json};
use crate::session::templates::render_files;
use crate::session::{Context, WorkflowError, load, managed_proxy};
use crate::template::Rendered;

/// Render the templates of the environment, or a Helm chart
///
/// On Kubernetes these are the values files of the environment's chart.
///
/// With `proxy: { managed: true }` the compose file of the proxy is one of them; Compose merges it last.
///
/// With --chart no project is needed: the manifests are printed as `helm template` prints them. --set, --set-json and the
/// like set values of the chart.
#[derive(Debug, Clone, Default, Args)]
pub struct RenderArgs {
    /// Files to render, as named in aictl.yaml; all by default
    #[arg(value_name = "FILE", conflicts_with = "chart")]
    pub only: Vec<String>,
    /// Write the files to this directory instead of printing them
    #[arg(long, value_name = "DIR", conflicts_with = "chart")]
    pub to: Option<PathBuf>,
    /// Overwrite files in the directory that differ
    #[arg(long, requires = "to")]
    pub force: bool,
    #[command(flatten)]
    pub chart: chart::ChartArgs,
}

one_of_reports! {
    /// What was rendered.
    pub enum Shown {
        /// The compose files of a project.
        Files(RenderReport),
        /// The manifests of a chart.
        Chart(chart::ChartReport),
    }
}

/// A rendered file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
struct RenderedFile {
    name: String,
    text: String,
}

#[derive(Debug, Serialize)]
pub struct RenderReport {
    environment: Option<String>,
    files: Vec<RenderedFile>,
    /// Where the files are now, or would be.
    #[serde(skip_serializing_if = "Option::is_none")]
    directory: Option<PathBuf>,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    dry_run: bool,
}

/// Renders the environment's files, or a chart.
pub async fn run(context: &Context, args: RenderArgs) -> Result<Shown> {
    match &args.chart.chart {
        Some(path) => chart::run(context, &args.chart, path).await.map(Shown::Chart),
        None => files(context, args).map(Shown::Files),
    }
}

fn files(context: &Context, args: RenderArgs) -> Result<RenderReport> {
    let project = load::load_project_file(context)?;
    load::warn_of_no_effect(context, &project);
    let added = managed_proxy_file(context, &project)?;
    let names = chosen(&own_files(&project), added.as_ref(), &args.only)?;
    let (own, last): (Vec<_>, Vec<_>) =
        names.into_iter().partition(|name| Some(name) != added.as_ref().map(|a| &a.name));
    let mut rendered = render_files(&project, &own)?;
    rendered.extend(added.filter(|_| !last.is_empty()));
    let directory = args.to.map(|to| context.cwd.join(to));
    if let Some(directory) = &directory {
        write(directory, &rendered, (args.force, context.options.dry_run))?;
    }
    let files = rendered.into_iter().map(|Rendered { name, text }| RenderedFile { name, text }).collect();
    let environment = project.environment_name;
    Ok(RenderReport { environment, files, directory, dry_run: context.options.dry_run })
}

/// The compose files of the environment, or the values files of its chart.
fn own_files(project: &LoadedProject) -> Vec<String> {
    let values = project.environment.chart.iter().flat_map(|chart| &chart.values);
    project.environment.compose.iter().chain(values).cloned().collect()
}

/// The compose file of a managed proxy, which is merged last.
fn managed_proxy_file(context: &Context, project: &LoadedProject) -> Result<Option<Rendered>> {
    if !managed_proxy::is_wanted(project) {
        return Ok(None);
    }
    let args = load::own_args(context, project)?;
    let options = LoadOptions { all_resources: true, discard_env_files: true, ..Default::default() };
    let stack = load::load_files(context, &LoadArgs { options, ..args })?.stack;
    let text = managed_proxy::text(project, &stack)?;
    Ok(text.map(|text| Rendered { name: managed_proxy::FILE.to_owned(), text }))
}

fn chosen(own: &[String], added: Option<&Rendered>, only: &[String]) -> Result<Vec<String>> {
    let all: Vec<String> = own.iter().cloned().chain(added.map(|file| file.name.clone())).collect();
    if all.is_empty() {
        let message = "nothing to render: the environment has no compose file and no values of a chart";
        let hint = Some("print the compose model with `aictl config`".to_owned());
        return Err(WorkflowError::Usage { message: message.to_owned(), hint }.into());
    }
    if let Some(unknown) = only.iter().find(|name| !all.contains(*name)) {
        let message = format!("`{unknown}` is not a compose or values file of the environment");
        let near = crate::error::nearest(unknown, all.iter().map(String::as_str));
        let hint = near.map(|near| format!("did you mean `aictl render {near}`?"));
        return Err(WorkflowError::Usage { message, hint }.into());
    }
    Ok(if only.is_empty() { all } else { only.to_vec() })
}

/// Everything that could be refused is, before the first file is written.
fn write(directory: &Path, files: &[Rendered], (force, dry_run): (bool, bool)) -> Result<()> {
    let rules = if force { Rules::REPLACE } else { Rules::NEW };
    let mut missing = Vec::new();
    let existing = Tree::existing(directory)?;
    for file in files {
        match &existing {
            Some(tree) if is_there(tree, file)? => continue,
            Some(tree) => tree.check(Path::new(&file.name), rules.existing).map_err(in_the_way)?,
            None => Tree::check_name(Path::new(&file.name)).map_err(in_the_way)?,
        }
        missing.push(file);
    }
    if dry_run || missing.is_empty() {
        return Ok(());
    }
    let tree = Tree::create(directory)?;
    for file in missing {
        tree.write(Path::new(&file.name), rules, file.text.as_bytes()).map_err(in_the_way)?;
    }
    Ok(())
}

/// Whether the very file is there.
fn is_there(tree: &Tree, file: &Rendered) -> Result<bool> {
    let Found::File(mut found) = tree.look(Path::new(&file.name)).map_err(in_the_way)? else { return Ok(false) };
    let mut text = Vec::new();
    Ok(found.read_to_end(&mut text).is_ok() && text == file.text.as_bytes())
}

fn in_the_way(error: OutputError) -> Error {
    match error {
        OutputError::Exists { path } => {
            let message = format!("`{}` exists and differs", path.display());
            let hint = Some("write into another directory, or overwrite it with `--force`".to_owned());
            WorkflowError::Refused { message, hint }.into()
        }
        // A file beside the project would land beside the directory.
        OutputError::Outside { name } => {
            let message = format!("`{}` lies outside the project and cannot be written below --to", name.display());
            WorkflowError::usage(message).into()
        }
        other => other.into(),
    }
}

impl Report for RenderReport {
    fn blocks(&self) -> Vec<Block> {
        if let Some(directory) = &self.directory {
            let verb = if self.dry_run { "would write" } else { "wrote" };
            let line = |file: &RenderedFile| {
                let path = directory.join(&file.name).display().to_string();
                Block::Line(vec![Cell::new(format!("{verb} "), Tone::Dim), path.into()])
            };
            return self.files.iter().map(line).collect();
        }
        match &self.files[..] {
            [only] => vec![Block::Raw(only.text.clone())],
            several => vec![Block::Raw(several.iter().map(document).collect())],
        }
    }

    fn json(&self) -> serde_json::Value {
        to_json(self)
    }
}

/// One of several files, as a document of its own.
fn document(file: &RenderedFile) -> String {
    let end = if file.text.ends_with('\n') { "" } else { "\n" };
    format!("---\n# {}\n{}{end}", file.name, file.text)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rendered(name: &str) -> Rendered {
        Rendered { name: name.to_owned(), text: "a: 1\n".to_owned() }
    }

    #[test]
    fn several_files_are_documents_of_one_stream() {
        let files = ["a.yaml", "b.yaml"].map(|name| RenderedFile { name: name.to_owned(), text: "x: 1".to_owned() });
        let report = RenderReport { environment: None, files: files.to_vec(), directory: None, dry_run: false };
        assert_eq!(report.blocks(), [Block::Raw("---\n# a.yaml\nx: 1\n---\n# b.yaml\nx: 1\n".to_owned())]);
    }

    #[test]
    fn files_are_written_below_the_directory_and_nowhere_else() {
        let directory = tempfile::tempdir().unwrap();
        let target = directory.path().join("out");
        write(&target, &[rendered("deploy/compose.yaml")], (false, false)).unwrap();
        assert_eq!(std::fs::read_to_string(target.join("deploy/compose.yaml")).unwrap(), "a: 1\n");
        let refused = write(&target, &[rendered("x.yaml"), rendered("../y.yaml")], (false, false)).unwrap_err();
        assert_eq!(refused.kind().exit_code(), 2);
        assert!(!target.join("x.yaml").exists() && !directory.path().join("y.yaml").exists());
        write(&target, &[rendered("z.yaml")], (false, true)).unwrap();
        assert!(!target.join("z.yaml").exists());
    }

    #[test]
    fn a_file_the_environment_does_not_name_is_refused_with_the_nearest() {
        let all = ["compose.yaml.tera".to_owned()];
        assert_eq!(chosen(&all, None, &[]).unwrap(), all);
        let error = chosen(&all, None, &["compose.yml.tera".to_owned()]).unwrap_err();
        assert_eq!(error.hints(), ["did you mean `aictl render compose.yaml.tera`?"]);
        assert!(chosen(&[], None, &[]).is_err());
    }
}
