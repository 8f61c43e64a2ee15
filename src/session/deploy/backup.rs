//! The backup that a deploy takes before anything else: its steps in the plan, and what carries them out.

use crate::backup::HeldLock;
use crate::compose::model::Stack;
use crate::error::Result;
use crate::plan::{Observed, Phase, Plan};
use crate::project::{BackupPolicy, LoadedProject};
use crate::release::ReleaseBackup;
use crate::session::backup::{
    BackupSettings, DataSteps, DumpSource, DumpSteps, ServicePart, SummaryKeeper, check_services, new_set,
    open_to_write, service_parts,
};
use crate::session::load::LoadedStack;
use crate::session::password_runner::PasswordRunner;
use crate::session::{Context, WorkflowError};
use crate::target::Target;

/// The tag of sets that a deploy takes.
const TAG: &str = "deploy";

/// The policy of the backups, where deploys of the environment take one.
pub(super) fn policy(project: &LoadedProject) -> Result<Option<BackupPolicy>> {
    let reason = "`deploy.backup` is set, but aictl.yaml has no `backup`";
    project.environment.deploy.backup.then(|| needed(project, reason)).transpose()
}

/// The policy of the backups, which there must be.
pub(super) fn needed(project: &LoadedProject, reason: &str) -> Result<BackupPolicy> {
    let policy = project.project.as_ref().and_then(|file| file.backup.clone());
    let missing = || WorkflowError::Configuration {
        message: reason.to_owned(),
        hint: Some(
            "add `backup: { repository: /var/backups/NAME, password: { env: BACKUP_PASSWORD } }` to it".to_owned(),
        ),
    };
    policy.ok_or_else(|| missing().into())
}

/// The services that have data: what the deploy adds has none yet.
fn parts(policy: &BackupPolicy, stack: &Stack, observed: &Observed) -> Result<Vec<ServicePart>> {
    let mut parts = service_parts(stack, observed, policy)?;
    parts.retain(|part| part.container.is_some());
    Ok(parts)
}

/// The plan with the backup before all of it, where it changes anything.
pub(super) fn with_backup(
    policy: Option<&BackupPolicy>,
    (stack, observed): (&Stack, &Observed),
    plan: Plan,
) -> Result<Plan> {
    let Some(policy) = policy else { return Ok(plan) };
    let parts = parts(policy, stack, observed)?;
    if plan.only_waits() || parts.is_empty() {
        return Ok(plan);
    }
    let steps =
        DumpSteps { set: None, parts: &parts, phase: Phase::Prepare, cause: "backup before the deploy", hold: None };
    let mut whole = steps.plan(&plan.project, observed);
    whole.then(plan);
    Ok(whole)
}

/// What takes the set of a deploy.
pub(super) struct DeployBackup<'a> {
    /// The runner.
    pub(super) data: DataSteps<'a>,
    planned: Option<ReleaseBackup>,
    /// Held until the deploy has ended.
    _lock: Option<HeldLock>,
}

/// Where the set of a deploy is taken.
pub(super) struct BackupSource<'a> {
    pub(super) loaded: &'a LoadedStack,
    pub(super) stack: &'a Stack,
    pub(super) target: &'a dyn Target,
}

impl<'a> DeployBackup<'a> {
    /// The same, for plans that change passwords, too.
    pub(super) fn with_passwords(mut self, (context, target): (&Context, &'a dyn Target)) -> Self {
        self.data.passwords = Some(PasswordRunner { target, random: context.random });
        self
    }

    /// None is taken.
    pub(super) fn none() -> Self {
        Self { data: DataSteps::default(), planned: None, _lock: None }
    }

    /// The steps of a change that restores a set, and the set of the data before it.
    pub(super) fn of(data: DataSteps<'a>, planned: ReleaseBackup) -> Self {
        Self { data, planned: Some(planned), _lock: None }
    }

    /// Opens the repository, or creates it.
    pub(super) async fn open(context: &Context, source: BackupSource<'a>, observed: &Observed) -> Result<Self> {
        let BackupSource { loaded, stack, target } = source;
        let settings = BackupSettings::load(context, &loaded.project, Some(stack)).await?;
        settings.check_place(context, &loaded.project)?;
        let parts = parts(&settings.policy, stack, observed)?;
        check_services(target, &parts).await?;
        let (repository, lock) = open_to_write(context, &settings).await?;
        let set = new_set(context, &loaded.name, vec![TAG.to_owned()])?;
        let planned = ReleaseBackup { repository: settings.location.address.to_string(), set: set.set.clone() };
        let source = DumpSource { loaded, stack, target, settings: &settings };
        let dumps = source.runner(context, (repository, set), parts).await?;
        Ok(Self { data: DataSteps { dumps: Some(dumps), ..DataSteps::default() }, planned: Some(planned), _lock: lock })
    }

    /// The set that is to be taken.
    pub(super) fn planned(&self) -> Option<ReleaseBackup> {
        self.planned.clone()
    }

    /// Keeps for `aictl status` that a set was taken.
    pub(super) async fn keep_summary(&self, context: &Context, target: &dyn Target) {
        let Some(dumps) = self.data.dumps.as_ref().filter(|_| self.data.has_set()) else { return };
        let (project, repository) = (dumps.set.project.as_str(), &dumps.repository);
        SummaryKeeper { project, repository, target, operation: "deploy" }.keep(context).await;
    }

    /// The set, once it is complete.
    pub(super) fn taken(&self) -> Option<ReleaseBackup> {
        self.planned.clone().filter(|_| self.data.has_set())
    }
}
