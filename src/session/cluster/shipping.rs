//! One release brought up in one cluster: planned, carried out in a transaction, recorded in Helm's format.
//! The exit code of a failure depends on whether the release before serves again.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::project::cluster_of;
use super::release::{Beginning, TIMEOUT, draft, hooks_differ, hooks_of, is_same, pending, scope_of};
use crate::chart::{CrdFile, objects};
use crate::error::{Error, ErrorKind, Result};
use crate::execute::ExecuteError;
use crate::plan::cluster::{ClusterObject, ClusterRelease, ObjectState, plan_release, released_objects};
use crate::plan::{Observed, Plan, Scope};
use crate::release::{HelmRelease, HelmStatus, ReleaseCause, gone};
use crate::session::deploy::Releases;
use crate::session::transaction::{NewRelease, Transaction, TransactionOutcome};
use crate::session::{Context, WorkflowError};
use crate::target::Target;

/// How long the release before may take to serve again after a failure.
const AGAIN: Duration = Duration::from_secs(60);
/// Time between two looks at it.
const LOOK: Duration = Duration::from_millis(500);

/// Revisions that Helm keeps by default.
const KEPT: usize = 10;

/// How a release is brought up.
pub(super) struct Shipment {
    /// The release as Helm will record it.
    pub release: HelmRelease,
    /// The revision that is gone back to, for a rollback.
    pub to: Option<u32>,
    /// The operator's words.
    pub message: Option<String>,
    /// The chart's definitions.
    pub crds: Vec<CrdFile>,
    /// Whether definitions that exist are changed.
    pub upgrade_crds: bool,
    /// Whether fields of other managers are taken over.
    pub force_conflicts: bool,
    /// Whether objects of nobody or of another release are taken over.
    pub take_ownership: bool,
}

impl Shipment {
    fn cause(&self) -> ReleaseCause {
        self.to.map_or(ReleaseCause::Deploy, |to| ReleaseCause::Rollback { to })
    }
}

/// One release in one cluster.
pub(super) struct ClusterShipping<'a> {
    pub context: &'a Context,
    pub target: Arc<dyn Target>,
    pub releases: &'a Releases,
    /// The release that serves, as Helm recorded it.
    pub current: Option<HelmRelease>,
    /// A newer one that was cut off or failed.
    pub newest: Option<HelmRelease>,
    pub confirm: bool,
}

/// The record of a revision.
pub(super) async fn load_release(target: &dyn Target, project: &str, revision: u32) -> Result<Option<HelmRelease>> {
    let Some(bytes) = target.load_configuration(project, revision).await? else { return Ok(None) };
    let read = serde_json::from_slice(&bytes);
    read.map(Some).map_err(|error| {
        let reason = format!("cannot be read: {error}");
        let hint = "list the releases with `aictl history`";
        WorkflowError::UnusableConfiguration { revision, reason, hint }.into()
    })
}

/// The release that serves, and the newest one where that is another.
pub(super) async fn load_both(
    target: &dyn Target,
    releases: &Releases,
) -> Result<(Option<HelmRelease>, Option<HelmRelease>)> {
    let current = releases.current().map(|past| past.revision);
    let newest = releases.list.last().map(|past| past.revision).filter(|newest| Some(*newest) != current);
    let current = load_any(target, &releases.project, current).await?;
    Ok((current, load_any(target, &releases.project, newest).await?))
}

async fn load_any(target: &dyn Target, project: &str, revision: Option<u32>) -> Result<Option<HelmRelease>> {
    match revision {
        Some(revision) => load_release(target, project, revision).await,
        None => Ok(None),
    }
}

