//! The walk itself: which steps may run now, what became of each, when to stop.
//! Reads the plan's order, performs through the target, returns an `Execution`.
//! Never reorders and never retries: both are the plan's to say.

use std::collections::BTreeMap;
use std::pin::pin;
use std::sync::Mutex;
use std::time::Instant;

use futures_util::stream::FuturesUnordered;
use futures_util::{StreamExt, future::BoxFuture};
use tokio::sync::{broadcast, watch};

use super::await_ready::Wait;
use super::compensate::compensate;
use super::lease_keeper::Pulse;
use super::{Evidence, ExecuteError, references};
use crate::event::{Event, Reporter};
use crate::plan::{Change, Operation, Outcome, Phase, Plan};
use crate::release::Lease;
use crate::target::{Target, TargetError};

/// How many operations run at once; the engine serialises much of it anyway.
const PARALLEL: usize = 16;

/// What a run needs besides its plan and lease.
pub struct Runner<'a> {
    /// Where operations are performed.
    pub target: &'a dyn Target,
    /// Who is told.
    pub reporter: &'a dyn Reporter,
    /// Turns true at Ctrl-C.
    pub interrupt: watch::Receiver<bool>,
}

/// What became of a plan.
#[derive(Debug)]
pub struct Execution {
    /// How many steps ended well.
    pub done: usize,
    /// The first failure, if any.
    pub result: Result<(), ExecuteError>,
    /// What was taken back after it.
    pub undone: Vec<String>,
    /// What was kept of failed containers.
    pub evidence: Vec<Evidence>,
    /// Outcomes by step index.
    pub outcomes: BTreeMap<usize, Outcome>,
}

/// What became of a step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ended {
    Waiting,
    Running,
    Done,
    Failed,
}

/// The state shared by the steps of one run.
pub(super) struct Walk<'a> {
    runner: &'a Runner<'a>,
    ids: Mutex<BTreeMap<String, String>>,
    changes: broadcast::Sender<Change>,
    stop: watch::Sender<bool>,
}

/// Carries out a plan under a lease. On failure the rest is not begun, waits are cut and the plan's undo is performed.
pub async fn execute(plan: &Plan, runner: &Runner<'_>, lease: &Lease) -> Execution {
    carry_out(plan, runner, Pulse::new(runner.target, lease)).await
}

/// Waits where a plan is nothing but waits, which needs no lease. Any other step is refused.
pub async fn await_ready(plan: &Plan, runner: &Runner<'_>) -> Execution {
    carry_out(plan, runner, Pulse::without_lease(runner.target, &plan.project)).await
}

async fn carry_out(plan: &Plan, runner: &Runner<'_>, pulse: Pulse<'_>) -> Execution {
    let walk =
        Walk { runner, ids: Mutex::default(), changes: broadcast::channel(256).0, stop: watch::channel(false).0 };
    let mut run = Run { plan, walk: &walk, ended: vec![Ended::Waiting; plan.steps.len()], outcomes: BTreeMap::new() };
    let result = {
        let relay = walk.relay_changes(&plan.project, plan);
        let steps = run.steps(&pulse);
        tokio::select! { result = steps => result, () = relay => Ok(()) }
    };
    let undone = if result.is_err() { compensate(plan, &walk, &run.ended).await } else { Vec::new() };
    let done = run.ended.iter().filter(|e| **e == Ended::Done).count();
    let evidence = result.as_ref().err().and_then(|e| e.container().cloned()).into_iter();
    let service = result.as_ref().err().and_then(failed_service).unwrap_or_default();
    let evidence = evidence.map(|facts| Evidence::of(&service, &facts)).collect();
    Execution { done, result, undone, evidence, outcomes: run.outcomes }
}

fn failed_service(error: &ExecuteError) -> Option<String> {
    match error {
        ExecuteError::NotReady { service, .. }
        | ExecuteError::CrashLoop { service, .. }
        | ExecuteError::Exited { service, .. }
        | ExecuteError::Unhealthy { service, .. }
        | ExecuteError::Removed { service, .. } => Some(service.clone()),
        _ => None,
    }
}

