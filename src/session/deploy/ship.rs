//! The change that a deploy and a rollback are: one plan from a configuration, in one transaction, recorded as a release.
//! A failure is told by what serves afterwards, as observed, not by what was intended.

mod outcome;
mod planning;

use std::sync::Arc;

pub use outcome::ShipReport;
pub(super) use planning::ShipPlanning;

use super::{Configuration, Releases};
use crate::error::{Error, ErrorKind, Result};
use crate::execute::ExecuteError;
use crate::plan::{InstanceState, Observed, Plan, PullPolicy, Scope, release_repository, release_tag};
use crate::release::{PastRelease, Release, ReleaseCause, Side, dropped};
use crate::session::Context;
use crate::session::image_catalog::Supplies;
use crate::session::load::LoadedStack;
use crate::session::one_off::{DeployTasks, NamedTask};
use crate::session::transaction::{NewRelease, Transaction, TransactionOutcome};
use crate::target::Target;

/// A deploy or rollback about to happen.
pub struct Shipment {
    /// The verb.
    pub operation: &'static str,
    /// Where the configuration comes from.
    pub cause: ReleaseCause,
    /// The operator's words.
    pub message: Option<String>,
    /// What is brought up.
    pub configuration: Configuration,
    /// Tasks before new containers.
    pub tasks: Vec<NamedTask>,
    /// Build images first.
    pub build: bool,
    /// When to pull images.
    pub pull: Option<PullPolicy>,
    /// Remove containers of services that the configuration does not have.
    pub remove_orphans: bool,
    /// The exit code of a failure after which the old release serves.
    pub failed: ErrorKind,
}

/// Brings a configuration up.
pub async fn ship(
    context: &Context,
    loaded: &LoadedStack,
    target: Arc<dyn Target>,
    (shipment, releases): (&Shipment, &Releases),
) -> Result<ShipReport> {
    let supplies = Supplies::of(context, &loaded.project, None)?;
    let planning = ShipPlanning::new(context, shipment, (releases, &supplies))?;
    let mut scope = loaded.scope(Some(&shipment.configuration.stack));
    scope.images.extend(supplies.recipe_images(&shipment.configuration.stack));
    planning.look_for(&mut scope);
    let before = target.observe(&scope).await?;
    let confirmed = confirm(context, shipment, planning.plan(&before))?;
    let current = releases.current().map(|past| past.release.clone());
    let finished = |observed: &Observed, well: bool| finished(shipment, planning.draft.clone(), (observed, well));
    let is_new = |observed: &Observed| {
        let draft = finished(observed, true);
        current.as_ref().is_none_or(|current| !current.is_same(&draft))
    };
    let new = NewRelease {
        draft: planning.draft.clone(),
        configuration: shipment.configuration.encode()?,
        dropped: planning.dropped.clone(),
        finished: &finished,
        is_new: &is_new,
    };
    let tasks = DeployTasks { context, target: target.clone() };
    let mut transaction = Transaction::new(context, target.clone(), scope.clone(), shipment.operation);
    transaction.release = Some(&new);
    transaction.tasks = Some(&tasks);
    transaction.confirmed = confirmed;
    match transaction.run(&|observed: &Observed| planning.plan(observed)).await {
        Ok(outcome) => Ok(report(context, shipment, (releases, outcome))),
        Err(error) => Err(judged(error, shipment, (&*target, &scope, &before)).await),
    }
}

fn report(context: &Context, shipment: &Shipment, (releases, outcome): (&Releases, TransactionOutcome)) -> ShipReport {
    let was = releases.current().map(|past| past.revision);
    ShipReport::new(context, shipment, (was, outcome))
}

/// Shows the plan and asks, where the environment wants that. Returns the plan that was confirmed.
fn confirm(context: &Context, shipment: &Shipment, plan: Result<Plan>) -> Result<Option<Plan>> {
    let plan = plan?;
    if !shipment.configuration.settings.confirm || context.options.dry_run || plan.is_empty() {
        return Ok(None);
    }
    for line in plan.lines() {
        context.reporter.note(line);
    }
    context.prompt.confirm(&format!("{} {}?", shipment.operation, shipment.configuration.stack.name))?;
    Ok(Some(plan))
}