impl ClusterShipping<'_> {
    /// What is wanted of the cluster.
    pub(super) fn wanted(&self, shipment: &Shipment) -> Result<ClusterRelease> {
        let release = &shipment.release;
        let former = match &self.current {
            Some(current) => released_objects(current)?,
            None => Vec::new(),
        };
        let mut definitions = Vec::new();
        for file in &shipment.crds {
            definitions.extend(objects(&file.source, &file.text)?.into_iter().filter_map(ClusterObject::of));
        }
        let event = match (shipment.to, &self.current) {
            (Some(_), _) => "rollback",
            (None, Some(_)) => "upgrade",
            (None, None) => "install",
        };
        Ok(ClusterRelease {
            name: release.name.clone(),
            namespace: release.namespace.clone(),
            event,
            objects: released_objects(release)?,
            hooks: hooks_of(release)?,
            definitions,
            upgrade_definitions: shipment.upgrade_crds,
            former,
            leftover: self.newest.as_ref().map(released_objects).transpose()?.unwrap_or_default(),
            hooks_changed: match &self.current {
                Some(current) => hooks_differ(current, release)?,
                None => true,
            },
            force: shipment.force_conflicts,
            take_ownership: shipment.take_ownership,
            timeout: self.context.options.timeout.unwrap_or(TIMEOUT),
        })
    }

    /// The plan alone.
    pub(super) async fn plan(&self, shipment: &Shipment) -> Result<Plan> {
        let wanted = self.wanted(shipment)?;
        let observed = self.target.observe(&scope(&wanted)).await?;
        planned(&wanted, &observed)
    }

    /// Brings the release up.
    pub(super) async fn ship(&self, shipment: &Shipment) -> Result<TransactionOutcome> {
        let wanted = self.wanted(shipment)?;
        let draft = draft(&shipment.release, shipment.cause(), shipment.message.clone())?;
        let is_new = self.is_new(shipment)?;
        let finished = |_: &Observed, _: bool| draft.clone();
        let operation = if shipment.to.is_none() { "deploy" } else { "rollback" };
        let new = NewRelease {
            draft: draft.clone(),
            configuration: self.record(shipment)?,
            local: None,
            dropped: self.dropped(),
            finished: &finished,
            is_new: &|_| is_new,
        };
        let scope = scope(&wanted);
        let mut transaction = Transaction::new(self.context, self.target.clone(), scope.clone(), operation);
        transaction.release = Some(&new);
        let planning = |observed: &Observed| planned(&wanted, observed);
        if self.confirm && !self.context.options.dry_run {
            transaction.confirmed = self.confirmed(&planning(&self.target.observe(&scope).await?)?, operation)?;
        }
        match transaction.run(&planning).await {
            Ok(outcome) => Ok(outcome),
            Err(error) => Err(self.judged(error, shipment).await),
        }
    }

    /// Revisions that the history keeps no longer: the newest ones stay, failed ones too, and the one that serves.
    fn dropped(&self) -> Vec<u32> {
        let mut all: Vec<u32> = self.releases.list.iter().map(|past| past.revision).collect();
        all.sort_unstable();
        let serving = self.releases.current().map(|past| past.revision);
        let gone = gone(&self.releases.list);
        // The new one is one of them.
        all.truncate(all.len().saturating_sub(KEPT - 1));
        all.retain(|revision| Some(*revision) != serving && !gone.contains(revision));
        all
    }

    fn is_new(&self, shipment: &Shipment) -> Result<bool> {
        Ok(match &self.current {
            Some(current) => !is_same(current, &shipment.release)?,
            None => true,
        })
    }

    fn confirmed(&self, plan: &Plan, operation: &str) -> Result<Option<Plan>> {
        if plan.is_empty() {
            return Ok(None);
        }
        plan.lines().into_iter().for_each(|line| self.context.reporter.note(line));
        self.context.prompt.confirm(&format!("{operation} {}?", self.releases.project))?;
        Ok(Some(plan.clone()))
    }

    /// Helm's record, as it is stored before anything is applied.
    fn record(&self, shipment: &Shipment) -> Result<Vec<u8>> {
        let (status, description) = match (shipment.to, &self.current) {
            (Some(to), _) => (HelmStatus::PendingRollback, format!("Rollback to {to} in progress")),
            (None, Some(_)) => (HelmStatus::PendingUpgrade, "Upgrade in progress".to_owned()),
            (None, None) => (HelmStatus::PendingInstall, "Install in progress".to_owned()),
        };
        let first = self.current.as_ref().map(|current| current.info.first_deployed.clone());
        let begun = Beginning { status, description, first, now: (self.context.now)() };
        let release = pending(shipment.release.clone(), begun);
        let bytes = serde_json::to_vec(&release);
        bytes.map_err(|error| {
            WorkflowError::File { path: "the release record".to_owned(), reason: error.to_string() }.into()
        })
    }

    /// Whether the release before serves decides the exit code of a failure.
    async fn judged(&self, error: Error, shipment: &Shipment) -> Error {
        let is_execution = error.downcast_ref::<ExecuteError>().is_some();
        if !is_execution || error.kind() == ErrorKind::Locked {
            return error;
        }
        let explain = "see what happened with `aictl explain`";
        let is_rollback = shipment.to.is_some();
        // The pods that failed are gone: their last log lines are with the error, and are kept.
        let slow = matches!(error.downcast_ref::<ExecuteError>(), Some(ExecuteError::NotReady { .. }));
        let of_pods = error.downcast_ref::<ExecuteError>().is_some_and(|error| error.container().is_some());
        if error.kind() == ErrorKind::Interrupted {
            let serves = self.serves_before(Duration::ZERO).await == Some(true);
            let hint = if serves { "the previous release still serves" } else { "see what runs with `aictl status`" };
            return error.with_hint(hint);
        }
        let error = match (of_pods, slow) {
            (true, true) => error.without_hints().with_hint("`--timeout` sets how long to wait"),
            (true, false) => error.without_hints(),
            (false, _) => error,
        };
        if is_rollback {
            return error.with_kind(ErrorKind::RollbackFailed).with_hint(explain);
        }
        match self.serves_before(AGAIN).await {
            Some(true) => {
                let hint = "the previous release still serves; see what happened with `aictl explain`";
                error.with_kind(ErrorKind::DeployFailed).with_hint(hint)
            }
            Some(false) => {
                let hint = "not everything of the previous release is as it was; bring it back with `aictl rollback`";
                error.with_kind(ErrorKind::Failed).with_hint(hint)
            }
            None => error.with_kind(ErrorKind::Failed).with_hint(explain),
        }
    }

    /// Whether the cluster has exactly what the release that served before has, and it is ready or becomes so in time;
    /// none where there was no release.
    async fn serves_before(&self, patience: Duration) -> Option<bool> {
        let current = self.current.as_ref()?;
        let objects = released_objects(current).ok()?;
        let wanted = ClusterRelease {
            name: current.name.clone(),
            namespace: current.namespace.clone(),
            objects,
            ..Default::default()
        };
        let began = Instant::now();
        loop {
            let observed = self.target.observe(&scope(&wanted)).await.ok()?.cluster?;
            let states = || wanted.objects.iter().map(|object| observed.objects.get(&object.reference.key()));
            if !states().all(|state| matches!(state, Some(ObjectState::Same { .. }))) {
                return Some(false);
            }
            let ready = |(object, state): (&ClusterObject, Option<&ObjectState>)| {
                !object.reference.is_workload() || matches!(state, Some(ObjectState::Same { ready: true }))
            };
            if wanted.objects.iter().zip(states()).all(ready) {
                return Some(true);
            }
            if began.elapsed() >= patience || *self.context.interrupt.borrow() {
                return Some(false);
            }
            tokio::time::sleep(LOOK).await;
        }
    }
}

fn scope(wanted: &ClusterRelease) -> Scope {
    Scope { project: wanted.name.clone(), cluster: Some(scope_of(wanted)), ..Default::default() }
}

fn planned(wanted: &ClusterRelease, observed: &Observed) -> Result<Plan> {
    Ok(plan_release(wanted, cluster_of(observed)?)?)
}
