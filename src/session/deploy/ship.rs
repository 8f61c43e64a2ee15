//! The change that a deploy and a rollback are: one plan from a configuration, in one transaction, recorded as a release.
//! The exit code of a failure depends on what is observed to serve afterwards.

mod migrate;
mod notice;
mod outcome;
mod planning;
mod shipment;

use std::collections::BTreeSet;
use std::sync::{Arc, OnceLock};
use std::time::Instant;

use notice::ShipResult;
pub use outcome::ShipReport;
pub(super) use planning::ShipPlanning;
pub use shipment::Shipment;

use super::backup::{BackupSource, DeployBackup, policy};
use super::checks::{CheckSource, DeployChecks};
use super::migrations::Migrations;
use super::releases::Releases;
use super::rollback_data::RollbackData;
use super::saved_plan::Approval;
use crate::error::{Error, ErrorKind, Result};
use crate::execute::{ExecuteError, TransferRunner};
use crate::plan::{Green, InstanceState, Observed, ObservedInstance, Operation, Plan, Scope, Step};
use crate::release::{Release, ReleaseCause, Side};
use crate::session::Context;
use crate::session::endpoint::names_engine;
use crate::session::image_catalog::Supplies;
use crate::session::load::LoadedStack;
use crate::session::notify::Notifier;
use crate::session::transaction::{LocalChange, NewRelease, Transaction};
use crate::session::transfer::{Offers, Transfers, source};
use crate::target::{Target, TargetError};

/// Where a configuration is brought up.
pub struct Shipping<'a> {
    /// The context of the verb.
    pub context: &'a Context,
    /// The project.
    pub loaded: &'a LoadedStack,
    /// The engine.
    pub target: Arc<dyn Target>,
    /// The releases before.
    pub releases: &'a Releases,
    /// The saved plan that must be the one carried out.
    pub approval: Option<&'a Approval<'a>>,
    /// The data that is restored before.
    pub data: Option<&'a RollbackData>,
}

/// The plan of a deploy that is not carried out.
pub struct PlannedDeploy {
    /// The plan.
    pub plan: Plan,
    /// What it was made from.
    pub observed: Observed,
    /// Whether carrying it out makes a release.
    pub is_new: bool,
    /// Free bytes where the engine keeps images, if images are sent and that is known.
    pub room: Option<u64>,
}

/// A look at the engine, and the planning made for it.
struct Looked<'s> {
    planning: ShipPlanning<'s>,
    scope: Scope,
    before: Observed,
    checks: DeployChecks<'s>,
}

