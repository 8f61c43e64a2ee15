//! The way every verb changes something: observe, plan, take the lease, plan again, record, execute, record, give the lease back.
//! Reads a planning function; what is executed is the plan that was recorded, and `--dry-run` ends after planning.
//! Never plans by itself; without steps it takes no lease and writes nothing.

mod half_done;
mod lock;
mod progress;
mod records;
mod unfinished;

use std::sync::{Arc, OnceLock};

use crate::error::{Error, Result};
use crate::execute::{
    CheckRunner, DataRunner, ExecuteError, Execution, Runner, TaskRunner, TransferRunner, await_ready, evidence,
    execute_part,
};
use crate::plan::{Observed, Plan, Scope, labels};
use crate::release::{Evidence, Lease, LeaseVerdict, Record, Release, StepOutcome, StepRecord, UnfinishedRestore};
use crate::session::other_folder;
use crate::session::port_holder::explained;
use crate::session::recorded_health::count_recorded_health;
use crate::session::{Context, WorkflowError};
use crate::target::{Target, TargetError};

/// From what is found to steps. Called twice: before the lease, and under it.
pub type Planning<'a> = &'a (dyn Fn(&Observed) -> Result<Plan> + Send + Sync);

/// A change about to happen.
#[must_use = "a transaction changes nothing until it is run"]
pub struct Transaction<'a> {
    /// The context of the verb.
    pub context: &'a Context,
    /// Where.
    pub target: Arc<dyn Target>,
    /// What to look at.
    pub scope: Scope,
    /// The verb, for the lease and the records.
    pub operation: &'static str,
    /// What becomes of the project's state afterwards.
    pub disposition: StateDisposition,
    /// Runs tasks, if the plan has any.
    pub tasks: Option<&'a dyn TaskRunner>,
    /// Runs checks, where the plan has any.
    pub checks: Option<&'a dyn CheckRunner>,
    /// Sends images, where the plan transfers any.
    pub transfers: Option<&'a dyn TransferRunner>,
    /// Dumps and restores data, where the plan has such steps.
    pub data: Option<&'a dyn DataRunner>,
    /// The release it makes, if it makes one.
    pub release: Option<&'a NewRelease<'a>>,
    /// The revision its new containers belong to, where that is an earlier release.
    pub revision: Option<u32>,
    /// The record of the release whose bake it continues; the change is recorded as a part of that operation.
    pub resumes: Option<&'a Record>,
    /// Whether it may take the lock from a process that only watches a release bake.
    pub ends_bake: bool,
    /// Whether it may run while a restore is unfinished: it takes services down, or is a part of a restore.
    pub beside_unfinished_restore: bool,
    /// The restore that was unfinished when it began.
    unfinished: OnceLock<UnfinishedRestore>,
    /// The plan that was confirmed; a different one under the lease is not carried out.
    pub confirmed: Option<Plan>,
    /// The number of the operation, once its steps are carried out.
    pub number: OnceLock<u32>,
}

/// A release that a change makes.
pub struct NewRelease<'a> {
    /// What its records say of it before it was carried out.
    pub draft: Release,
    /// Its stored configuration, with the values of secrets.
    pub configuration: Vec<u8>,
    /// Revisions whose configuration is dropped once it is good.
    pub dropped: Vec<u32>,
    /// What the records say of it afterwards; the flag says whether the change ended well.
    pub finished: &'a (dyn Fn(&Observed, bool) -> Release + Send + Sync),
    /// Whether it must be recorded although nothing needs to be done.
    pub is_new: &'a (dyn Fn(&Observed) -> bool + Send + Sync),
    /// What is done on this machine once it is recorded and stored, before the first step.
    pub local: Option<&'a dyn LocalChange>,
}

/// A change of this machine that belongs to a release.
pub trait LocalChange: Send + Sync {
    /// Makes it.
    fn make(&self, context: &Context) -> Result<()>;
}

/// What becomes of the project's state on the target when a change ended well.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum StateDisposition {
    /// The lease is given back.
    #[default]
    Keep,
    /// The stack is gone: so is the container the state lives beside, and with `forget` the history.
    Retire { forget: bool },
}

