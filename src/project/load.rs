//! Finds the project, reads its file, chooses the environment and merges the values.
//! Reads through `Files` from a directory upwards; returns a `LoadedProject` or every problem at once.
//! Never reads what the file points to.

use std::path::{Path, PathBuf};

use serde_json::{Map, Value};

use super::check::Check;
use super::document::{self, Fault, Node};
use super::error::{Problem, ProjectError};
use super::findings::Findings;
use super::managed_proxy::ManagedProxy;
use super::model::{Environment, Project};
use super::schema::schema;
use super::semantic;
use super::shape::{self, Misfit};
use super::values::{merge_values, set_value};
use crate::error::nearest;
use crate::input_file::{FileKind, Files};

/// The name of the project file.
pub const PROJECT_FILE: &str = "aictl.yaml";
/// What makes a directory a project without one.
const COMPOSE_FILES: [&str; 4] = ["compose.yaml", "compose.yml", "docker-compose.yml", "docker-compose.yaml"];

/// A project with its environment chosen.
#[derive(Debug, Clone, Default)]
pub struct LoadedProject {
    /// Where the project lives; relative paths start here.
    pub directory: PathBuf,
    /// The project file, when there is one.
    pub file: Option<PathBuf>,
    /// The project, when there is a file.
    pub project: Option<Project>,
    /// Name of the environment, when the project has any.
    pub environment_name: Option<String>,
    /// The environment; an empty one when there is none.
    pub environment: Environment,
    /// Values of project, environment and `--set`, merged in this order.
    pub values: Map<String, Value>,
    /// What a managed proxy does, once the compose files were read.
    pub managed_proxy: ManagedProxy,
    pub(super) tree: Option<Node>,
}

/// Selects a project and environment.
#[derive(Debug, Clone, Copy)]
pub struct ProjectArgs<'a> {
    /// Directory to start searching for the project file, upwards.
    pub directory: &'a Path,
    /// Project file to use instead of searching for one.
    pub file: Option<&'a Path>,
    /// Environment; the default environment if absent.
    pub environment: Option<&'a str>,
    /// Values set with `--set`, as `a.b=c`.
    pub set: &'a [String],
}

/// Loads a project.
pub fn load_project(args: &ProjectArgs<'_>, files: &dyn Files) -> Result<LoadedProject, ProjectError> {
    let (directory, file) = match args.file {
        Some(file) => (parent_of(file, args.directory), Some(file.to_owned())),
        None => find(args.directory, files)?,
    };
    let mut loaded = match file {
        Some(file) => {
            let text = files.read_text(&file).map_err(|source| ProjectError::Read { path: file.clone(), source })?;
            of_text(directory, (file, &text), args.environment)?
        }
        None => bare(directory, args.environment)?,
    };
    for argument in args.set {
        set_value(&mut loaded.values, argument)?;
    }
    Ok(loaded)
}

impl LoadedProject {
    /// The project's own name, when its file gives one.
    pub fn name(&self) -> Option<&str> {
        self.project.as_ref()?.name.as_deref()
    }

    /// Services that the project file names and the stack does not have.
    pub fn unknown_services(&self, services: &[&str]) -> Vec<Problem> {
        let (Some(project), Some(tree), Some(file)) = (&self.project, &self.tree, &self.file) else {
            return Vec::new();
        };
        let mut found = Findings::new(tree);
        let mut expect = |path: &[&str], service: &str| expected(&mut found, services, path, service);
        for (name, task) in &project.tasks {
            expect(&["tasks", name, "service"], &task.service);
        }
        self.unknown_in_proxy(services, &mut found);
        let mut expect = |path: &[&str], service: &str| expected(&mut found, services, path, service);
        for service in project.backup.iter().flat_map(|backup| backup.include.keys()) {
            expect(&["backup", "include", service], service);
        }
        self.unknown_in_checks(services, &mut found);
        problems(file, found.into_misfits())
    }

    /// The same for the proxy alone.
    pub fn unknown_services_of_proxy(&self, services: &[&str]) -> Vec<Problem> {
        let (Some(tree), Some(file)) = (&self.tree, &self.file) else { return Vec::new() };
        let mut found = Findings::new(tree);
        self.unknown_in_proxy(services, &mut found);
        problems(file, found.into_misfits())
    }

