//! From the command line's words to a loaded stack and a connection: project file, templates, compose files, engine.
//! Reads files through the pure modules; returns a `LoadedStack`.
//! Never reads the process environment: the context has it.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::compose::model::Stack;
use crate::compose::{self, ComposeError, FileSource, LoadArgs, LoadOptions};
use crate::error::{ErrorKind, Result, nearest};
use crate::event::Event;
use crate::input_file::LocalFiles;
use crate::plan::{Scope, api_socket};
use crate::project::{DeployPolicy, LoadedProject, ProjectArgs, ProxyConfig, Task, load_project};
use crate::session::cluster::{is_cluster, refuse_on_clusters, release_name};
use crate::session::endpoint::endpoint;
use crate::session::managed_proxy;
use crate::session::redaction::{learn_channels, learn_declared, observer, publish, redact};
use crate::session::templates::render_files;
use crate::session::{Context, WorkflowError};
use crate::target::Target;
use crate::template;

/// A project as a verb needs it.
pub struct LoadedStack {
    /// Project name.
    pub name: String,
    /// The stack; absent when only a name was given.
    pub stack: Option<Stack>,
    /// The project file and its environment.
    pub project: LoadedProject,
    /// Env files given on the command line, absolute, for the label.
    pub env_files: Vec<String>,
    /// What the stack was loaded from.
    pub source: Option<Box<StackSource>>,
}

/// What a stack was loaded from.
pub struct StackSource {
    /// The arguments of the loader.
    pub args: LoadArgs,
    /// The env files that were read.
    pub env_files: Vec<PathBuf>,
}

/// Loads the stack; files are needed.
pub fn load_stack(context: &Context) -> Result<LoadedStack> {
    let mut project = load_project_file(context)?;
    let hint = "deploy the chart with `aictl deploy`, see it with `aictl status`";
    refuse_on_clusters(&project, "this command", hint)?;
    publish(context, &project);
    warn_of_no_effect(context, &project);
    let mut args = own_args(context, &project)?;
    if let Some(managed) = managed_proxy::append(&project, &mut args)? {
        managed_proxy::resolve(&mut project, managed);
    }
    let mut loaded = load_files(context, &args)?;
    warn_of_profiles(context, &loaded.stack, &args.profiles);
    api_socket::grant(&mut loaded.stack, docker_settings(context).as_deref(), &LocalFiles);
    for finding in &loaded.warnings {
        context.reporter.warn(finding.to_string());
    }
    let env_files = args.env_files.iter().map(|f| absolute(&context.cwd, f)).collect();
    redact(context, &loaded.stack, loaded.variables.keys());
    learn_declared(context, &project, &loaded.stack);
    learn_channels(context, &project, &loaded.stack.environment);
    let source = Some(Box::new(StackSource { args, env_files: loaded.env_files }));
    Ok(LoadedStack { name: loaded.stack.name.clone(), stack: Some(loaded.stack), project, env_files, source })
}

/// Loads the stack where there are files; with a project name alone the labels on the engine must do.
pub fn load_named(context: &Context) -> Result<LoadedStack> {
    if let Some(loaded) = load_of_cluster(context)? {
        return Ok(loaded);
    }
    match load_stack(context) {
        Err(error) if no_file(&error) && context.options.files.is_empty() => {
            let Some(name) = context.project_name() else { return Err(error) };
            by_labels(context, name)
        }
        result => result,
    }
}

/// The same for verbs that need no more than labels: with `-p NAME` they work beside files that cannot be read, too.
pub fn load_by_name(context: &Context) -> Result<LoadedStack> {
    if let Some(loaded) = load_of_cluster(context)? {
        return Ok(loaded);
    }
    let name = context.options.project_name.as_deref().filter(|_| context.options.files.is_empty());
    match (load_named(context), name) {
        (Err(error), Some(name)) => {
            let message = format!("only labels are used, as the files here cannot be read: {error}");
            context.reporter.report(Event::Warning { message, hint: error.hints().first().cloned() });
            by_labels(context, name)
        }
        (result, _) => result,
    }
}