struct Run<'a> {
    plan: &'a Plan,
    walk: &'a Walk<'a>,
    ended: Vec<Ended>,
    outcomes: BTreeMap<usize, Outcome>,
}

type StepResult = (usize, Result<Outcome, ExecuteError>);

impl<'a> Run<'a> {
    async fn steps(&mut self, pulse: &'a Pulse<'a>) -> Result<(), ExecuteError> {
        let mut interrupt = self.walk.runner.interrupt.clone();
        let mut failed: Option<ExecuteError> = None;
        let mut beat = pin!(pulse.beat());
        let mut running: FuturesUnordered<BoxFuture<'a, StepResult>> = FuturesUnordered::new();
        loop {
            if failed.is_none() && *interrupt.borrow() {
                self.walk
                    .reporter()
                    .note("interrupted: what is under way is finished; once more ends at once".to_owned());
                failed = Some(self.stop(ExecuteError::Interrupted));
            }
            if failed.is_none() {
                self.launch(&mut running, pulse);
            }
            if running.is_empty() {
                return failed.map_or(Ok(()), Err);
            }
            tokio::select! {
                Some((index, result)) = running.next() => {
                    if let Err(error) = self.finish(index, result)
                        && failed.is_none()
                    {
                        failed = Some(self.stop(error));
                    }
                }
                lost = &mut beat, if failed.is_none() => {
                    failed = Some(self.stop(ExecuteError::Target { subject: "keep the lock".into(), source: lost }));
                }
                Ok(()) = interrupt.changed(), if failed.is_none() => {}
            }
        }
    }

    fn stop(&self, error: ExecuteError) -> ExecuteError {
        self.walk.stop.send_replace(true);
        error
    }

    fn launch(&mut self, running: &mut FuturesUnordered<BoxFuture<'a, StepResult>>, pulse: &'a Pulse<'a>) {
        for (index, step) in self.plan.steps.iter().enumerate() {
            let free = running.len() < PARALLEL || matches!(step.operation, Operation::AwaitReady { .. });
            let may = self.ended[index] == Ended::Waiting && step.after.iter().all(|a| self.ended[a.0] == Ended::Done);
            if free && may {
                self.ended[index] = Ended::Running;
                running.push(Box::pin(self.walk.step(index, self.plan, pulse)));
            }
        }
    }

    /// Books the end of a step; a failure in Retire is a warning, the new side already serves.
    fn finish(&mut self, index: usize, result: Result<Outcome, ExecuteError>) -> Result<(), ExecuteError> {
        match result {
            Ok(outcome) => {
                self.ended[index] = Ended::Done;
                self.outcomes.insert(index, outcome);
                Ok(())
            }
            Err(error) if self.plan.steps[index].phase == Phase::Retire && !lost(&error) => {
                // Done for what waits on it: retiring the rest must go on.
                self.ended[index] = Ended::Done;
                self.walk.reporter().warn(format!("{error}: {}", causes(&error)));
                Ok(())
            }
            Err(error) => {
                self.ended[index] = Ended::Failed;
                Err(error)
            }
        }
    }
}

fn lost(error: &ExecuteError) -> bool {
    matches!(error, ExecuteError::Interrupted | ExecuteError::Target { source: TargetError::LeaseLost { .. }, .. })
}

fn causes(error: &ExecuteError) -> String {
    std::error::Error::source(error).map(ToString::to_string).unwrap_or_default()
}