    fn unknown_in_proxy(&self, services: &[&str], found: &mut Findings<'_>) {
        let (Some(name), Some(proxy)) = (&self.environment_name, &self.environment.proxy) else { return };
        if !proxy.managed {
            expected(found, services, &["environments", name, "proxy", "service"], &proxy.service);
        }
        for (index, route) in proxy.routes.iter().enumerate() {
            let number = index.to_string();
            expected(found, services, &["environments", name, "proxy", "routes", &number, "service"], &route.service);
        }
    }

    /// A problem with a key of the environment, found when it was to be used.
    pub fn problem_of_environment(&self, keys: &[&str], message: String, nearest: Option<String>) -> Problem {
        let name = self.environment_name.as_deref().unwrap_or_default();
        let path = [&["environments", name][..], keys].concat();
        let at = self.tree.as_ref().map(|tree| tree.place(&path)).unwrap_or_default();
        let file = self.file.as_deref().map_or_else(|| PROJECT_FILE.to_owned(), shown);
        Problem { file, line: at.line, column: at.column, key: path.join("."), message, nearest }
    }

    /// The same for the checks alone.
    pub fn unknown_services_of_checks(&self, services: &[&str]) -> Vec<Problem> {
        let (Some(tree), Some(file)) = (&self.tree, &self.file) else { return Vec::new() };
        let mut found = Findings::new(tree);
        self.unknown_in_checks(services, &mut found);
        problems(file, found.into_misfits())
    }

    fn unknown_in_checks(&self, services: &[&str], found: &mut Findings<'_>) {
        let name = self.environment_name.as_deref().unwrap_or_default();
        let project = self.project.iter().flat_map(|project| &project.checks);
        for (base, (index, check)) in std::iter::repeat(&["checks"][..]).zip(project.enumerate()).chain(
            std::iter::repeat(&["environments", name, "checks"][..]).zip(self.environment.checks.iter().enumerate()),
        ) {
            let Some((key, service)) = check.service() else { continue };
            let number = index.to_string();
            let path: Vec<&str> = base.iter().copied().chain([number.as_str()]).chain(key.iter().copied()).collect();
            expected(found, services, &path, service);
        }
    }

    /// The checks of the project and of its environment.
    pub fn checks(&self) -> impl Iterator<Item = &Check> {
        self.project.iter().flat_map(|project| &project.checks).chain(&self.environment.checks)
    }
}

fn expected(found: &mut Findings<'_>, services: &[&str], path: &[&str], service: &str) {
    if !services.contains(&service) {
        let message = format!("service `{service}` is not defined in the compose files");
        found.add_near(path, message, nearest(service, services.iter().copied()));
    }
}

/// The nearest directory upwards with a project file or a compose file; the directory itself when there is none.
fn find(directory: &Path, files: &dyn Files) -> Result<(PathBuf, Option<PathBuf>), ProjectError> {
    for candidate in directory.ancestors() {
        let file = candidate.join(PROJECT_FILE);
        if files.has_file(&file) {
            return Ok((candidate.to_owned(), Some(file)));
        }
        refuse_other_kinds(&file, files)?;
        if COMPOSE_FILES.iter().any(|name| files.has_file(&candidate.join(name))) {
            return Ok((candidate.to_owned(), None));
        }
    }
    Ok((directory.to_owned(), None))
}

/// Without the file the project would be another one: without its name, environments and target.
fn refuse_other_kinds(file: &Path, files: &dyn Files) -> Result<(), ProjectError> {
    let what = match files.kind(file) {
        Ok(FileKind::Directory) => "a directory",
        Ok(FileKind::Other) => "a pipe, socket or device",
        Ok(FileKind::Regular { .. }) => return Ok(()),
        Err(_) if files.is_link(file) => "a broken symbolic link",
        Err(_) => return Ok(()),
    };
    Err(ProjectError::NoRegularFile { path: file.to_owned(), what })
}

fn parent_of(file: &Path, fallback: &Path) -> PathBuf {
    match file.parent() {
        Some(parent) if parent != Path::new("") => parent.to_owned(),
        _ => fallback.to_owned(),
    }
}

