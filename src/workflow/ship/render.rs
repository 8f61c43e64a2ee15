//! `aictl render`: the compose files of an environment with their templates filled in.
//! Reads the project; returns the files as text, or writes them where `--to` says.
//! Never writes into the project by itself, and never writes outside the directory it was given.

use std::path::{Component, Path, PathBuf};

use clap::Args;
use serde::Serialize;

use crate::error::Result;
use crate::session::report::{Block, Cell, Report, Tone, to_json};
use crate::session::templates::render_files;
use crate::session::{Context, WorkflowError, load};
use crate::template::Rendered;

/// Render the compose file templates of the environment
#[derive(Debug, Clone, Default, Args)]
pub struct RenderArgs {
    /// Files to render, as named in aictl.yaml; all by default
    #[arg(value_name = "FILE")]
    pub only: Vec<String>,
    /// Write the files to this directory instead of printing them
    #[arg(long, value_name = "DIR")]
    pub to: Option<PathBuf>,
}

/// A rendered file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
struct RenderedFile {
    name: String,
    text: String,
}

#[derive(Debug, Serialize)]
struct RenderReport {
    environment: Option<String>,
    files: Vec<RenderedFile>,
    /// Where the files are now, or would be.
    #[serde(skip_serializing_if = "Option::is_none")]
    directory: Option<PathBuf>,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    dry_run: bool,
}

/// Renders the environment's files.
pub async fn run(context: &Context, args: RenderArgs) -> Result<Box<dyn Report>> {
    let project = load::load_project_file(context)?;
    let names = chosen(&project.environment.compose, &args.only)?;
    let rendered = render_files(&project, &names)?;
    let directory = args.to.map(|to| context.cwd.join(to));
    if let Some(directory) = &directory {
        write(directory, &rendered, context.options.dry_run)?;
    }
    let files = rendered.into_iter().map(|Rendered { name, text }| RenderedFile { name, text }).collect();
    let environment = project.environment_name;
    Ok(Box::new(RenderReport { environment, files, directory, dry_run: context.options.dry_run }))
}

fn chosen(all: &[String], only: &[String]) -> Result<Vec<String>> {
    if all.is_empty() {
        let message = "nothing to render: the environment has no compose file";
        let hint = Some("print the compose model with `aictl config`".to_owned());
        return Err(WorkflowError::Usage { message: message.to_owned(), hint }.into());
    }
    if let Some(unknown) = only.iter().find(|name| !all.contains(name)) {
        let message = format!("`{unknown}` is not a compose file of the environment");
        let near = crate::error::nearest(unknown, all.iter().map(String::as_str));
        let hint = near.map(|near| format!("did you mean `aictl render {near}`?"));
        return Err(WorkflowError::Usage { message, hint }.into());
    }
    Ok(if only.is_empty() { all.to_vec() } else { only.to_vec() })
}

fn write(directory: &Path, files: &[Rendered], dry_run: bool) -> Result<()> {
    for file in files {
        let name = Path::new(&file.name);
        // A file beside the project would land beside the directory.
        if !name.components().all(|part| matches!(part, Component::Normal(_) | Component::CurDir)) {
            let message = format!("`{}` is outside the project directory and cannot be written to --to", file.name);
            return Err(WorkflowError::usage(message).into());
        }
    }
    for file in files.iter().filter(|_| !dry_run) {
        let path = directory.join(&file.name);
        let failed =
            |e: std::io::Error| WorkflowError::File { path: path.display().to_string(), reason: e.to_string() };
        if let Some(parent) = path.parent() {
            std::fs::create_dir_all(parent).map_err(failed)?;
        }
        std::fs::write(&path, &file.text).map_err(failed)?;
    }
    Ok(())
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
        write(&target, &[rendered("deploy/compose.yaml")], false).unwrap();
        assert_eq!(std::fs::read_to_string(target.join("deploy/compose.yaml")).unwrap(), "a: 1\n");
        let refused = write(&target, &[rendered("x.yaml"), rendered("../y.yaml")], false).unwrap_err();
        assert_eq!(refused.kind().exit_code(), 2);
        assert!(!target.join("x.yaml").exists() && !directory.path().join("y.yaml").exists());
        write(&target, &[rendered("z.yaml")], true).unwrap();
        assert!(!target.join("z.yaml").exists());
    }

    #[test]
    fn a_file_the_environment_does_not_name_is_refused_with_the_nearest() {
        let all = ["compose.yaml.tera".to_owned()];
        assert_eq!(chosen(&all, &[]).unwrap(), all);
        let error = chosen(&all, &["compose.yml.tera".to_owned()]).unwrap_err();
        assert_eq!(error.hints(), ["did you mean `aictl render compose.yaml.tera`?"]);
        assert!(chosen(&[], &[]).is_err());
    }
}