/// The project, or its name alone if its files cannot be read: for verbs that use the release stored on the engine. The
/// hint says how to name the project.
pub fn load_or_name(context: &Context, hint: &str) -> Result<LoadedStack> {
    if let Ok(Some(loaded)) = load_of_cluster(context) {
        return Ok(loaded);
    }
    let error = match load_stack(context) {
        Err(error) if error.kind() == ErrorKind::Config => error,
        result => return result,
    };
    let Ok(project) = load_project_file(context) else { return Err(error) };
    let Some(name) = context.project_name().or(project.name()).map(str::to_owned) else {
        return Err(error.with_hint(hint));
    };
    let message = format!("cannot read the project files, using the stored release: {error}");
    context.reporter.warn(message);
    Ok(LoadedStack { name, stack: None, project, env_files: Vec::new(), source: None })
}

/// The project where its environment runs on clusters: there are no compose files, and the chart is read by the verbs that
/// render it.
fn load_of_cluster(context: &Context) -> Result<Option<LoadedStack>> {
    let project = match load_project_file(context) {
        Ok(project) if is_cluster(&project) => project,
        // What is wrong with the file is said where the stack is loaded.
        _ => return Ok(None),
    };
    publish(context, &project);
    warn_of_no_effect(context, &project);
    let name = release_name(context, &project)?;
    Ok(Some(LoadedStack { name, stack: None, project, env_files: Vec::new(), source: None }))
}

fn by_labels(context: &Context, name: &str) -> Result<LoadedStack> {
    let project = load_project_file(context)?;
    Ok(LoadedStack { name: name.to_owned(), stack: None, project, env_files: Vec::new(), source: None })
}

/// The folder of the Docker CLI's settings.
pub fn docker_settings(context: &Context) -> Option<PathBuf> {
    let variable = |name: &str| context.variables.get(name).filter(|value| !value.is_empty());
    variable("DOCKER_CONFIG").map(PathBuf::from).or_else(|| Some(Path::new(variable("HOME")?).join(".docker")))
}

fn no_file(error: &crate::error::Error) -> bool {
    matches!(error.downcast_ref::<ComposeError>(), Some(ComposeError::NotFound { .. }))
}

/// The project file alone, for verbs that need no stack.
pub fn load_project_file(context: &Context) -> Result<LoadedProject> {
    let options = &context.options;
    let directory = options.project_dir.as_ref().map_or(context.cwd.clone(), |d| context.cwd.join(d));
    let environment = options.environment.as_deref();
    let args = ProjectArgs { directory: &directory, file: None, environment, set: &options.set };
    let project = load_project(&args, &LocalFiles)?;
    learn_channels(context, &project, &context.variables);
    Ok(project)
}

/// Names what the project file and the options say and nothing reads.
pub fn warn_of_no_effect(context: &Context, project: &LoadedProject) {
    let keys = project.keys_without_effect();
    if !keys.is_empty() {
        let verb = if keys.len() == 1 { "has" } else { "have" };
        context.reporter.warn(format!("{}: {} {verb} no effect yet", crate::project::PROJECT_FILE, keys.join(", ")));
    }
    let named = !context.options.files.is_empty();
    project.odd_settings(&context.options.set, named).into_iter().for_each(|said| context.reporter.warn(said));
    let replaced = if named { replaced_by_files(context, project) } else { Vec::new() };
    if !replaced.is_empty() {
        let file = crate::project::PROJECT_FILE;
        context.reporter.warn(format!("with --file these keys of {file} are not used: {}", replaced.join(", ")));
    }
}

