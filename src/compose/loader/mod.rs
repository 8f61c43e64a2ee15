//! Files, environment and options in; a checked and normalised project out.
//! Reads compose files, env files and label files through `Files`; the process environment is an argument.
//! Never prints and never asks an engine.

mod discover;
mod extends;
mod file;
mod ignored;
mod include;
mod locate;
mod model;
mod resolve;
mod select;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::Serialize;

use super::error::{ComposeError, Diagnostic, Finding};
use super::interpolate::Variable;
use super::model::Stack;
use super::observer::Observer;
use super::value::{Node, Position};
use crate::input_file::Files;

/// One compose file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FileSource {
    /// A file on disk; relative to the working directory.
    Path(PathBuf),
    /// A text that was never on disk, as rendered templates are; the name is used in messages and for relative paths.
    Inline {
        /// Its path, whether or not it exists.
        name: PathBuf,
        /// The content.
        text: String,
    },
    /// What came on standard input.
    Stdin(String),
}

/// What is done to a project while it is loaded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "each is one switch of Compose's command line")]
pub struct LoadOptions {
    /// Leaves `${…}` as it is.
    pub no_interpolate: bool,
    /// Leaves out names, networks and dependencies that are not in the files.
    pub no_normalize: bool,
    /// Leaves relative paths as they are.
    pub no_path_resolution: bool,
    /// Does not check that the parts fit together.
    pub no_consistency: bool,
    /// Lets services share a container name: nothing is created from what is loaded.
    pub shared_names: bool,
    /// Does not read `env_file` into `environment`.
    pub no_env_resolution: bool,
    /// Drops `env_file` from services once it was read.
    pub discard_env_files: bool,
    /// Keeps networks, volumes, secrets and configs no enabled service uses.
    pub all_resources: bool,
}

impl Default for LoadOptions {
    /// What every verb but `config` wants: everything resolved, unused resources dropped, `env_file` kept.
    fn default() -> Self {
        Self {
            no_interpolate: false,
            no_normalize: false,
            no_path_resolution: false,
            no_consistency: false,
            shared_names: false,
            no_env_resolution: false,
            discard_env_files: false,
            all_resources: false,
        }
    }
}

/// What to load.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct LoadArgs {
    /// Directory the command runs in; absolute.
    pub working_dir: PathBuf,
    /// `--project-directory`.
    pub project_dir: Option<PathBuf>,
    /// `--file`; none means `COMPOSE_FILE`, then discovery.
    pub files: Vec<FileSource>,
    /// Files that are merged after those, wherever those were found.
    pub appended: Vec<FileSource>,
    /// `--project-name`.
    pub project_name: Option<String>,
    /// `--profile`; none means `COMPOSE_PROFILES`.
    pub profiles: Vec<String>,
    /// `--env-file`; none means `COMPOSE_ENV_FILES`, then `.env`.
    pub env_files: Vec<PathBuf>,
    /// The process environment.
    pub environment: BTreeMap<String, String>,
    /// What is done while loading.
    pub options: LoadOptions,
    /// Services to restrict the project to, with what they depend on; none means all.
    pub services: Vec<String>,
    /// Paths of the command line, which may be pipes.
    pub named: Vec<PathBuf>,
    /// Called with each variable before an error can quote its value.
    pub observer: Observer,
}

/// A loaded project.
#[derive(Debug, Clone, PartialEq, Default, Serialize)]
pub struct Loaded {
    /// The project.
    pub stack: Stack,
    /// What is worth saying: unset variables, obsolete and ignored keys.
    pub warnings: Vec<Finding>,
    /// Names of the variables the files refer to, with their defaults.
    pub variables: BTreeMap<String, Variable>,
    /// Env files that were read.
    pub env_files: Vec<PathBuf>,
}

/// A project as a tree, without the typed model: what `--no-interpolate` works on.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct LoadedModel {
    /// The tree.
    pub root: Node,
    /// What is worth saying.
    pub warnings: Vec<Finding>,
}

/// Loads a project.
pub fn load(args: &LoadArgs, disk: &dyn Files) -> Result<Loaded, ComposeError> {
    load_or_warn(args, disk).map_err(|(error, _)| error)
}

/// Loads a project; an error comes with the warnings so far, because an unset variable may be its cause.
pub fn load_or_warn(args: &LoadArgs, disk: &dyn Files) -> Result<Loaded, (ComposeError, Vec<Finding>)> {
    let mut loader = Loader::new(args, disk);
    loader.project().map_err(|error| (error, std::mem::take(&mut loader.warnings)))
}

/// Loads a project as a tree; services are not selected and profiles not applied.
pub fn load_model(args: &LoadArgs, disk: &dyn Files) -> Result<LoadedModel, ComposeError> {
    Loader::new(args, disk).bare_model()
}

/// The unprocessed files of a project.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Written {
    /// The merged tree before interpolation.
    pub root: Node,
    /// The files its positions refer to.
    pub files: Vec<String>,
    /// The variables it refers to.
    pub variables: BTreeMap<String, Variable>,
}

