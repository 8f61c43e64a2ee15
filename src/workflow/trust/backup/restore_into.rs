//! `aictl backup restore --repository PATH --into DIR`: the way back when only a repository and its password are left. The
//! project's files are written into the directory; the project there is then restored as any other.

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::path::{Path, PathBuf};

use clap::Args;

use super::sets::{OpenSets, complete, lock};
use crate::backup::{BackupError, CONFIGURATION, LoadedSet, Location, LockKind, Manifest, Part, StoredPart};
use crate::error::Result;
use crate::input_file::{Files as _, LocalFiles};
use crate::project::BackupPolicy;
use crate::secret::Secret;
use crate::session::backup::configuration::{self, RestoredFiles};
use crate::session::backup::{BackupSettings, address, location, open_to_read};
use crate::session::load::load_project_file;
use crate::session::{Context, WorkflowError};

/// The variable with the password, where no file is named.
const PASSWORD: &str = "BACKUP_PASSWORD";

/// Where a project is restored from that is not there.
#[derive(Debug, Clone, Default, Args)]
pub struct SourceArgs {
    /// Repository to restore a whole project from, its files included; with --into
    #[arg(long, value_name = "REPOSITORY", alias = "repo", requires = "into", conflicts_with_all = ["abandon", "only"])]
    pub repository: Option<String>,
    /// File with the password of --repository; by default the variable BACKUP_PASSWORD has it
    #[arg(long, value_name = "FILE", requires = "repository")]
    pub password_file: Option<PathBuf>,
    /// Empty or new directory for the project's files; with --repository
    #[arg(long, value_name = "DIR", requires = "repository")]
    pub into: Option<PathBuf>,
}

/// A repository, and the directory that a project of it is to be written to.
pub(super) struct RestoreSource {
    location: Location,
    into: PathBuf,
}

/// The sets of a repository without its project.
pub(super) struct Found {
    pub(super) open: OpenSets,
    pub(super) sets: Vec<LoadedSet>,
    pub(super) set: LoadedSet,
}

impl RestoreSource {
    /// What the command line names; none where the project of this directory is to be restored.
    pub(super) fn of(context: &Context, args: &SourceArgs) -> Result<Option<Self>> {
        let (Some(repository), Some(into)) = (&args.repository, &args.into) else { return Ok(None) };
        if context.options.project_dir.is_some() || !context.options.files.is_empty() {
            return Err(WorkflowError::usage("`--into` cannot be used with `--project-dir` or `--file`").into());
        }
        let password = password(context, args.password_file.as_deref())?;
        context.redactor.learn(std::slice::from_ref(&password));
        let address = address(&context.cwd, repository, "--repository")?;
        let location = location(context, (address, password), |_| None);
        Ok(Some(Self { location, into: context.cwd.join(into) }))
    }

    /// Opens the repository and chooses the set.
    pub(super) async fn open(&self, context: &Context, name: Option<&str>) -> Result<Found> {
        let repository = open_to_read(&self.location).await?;
        let lock = lock(context, &repository, LockKind::Shared).await?;
        let found = repository.sets(None).await?;
        found.unreadable.iter().for_each(|file| context.reporter.warn(format!("{}: {}", file.what, file.problem)));
        let project = one_project(context, &found.sets)?;
        let settings = BackupSettings { policy: BackupPolicy::default(), location: self.location.clone() };
        let open = OpenSets { project, settings, repository, _lock: lock };
        let sets: Vec<LoadedSet> = found.sets.into_iter().filter(|set| set.found.id.project == open.project).collect();
        let set = open.trusted(context, sets.clone(), name)?;
        Ok(Found { open, sets, set })
    }

    /// Writes the project's files, or names those that a dry run would write. Nothing is written where the directory has
    /// other files.
    pub(super) async fn write(&self, context: &Context, found: &Found) -> Result<RestoredFiles> {
        let manifest = complete(&found.set)?;
        let part = configuration_of(manifest)?;
        self.check_directory(part)?;
        let stored = StoredPart { repository: &found.open.repository, set: &found.set, part };
        let seen = configuration::compare(stored, &self.into).await?;
        if let Some(file) = seen.differ.first() {
            return Err(self.not_empty(Path::new(file)));
        }
        if context.options.dry_run {
            return Ok(seen);
        }
        context.changes.begin();
        configuration::restore(stored, &self.into, false).await
    }

