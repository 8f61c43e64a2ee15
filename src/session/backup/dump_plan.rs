//! The steps that take a backup set, and what their runner is made from.

use std::time::Duration;

use crate::backup::{BackupError, CONFIGURATION, HeldLock, LockKind, Repository, SetId};
use crate::compose::model::Stack;
use crate::error::{Result, nearest};
use crate::plan::{ContainerOperation, DataOperation, Observed, Phase, Plan, ProxyOperation, StartTurn, StepId};
use crate::session::load::LoadedStack;
use crate::session::{Context, WorkflowError};
use crate::target::Target;

use super::configuration;
use super::dump_runner::DumpRunner;
use super::parts::{ServicePart, excluded, what};
use super::settings::{BackupSettings, lock_owner};

/// The dumps of a set as steps of a plan.
#[derive(Clone, Copy)]
pub struct DumpSteps<'a> {
    /// Id of the set, where the plan names it.
    pub set: Option<&'a str>,
    /// The services.
    pub parts: &'a [ServicePart],
    /// In Retire a part that fails leaves the others; in Prepare it stops the plan.
    pub phase: Phase,
    /// Why.
    pub cause: &'static str,
    /// What holds writing requests until all dumps have begun, where that is possible.
    pub hold: Option<&'a HeldWrites>,
}

/// How writing requests are held and let go on.
pub struct HeldWrites {
    /// Holds them.
    pub hold: ProxyOperation,
    /// Lets them go on.
    pub release: ProxyOperation,
    /// How long dumps may take to begin.
    pub time: Duration,
}

impl DumpSteps<'_> {
    /// A plan of the dumps, which begin together, and the manifest after them.
    pub fn plan(&self, project: &str, observed: &Observed) -> Plan {
        let mut plan = Plan { project: project.to_owned(), names: observed.names(), ..Plan::default() };
        let dump = |part: &str, what: &str, service: Option<String>| DataOperation::Dump {
            part: part.to_owned(),
            what: what.to_owned(),
            service,
        };
        let configuration = dump(CONFIGURATION, "project files and secrets", None);
        let mut dumps = vec![plan.push(self.phase, configuration, self.cause, &[])];
        let held = self.hold.filter(|_| !self.parts.is_empty()).map(|hold| self.hold_writes(&mut plan, hold));
        for part in self.parts {
            let stopped = self.stop(&mut plan, part);
            let operation = dump(&part.service, what(part.kind), Some(part.service.clone()));
            let before: Vec<StepId> = stopped.into_iter().chain(held).collect();
            let dumped = plan.push(self.phase, operation, self.cause, &before);
            dumps.push(dumped);
            if let (Some(stopped), Some(container)) = (stopped, &part.container) {
                let (service, id, turn) = (part.service.clone(), container.id.clone(), StartTurn::UntilStarted);
                let start = ContainerOperation::Start { service, container: id, turn };
                let started = plan.push(self.phase, start.clone(), "stopped for the backup", &[stopped, dumped]);
                plan.on_failure(stopped, start, &[started]);
                dumps.push(started);
            }
        }
        let set = self.set.map(str::to_owned);
        plan.push(self.phase, DataOperation::Complete { set }, "all parts are stored", &dumps);
        plan
    }

    /// Holds writing requests until the dumps have begun. A failure is a warning: the dumps are made all the same.
    fn hold_writes(&self, plan: &mut Plan, writes: &HeldWrites) -> StepId {
        let held = plan.push(Phase::Prepare, writes.hold.clone(), "the dumps are of one moment", &[]);
        let begun = DataOperation::AwaitBegun { parts: self.parts.len(), timeout: writes.time };
        let begun = plan.push(self.phase, begun, "writing requests are held", &[held]);
        plan.push(self.phase, writes.release.clone(), "all dumps have begun", &[begun]);
        plan.tolerate(held);
        held
    }

    /// Stops a service whose volumes are copied, where that is wanted.
    fn stop(&self, plan: &mut Plan, part: &ServicePart) -> Option<StepId> {
        let container = part.container.as_ref().filter(|container| part.data.stop && container.state.is_up())?;
        let (service, id) = (part.service.clone(), container.id.clone());
        let stop = ContainerOperation::Stop { service, container: id, timeout: None };
        Some(plan.push(self.phase, stop, "its volumes are copied", &[]))
    }
}

/// What a set is taken of.
pub struct DumpSource<'a, 's> {
    /// The project.
    pub loaded: &'a LoadedStack,
    /// Its stack.
    pub stack: &'a Stack,
    /// Where it runs.
    pub target: &'a dyn Target,
    /// The settings of its backups.
    pub settings: &'s BackupSettings,
}

impl<'a> DumpSource<'a, '_> {
    /// The runner of a set of these services.
    pub async fn runner(
        &self,
        context: &Context,
        (repository, set): (Repository, SetId),
        parts: Vec<ServicePart>,
    ) -> Result<DumpRunner<'a>> {
        // Every set is taken by this runner: none refers to content that is lost.
        for set in repository.check_content().await? {
            context.reporter.warn(format!("content of backup set {set} is lost; see `aictl backup verify --all`"));
        }
        let configuration = configuration::collect(context, self.loaded, (self.stack, self.target)).await?;
        let mut runner = DumpRunner::new(self.target, repository, set);
        runner.environment.clone_from(&self.loaded.project.environment_name);
        runner.origin = (context.owner.host.clone(), context.owner.user.clone());
        runner.excluded = excluded(self.stack, &self.settings.policy);
        (runner.parts, runner.configuration) = (parts, configuration);
        Ok(runner)
    }
}

/// Opens the repository to write a set, or creates it and says so.
pub async fn open_to_write(context: &Context, settings: &BackupSettings) -> Result<(Repository, Option<HeldLock>)> {
    let location = settings.location.clone();
    let opened = tokio::task::spawn_blocking(move || match location.open() {
        Err(BackupError::NoRepository { .. }) => location.create().map(|created| (created, true)),
        opened => opened.map(|opened| (opened, false)),
    });
    let (repository, is_new) = opened.await.map_err(|error| WorkflowError::usage(error.to_string()))??;
    if is_new {
        context.reporter.note(format!("created the repository {}", repository.shown()));
    }
    let lock = repository.lock(lock_owner(context), LockKind::Shared).await?;
    Ok((repository, Some(lock)))
}

/// An id for a new set.
pub fn new_set(context: &Context, project: &str, tags: Vec<String>) -> Result<SetId> {
    let mut bytes = [0; 4];
    let failed =
        |error: std::io::Error| WorkflowError::File { path: "random numbers".to_owned(), reason: error.to_string() };
    (context.random)(&mut bytes).map_err(failed)?;
    Ok(SetId { set: hex::encode(bytes), project: project.to_owned(), tags })
}

/// The parts of the services that are named, or all.
pub fn only(parts: Vec<ServicePart>, services: &[String]) -> Result<Vec<ServicePart>> {
    let known = || parts.iter().map(|part| part.service.as_str());
    if let Some(unknown) = services.iter().find(|service| !known().any(|name| name == *service)) {
        let nearest = nearest(unknown, known()).map(str::to_owned);
        let known = known().map(str::to_owned).collect();
        return Err(BackupError::NoService { service: unknown.clone(), nearest, known }.into());
    }
    Ok(parts.into_iter().filter(|part| services.is_empty() || services.contains(&part.service)).collect())
}