/// What the environment says of its compose files, when others are named on the command line.
fn replaced_by_files(context: &Context, project: &LoadedProject) -> Vec<String> {
    let environment = &project.environment;
    let name = project.environment_name.as_deref().unwrap_or_default();
    let keys = [
        ("compose", environment.compose.is_empty()),
        ("profiles", environment.profiles.is_empty()),
        ("env_file", environment.env_file.is_empty()),
    ];
    let of_environment = keys.iter().filter(|(_, empty)| !empty).map(|(key, _)| format!("environments.{name}.{key}"));
    let own_name = project.name().filter(|_| context.project_name().is_none()).map(|_| "name".to_owned());
    own_name.into_iter().chain(of_environment).collect()
}

/// Names profiles that no service has.
fn warn_of_profiles(context: &Context, stack: &Stack, wanted: &[String]) {
    let known: BTreeSet<&str> =
        stack.all_services().flat_map(|(_, service)| &service.profiles).map(String::as_str).collect();
    for profile in wanted.iter().filter(|profile| *profile != "*" && !known.contains(profile.as_str())) {
        let near = nearest(profile, known.iter().copied());
        let near = near.map(|near| format!("; did you mean `{near}`?")).unwrap_or_default();
        context.reporter.warn(format!("no service has the profile `{profile}`{near}"));
    }
}

/// Loads the compose files; when they are invalid, the warnings collected so far are printed.
pub fn load_files(context: &Context, args: &LoadArgs) -> Result<compose::Loaded> {
    compose::load_or_warn(args, &LocalFiles).map_err(|(error, warnings)| {
        warnings.iter().for_each(|finding| context.reporter.warn(finding.to_string()));
        error.into()
    })
}

/// The arguments of the compose loader: the project's own files and what aictl adds to them.
pub fn load_args(context: &Context, project: &LoadedProject) -> Result<LoadArgs> {
    let mut args = own_args(context, project)?;
    managed_proxy::append(project, &mut args)?;
    Ok(args)
}

/// The files that the command line names, else those of the environment of aictl.yaml.
pub fn own_args(context: &Context, project: &LoadedProject) -> Result<LoadArgs> {
    let options = &context.options;
    let mut args = LoadArgs {
        working_dir: context.cwd.clone(),
        project_dir: options.project_dir.clone(),
        project_name: options.project_name.clone(),
        profiles: options.profiles.clone(),
        env_files: options.env_files.clone(),
        environment: context.variables.clone(),
        // The plan creates only what is used, and a service named on the command line may not be enabled yet.
        // Env files are merged and dropped before the hash, as Compose does for its labels.
        options: LoadOptions { all_resources: true, discard_env_files: true, ..Default::default() },
        services: Vec::new(),
        files: Vec::new(),
        appended: Vec::new(),
        named: named_paths(context),
        observer: observer(context, project),
    };
    if !options.files.is_empty() {
        args.files = options.files.iter().map(|f| command_line_file(context, f)).collect::<Result<_>>()?;
        return Ok(args);
    }
    if project.file.is_some() {
        // As it overrides the `name` of compose files.
        args.project_name = context.project_name().map(str::to_owned);
        from_environment(project, &mut args)?;
    }
    Ok(args)
}

/// Files and env files that the operator named.
fn named_paths(context: &Context) -> Vec<PathBuf> {
    let options = &context.options;
    let listed = context.variables.get("COMPOSE_ENV_FILES").map_or("", String::as_str);
    options.files.iter().chain(&options.env_files).cloned().chain(listed.split(',').map(PathBuf::from)).collect()
}

fn command_line_file(context: &Context, file: &Path) -> Result<FileSource> {
    if file != Path::new("-") {
        return Ok(FileSource::Path(file.to_owned()));
    }
    let text = (context.read_stdin)()
        .map_err(|e| WorkflowError::File { path: "standard input".into(), reason: e.to_string() })?;
    Ok(FileSource::Stdin(text))
}

