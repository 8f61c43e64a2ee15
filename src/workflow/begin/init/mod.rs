//! `aictl init`: a project where there was none, from a system in the binary or around an existing compose file.
//! Reads the systems of this binary, or the compose files that are there; writes what is missing and returns its names.
//! Existing files are never replaced: if one differs, nothing is written.

mod adopt;
mod written;

use std::path::{Path, PathBuf};

use clap::Args;

use crate::error::{Result, nearest};
use crate::project::PROJECT_FILE;
use crate::session::{Context, WorkflowError};
use crate::template::stacks;
use written::{Draft, write};

pub use written::InitReport;

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
    let report = write(context, directory, drafts, Some(system))?;
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
