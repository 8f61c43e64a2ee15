//! Which files of a project belong into a bundle: what it takes to start it elsewhere, without any secret.
//! Reads the project's folder; returns each file's path and content, and what was left out and why.
//! Never takes an env file, a secret's file or a private key unless it is named, and refuses a file that holds the value
//! of a secret.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Component, Path, PathBuf};

use super::secret_content::reason_to_stay;
use crate::compose::model::Stack;
use crate::compose::{self, LoadOptions};
use crate::error::Result;
use crate::input_file::LocalFiles;
use crate::project::LoadedProject;
use crate::secret::Redactor;
use crate::session::load::{LoadedStack, load_args};
use crate::session::templates::render_files;
use crate::session::{Context, WorkflowError};
use crate::template;

/// Where charts lie that no environment names: subcharts, and those other tools install.
const CHARTS: &str = "charts";
/// Where rendered templates go in a bundle.
const RENDERED: &str = "rendered";
/// Names that are documentation of an env file, not one.
const EXAMPLES: [&str; 3] = [".env.example", ".env.template", ".env.sample"];
/// A mounted folder with more files is data, not configuration.
const MOST_FILES: usize = 2000;

/// The files of a bundle.
#[derive(Debug, Default)]
pub(super) struct Collected {
    /// Path below the project → content.
    pub(super) files: BTreeMap<String, Vec<u8>>,
    /// Which of them are programs.
    pub(super) executable: BTreeSet<String>,
    /// What stays: path → reason.
    pub(super) left_out: BTreeMap<String, &'static str>,
}

struct FileCollector<'w> {
    root: &'w Path,
    secrets: BTreeSet<PathBuf>,
    /// Files that are always included.
    named: BTreeSet<PathBuf>,
    /// Whether the current file is mounted by a service and may contain secrets.
    mounted: bool,
    redactor: &'w Redactor,
    found: Collected,
}

/// Collects the files.
pub(super) fn collect(context: &Context, loaded: &LoadedStack, include: &[PathBuf]) -> Result<Collected> {
    let project = &loaded.project;
    let root = project.directory.canonicalize().unwrap_or_else(|_| project.directory.clone());
    let stack = loaded.stack.as_ref();
    let secrets = secret_files(context, loaded)?;
    let named = named_files(context, include)?;
    let mut walk = FileCollector {
        root: &root,
        secrets,
        named,
        mounted: false,
        redactor: &context.redactor,
        found: Collected::default(),
    };
    for path in configuration(project, stack) {
        walk.take(&root.join(path))?;
    }
    walk.mounted = true;
    for path in stack.map(used_by_services).unwrap_or_default() {
        walk.take(&path)?;
    }
    // Report every file that is left out, unless it is included by name.
    for path in walk.secrets.clone() {
        walk.take(&path)?;
    }
    let named = walk.taken_by_name()?;
    let mut found = walk.found;
    let templates: Vec<String> =
        project.environment.compose.iter().filter(|name| name.ends_with(template::SUFFIX)).cloned().collect();
    for file in render_files(project, &templates)? {
        found.files.insert(format!("{RENDERED}/{}", file.name), file.text.into_bytes());
    }
    for (path, bytes) in found.files.iter().filter(|(path, _)| !named.contains(*path)) {
        refuse_secrets(path, bytes, &context.redactor)?;
    }
    Ok(found)
}

/// What the project file and the compose loader read, of every environment; relative to the project.
fn configuration(project: &LoadedProject, stack: Option<&Stack>) -> Vec<PathBuf> {
    let mut paths: Vec<PathBuf> = project.file.iter().cloned().collect();
    paths.extend(EXAMPLES.iter().map(PathBuf::from));
    paths.push(PathBuf::from(CHARTS));
    if let Some(file) = &project.project {
        for environment in file.environments.values() {
            paths.extend(environment.compose.iter().map(PathBuf::from));
            if let Some(chart) = &environment.chart {
                paths.push(PathBuf::from(&chart.path));
                paths.extend(chart.values.iter().map(PathBuf::from));
            }
        }
    }
    paths.extend(stack.into_iter().flat_map(|stack| stack.compose_files.iter().map(PathBuf::from)));
    let folders: BTreeSet<PathBuf> = paths.iter().filter_map(|path| path.parent().map(Path::to_owned)).collect();
    for folder in folders {
        paths.extend(partials(&project.directory, &folder));
    }
    paths
}