/// Files, profiles and env file of the environment; templates are rendered, nothing is written.
fn from_environment(project: &LoadedProject, args: &mut LoadArgs) -> Result<()> {
    let environment = &project.environment;
    args.project_dir.get_or_insert_with(|| project.directory.clone());
    if args.project_name.is_none() {
        args.project_name = project.name().map(str::to_owned);
    }
    args.profiles.extend(environment.profiles.iter().cloned());
    if args.env_files.is_empty() {
        args.env_files.extend(environment.env_file.iter().map(|f| project.directory.join(f)));
    }
    let is_template = |file: &&String| file.ends_with(template::SUFFIX);
    let templates: Vec<String> = environment.compose.iter().filter(is_template).cloned().collect();
    let mut rendered = render_files(project, &templates)?.into_iter();
    for file in &environment.compose {
        let filled = Some(file).filter(is_template).and_then(|_| rendered.next());
        args.files.push(match filled {
            Some(filled) => FileSource::Inline { name: project.directory.join(filled.name), text: filled.text },
            None => FileSource::Path(project.directory.join(file)),
        });
    }
    Ok(())
}

fn absolute(cwd: &Path, file: &Path) -> String {
    let path: PathBuf = cwd.join(file);
    path.canonicalize().unwrap_or(path).display().to_string()
}

impl LoadedStack {
    /// The stack, for verbs that cannot do without.
    pub fn take_stack(&mut self, context: &Context) -> Result<Stack> {
        self.stack.take().ok_or_else(|| ComposeError::NotFound { directory: context.cwd.clone() }.into())
    }

    /// The stack with the named services enabled, whatever their profiles, and what they depend on.
    pub fn take_stack_with(&mut self, context: &Context, named: &[String]) -> Result<Stack> {
        let mut stack = self.take_stack(context)?;
        let mut open: Vec<String> = named.to_vec();
        while let Some(name) = open.pop() {
            if let Some(service) = stack.disabled_services.remove(&name) {
                open.extend(service.depends_on.keys().cloned());
                stack.services.insert(name, service);
            }
        }
        Ok(stack)
    }

    /// Connects to the environment's engine.
    pub async fn connect(&self, context: &Context) -> Result<Arc<dyn Target>> {
        Ok(endpoint(context, &self.project)?.connect().await?)
    }

    /// What to look for on the engine.
    pub fn scope(&self, stack: Option<&Stack>) -> Scope {
        let stack = stack.or(self.stack.as_ref());
        Scope {
            project: self.name.clone(),
            networks: stack.into_iter().flat_map(|s| s.networks.values().map(|n| n.name.clone())).collect(),
            volumes: stack.into_iter().flat_map(|s| s.volumes.values().map(|v| v.name.clone())).collect(),
            images: stack.map(Stack::all_images).unwrap_or_default(),
            proxy: None,
            // What labels alone say has no folder.
            folder: stack.map(|s| s.working_dir.clone()).filter(|folder| folder.is_absolute()),
            cluster: None,
        }
    }

    /// Whether the environment is one that is deployed to.
    pub fn may_have_release(&self) -> bool {
        self.routing_proxy().is_some() || self.project.environment.deploy != DeployPolicy::default()
    }

    /// The proxy, where it leads requests to services.
    pub fn routing_proxy(&self) -> Option<&ProxyConfig> {
        let proxy = self.project.environment.proxy.as_ref();
        proxy.filter(|proxy| proxy.managed || !proxy.routes.is_empty())
    }

    /// Only containers, networks and volumes that carry the project's label: for verbs that look and leave.
    pub fn narrow_scope(&self) -> Scope {
        let folder = self.stack.as_ref().map(|s| s.working_dir.clone());
        Scope { project: self.name.clone(), folder, ..Default::default() }
    }

    /// The tasks of the project file.
    pub fn tasks(&self) -> BTreeMap<String, Task> {
        self.project.project.as_ref().map(|p| p.tasks.clone().into_iter().collect()).unwrap_or_default()
    }
}