fn bare(directory: PathBuf, environment: Option<&str>) -> Result<LoadedProject, ProjectError> {
    if let Some(name) = environment {
        return Err(ProjectError::NoProject { name: name.to_owned(), directory });
    }
    Ok(LoadedProject {
        directory,
        file: None,
        project: None,
        environment_name: None,
        environment: Environment::default(),
        values: Map::new(),
        managed_proxy: ManagedProxy::default(),
        tree: None,
    })
}

fn of_text(
    directory: PathBuf,
    (file, text): (PathBuf, &str),
    wanted: Option<&str>,
) -> Result<LoadedProject, ProjectError> {
    let (project, tree) = read(text, &file)?;
    let environment_name = choose(&project, wanted, &file)?;
    let environment =
        environment_name.as_ref().and_then(|name| project.environments.get(name)).cloned().unwrap_or_default();
    let mut values = project.values.clone();
    merge_values(&mut values, &environment.values);
    Ok(LoadedProject {
        directory,
        file: Some(file),
        project: Some(project),
        environment_name,
        environment,
        values,
        managed_proxy: ManagedProxy::default(),
        tree: Some(tree),
    })
}

/// The text of a project file as a project, or everything that is wrong with it.
pub fn parse_project(text: &str) -> Result<Project, ProjectError> {
    Ok(read(text, Path::new(PROJECT_FILE))?.0)
}

/// The same with its tree, for a file of its own.
fn read(text: &str, file: &Path) -> Result<(Project, Node), ProjectError> {
    let as_misfits = |faults: Vec<Fault>| -> Vec<Misfit> {
        faults.into_iter().map(|fault| Misfit { fault, nearest: None }).collect()
    };
    let parsed = document::parse(text).map_err(|faults| ProjectError::Invalid(problems(file, as_misfits(faults))));
    let (tree, faults) = parsed?;
    let mut misfits = as_misfits(faults);
    let (mut value, wrong) = shape::fit(&tree, schema());
    if value.is_null() {
        // An empty file is a project that says nothing.
        value = Value::Object(Map::new());
    }
    let fits = wrong.is_empty();
    misfits.extend(wrong);
    // A project that does not fit its types cannot be examined further.
    if !fits {
        return Err(ProjectError::Invalid(problems(file, misfits)));
    }
    let project: Project = serde_json::from_value(value)
        .map_err(|e| ProjectError::Mismatch { file: shown(file), reason: e.to_string() })?;
    misfits.extend(semantic::validate(&project, &tree));
    if misfits.is_empty() { Ok((project, tree)) } else { Err(ProjectError::Invalid(problems(file, misfits))) }
}

fn choose(project: &Project, wanted: Option<&str>, file: &Path) -> Result<Option<String>, ProjectError> {
    let known = || project.environments.keys().cloned().collect::<Vec<_>>();
    match wanted.or(project.default_environment.as_deref()) {
        Some(name) if project.environments.contains_key(name) => Ok(Some(name.to_owned())),
        Some(name) => {
            Err(ProjectError::UnknownEnvironment { name: name.to_owned(), file: shown(file), known: known() })
        }
        None => match &known()[..] {
            [] => Ok(None),
            [only] => Ok(Some(only.clone())),
            _ => Err(ProjectError::NoEnvironment { file: shown(file), known: known() }),
        },
    }
}

fn problems(file: &Path, mut misfits: Vec<Misfit>) -> Vec<Problem> {
    misfits.sort_by_key(|misfit| (misfit.fault.at.line, misfit.fault.at.column));
    let file = shown(file);
    let problem = |misfit: Misfit| Problem {
        file: file.clone(),
        line: misfit.fault.at.line,
        column: misfit.fault.at.column,
        key: misfit.fault.key,
        message: misfit.fault.message,
        nearest: misfit.nearest,
    };
    misfits.into_iter().map(problem).collect()
}

/// The file's own name: where it lies is known to who runs the command.
fn shown(file: &Path) -> String {
    file.file_name().map_or_else(|| file.display().to_string(), |name| name.to_string_lossy().into_owned())
}

#[cfg(test)]
#[path = "load_tests.rs"]
mod tests;