/// What the records say of a release once its plan was carried out.
fn finished(shipment: &Shipment, mut release: Release, (observed, well): (&Observed, bool)) -> Release {
    let stack = &shipment.configuration.stack;
    let green = observed.proxy.as_ref().map(|proxy| proxy.green.clone()).unwrap_or_default();
    let mut serves = true;
    for (name, released) in &mut release.services {
        let image = observed.images.get(&released.image);
        released.image_id = image.map(|image| image.id.clone()).or(released.image_id.take());
        released.digests = image.map(|image| image.digests.clone()).unwrap_or_default();
        if released.side.is_some() {
            released.side = Some(if green.contains(name) { Side::Green } else { Side::Blue });
        }
        let hash = stack.services.get(name).map(crate::compose::hash::config_hash);
        let runs = observed.instances.iter().any(|c| {
            c.service == *name
                && !c.one_off
                && c.state == InstanceState::Running
                && released.side.is_none_or(|side| Side::of_number(c.number) == side)
                && c.docker.config_hash == hash
                && Some(&c.docker.image_id) == released.image_id.as_ref()
        });
        serves &= runs;
    }
    release.serves = serves && !well;
    release
}

/// A failure during the plan: whether what served before serves still decides the exit code.
async fn judged(error: Error, shipment: &Shipment, (target, scope, before): (&dyn Target, &Scope, &Observed)) -> Error {
    let during = error.downcast_ref::<ExecuteError>();
    let interrupted = matches!(error.kind(), ErrorKind::Interrupted | ErrorKind::Locked);
    if during.is_none() || interrupted {
        return error;
    }
    if shipment.failed == ErrorKind::RollbackFailed {
        return error
            .with_kind(shipment.failed)
            .with_hint("see what runs with `aictl status`, what happened with `aictl explain`");
    }
    let serves = match target.observe(scope).await {
        Ok(after) => still_serves(before, &after),
        Err(_) => return error,
    };
    match serves {
        Some(true) => error
            .with_kind(shipment.failed)
            .with_hint("the previous release still serves; see what happened with `aictl explain`"),
        Some(false) => error.with_kind(ErrorKind::Failed).with_hint(
            "not everything that ran before runs again; see `aictl status`, then bring it back with `aictl rollback`",
        ),
        None => error.with_kind(ErrorKind::Failed).with_hint("see what happened with `aictl explain`"),
    }
}

/// Whether every container that ran before runs, and requests go to the same sides; none where nothing ran.
fn still_serves(before: &Observed, after: &Observed) -> Option<bool> {
    let running = before.instances.iter().filter(|c| !c.one_off && c.state == InstanceState::Running);
    let still = |id: &str| after.instances.iter().any(|c| c.id == id && c.state == InstanceState::Running);
    let mut any = false;
    let all = running
        .map(|c| {
            any = true;
            still(&c.id)
        })
        .fold(true, |all, runs| all && runs);
    let green = |observed: &Observed| observed.proxy.as_ref().map(|proxy| proxy.green.clone());
    any.then(|| all && (before.proxy.is_none() || green(before) == green(after)))
}

/// Image tags that only dropped releases have.
fn forgotten(releases: &Releases, dropped: &[u32]) -> std::collections::BTreeSet<String> {
    let tags = |past: &PastRelease| {
        let tag = |(name, service): (&String, &crate::release::ReleasedService)| {
            let id = service.image_id.as_ref()?;
            Some(format!("{}:{}", release_repository(&releases.project, name), release_tag(id)))
        };
        past.release.services.iter().filter_map(tag).collect::<Vec<_>>()
    };
    let is_dropped = |past: &&PastRelease| dropped.contains(&past.revision);
    let kept: Vec<String> = releases.list.iter().filter(|past| !is_dropped(past)).flat_map(tags).collect();
    releases.list.iter().filter(is_dropped).flat_map(tags).filter(|tag| !kept.contains(tag)).collect()
}

/// The revisions that a new good release drops.
fn dropped_by(releases: &Releases, keep: usize) -> Vec<u32> {
    dropped(&releases.list, keep)
}