/// The result of a change.
#[derive(Debug, Default)]
pub struct TransactionOutcome {
    /// The plan: the one that was carried out, or would have been.
    pub plan: Plan,
    /// Whether anything was changed; false for dry runs and where nothing needed doing but waiting.
    pub executed: bool,
    /// The world before the first step.
    pub before: Observed,
    /// The number of the operation, where it was recorded.
    pub number: Option<u32>,
    /// Steps that failed with a warning, after the new side was up: `remove container shop-web-1`.
    pub incomplete: Vec<String>,
}

/// What a walk through the plan gives the final record.
#[derive(Default)]
struct Walked {
    /// Number of the operation.
    number: u32,
    steps: Vec<StepRecord>,
    evidence: Vec<Evidence>,
}

/// What the steps of a plan are carried out with.
struct Carried<'e> {
    lease: &'e Lease,
    runner: &'e Runner<'e>,
}

/// Result of executing a plan, for its final record.
struct Ending<'e> {
    pending: Record,
    walked: Walked,
    failure: Option<&'e Error>,
}

impl<'a> Transaction<'a> {
    /// A change whose project keeps its state, without tasks.
    pub fn new(context: &'a Context, target: Arc<dyn Target>, scope: Scope, operation: &'static str) -> Self {
        Self {
            context,
            target,
            scope,
            operation,
            disposition: StateDisposition::Keep,
            tasks: None,
            checks: None,
            transfers: None,
            data: None,
            release: None,
            revision: None,
            resumes: None,
            ends_bake: false,
            beside_unfinished_restore: false,
            unfinished: OnceLock::new(),
            confirmed: None,
            number: OnceLock::new(),
        }
    }

    /// The same, with the state retired at its end.
    pub fn retiring(self, forget: bool) -> Self {
        Self { disposition: StateDisposition::Retire { forget }, ..self }
    }

    /// Plans and, unless it is a dry run, carries the plan out.
    pub async fn run(&self, planning: Planning<'_>) -> Result<TransactionOutcome> {
        let mut before = self.target.observe(&self.scope).await?;
        let mut plan = planning(&before)?;
        if plan.only_waits() && !plan.is_empty() {
            count_recorded_health(&*self.target, &self.scope.project, &mut before).await;
            plan = planning(&before)?;
        }
        self.warn(&plan, &before);
        let must_record = self.release.is_some_and(|release| (release.is_new)(&before));
        if self.context.options.dry_run || (plan.is_empty() && !must_record && !self.leftover().await?) {
            return Ok(TransactionOutcome { plan, before, ..Default::default() });
        }
        let only_waits = plan.only_waits() && !must_record;
        // Whoever holds the lock is still at it, or died in the middle of it.
        if only_waits && !plan.is_empty() && self.target.observe_lease(&self.scope.project).await?.is_none() {
            await_ready(&plan, &self.runner(None)).await.result?;
            let before = self.target.observe(&self.scope).await?;
            return Ok(TransactionOutcome { plan, before, ..Default::default() });
        }
        let held = self.hold(plan, planning).await?;
        let before = if only_waits { self.target.observe(&self.scope).await? } else { before };
        let executed = !held.plan.only_waits() || must_record;
        Ok(TransactionOutcome { executed, before, ..held })
    }

    /// Takes the lease, carries the plan out and gives the lease back; returns what was carried out.
    async fn hold(&self, planned: Plan, planning: Planning<'_>) -> Result<TransactionOutcome> {
        let lease = self.acquire().await?;
        if let Some(record) = self.resumes {
            self.context.reporter.note(format!("resuming the bake of release {}", record.sequence));
        }
        let (pending, plan) = match self.begin(&lease, planned, planning).await {
            Ok(begun) => begun,
            Err((pending, error)) => return Err(self.give_up(lease, pending, error).await),
        };
        let number = *self.number.get_or_init(|| pending.sequence);
        let mut walked = Walked { number, steps: plan.records(), ..Default::default() };
        let result = self.carry_out(&plan, (&lease, &pending), &mut walked).await;
        let incomplete = plan.incomplete(&walked.steps);
        let steps = walked.steps.clone();
        let ended = self.end(lease, &plan, Ending { pending, walked, failure: result.as_ref().err() }).await;
        if let Err(error) = result.and(ended) {
            return Err(self.half_done(error, &steps).await);
        }
        Ok(TransactionOutcome { plan, number: Some(number), incomplete, ..Default::default() })
    }