impl Shipping<'_> {
    /// Brings a configuration up, and sends the result to the channels of aictl.yaml.
    pub async fn ship(&self, shipment: &Shipment) -> Result<ShipReport> {
        let began = Instant::now();
        let notifier = Notifier::of(self.context, self.loaded);
        let number = OnceLock::new();
        // Boxed, as what it waits in is large: a thread of a program that embeds it may have a small stack.
        let shipped = Box::pin(self.carry_out(shipment, &number)).await;
        let changed = shipped.as_ref().map_or(true, |report| report.changed);
        if let (Some(notifier), Some(revision), true) = (notifier, number.get(), changed) {
            let (error, was) = (shipped.as_ref().err(), self.was(shipment));
            let result = ShipResult { shipment, error, revision: *revision, was, took: began.elapsed() };
            notifier.announce(&result.message(self.context, self.loaded), error.is_none()).await;
        }
        shipped
    }

    /// The revision that served before.
    fn was(&self, shipment: &Shipment) -> Option<u32> {
        self.releases.current().map(|past| past.revision).filter(|_| shipment.resumes.is_none())
    }

    /// Brings a configuration up; `number` is set once its steps are carried out.
    async fn carry_out(&self, shipment: &Shipment, number: &OnceLock<u32>) -> Result<ShipReport> {
        let (context, target) = (self.context, &self.target);
        let supplies = Supplies::of(context, &self.loaded.project, None)?;
        let Looked { planning, scope, before, checks } = self.look(shipment, &supplies).await?;
        planning.migrations.check()?;
        let planned = |observed: &Observed| self.planned(&planning, observed);
        let confirmed = self.confirm(shipment, (planned(&before)?, &before))?;
        let backup = self.backup(shipment, &before, planned(&before)?).await?.with_passwords((context, &**target));
        let (tasks, transfers) = (self.tasks(shipment, &planning), self.transfers(&planning));
        let finished = |observed: &Observed, well: bool| {
            let release = finished(shipment, planning.draft.clone(), observed, well);
            tasks.recorded(Release { backup: backup.taken(), ..release }, self.releases.current())
        };
        let is_new = |observed: &Observed| shipment.resumes.is_some() || self.is_new(&finished(observed, true));
        let new = NewRelease {
            draft: Release { backup: backup.planned(), ..planning.draft.clone() },
            configuration: shipment.configuration.encode()?,
            dropped: planning.dropped.clone(),
            finished: &finished,
            is_new: &is_new,
            local: Some(local(shipment, &planning)),
        };
        let mut transaction = Transaction::new(context, target.clone(), scope.clone(), shipment.operation);
        transaction.release = Some(&new);
        transaction.tasks = Some(&tasks);
        transaction.checks = Some(&checks);
        transaction.resumes = shipment.resumes.as_ref();
        transaction.ends_bake = matches!(shipment.cause, ReleaseCause::Rollback { .. });
        transaction.transfers = transfers.as_ref().map(|transfers| transfers as &dyn TransferRunner);
        transaction.data = Some(&backup.data);
        transaction.confirmed = confirmed;
        let ran = Box::pin(transaction.run(&planned)).await;
        transaction.number.get().into_iter().for_each(|ran| _ = number.set(*ran));
        tokio::join!(checks.close(), Box::pin(backup.keep_summary(context, &**target)));
        match ran.map_err(|error| self.with_ways(error, &planning.migrations, backup.taken().is_some())) {
            Ok(outcome) => Ok(ShipReport::new(context, shipment, self.was(shipment), outcome)),
            Err(Ok(error)) => Err(error),
            Err(Err(error)) => Err(self.judged(error, shipment, (&scope, &before)).await),
        }
    }

    fn transfers<'p>(&'p self, planning: &'p ShipPlanning<'_>) -> Option<Transfers<'p>> {
        let offers = planning.offers.as_ref()?;
        Some(Transfers::new(&self.loaded.name, self.target.clone(), offers))
    }

    /// A failure with the ways to data and images that were lost. One without a way back is in `Ok`: its exit code does not
    /// depend on what serves.
    fn with_ways(&self, error: Error, migrations: &Migrations, taken: bool) -> std::result::Result<Error, Error> {
        migrations.without_way_back(self.with_way_to_images(self.with_way_to_data(error, taken)))
    }

    /// The plan, which must be the saved one where there is one, and rehearsed where that is required.
    fn planned(&self, planning: &ShipPlanning<'_>, observed: &Observed) -> Result<Plan> {
        let plan = planning.plan(observed)?;
        planning.check_rehearsed(&plan, observed)?;
        self.approval.map_or(Ok(()), |approval| approval.check(&plan)).map(|()| plan)
    }

    /// What carries out the backup of the plan, if it has one.
    async fn backup<'s>(&'s self, shipment: &'s Shipment, before: &Observed, plan: Plan) -> Result<DeployBackup<'s>> {
        let is_dump = |step: &Step| matches!(&step.operation, Operation::Data(data) if data.needs_backup());
        if self.context.options.dry_run || !plan.steps.iter().any(is_dump) {
            return Ok(DeployBackup::none());
        }
        let stack = &shipment.configuration.stack;
        let source = BackupSource { loaded: self.loaded, stack, target: &*self.target };
        if let Some(data) = self.data {
            return data.runners(self.context, source, before).await;
        }
        DeployBackup::open(self.context, source, before).await
    }

    /// The plan alone.
    pub async fn plan(&self, shipment: &Shipment) -> Result<PlannedDeploy> {
        let supplies = Supplies::of(self.context, &self.loaded.project, None)?;
        let Looked { planning, before, checks, .. } = self.look(shipment, &supplies).await?;
        checks.close().await;
        let plan = planning.plan(&before)?;
        let is_new = self.is_new(&finished(shipment, planning.draft.clone(), &before, true));
        let room = planning.offers.as_ref().and_then(|offers| offers.room);
        Ok(PlannedDeploy { plan, observed: before, is_new, room })
    }

    /// The plan before its migrations are tried, and what it was made from.
    pub(super) async fn unjudged_plan(&self, shipment: &Shipment) -> Result<(Plan, Observed)> {
        let supplies = Supplies::of(self.context, &self.loaded.project, None)?;
        let Looked { planning, before, checks, .. } = self.look_only(shipment, &supplies).await?;
        checks.close().await;
        Ok((planning.plan(&before)?, before))
    }

    /// Observes, prepares the planning and tries the migrations.
    async fn look<'s>(&'s self, shipment: &'s Shipment, supplies: &'s Supplies) -> Result<Looked<'s>> {
        let mut looked = self.look_only(shipment, supplies).await?;
        looked.planning.check_rehearsed(&looked.planning.plan(&looked.before)?, &looked.before)?;
        self.judge(shipment, (&mut looked.planning, &looked.before)).await?;
        Ok(looked)
    }

    async fn look_only<'s>(&'s self, shipment: &'s Shipment, supplies: &'s Supplies) -> Result<Looked<'s>> {
        let mut planning = ShipPlanning::new(self.context, shipment, self.releases, supplies)?;
        let mut scope = self.loaded.scope(Some(&shipment.configuration.stack));
        scope.images.extend(supplies.recipe_images(&shipment.configuration.stack));
        planning.look_for(&mut scope);
        if matches!(shipment.cause, ReleaseCause::Deploy) && shipment.resumes.is_none() {
            planning.backup = policy(&self.loaded.project)?;
        }
        planning.data = self.data;
        let before = self.target.observe(&scope).await?;
        let checks = DeployChecks::of(self.context, self.target.clone(), self.check_source(shipment, &before));
        planning.checks = checks.steps();
        planning.offers = self.offers(shipment, planning.missing(&before)).await?;
        Ok(Looked { planning, scope, before, checks })
    }

    /// Images of the release that is promoted, or those that the target lacks and the engine of this machine has: none where that is the target or does not answer.
    async fn offers(&self, shipment: &Shipment, missing: BTreeSet<String>) -> Result<Option<Offers>> {
        if let Some(promotion) = &shipment.promotion {
            return promotion.offers(self.context, (&*self.target, &shipment.configuration.stack)).await.map(Some);
        }
        let of_files = matches!(shipment.cause, ReleaseCause::Deploy);
        if missing.is_empty() || !of_files || !names_engine(&self.loaded.project) {
            return Ok(None);
        }
        let engine = self.target.observe_engine().await?;
        let Ok(Some(source)) = source(self.context, &engine).await else { return Ok(None) };
        Offers::load(self.context, source, &*self.target, &missing).await.map(Some)
    }

    /// An image that is nowhere can be sent from this machine where that is another one.
    fn with_way_to_images(&self, error: Error) -> Error {
        let project = &self.loaded.project;
        let is_missing = |source: &TargetError| {
            matches!(source, TargetError::ImageMissing { .. } | TargetError::ImageNowhere { .. })
        };
        match (error.downcast_ref::<ExecuteError>(), &project.environment_name) {
            (Some(ExecuteError::Target { source, .. }), Some(name)) if is_missing(source) && names_engine(project) => {
                let hint = format!(
                    "build or pull it on this machine, then run `aictl deploy`, or send it with `aictl push --to {name}`"
                );
                error.with_hint(hint)
            }
            _ => error,
        }
    }

    /// Data that was restored, or may have been, is of another time than the release that serves.
    fn with_way_to_data(&self, error: Error, taken: bool) -> Error {
        let Some(data) = self.data.filter(|_| taken) else { return error };
        let safety = data.safety();
        error.with_hint(format!("go back to the data before with `aictl backup restore {safety}`"))
    }

    /// Shows the plan and asks, where the environment wants that or data is lost. Returns the plan that was confirmed.
    fn confirm(&self, shipment: &Shipment, (plan, observed): (Plan, &Observed)) -> Result<Option<Plan>> {
        let context = self.context;
        let asks = shipment.configuration.settings.confirm || self.data.is_some();
        if !asks || shipment.resumes.is_some() || context.options.dry_run || plan.is_empty() {
            return Ok(None);
        }
        for line in plan.lines() {
            context.reporter.note(line);
        }
        self.data.into_iter().for_each(|data| context.reporter.note(data.loss(context, &observed.engine.address)));
        context.prompt.confirm(&format!("{} {}?", shipment.operation, shipment.configuration.stack.name))?;
        Ok(Some(plan))
    }

    fn is_new(&self, release: &Release) -> bool {
        self.releases.current().is_none_or(|current| {
            // An earlier aictl recorded no versions.
            let learns = current.release.secrets.is_empty() && !release.secrets.is_empty();
            !current.release.is_same(release) || learns
        })
    }

    fn check_source<'s>(&'s self, shipment: &'s Shipment, observed: &'s Observed) -> CheckSource<'s> {
        CheckSource {
            project: &self.loaded.project,
            stack: &shipment.configuration.stack,
            observed,
            timeout: shipment.configuration.settings.timeout,
            is_rollback: matches!(shipment.cause, ReleaseCause::Rollback { .. }),
            strict: shipment.strict,
        }
    }

    /// After an interruption the operator must know which release serves.
    async fn interrupted(&self, error: Error, (scope, before): (&Scope, &Observed)) -> Error {
        match self.target.observe(scope).await {
            Ok(after) if before.proxy.is_some() && green(&after) != green(before) => {
                error.with_hint("the new release serves; remove what is left of the old one with `aictl deploy`, or go back with `aictl rollback`")
            }
            Ok(after) if still_serves(before, &after) == Some(true) => error.with_hint("the previous release still serves"),
            _ => error.with_hint("see what runs with `aictl status`"),
        }
    }

    /// A failure during the plan: whether what served before serves still decides the exit code.
    async fn judged(&self, error: Error, shipment: &Shipment, before: (&Scope, &Observed)) -> Error {
        let (scope, before) = before;
        let during = error.downcast_ref::<ExecuteError>();
        if during.is_none() || error.kind() == ErrorKind::Locked {
            return error;
        }
        if let Some(ExecuteError::Baking) = during {
            return error.with_hint("the new release serves and the old one is kept: continue with `aictl deploy --resume`, go back with `aictl rollback`");
        }
        if error.kind() == ErrorKind::Interrupted {
            return self.interrupted(error, (scope, before)).await;
        }
        let hints = during.and_then(ExecuteError::hints_without_its_container);
        let error = error.with_only_hints(hints);
        if shipment.failed == ErrorKind::RollbackFailed {
            let hint = "see what runs with `aictl status`, what happened with `aictl explain`";
            return error.with_kind(shipment.failed).with_hint(hint);
        }
        let serves = match self.target.observe(scope).await {
            // The release before serves again when requests go to other sides than they did.
            Ok(after) if shipment.resumes.is_some() => Some(green(before) != green(&after)),
            Ok(after) => still_serves(before, &after),
            Err(_) => return error,
        };
        let (kind, hint) = match serves {
            Some(true) if self.releases.current().is_none() => (
                shipment.failed,
                "the containers that ran before are still running; see what happened with `aictl explain`",
            ),
            Some(true) => {
                (shipment.failed, "the previous release still serves; see what happened with `aictl explain`")
            }
            Some(false) => {
                let hint = "not everything that ran before runs again; see `aictl status`, bring it back with `aictl rollback`";
                (ErrorKind::Failed, hint)
            }
            None => (ErrorKind::Failed, "see what happened with `aictl explain`"),
        };
        error.with_kind(kind).with_hint(hint)
    }
}

