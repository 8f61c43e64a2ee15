//! The walk itself: which steps may run now, their outcomes, when to stop.
//! Reads the plan's order, performs through the target, returns an `Execution`.
//! Never reorders and never retries: both are the plan's to say.

use std::ops::Range;
use std::pin::pin;

use futures_util::stream::FuturesUnordered;
use futures_util::{StreamExt, future::BoxFuture};

use super::ExecuteError;
use super::allowed_failures::Failures;
use super::compensate::compensate;
use super::evidence::evidence_of;
use super::lease_keeper::LeaseKeeper;
use super::progress::{Stage, has_baked, stage_of};
use super::step_log::{Ended, StepLog};
use super::walk::{Runner, StepEnd, Walk};
use crate::event::Event;
use crate::plan::{DataOperation, Operation, Phase, Plan, Step};
use crate::release::{Evidence, Lease, StepRecord};
use crate::target::TargetError;

/// How many operations run at once; the engine serialises much of it anyway.
const PARALLEL: usize = 16;

/// The outcome of a plan.
#[derive(Debug)]
pub struct Execution {
    /// The first failure, if any.
    pub result: Result<(), ExecuteError>,
    /// What was kept of failed containers.
    pub evidence: Vec<Evidence>,
    /// The plan's steps with their outcomes, in the plan's order.
    pub steps: Vec<StepRecord>,
}

/// Carries out a plan under a lease. On failure the rest is not started, waits are cut and the plan's undo is performed.
pub async fn execute(plan: &Plan, runner: &Runner<'_>, lease: &Lease) -> Execution {
    execute_part(plan, 0..plan.steps.len(), runner, lease).await
}

/// Carries out the steps of a range whose predecessors were carried out before.
pub async fn execute_part(plan: &Plan, part: Range<usize>, runner: &Runner<'_>, lease: &Lease) -> Execution {
    carry_out(plan, part, runner, LeaseKeeper::new(runner.target, lease)).await
}

/// Waits where a plan is nothing but waits, which needs no lease. Any other step is refused.
pub async fn await_ready(plan: &Plan, runner: &Runner<'_>) -> Execution {
    carry_out(plan, 0..plan.steps.len(), runner, LeaseKeeper::without_lease(runner.target, &plan.project)).await
}

async fn carry_out(plan: &Plan, part: Range<usize>, runner: &Runner<'_>, keeper: LeaseKeeper<'_>) -> Execution {
    let log = StepLog::new(plan, part.start);
    if let Some(step) = plan.out_of_order() {
        let result = Err(ExecuteError::OutOfOrder { step: step.0 });
        return Execution { result, evidence: Vec::new(), steps: log.records(plan) };
    }
    let walk = Walk::new(runner);
    let first = part.start;
    let mut run = Run { plan, part, walk: &walk, log, stage: Stage::Prepare, failures: Failures::default() };
    let mut result = {
        let relay = walk.relay_changes(&plan.project, plan);
        let steps = run.steps(&keeper);
        tokio::select! { result = steps => result, () = relay => Ok(()) }
    };
    let mut log = run.log;
    if matches!(result, Err(ExecuteError::Interrupted)) && has_baked(plan, &log) {
        // The new side was verified and serves: an operator who leaves does not mean to go back.
        result = Err(ExecuteError::Baking);
    } else if let Err(error) = &result {
        let kept = Undo { plan, first, walk: &walk, keeper: &keeper }.run(error, &mut log).await;
        if !kept && has_baked(plan, &log) {
            // Whoever took the lock may have removed what was watched: that is no failure of the release.
            result = Err(lock_lost(&plan.project));
        }
    }
    let evidence = result.as_ref().err().and_then(evidence).into_iter().collect();
    Execution { result, evidence, steps: log.records(plan) }
}

/// Undoes the steps of a failed plan, as long as the lock is ours: its new holder continues from what exists.
struct Undo<'a> {
    plan: &'a Plan,
    first: usize,
    walk: &'a Walk<'a>,
    keeper: &'a LeaseKeeper<'a>,
}

impl Undo<'_> {
    /// Whether the lock is still ours.
    async fn run(self, error: &ExecuteError, log: &mut StepLog) -> bool {
        let is_lost = |error: &TargetError| matches!(error, TargetError::LeaseLost { .. });
        let mut kept = !matches!(error, ExecuteError::Target { source, .. } if is_lost(source));
        if kept && self.plan.steps.iter().any(|step| !step.undo.is_empty()) {
            kept = !self.keeper.prove_now().await.is_err_and(|error| is_lost(&error));
        }
        if kept {
            let undo = compensate(self.plan, self.first, self.walk, log);
            kept = tokio::select! { () = undo => true, _ = self.keeper.beat() => false };
        }
        if !kept {
            let message = "the lock was lost: nothing is undone".to_owned();
            let hint = Some("see what is there with `aictl status`".to_owned());
            self.walk.reporter().report(Event::Warning { message, hint });
        }
        kept
    }
}

fn lock_lost(project: &str) -> ExecuteError {
    let source = TargetError::LeaseLost { project: project.to_owned() };
    ExecuteError::Target { subject: "could not keep the lock".to_owned(), source }
}

/// What is kept of a failure: the facts of its container, the attempts of its check.
pub fn evidence(error: &ExecuteError) -> Option<Evidence> {
    let service = failed_service(error).unwrap_or_default();
    let attempts = error.attempts().to_vec();
    match error.container() {
        Some(facts) => Some(Evidence { attempts, ..evidence_of(&service, facts) }),
        None if attempts.is_empty() => None,
        None => Some(Evidence { service, attempts, ..Evidence::default() }),
    }
}