/// Templates that others include.
fn partials(root: &Path, folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(root.join(folder)).into_iter().flatten().flatten();
    let names = entries.filter_map(|entry| entry.file_name().into_string().ok());
    names
        .filter(|name| name.starts_with('_') && name.ends_with(template::SUFFIX))
        .map(|name| folder.join(name))
        .collect()
}

/// Files and folders that services mount or are given as configs.
fn used_by_services(stack: &Stack) -> Vec<PathBuf> {
    let configs = stack.configs.values().map(|config| config.file.as_str());
    let mounts = stack.services.values().flat_map(|service| &service.volumes);
    let mounted = mounts.filter(|mount| mount.r#type == "bind").map(|mount| mount.source.as_str());
    let labels = stack.all_services().flat_map(|(_, service)| &service.label_file).map(String::as_str);
    configs.chain(mounted).chain(labels).filter(|path| !path.is_empty()).map(PathBuf::from).collect()
}

/// Files with secret content: those of `secrets:`, and env files of the project and its services.
fn secret_files(context: &Context, loaded: &LoadedStack) -> Result<BTreeSet<PathBuf>> {
    // Standard input can be read only once.
    if context.options.files.iter().any(|file| file == Path::new("-")) {
        let stack = loaded.stack.iter();
        return Ok(stack.flat_map(|stack| stack.secrets.values()).map(|secret| PathBuf::from(&secret.file)).collect());
    }
    let mut args = load_args(context, &loaded.project)?;
    // Values already loaded.
    args.options = LoadOptions { no_env_resolution: true, all_resources: true, ..LoadOptions::default() };
    let written = compose::load(&args, &LocalFiles)?;
    let stack = &written.stack;
    let declared = stack.secrets.values().map(|secret| PathBuf::from(&secret.file));
    let services = stack.all_services().flat_map(|(_, service)| &service.env_file);
    let given = services.map(|file| PathBuf::from(&file.path));
    let own = written.env_files.iter().map(|file| context.cwd.join(file));
    let paths = declared.chain(given).filter(|path| *path != Path::new(""));
    let directory = &loaded.project.directory;
    Ok(paths.map(|path| directory.join(path)).chain(own).map(|path| path.canonicalize().unwrap_or(path)).collect())
}

/// The files of `--include`, which must exist.
fn named_files(context: &Context, include: &[PathBuf]) -> Result<BTreeSet<PathBuf>> {
    let found =
        |file: &PathBuf| {
            context.cwd.join(file).canonicalize().map_err(|error| {
                WorkflowError::File { path: file.display().to_string(), reason: error.to_string() }.into()
            })
        };
    include.iter().map(found).collect()
}

impl FileCollector<'_> {
    /// The files of `--include` as they are called in the bundle; each is taken, whether or not anything refers to it.
    fn taken_by_name(&mut self) -> Result<BTreeSet<String>> {
        let mut names = BTreeSet::new();
        for path in self.named.clone() {
            self.take(&path)?;
            let name = inside(self.root, &path).filter(|name| self.found.files.contains_key(name));
            names.insert(name.ok_or_else(|| {
                let message = format!("--include {}: not a file of the project directory", path.display());
                WorkflowError::usage(message)
            })?);
        }
        Ok(names)
    }

    /// Takes a file, or a folder with everything in it. What is not there, or not of the project, is none of it.
    fn take(&mut self, path: &Path) -> Result<()> {
        let Ok(path) = path.canonicalize() else { return Ok(()) };
        let Some(name) = inside(self.root, &path) else {
            if path.is_file() && !path.starts_with("/dev") {
                self.found.left_out.insert(path.display().to_string(), "outside the project directory");
            }
            return Ok(());
        };
        if self.found.files.contains_key(&name) || self.found.left_out.contains_key(&name) {
            return Ok(());
        }
        let named = self.named.contains(&path);
        if !named && (self.secrets.contains(&path) || is_env_file(&path)) {
            self.found.left_out.insert(name, "contains secrets; copy it separately, or add it with --include");
            return Ok(());
        }
        if path.is_dir() {
            return self.take_folder(&path);
        }
        if !path.is_file() {
            return Ok(());
        }
        let failed = |e: std::io::Error| WorkflowError::File { path: name.clone(), reason: e.to_string() };
        let bytes = std::fs::read(&path).map_err(failed)?;
        // A file with a known secret value is rejected below.
        let stays = || reason_to_stay(&path, &bytes).filter(|_| !holds_known(&bytes, self.redactor));
        if let Some(reason) = (self.mounted && !named).then(stays).flatten() {
            self.found.left_out.insert(name, reason);
            return Ok(());
        }
        let mode = path.metadata().map(|m| std::os::unix::fs::PermissionsExt::mode(&m.permissions())).unwrap_or(0);
        if mode & 0o100 != 0 {
            self.found.executable.insert(name.clone());
        }
        self.found.files.insert(name, bytes);
        Ok(())
    }

    fn take_folder(&mut self, folder: &Path) -> Result<()> {
        if folder == self.root {
            return Ok(());
        }
        let mut entries: Vec<PathBuf> =
            std::fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path()).collect();
        entries.sort();
        for entry in entries {
            if self.found.files.len() > MOST_FILES {
                let message = format!("{} has more than {MOST_FILES} files", folder.display());
                return Err(WorkflowError::usage(message).into());
            }
            self.take(&entry)?;
        }
        Ok(())
    }
}

