//! `aictl init`: a project where there was none, from a system in the binary or around an existing compose file.
//! Reads the systems of this binary, or the compose files that are there; writes what is missing and returns its names.
//! Never replaces a file: where one differs, nothing at all is written.

mod adopt;

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use clap::Args;
use serde::Serialize;

use crate::error::{Result, nearest};
use crate::output_file::{Content, Existing, Found, OutputError, Rules, Tree};
use crate::project::PROJECT_FILE;
use crate::session::report::{Block, Cell, Report, Tone, to_json};
use crate::session::{Context, WorkflowError};
use crate::template::stacks;

/// A list of more names is cut.
const MOST_NAMES: usize = 10;

/// Create a project from a built-in system or compose files
///
/// Without --from, an aictl.yaml is written for the compose files in this directory.
#[derive(Debug, Clone, Default, Args)]
pub struct InitArgs {
    /// Built-in system to create the project from
    #[arg(long, value_name = "SYSTEM")]
    pub from: Option<String>,
    /// List the built-in systems
    #[arg(long, conflicts_with = "from")]
    pub list: bool,
}

/// What `init` came to.
#[derive(Debug, Default, Serialize)]
pub struct InitReport {
    /// The project directory.
    pub directory: String,
    /// The system the files are from, when they are from one.
    pub system: Option<String>,
    /// The default environment.
    pub environment: Option<String>,
    /// Whether this was a dry run.
    pub dry_run: bool,
    /// Files that were, or in a dry run would be, written.
    pub written: Vec<String>,
    /// Files that were there with the same content.
    pub kept: Vec<String>,
    /// What this binary can begin from; filled by `--list`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub systems: Vec<String>,
}

/// A file to be.
struct Draft {
    path: String,
    bytes: Vec<u8>,
    is_program: bool,
}

/// Begins.
pub async fn run(context: &Context, args: InitArgs) -> Result<InitReport> {
    if args.list {
        let systems = stacks::systems().into_iter().map(str::to_owned).collect();
        return Ok(InitReport { systems, dry_run: true, ..Default::default() });
    }
    let directory = directory(context)?;
    let report = match &args.from {
        Some(system) => begin(context, &directory, system)?,
        None => adopt::adopt(context, &directory)?,
    };
    Ok(report)
}

/// Where the project is to be; it need not exist yet.
pub(super) fn directory(context: &Context) -> Result<PathBuf> {
    let Some(folder) = &context.options.project_dir else { return Ok(context.cwd.clone()) };
    let directory = context.cwd.join(folder);
    if directory.exists() && !directory.is_dir() {
        let message = format!("{} is not a directory", folder.display());
        let hint = Some("name a new or existing directory: `--project-dir DIR`".to_owned());
        return Err(WorkflowError::Usage { message, hint }.into());
    }
    Ok(directory)
}

/// Writes the files of a system; the environment of the command line, else the one its quickstart names, becomes the default.
pub(super) fn begin(context: &Context, directory: &Path, system: &str) -> Result<InitReport> {
    let Some(files) = stacks::files(system) else {
        let known = stacks::systems();
        let near = nearest(system, known.iter().copied()).map(|name| format!(" (did you mean `{name}`?)"));
        let message = format!("unknown system `{system}`{}", near.unwrap_or_default());
        let hint = Some(format!("known: {}; list them with `aictl init --list`", known.join(", ")));
        return Err(WorkflowError::Usage { message, hint }.into());
    };
    let mut environment = None;
    let mut drafts = Vec::new();
    for file in files {
        let mut bytes = file.bytes.to_vec();
        if file.path == PROJECT_FILE {
            let text = String::from_utf8_lossy(file.bytes);
            let wanted = context.options.environment.as_deref();
            let (text, name) = with_default_environment(&text, wanted)?;
            (bytes, environment) = (text.into_bytes(), name);
        }
        drafts.push(Draft { path: file.path.to_owned(), bytes, is_program: file.is_program() });
    }
    let report = write(context, directory, drafts)?;
    Ok(InitReport { system: Some(system.to_owned()), environment, ..report })
}

/// The project file with another default environment, and that environment.
fn with_default_environment(text: &str, wanted: Option<&str>) -> Result<(String, Option<String>)> {
    let project = crate::project::parse_project(text)?;
    let name = wanted.map(str::to_owned).or_else(|| project.quickstart.environment.clone());
    let Some(name) = name else { return Ok((text.to_owned(), project.default_environment)) };
    if !project.environments.contains_key(&name) {
        let known: Vec<&str> = project.environments.keys().map(String::as_str).collect();
        let near = nearest(&name, known.iter().copied()).map(|name| format!(" (did you mean `{name}`?)"));
        let message = format!("unknown environment `{name}` of the system{}", near.unwrap_or_default());
        return Err(WorkflowError::Usage { message, hint: Some(format!("known: {}", known.join(", "))) }.into());
    }
    let line = |line: &str| match line.starts_with("default_environment:") {
        true => format!("default_environment: {name}\n"),
        false => format!("{line}\n"),
    };
    Ok((text.lines().map(line).collect(), Some(name)))
}