/// What is done on this machine once the release is recorded.
fn local<'s>(shipment: &'s Shipment, planning: &'s ShipPlanning<'_>) -> &'s dyn LocalChange {
    match &shipment.env_file {
        Some(edit) => edit,
        None => &planning.migrations,
    }
}

/// What the records say of a release once its plan was carried out.
fn finished(shipment: &Shipment, mut release: Release, observed: &Observed, well: bool) -> Release {
    let green = observed.proxy.as_ref().map(|proxy| proxy.green.clone()).unwrap_or_default();
    let mut serves = true;
    for (name, released) in &mut release.services {
        let image = observed.images.get(&released.image);
        released.image_id = image.map(|image| image.id.clone()).or(released.image_id.take());
        released.digests = image.map(|image| image.digests.clone()).unwrap_or_default();
        if released.side.is_some() {
            released.side = Some(if green.contains(name) { Side::Green } else { Side::Blue });
        }
        let runs = observed.instances.iter().any(|c| {
            c.service == *name
                && !c.one_off
                && c.state == InstanceState::Running
                && released.side.is_none_or(|side| Side::of_number(c.number) == side)
                && shipment.configuration.is_wanted(c)
                && Some(&c.docker.image_id) == released.image_id.as_ref()
        });
        serves &= runs;
    }
    release.serves = serves && !well;
    release
}

/// The services whose requests go to the green side.
fn green(observed: &Observed) -> Option<Green> {
    observed.proxy.as_ref().map(|proxy| proxy.green.clone())
}

/// Whether every container that ran before runs, and requests go to the same sides; none where nothing ran.
fn still_serves(before: &Observed, after: &Observed) -> Option<bool> {
    let is_running = |c: &&ObservedInstance| !c.one_off && c.state == InstanceState::Running;
    let running: Vec<&ObservedInstance> = before.instances.iter().filter(is_running).collect();
    let still = |c: &&ObservedInstance| after.instances.iter().filter(is_running).any(|now| now.id == c.id);
    let same_sides = before.proxy.is_none() || green(before) == green(after);
    (!running.is_empty()).then(|| running.iter().all(still) && same_sides)
}