impl<'a> Walk<'a> {
    pub(super) fn reporter(&self) -> &'a dyn Reporter {
        self.runner.reporter
    }

    /// Feeds the engine's events to the waits. Never ends: without events the waits poll.
    async fn relay_changes(&self, project: &str, plan: &Plan) {
        let waits = plan.steps.iter().any(|s| matches!(s.operation, Operation::AwaitReady { .. }));
        if waits && let Ok(mut changes) = self.runner.target.watch(project).await {
            while let Some(Ok(change)) = changes.next().await {
                // No wait is listening right now: nothing is lost, each begins with a look of its own.
                let _ = self.changes.send(change);
            }
        }
        std::future::pending().await
    }

    async fn step(&'a self, index: usize, plan: &'a Plan, pulse: &'a Pulse<'a>) -> StepResult {
        let step = &plan.steps[index];
        let (infinitive, verb) = step.operation.verbs();
        let subject = step.operation.subject(&plan.names);
        let began = Instant::now();
        let started = (subject.clone(), step.cause.clone());
        self.reporter().report(Event::StepStarted {
            key: index,
            verb: infinitive,
            subject: started.0,
            cause: started.1,
        });
        let result = self.attempt(index, plan, pulse).await;
        let took = began.elapsed();
        self.reporter().report(match &result {
            Ok(outcome) if outcome.kept => Event::StepDropped { key: index },
            Ok(outcome) => Event::StepFinished { key: index, verb, subject, detail: outcome.detail.clone(), took },
            Err(ExecuteError::Interrupted) => Event::StepDropped { key: index },
            Err(e) => Event::StepFailed { key: index, verb: infinitive, subject, message: e.brief(), took },
        });
        if let Ok(outcome) = &result {
            outcome.warnings.iter().for_each(|w| self.reporter().warn(w.clone()));
        }
        (index, result)
    }

    async fn attempt(&self, key: usize, plan: &Plan, pulse: &Pulse<'_>) -> Result<Outcome, ExecuteError> {
        let operation = &plan.steps[key].operation;
        let fail = |source| ExecuteError::Target {
            subject: format!("could not {} {}", operation.verbs().0, operation.subject(&plan.names)),
            source,
        };
        if let Operation::AwaitReady { service, container, readiness, timeout } = operation {
            let container = self.id_of(container);
            let (changes, stop) = (self.changes.subscribe(), self.stop.subscribe());
            let target = self.runner.target;
            let is_gate = plan.steps.iter().any(|step| step.after.iter().any(|before| before.0 == key));
            let (container, timeout) = (&*container, *timeout);
            let wait = Wait { target, service, container, readiness, timeout, is_gate, changes, stop };
            let by = wait.run().await?;
            // `Healthy … healthy` would say it twice.
            let detail = (by == "exited 0").then(|| by.to_owned());
            return Ok(Outcome { detail, ..Default::default() });
        }
        pulse.prove().await.map_err(fail)?;
        self.perform(operation, key).await.map_err(fail)
    }

    /// Performs one operation within its own deadline, with names of this run's containers replaced by their ids.
    pub(super) async fn perform(&self, operation: &Operation, key: usize) -> Result<Outcome, TargetError> {
        let operation = self.resolve(operation);
        let limit = operation.deadline();
        let call = self.runner.target.perform(&operation, key, self.runner.reporter);
        let outcome = tokio::time::timeout(limit, call).await.map_err(|_| TargetError::TimedOut {
            what: format!("{} {}", operation.verbs().0, operation.subject(&Default::default())),
            after: limit,
        })??;
        if let (Operation::CreateContainer(spec), Some(id), Ok(mut ids)) = (&operation, &outcome.id, self.ids.lock()) {
            ids.insert(spec.name.clone(), id.clone());
        }
        Ok(outcome)
    }

    fn id_of(&self, container: &str) -> String {
        self.ids.lock().ok().and_then(|ids| ids.get(container).cloned()).unwrap_or_else(|| container.to_owned())
    }

    fn resolve(&self, operation: &Operation) -> Operation {
        let mut operation = operation.clone();
        if let Operation::CreateContainer(spec) = operation {
            let ids = self.ids.lock().map(|ids| ids.clone()).unwrap_or_default();
            return Operation::CreateContainer(Box::new(references::resolve(*spec, &ids)));
        }
        if let Some(container) = operation.container_mut() {
            *container = self.id_of(container);
        }
        operation
    }
}