    /// The context of the project that was written, with the sets as its own.
    pub(super) fn enter(&self, context: &Context, found: &mut Found) -> Result<Context> {
        let manifest = complete(&found.set)?;
        let mut inner = context.clone();
        inner.options.project_dir = Some(self.into.clone());
        let environment = inner.options.environment.take().or_else(|| manifest.environment.clone());
        inner.options.environment = environment;
        let project = load_project_file(&inner)?;
        if context.project_name().is_none() && project.name() != Some(found.open.project.as_str()) {
            inner.options.project_name = Some(found.open.project.clone());
        }
        let policy = project.project.as_ref().and_then(|file| file.backup.clone()).unwrap_or_default();
        // Where the repository is now is what the command line says.
        if address(&self.into, &policy.repository, "backup.repository").ok().as_ref() != Some(&self.location.address) {
            context.reporter.warn(format!(
                "aictl.yaml has the repository at {}: change `backup.repository` there before the next backup, or move the repository",
                policy.repository
            ));
        }
        found.open.settings.policy = BackupPolicy { local: true, ..policy };
        Ok(inner)
    }

    /// The directory must hold nothing but files of the set, as a restore that was interrupted leaves it.
    fn check_directory(&self, part: &Part) -> Result<()> {
        let failed = |error: std::io::Error| WorkflowError::File {
            path: self.into.display().to_string(),
            reason: error.to_string(),
        };
        if LocalFiles.is_link(&self.into) {
            return Err(failed(std::io::Error::other("it is a symbolic link")).into());
        }
        let first = |file: &str| Path::new(file).iter().next().map(OsString::from);
        let known: BTreeSet<OsString> = part.files.iter().filter_map(|file| first(&file.of)).collect();
        let entries = match std::fs::read_dir(&self.into) {
            Ok(entries) => entries,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(()),
            Err(error) => return Err(failed(error).into()),
        };
        for entry in entries {
            let name = entry.map_err(failed)?.file_name();
            if !known.contains(&name) {
                return Err(self.not_empty(Path::new(&name)));
            }
        }
        Ok(())
    }

    fn not_empty(&self, file: &Path) -> crate::error::Error {
        let message = format!("{} is not empty: it has {}", self.into.display(), file.display());
        let hint = Some("name a new or empty directory: `--into DIR`".to_owned());
        WorkflowError::Refused { message, hint }.into()
    }
}

/// The project that the command line names, or the only one of the repository.
fn one_project(context: &Context, sets: &[LoadedSet]) -> Result<String> {
    if let Some(name) = context.project_name() {
        return Ok(name.to_owned());
    }
    let names: BTreeSet<&str> = sets.iter().map(|set| set.found.id.project.as_str()).collect();
    match names.into_iter().collect::<Vec<_>>().as_slice() {
        [name] => Ok((*name).to_owned()),
        [] => Err(BackupError::NoCompleteSet { project: "any project".to_owned() }.into()),
        names => {
            let message = format!("the repository has backup sets of several projects: {}", names.join(", "));
            let hint = Some("name one: `aictl -p NAME restore`".to_owned());
            Err(WorkflowError::Usage { message, hint }.into())
        }
    }
}

fn configuration_of(manifest: &Manifest) -> Result<&Part> {
    let missing = || BackupError::BadSet { set: manifest.set.clone(), reason: "it has no project files".to_owned() };
    Ok(manifest.part(CONFIGURATION).ok_or_else(missing)?)
}

/// The first line of the file, else the variable.
fn password(context: &Context, file: Option<&Path>) -> Result<Secret> {
    let text = match file {
        Some(file) => {
            let failed = |reason: String| WorkflowError::File { path: file.display().to_string(), reason };
            let bytes = LocalFiles.read_named(&context.cwd.join(file)).map_err(|error| failed(error.to_string()))?;
            String::from_utf8(bytes).map_err(|_| failed("it is not text".to_owned()))?
        }
        None => context.variables.get(PASSWORD).cloned().unwrap_or_default(),
    };
    match text.lines().next().unwrap_or_default() {
        "" => {
            let message = "the password of the repository is missing".to_owned();
            let hint = format!("name a file with `--password-file FILE`, or set it: `export {PASSWORD}=…`");
            Err(WorkflowError::Configuration { message, hint: Some(hint) }.into())
        }
        password => Ok(Secret::new(password)),
    }
}