/// The variables the files of a project refer to; like Compose's, the list of a file with unknown keys can be had.
pub fn load_variables(args: &LoadArgs, disk: &dyn Files) -> Result<BTreeMap<String, Variable>, ComposeError> {
    Ok(load_written(args, disk)?.variables)
}

/// Loads the files of a project without interpolation or validation.
pub fn load_written(args: &LoadArgs, disk: &dyn Files) -> Result<Written, ComposeError> {
    let mut args = args.clone();
    args.options.no_interpolate = true;
    let mut loader = Loader { validates: false, ..Loader::new(&args, disk) };
    let model = loader.bare_model()?;
    for (name, service) in model.root.get("services").and_then(Node::as_map).into_iter().flatten() {
        if service.as_map().is_none() {
            return Err(loader.refuse(format!("services.{name}"), service.at, "must be a mapping"));
        }
    }
    let found = super::interpolate::extract(&model.root);
    if found.too_deep {
        let message = format!("more than {} variables inside each other", super::interpolate::DEEPEST);
        return Err(loader.refuse("", model.root.at, message));
    }
    Ok(Written { root: model.root, files: loader.files, variables: found.variables })
}

/// The files of a project and its name, as they were found.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Located {
    /// Absolute project directory.
    pub directory: String,
    /// Project name.
    pub name: String,
    /// Absolute paths of the files in the order they are merged.
    pub files: Vec<String>,
}

/// Finds the files of a project without reading more of them than the name.
pub fn locate(args: &LoadArgs, disk: &dyn Files) -> Result<Located, ComposeError> {
    let setting = Loader::new(args, disk).discover()?;
    let files = setting.files.into_iter().map(|source| source.name).collect();
    Ok(Located { directory: setting.directory, name: setting.name, files })
}

/// The environment a project is interpolated with.
pub fn load_environment(args: &LoadArgs, disk: &dyn Files) -> Result<BTreeMap<String, String>, ComposeError> {
    Ok(load(args, disk)?.stack.environment)
}

/// What a load carries along.
pub(super) struct Loader<'a> {
    args: &'a LoadArgs,
    disk: &'a dyn Files,
    /// Files by the number positions carry.
    files: Vec<String>,
    warnings: Vec<Finding>,
    variables: BTreeMap<String, Variable>,
    home: Option<String>,
    /// Bytes of compose files read so far.
    bytes: usize,
    /// Includes followed so far.
    includes: usize,
    /// Whether keys and types are checked.
    validates: bool,
}

impl<'a> Loader<'a> {
    fn new(args: &'a LoadArgs, disk: &'a dyn Files) -> Self {
        let home = args.environment.get("HOME").filter(|home| !home.is_empty()).cloned();
        Self {
            args,
            disk,
            files: Vec::new(),
            warnings: Vec::new(),
            variables: BTreeMap::new(),
            home,
            bytes: 0,
            includes: 0,
            validates: true,
        }
    }

    /// The tree of the project as it is written.
    fn bare_model(&mut self) -> Result<LoadedModel, ComposeError> {
        let mut setting = self.discover()?;
        // Compose hands its tree no environment: values that are not written are left out, `${…}` stays written.
        let name = setting.environment.remove_entry("COMPOSE_PROJECT_NAME");
        setting.environment = name.into_iter().collect();
        let root = self.model(&mut setting)?;
        Ok(LoadedModel { root, warnings: std::mem::take(&mut self.warnings) })
    }

    /// A problem at a place.
    fn diagnostic(&self, key: impl Into<String>, at: Position, message: impl Into<String>) -> Diagnostic {
        let file = if at.line == 0 { None } else { self.files.get(usize::from(at.file)).cloned() };
        let (key, message) = (key.into(), message.into());
        Diagnostic { file, line: at.line, column: at.column, key, message, nearest: None, required: None }
    }

    fn refuse(&self, key: impl Into<String>, at: Position, message: impl Into<String>) -> ComposeError {
        ComposeError::Invalid(vec![self.diagnostic(key, at, message)])
    }

    fn warn(&mut self, key: impl Into<String>, at: Position, message: impl Into<String>) {
        let finding = Finding { diagnostic: self.diagnostic(key, at, message) };
        if !self.warnings.contains(&finding) {
            self.warnings.push(finding);
        }
    }

    /// The number of a file, for positions.
    fn number(&mut self, name: &str) -> u16 {
        let number = self.files.iter().position(|known| known == name).unwrap_or_else(|| {
            self.files.push(name.to_owned());
            self.files.len() - 1
        });
        u16::try_from(number).unwrap_or(u16::MAX)
    }

    /// The content of a file; only what the command line names may be something else than a regular file.
    fn read(&self, absolute: &str) -> std::io::Result<Vec<u8>> {
        let is_named = self.args.named.iter().any(|path| self.absolute(&path.to_string_lossy()) == absolute);
        let path = Path::new(absolute);
        if is_named { self.disk.read_named(path) } else { self.disk.read(path) }
    }

    /// The absolute form of a path as the process sees it.
    fn absolute(&self, path: &str) -> String {
        if path.starts_with('/') {
            return super::paths::clean(path);
        }
        super::paths::join(&self.args.working_dir.to_string_lossy(), path)
    }
}