/// The path below the root, with `/`.
fn inside(root: &Path, path: &Path) -> Option<String> {
    let relative = path.strip_prefix(root).ok()?;
    let parts: Vec<&str> = relative
        .components()
        .map(|part| match part {
            Component::Normal(name) => name.to_str(),
            _ => None,
        })
        .collect::<Option<_>>()?;
    Some(parts.join("/"))
}

/// `.env`, `.env.prod`, `prod.env`; a documented example is none.
pub(super) fn is_env_file(path: &Path) -> bool {
    let Some(name) = path.file_name().and_then(|name| name.to_str()) else { return false };
    !EXAMPLES.contains(&name) && (name == ".env" || name.starts_with(".env.") || name.ends_with(".env"))
}

fn holds_known(bytes: &[u8], redactor: &Redactor) -> bool {
    let text = String::from_utf8_lossy(bytes);
    redactor.redact(&text) != text
}

/// Whether a file holds a private key, by its name.
pub(super) fn is_key_file(path: &Path) -> bool {
    path.extension().is_some_and(|end| ["key", "pem", "p12", "pfx", "jks"].iter().any(|known| end == *known))
}

/// The value of a secret in a file that goes to other machines is a mistake in the file.
fn refuse_secrets(path: &str, bytes: &[u8], redactor: &Redactor) -> Result<()> {
    if !holds_known(bytes, redactor) {
        return Ok(());
    }
    let message = format!("{path} contains a secret and cannot be bundled");
    let hint =
        Some("put the value into `.env` and write `${NAME}` in its place, then `aictl config` to check".to_owned());
    Err(WorkflowError::Refused { message, hint }.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn env_files_are_known_by_their_names() {
        let is = |name: &str| is_env_file(Path::new(name));
        assert!(is("a/.env") && is(".env.prod") && is("prod.env"));
        assert!(!is(".env.example") && !is("environment.yaml") && !is("env"));
    }
}