/// Writes what is missing, the project file last: until it is there, there is no project.
fn write(context: &Context, directory: &Path, mut drafts: Vec<Draft>) -> Result<InitReport> {
    drafts.sort_by_key(|draft| draft.path == PROJECT_FILE);
    let mut report = InitReport {
        directory: directory.display().to_string(),
        dry_run: context.options.dry_run,
        ..Default::default()
    };
    let (mut missing, mut different) = (Vec::new(), Vec::new());
    let existing = Tree::existing(directory)?;
    for draft in drafts {
        match existing.as_ref().map_or(Ok(Found::Absent), |tree| tree.look(Path::new(&draft.path))) {
            Ok(Found::Absent) => missing.push(draft),
            Ok(Found::File(file)) if holds(&file, &draft.bytes) => report.kept.push(draft.path),
            Err(error @ OutputError::Link { .. }) => return Err(error.into()),
            _ => different.push(draft.path),
        }
    }
    if !different.is_empty() {
        let message = format!("{} files already exist with other content: {}", different.len(), some_of(&different));
        let message = if different.len() == 1 {
            format!("a file already exists with other content: {}", different[0])
        } else {
            message
        };
        let hint = Some("use an empty directory: `aictl --project-dir DIR init …`".to_owned());
        return Err(WorkflowError::Refused { message, hint }.into());
    }
    if !context.options.dry_run && !missing.is_empty() {
        let tree = Tree::create(directory)?;
        for draft in &missing {
            let content = if draft.is_program { Content::Program } else { Content::Plain };
            let rules = Rules { existing: Existing::Keep, content };
            tree.write(Path::new(&draft.path), rules, &draft.bytes)?;
        }
    }
    report.written.extend(missing.into_iter().map(|draft| draft.path));
    Ok(report)
}

fn holds(mut file: &File, bytes: &[u8]) -> bool {
    let mut found = Vec::new();
    file.read_to_end(&mut found).is_ok() && found == bytes
}

/// The first names of a list, and how many more there are.
fn some_of(names: &[String]) -> String {
    if names.len() <= MOST_NAMES {
        return names.join(", ");
    }
    let (shown, more) = names.split_at(MOST_NAMES - 1);
    format!("{} … and {} more", shown.join(", "), more.len())
}

impl InitReport {
    /// One line that says it all.
    pub fn summary(&self) -> String {
        let verb = if self.dry_run { "would write" } else { "wrote" };
        match (self.written.len(), self.kept.len()) {
            (0, kept) => format!("up to date: all {kept} files exist"),
            (1, _) => format!("{verb} {} in {}", self.written[0], self.directory),
            (written, 0) => format!("{verb} {written} files in {}", self.directory),
            (written, kept) => format!("{verb} {written} files in {}, {kept} existed", self.directory),
        }
    }
}

impl Report for InitReport {
    fn blocks(&self) -> Vec<Block> {
        if !self.systems.is_empty() {
            return self.systems.iter().map(|name| Block::Line(vec![name.as_str().into()])).collect();
        }
        let mut blocks = Vec::new();
        if self.dry_run {
            blocks.extend(self.written.iter().map(|path| Block::Line(vec![format!("write {path}").into()])));
        }
        blocks.push(Block::Line(vec![self.summary().into()]));
        if !self.dry_run && !self.written.is_empty() {
            let environment = self.environment.as_deref().unwrap_or("none");
            let next = format!(
                "environment: {environment}; next: `aictl quickstart`, or `aictl secrets generate` and `aictl start`"
            );
            blocks.push(Block::Line(vec![Cell::new(next, Tone::Dim)]));
        }
        blocks
    }

    fn json(&self) -> serde_json::Value {
        to_json(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_list_is_cut_and_says_how_many_more_there_are() {
        let names = |count: usize| (0..count).map(|number| format!("f{number}")).collect::<Vec<_>>();
        assert_eq!(some_of(&names(3)), "f0, f1, f2");
        assert!(some_of(&names(10)).ends_with("f8, f9"));
        assert_eq!(some_of(&names(60)), "f0, f1, f2, f3, f4, f5, f6, f7, f8 … and 51 more");
    }
}