fn failed_service(error: &ExecuteError) -> Option<String> {
    match error {
        ExecuteError::NotReady { service, .. }
        | ExecuteError::CrashLoop { service, .. }
        | ExecuteError::Exited { service, .. }
        | ExecuteError::Unhealthy { service, .. }
        | ExecuteError::Removed { service, .. }
        | ExecuteError::TaskEnded { service, .. } => Some(service.clone()),
        ExecuteError::CheckFailed { service, .. } | ExecuteError::BakeFailed { service, .. } => service.clone(),
        _ => None,
    }
}

struct Run<'a> {
    plan: &'a Plan,
    part: Range<usize>,
    walk: &'a Walk<'a>,
    log: StepLog,
    /// The latest stage that was recorded.
    stage: Stage,
    failures: Failures,
}

impl<'a> Run<'a> {
    async fn steps(&mut self, keeper: &'a LeaseKeeper<'a>) -> Result<(), ExecuteError> {
        let mut interrupt = self.walk.runner.interrupt.clone();
        let mut failed: Option<ExecuteError> = None;
        let mut beat = pin!(keeper.beat());
        let mut running: FuturesUnordered<BoxFuture<'a, StepEnd>> = FuturesUnordered::new();
        loop {
            if failed.is_none() && *interrupt.borrow() {
                self.walk
                    .reporter()
                    .note("interrupted: what is under way is finished; once more ends at once".to_owned());
                failed = Some(self.stop(ExecuteError::Interrupted));
            }
            if failed.is_none() {
                self.launch(&mut running, keeper);
            }
            if running.is_empty() {
                return failed.map_or(Ok(()), Err);
            }
            tokio::select! {
                Some(end) = running.next() => {
                    if let Err(error) = self.finish(end)
                        && failed.is_none()
                    {
                        failed = Some(self.stop(error));
                    }
                }
                lost = &mut beat, if failed.is_none() => {
                    failed = Some(self.stop(ExecuteError::Target { subject: "could not keep the lock".into(), source: lost }));
                }
                Ok(()) = interrupt.changed(), if failed.is_none() => {}
            }
        }
    }

    fn stop(&self, error: ExecuteError) -> ExecuteError {
        self.walk.stop.send_replace(true);
        error
    }

    fn launch(&mut self, running: &mut FuturesUnordered<BoxFuture<'a, StepEnd>>, keeper: &'a LeaseKeeper<'a>) {
        for index in self.part.clone() {
            let Some(step) = self.plan.steps.get(index) else { continue };
            let may = self.log.state(index) == Ended::Waiting
                && step.after.iter().all(|before| self.log.state(before.0).lets_go_on());
            let unguarded = may && step.guard.as_ref().is_some_and(|guard| !guard.holds(&self.walk.images()));
            if unguarded || (may && self.failures.gave_up(step)) {
                self.log.set(index, Ended::Skipped, None);
                continue;
            }
            if may && (running.len() < PARALLEL || step.operation.is_wait()) {
                self.log.set(index, Ended::Running, None);
                let recorded = self.record_stage(index);
                let step = self.walk.step(index, self.plan, keeper);
                running.push(Box::pin(async move {
                    match recorded.await {
                        Ok(()) => step.await,
                        Err(source) => StepEnd::not_recorded(index, source),
                    }
                }));
            }
        }
    }

    /// Records the stage of a step, where it is the first one of its stage.
    fn record_stage(&mut self, index: usize) -> impl Future<Output = Result<(), TargetError>> + Send + use<'a> {
        let stage = stage_of(self.plan, index);
        let progress = self.walk.runner.progress.filter(|_| stage > self.stage);
        self.stage = self.stage.max(stage);
        let steps = progress.map(|_| self.log.records(self.plan));
        async move {
            match (progress, steps) {
                (Some(progress), Some(steps)) => progress.reached(stage, steps).await,
                _ => Ok(()),
            }
        }
    }

    /// Books the end of a step; a failure that is tolerated, or in Retire, where the new side already serves, is a warning. That
    /// an old password is still good is none.
    fn finish(&mut self, end: StepEnd) -> Result<(), ExecuteError> {
        let StepEnd { index, result, took } = end;
        let step = self.plan.steps.get(index);
        let mut tolerates = |step: &Step| step.tolerant || is_clean_up(step) || self.failures.are_allowed(step);
        let (ended, result) = match result {
            Ok(_) => (Ended::Done, Ok(())),
            Err(error) if !lost(&error) && step.is_some_and(&mut tolerates) => {
                self.walk.reporter().warn(format!("{error}: {}", causes(&error)));
                (Ended::Tolerated, Ok(()))
            }
            Err(ExecuteError::Interrupted) => (Ended::Cancelled, Err(ExecuteError::Interrupted)),
            Err(error) => (Ended::Failed, Err(error)),
        };
        self.log.set(index, ended, Some(took));
        result
    }
}

fn is_clean_up(step: &Step) -> bool {
    step.phase == Phase::Retire && !matches!(step.operation, Operation::Data(DataOperation::ChangePassword(_)))
}

fn lost(error: &ExecuteError) -> bool {
    matches!(error, ExecuteError::Interrupted | ExecuteError::Target { source: TargetError::LeaseLost { .. }, .. })
}

fn causes(error: &ExecuteError) -> String {
    std::error::Error::source(error).map(ToString::to_string).unwrap_or_default()
}
