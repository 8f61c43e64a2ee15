//! The data that a rollback brings back: the set that was taken before the first deploy after the release it goes to. That
//! set and no other is restored; whatever can be refused is refused before anything is changed.

use std::time::Duration;

use super::backup::{BackupSource, DeployBackup};
use super::releases::Releases;
use crate::backup::{BackupError, HeldLock, LoadedSet, LockKind, Part, PartKind, Repository, SAFETY, SetId};
use crate::compose::model::Stack;
use crate::error::Result;
use crate::event::human;
use crate::plan::{DataOperation, Observed, Phase, Plan};
use crate::release::{PastRelease, ReleaseBackup, ReleaseStatus};
use crate::session::backup::{
    BackupSettings, DataSteps, DumpSource, DumpSteps, RestoreRunner, ServicePart, address, check_services, lock_owner,
    new_set, open_to_read, service_parts, what,
};
use crate::session::load::LoadedStack;
use crate::session::{Context, WorkflowError};

/// The set that a rollback restores, in its open repository.
pub struct RollbackData {
    settings: BackupSettings,
    repository: Repository,
    set: LoadedSet,
    parts: Vec<Part>,
    safety: SetId,
    /// The release before whose deploy it was taken.
    before: u32,
    _lock: Option<HeldLock>,
}

impl RollbackData {
    /// Opens the repository that the records name, and finds the set.
    pub async fn open(
        context: &Context,
        loaded: &LoadedStack,
        (releases, past): (&Releases, &PastRelease),
    ) -> Result<Self> {
        let mut settings = BackupSettings::load(context, &loaded.project, loaded.stack.as_ref()).await?;
        settings.check_place(context, &loaded.project)?;
        for later in releases.list.iter().filter(|later| later.revision > past.revision) {
            let Some(backup) = &later.release.backup else { continue };
            settings.location.address = address(&loaded.project.directory, &backup.repository, "the release's backup")?;
            let repository = open_to_read(&settings.location).await?;
            let found = repository.sets(Some(&loaded.name)).await?.sets;
            let found = found.into_iter().find(|set| set.found.id.set == backup.set && set.is_complete());
            let Some(set) = found else {
                // It was cut off before the set was complete, and so before it changed anything.
                if later.status == ReleaseStatus::Interrupted {
                    continue;
                }
                return Err(BackupError::NoSet { name: backup.set.clone() }.into());
            };
            let lock = match context.options.dry_run {
                true => None,
                false => Some(repository.lock(lock_owner(context), LockKind::Shared).await?),
            };
            let parts = data_parts(&set);
            let names = parts.iter().map(|part| part.name.clone()).collect();
            repository.check_needed(&set, names).await?.check(&set.found.id.set)?;
            let safety = new_set(context, &loaded.name, vec![SAFETY.to_owned()])?;
            return Ok(Self { settings, repository, set, parts, safety, before: later.revision, _lock: lock });
        }
        let reason = "no deploy after it took a backup; set `deploy: { backup: true }` in aictl.yaml".to_owned();
        Err(WorkflowError::NotRestorable { project: loaded.name.clone(), revision: past.revision, reason }.into())
    }

    /// What is lost.
    pub(super) fn loss(&self, context: &Context, address: &str) -> String {
        let age = (context.unix_time() - self.time()).max(0).unsigned_abs();
        let names: Vec<&str> = self.parts.iter().map(|part| part.name.as_str()).collect();
        format!(
            "on {address}, the data of {} is replaced with backup set {}, taken {} ago before release {} was deployed; what \
             was written since is in safety set {} only",
            names.join(", "),
            self.set.found.id.set,
            human::duration(Duration::from_secs(age)),
            self.before,
            self.safety.set
        )
    }

    fn time(&self) -> i64 {
        self.set.manifest.as_ref().map_or(self.set.found.time, |manifest| manifest.time)
    }

    /// The plan with the safety set and the restores before all of it.
    pub(super) fn before(&self, (stack, observed): (&Stack, &Observed), plan: Plan) -> Result<Plan> {
        let services = self.services(stack, observed)?;
        let steps = DumpSteps {
            set: Some(&self.safety.set),
            parts: &services,
            phase: Phase::Prepare,
            cause: "safety set before the rollback",
            hold: None,
        };
        let mut whole = steps.plan(&plan.project, observed);
        let mut restores = Plan::default();
        let mut last = None;
        for part in &self.parts {
            let (part, what) = (part.name.clone(), what(part.kind).to_owned());
            let restore = DataOperation::Restore { part, what, set: self.set.found.id.set.clone() };
            let after: Vec<_> = last.into_iter().collect();
            last = Some(restores.push(Phase::Prepare, restore, "the data of the earlier release", &after));
        }
        whole.then(restores);
        whole.then(plan);
        Ok(whole)
    }

    /// The services of the set, which must run.
    fn services(&self, stack: &Stack, observed: &Observed) -> Result<Vec<ServicePart>> {
        let mut services = service_parts(stack, observed, &self.settings.policy)?;
        services.retain(|service| self.parts.iter().any(|part| part.name == service.service));
        for part in &self.parts {
            let service = services.iter().find(|service| service.service == part.name);
            let container = service.and_then(|service| service.container.as_ref());
            if !container.is_some_and(|container| container.state.is_up() || part.kind == PartKind::Volume) {
                return Err(WorkflowError::NotRunning { service: part.name.clone() }.into());
            }
        }
        Ok(services)
    }

    /// What takes the safety set and restores.
    pub(super) async fn runners<'a>(
        &'a self,
        context: &Context,
        source: BackupSource<'a>,
        observed: &Observed,
    ) -> Result<DeployBackup<'a>> {
        let BackupSource { loaded, stack, target } = source;
        let services = self.services(stack, observed)?;
        check_services(target, &services).await?;
        let source = DumpSource { loaded, stack, target, settings: &self.settings };
        let kept = (self.repository.clone(), self.safety.clone());
        let mut dumps = source.runner(context, kept, services.clone()).await?;
        dumps.partial = services.len() < service_parts(stack, observed, &self.settings.policy)?.len();
        let restores = RestoreRunner {
            target,
            repository: self.repository.clone(),
            set: self.set.clone(),
            file: None,
            project: loaded.name.clone(),
            parts: services,
            observed: observed.clone(),
        };
        let repository = self.settings.location.address.to_string();
        let planned = ReleaseBackup { repository, set: self.safety.set.clone() };
        Ok(DeployBackup::of(
            DataSteps { dumps: Some(dumps), restores: Some(restores), ..DataSteps::default() },
            planned,
        ))
    }

    /// The id of the safety set.
    pub(super) fn safety(&self) -> &str {
        &self.safety.set
    }
}

/// The parts with data, by name.
fn data_parts(set: &LoadedSet) -> Vec<Part> {
    let parts = set.manifest.iter().flat_map(|manifest| &manifest.parts);
    let mut parts: Vec<Part> = parts.filter(|part| part.kind != PartKind::Configuration).cloned().collect();
    parts.sort_by(|a, b| a.name.cmp(&b.name));
    parts
}