    /// Carries out all but the closing steps.
    async fn carry_out(&self, plan: &Plan, (lease, pending): (&Lease, &Record), walked: &mut Walked) -> Result<()> {
        let progress = self.progress(lease, pending);
        let runner = Runner { progress: progress.as_deref(), ..self.runner(Some(walked.number)) };
        let main = 0..plan.closing.map_or(plan.steps.len(), |closing| closing.0);
        self.execute((plan, main), Carried { lease, runner: &runner }, walked).await
    }

    /// A failure before the first step is recorded if there is a pending record, and returned in any case.
    async fn give_up(&self, lease: Lease, pending: Option<Record>, error: Error) -> Error {
        // The first failure is returned, even when it cannot be recorded.
        let _ = match pending.filter(|_| self.resumes.is_none()) {
            Some(pending) => {
                let evidence = error.downcast_ref().and_then(evidence).into_iter().collect();
                let last = self.final_record(pending, Walked { evidence, ..Walked::default() }, Some(&error));
                self.target.finish(lease, &last).await
            }
            None => self.target.release(lease).await,
        };
        error
    }

    /// Records the end and gives the lease back; where the whole stack went away, its state container goes too, and with
    /// the volumes its history: nothing of the project is left on the engine.
    async fn end(&self, lease: Lease, plan: &Plan, ending: Ending<'_>) -> Result<()> {
        let Ending { mut pending, mut walked, failure } = ending;
        if matches!(failure.and_then(Error::downcast_ref), Some(ExecuteError::Baking)) {
            // It was recorded when the bake started.
            return Ok(self.target.release(lease).await?);
        }
        self.finish_release(&lease, &mut pending, failure.is_none()).await;
        let StateDisposition::Retire { forget } = self.disposition else {
            let last = self.final_record(pending, walked, failure);
            return Ok(self.target.finish(lease, &last).await?);
        };
        if failure.is_some() {
            let last = self.final_record(pending, walked, failure);
            return Ok(self.target.finish(lease, &last).await?);
        }
        let closing = plan.closing.map_or(plan.steps.len(), |closing| closing.0)..plan.steps.len();
        let runner = self.runner(Some(walked.number));
        let close = async {
            if closing.is_empty() {
                Ok(())
            } else {
                self.execute((plan, closing), Carried { lease: &lease, runner: &runner }, &mut walked).await
            }
        };
        let (closed, ()) = tokio::join!(close, self.target.prepare_to_retire(&lease));
        let last = self.final_record(pending, walked, closed.as_ref().err());
        if let Err(error) = closed {
            let _ = self.target.finish(lease, &last).await;
            return Err(error);
        }
        if !forget {
            self.target.record(&lease, &last).await?;
        }
        Ok(self.target.retire(lease, forget).await?)
    }

    /// Nothing needs doing, yet something was left: the lock of a dead owner, whose last request may still be under
    /// way, or the state of a stack that is to vanish.
    async fn leftover(&self) -> Result<bool> {
        if let StateDisposition::Retire { forget } = self.disposition {
            return Ok(self.target.has_state(&self.scope.project, forget).await?);
        }
        let lease = self.target.observe_lease(&self.scope.project).await?;
        Ok(lease.is_some_and(|l| l.verdict != LeaseVerdict::Alive))
    }

    fn warn(&self, plan: &Plan, observed: &Observed) {
        for warning in &plan.warnings {
            self.context.reporter.warn(warning.clone());
        }
        if let Some(folder) = &self.scope.folder {
            other_folder::warn(self.context, other_folder::touched(observed, plan, folder));
        }
    }

