//! The sets of the project in its repository, by name or the newest.

use std::collections::BTreeSet;

use crate::backup::{
    BackupError, Finding, FoundSets, HeldLock, LoadedSet, LockKind, Manifest, Part, Repository, SetState,
    damaged_packs, preferred,
};
use crate::error::Result;
use crate::session::backup::{BackupSettings, lock_owner, open_to_read, record};
use crate::session::load::{load_project_file, load_stack};
use crate::session::{Context, WorkflowError};

/// The project's repository, open.
pub(super) struct OpenSets {
    /// The project.
    pub(super) project: String,
    /// The settings.
    pub(super) settings: BackupSettings,
    /// The repository.
    pub(super) repository: Repository,
    /// Its lock; none in a dry run, which writes nothing, and where none can be written and it is only read.
    pub(super) _lock: Option<HeldLock>,
}

impl OpenSets {
    /// Opens and locks the project's repository.
    pub(super) async fn open(context: &Context, kind: LockKind) -> Result<Self> {
        Self::open_with(context, settings(context).await?, kind).await
    }

    /// The same with settings at hand. A dry run only reads.
    pub(super) async fn open_with(
        context: &Context,
        ProjectSettings { project, settings }: ProjectSettings,
        kind: LockKind,
    ) -> Result<Self> {
        let repository = open_to_read(&settings.location).await?;
        let lock = lock(context, &repository, kind).await?;
        Ok(Self { project, settings, repository, _lock: lock })
    }

    /// The sets of the project, oldest first, and what cannot be read.
    pub(super) async fn all(&self) -> Result<FoundSets> {
        Ok(self.repository.sets(Some(&self.project)).await?)
    }

    /// Leaves a note of altered packs, so that no backup is built on them; a dry run does not.
    pub(super) async fn note_altered(&self, context: &Context, packs: BTreeSet<String>) {
        if context.options.dry_run {
            return;
        }
        let noted = async {
            self.repository.note_altered(packs).await?;
            self.repository.forget_whole().await
        };
        if let Err(error) = noted.await {
            context.reporter.warn(error.to_string());
        }
    }

    /// Reads what parts of a set need, and fails where some of it is lost. The set is damaged then.
    pub(super) async fn check_needed(&self, context: &Context, (set, parts): (&LoadedSet, &[Part])) -> Result<()> {
        let parts = parts.iter().map(|part| part.name.clone()).collect();
        let lost = self.repository.check_needed(set, parts).await?;
        if !lost.files.is_empty() {
            self.note_altered(context, damaged_packs(&lost.packs)).await;
            record(context, (&self.repository, set), Finding::Damaged).await?;
        }
        Ok(lost.check(&set.found.id.set)?)
    }

    /// The sets of the project that can be read; a warning names what cannot.
    pub(super) async fn readable(&self, context: &Context) -> Result<Vec<LoadedSet>> {
        let found = self.all().await?;
        found.unreadable.iter().for_each(|file| context.reporter.warn(format!("{}: {}", file.what, file.problem)));
        Ok(found.sets)
    }

    /// The set to restore: the one of this name, else the one that is trusted most, which is said with the reason.
    pub(super) fn trusted(&self, context: &Context, sets: Vec<LoadedSet>, name: Option<&str>) -> Result<LoadedSet> {
        if name.is_some() {
            return self.choose(sets, name);
        }
        let none = || match sets.iter().rfind(|set| set.is_default()) {
            Some(damaged) => BackupError::OnlyDamaged { set: damaged.found.id.set.clone() },
            None => BackupError::NoCompleteSet { project: self.project.clone() },
        };
        let index = preferred(&sets).ok_or_else(none)?;
        let set = sets.get(index).cloned().ok_or_else(none)?;
        let why = match set.state() {
            SetState::Proven => "the newest proven one",
            SetState::Verified => "the newest verified one; none is proven",
            SetState::Taken | SetState::Damaged | SetState::Incomplete => {
                "the newest complete one; none is proven or verified"
            }
        };
        context.reporter.note(format!("backup set {}: {why}", set.found.id.set));
        Ok(set)
    }

    /// The set of this name or beginning of a name, else the newest complete one.
    pub(super) fn choose(&self, sets: Vec<LoadedSet>, name: Option<&str>) -> Result<LoadedSet> {
        let Some(name) = name else {
            let newest = sets.into_iter().rfind(LoadedSet::is_default);
            return newest.ok_or_else(|| BackupError::NoCompleteSet { project: self.project.clone() }.into());
        };
        let mut found = sets.into_iter().filter(|set| !name.is_empty() && set.found.id.set.starts_with(name));
        let first = found.next().ok_or_else(|| BackupError::NoSet { name: name.to_owned() })?;
        match found.next() {
            None => Ok(first),
            Some(other) => {
                let message =
                    format!("`{name}` matches several backup sets: {} and {}", first.found.id.set, other.found.id.set);
                Err(WorkflowError::usage(message).into())
            }
        }
    }
}

/// The manifest of a set that has all its parts.
pub(super) fn complete(set: &LoadedSet) -> Result<&Manifest> {
    let incomplete = || BackupError::BadSet { set: set.found.id.set.clone(), reason: "it is incomplete".to_owned() };
    let manifest = set.manifest.as_ref().filter(|_| set.is_complete());
    manifest.ok_or_else(|| incomplete().into())
}

/// Locks a repository; a dry run does not.
pub(super) async fn lock(context: &Context, repository: &Repository, kind: LockKind) -> Result<Option<HeldLock>> {
    if context.options.dry_run {
        return Ok(None);
    }
    match repository.lock(lock_owner(context), kind).await {
        Ok(lock) => Ok(Some(lock)),
        // Reading does no harm; a prune at the same time could remove what is read.
        Err(error @ BackupError::Unlockable { .. }) if kind == LockKind::Shared => {
            context.reporter.warn(format!("{error}; reading it without a lock"));
            Ok(None)
        }
        Err(error) => Err(error.into()),
    }
}

/// Name and settings of a project.
pub(super) struct ProjectSettings {
    /// The name.
    pub(super) project: String,
    /// The settings.
    pub(super) settings: BackupSettings,
}

/// Name and settings of the project. Its compose files may not be readable yet, where their env files are to be restored.
pub(super) async fn settings(context: &Context) -> Result<ProjectSettings> {
    let project = load_project_file(context)?;
    let name = context.project_name().or(project.name()).map(str::to_owned);
    let name = match name {
        Some(name) => name,
        None => load_stack(context)?.name,
    };
    let settings = BackupSettings::load(context, &project, None).await?;
    Ok(ProjectSettings { project: name, settings })
}