    /// Records what is about to be done, and looks at what is there while that is being written: between the first look
    /// and the lease another operation may have ended. The plan is made again; if it differs, it is recorded anew.
    async fn begin(
        &self,
        lease: &Lease,
        planned: Plan,
        planning: Planning<'_>,
    ) -> std::result::Result<(Record, Plan), (Option<Record>, Error)> {
        let pending = self.pending_record(lease, &planned).await.map_err(|error| (None, error))?;
        let (recorded, observed) = tokio::join!(self.target.record(lease, &pending), self.target.observe(&self.scope));
        recorded.map_err(|error| (None, error.into()))?;
        let found = |error: Error| (Some(pending.clone()), error);
        let plan = planning(&observed.map_err(|error| found(error.into()))?).map_err(found)?;
        if self.confirmed.as_ref().is_some_and(|confirmed| confirmed.steps != plan.steps) {
            return Err(found(WorkflowError::PlanChanged { project: self.scope.project.clone() }.into()));
        }
        if let Some(release) = self.release.filter(|_| self.resumes.is_none()) {
            let stored = self.target.store_configuration(lease, pending.sequence, &release.configuration).await;
            stored.map_err(|error| found(error.into()))?;
            release.local.map_or(Ok(()), |local| local.make(self.context)).map_err(found)?;
        }
        if plan.steps == planned.steps {
            return Ok((pending, plan));
        }
        let pending = Record { steps: self.recorded_steps(plan.records()), ..pending };
        match self.target.record(lease, &pending).await {
            Ok(()) => Ok((pending, plan)),
            Err(error) => Err((Some(pending), error.into())),
        }
    }

    /// Records the status of the release; a good one drops the oldest ones.
    async fn finish_release(&self, lease: &Lease, record: &mut Record, well: bool) {
        let Some(new) = self.release else { return };
        if let Ok(observed) = self.target.observe(&self.scope).await {
            let switched = record.release.as_ref().and_then(|release| release.switched.clone());
            let mut release = Release { switched, ..(new.finished)(&observed, well) };
            // What `start` made before may equal it, and is not its own.
            let revision = record.sequence.to_string();
            release.serves &= observed.instances.iter().any(|c| c.labels.get(labels::RELEASE) == Some(&revision));
            record.release = Some(Box::new(release));
        }
        let dropped = if well { new.dropped.as_slice() } else { &[] };
        for revision in dropped {
            if let Err(error) = self.target.store_configuration(lease, *revision, &[]).await {
                self.context.reporter.warn(format!("the configuration of release {revision} was not dropped: {error}"));
                return;
            }
        }
        if let Some(release) = record.release.as_mut() {
            release.dropped = dropped.to_vec();
        }
    }

    /// Carries out a range of the plan's steps and records their outcomes.
    async fn execute(
        &self,
        (plan, part): (&Plan, std::ops::Range<usize>),
        how: Carried<'_>,
        walked: &mut Walked,
    ) -> Result<()> {
        let Execution { result, evidence, steps } = execute_part(plan, part.clone(), how.runner, how.lease).await;
        let failed = steps.iter().position(|step| step.outcome == StepOutcome::Failed);
        let failed = failed.and_then(|index| plan.steps.get(index)).map(|step| &step.operation);
        let executed = steps.into_iter().enumerate().filter(|(index, _)| part.contains(index));
        for (index, step) in executed {
            if let Some(booked) = walked.steps.get_mut(index) {
                *booked = step;
            }
        }
        walked.evidence.extend(evidence);
        match result {
            Ok(()) => Ok(()),
            Err(error) => Err(explained(error, failed, (&*self.target, &self.scope.project)).await),
        }
    }

    fn runner(&self, number: Option<u32>) -> Runner<'_> {
        let context = self.context;
        let release = self.revision.or_else(|| self.release.and(number));
        Runner {
            target: &*self.target,
            reporter: &*context.reporter,
            interrupt: context.interrupt.clone(),
            tasks: self.tasks,
            checks: self.checks,
            progress: None,
            transfers: self.transfers,
            data: self.data,
            release,
        }
    }
}

/// Whether an error only says that something is not there.
pub fn is_missing(error: &TargetError) -> bool {
    matches!(error, TargetError::NotFound { .. })
}
