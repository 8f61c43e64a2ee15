//! The walk itself: which steps may run now, what became of each, when to stop.
//! Reads the plan's order, performs through the target, returns an `Execution`.
//! Never reorders and never retries: both are the plan's to say.

use std::collections::BTreeMap;
use std::ops::Range;
use std::pin::pin;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use futures_util::stream::FuturesUnordered;
use futures_util::{StreamExt, future::BoxFuture};
use tokio::sync::{broadcast, watch};

use super::await_ready::Wait;
use super::compensate::compensate;
use super::evidence::evidence_of;
use super::lease_keeper::LeaseKeeper;
use super::step_log::{Ended, StepLog};
use super::{ExecuteError, TaskRunner, references};
use crate::event::{Event, Reporter};
use crate::plan::{
    Change, ContainerOperation, ContainerSpec, Description, Names, Operation, Outcome, Phase, Plan, TaskOperation,
    WaitOperation,
};
use crate::release::{Evidence, Lease, StepRecord};
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
    /// Who runs tasks; plans without tasks need nobody.
    pub tasks: Option<&'a dyn TaskRunner>,
}

/// What became of a plan.
#[derive(Debug)]
pub struct Execution {
    /// The first failure, if any.
    pub result: Result<(), ExecuteError>,
    /// What was kept of failed containers.
    pub evidence: Vec<Evidence>,
    /// The plan's steps with what became of each, in the plan's order.
    pub steps: Vec<StepRecord>,
}

/// The state shared by the steps of one run.
pub(super) struct Walk<'a> {
    runner: &'a Runner<'a>,
    ids: Mutex<BTreeMap<String, String>>,
    /// Ids of images that steps of this run made present or renewed, by reference.
    images: Mutex<BTreeMap<String, String>>,
    changes: broadcast::Sender<Change>,
    stop: watch::Sender<bool>,
}

/// Carries out a plan under a lease. On failure the rest is not begun, waits are cut and the plan's undo is performed.
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
    let walk = Walk {
        runner,
        ids: Mutex::default(),
        images: Mutex::default(),
        changes: broadcast::channel(256).0,
        stop: watch::channel(false).0,
    };
    let first = part.start;
    let mut run = Run { plan, part, walk: &walk, log };
    let result = {
        let relay = walk.relay_changes(&plan.project, plan);
        let steps = run.steps(&keeper);
        tokio::select! { result = steps => result, () = relay => Ok(()) }
    };
    let mut log = run.log;
    if result.is_err() {
        compensate(plan, first, &walk, &mut log).await;
    }
    let evidence = result.as_ref().err().and_then(|e| e.container().cloned()).into_iter();
    let service = result.as_ref().err().and_then(failed_service).unwrap_or_default();
    let evidence = evidence.map(|facts| evidence_of(&service, &facts)).collect();
    Execution { result, evidence, steps: log.records(plan) }
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
    part: Range<usize>,
    walk: &'a Walk<'a>,
    log: StepLog,
}

/// A step that ended: its index, how, and after which time.
struct StepEnd {
    index: usize,
    result: Result<Outcome, ExecuteError>,
    took: Duration,
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

    fn launch(&mut self, running: &mut FuturesUnordered<BoxFuture<'a, StepEnd>>, keeper: &'a LeaseKeeper<'a>) {
        for index in self.part.clone() {
            let Some(step) = self.plan.steps.get(index) else { continue };
            let may = self.log.state(index) == Ended::Waiting
                && step.after.iter().all(|before| self.log.state(before.0).lets_go_on());
            if may && step.guard.as_ref().is_some_and(|guard| !guard.holds(&self.walk.images())) {
                self.log.set(index, Ended::Skipped, None);
                continue;
            }
            if may && (running.len() < PARALLEL || step.operation.is_wait()) {
                self.log.set(index, Ended::Running, None);
                running.push(Box::pin(self.walk.step(index, self.plan, keeper)));
            }
        }
    }

    /// Books the end of a step; a failure that is tolerated, or in Retire, where the new side already serves, is a warning.
    fn finish(&mut self, end: StepEnd) -> Result<(), ExecuteError> {
        let StepEnd { index, result, took } = end;
        let tolerant = self.plan.steps.get(index).is_some_and(|step| step.tolerant || step.phase == Phase::Retire);
        let (ended, result) = match result {
            Ok(_) => (Ended::Done, Ok(())),
            Err(error) if tolerant && !lost(&error) => {
                self.walk.reporter().warn(format!("{error}: {}", causes(&error)));
                (Ended::Tolerated, Ok(()))
            }
            Err(error) => (Ended::Failed, Err(error)),
        };
        self.log.set(index, ended, Some(took));
        result
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
        let waits = plan.steps.iter().any(|step| step.operation.is_wait());
        if waits && let Ok(mut changes) = self.runner.target.watch(project).await {
            while let Some(Ok(change)) = changes.next().await {
                // No wait is listening right now: nothing is lost, each begins with a look of its own.
                let _ = self.changes.send(change);
            }
        }
        std::future::pending().await
    }

    async fn step(&'a self, index: usize, plan: &'a Plan, keeper: &'a LeaseKeeper<'a>) -> StepEnd {
        let step = &plan.steps[index];
        let Description { infinitive, participle: verb, subject, .. } = step.operation.describe(&plan.names);
        let began = Instant::now();
        let (about, cause) = (subject.clone(), step.cause.clone());
        self.reporter().report(Event::StepStarted { key: index, verb: infinitive, subject: about, cause });
        let result = self.attempt(index, plan, keeper).await;
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
        StepEnd { index, result, took }
    }

    async fn attempt(&self, key: usize, plan: &Plan, keeper: &LeaseKeeper<'_>) -> Result<Outcome, ExecuteError> {
        let operation = &plan.steps[key].operation;
        let fail = |source| {
            let told = operation.describe(&plan.names);
            ExecuteError::Target { subject: format!("could not {} {}", told.infinitive, told.subject), source }
        };
        match operation {
            Operation::Wait(wait) => self.wait(key, plan, wait).await,
            Operation::Task(TaskOperation::Run { task, spec, timeout }) => {
                keeper.prove().await.map_err(fail)?;
                self.task(task, spec, *timeout).await.map_err(|error| match error {
                    TaskFailure::Target(source) => fail(source),
                    TaskFailure::Ended(code) => ExecuteError::TaskEnded { task: task.clone(), code },
                    TaskFailure::Interrupted => ExecuteError::Interrupted,
                })
            }
            Operation::Image(_) | Operation::Network(_) | Operation::Volume(_) | Operation::Container(_) => {
                keeper.prove().await.map_err(fail)?;
                self.perform(operation, key).await.map_err(fail)
            }
        }
    }

    async fn wait(&self, key: usize, plan: &Plan, wait: &WaitOperation) -> Result<Outcome, ExecuteError> {
        let WaitOperation::Ready { service, container, readiness, timeout } = wait;
        let container = self.id_of(container);
        let (changes, stop) = (self.changes.subscribe(), self.stop.subscribe());
        let target = self.runner.target;
        let is_gate = plan.steps.iter().any(|step| step.after.iter().any(|before| before.0 == key));
        let (container, timeout) = (&*container, *timeout);
        let wait = Wait { target, service, container, readiness, timeout, is_gate, changes, stop };
        let by = wait.run().await?;
        // `Healthy … healthy` would say it twice.
        let detail = (by == "exited 0").then(|| by.to_owned());
        Ok(Outcome { detail, ..Default::default() })
    }

    async fn task(&self, task: &str, spec: &ContainerSpec, timeout: Option<Duration>) -> Result<Outcome, TaskFailure> {
        let Some(tasks) = self.runner.tasks else {
            let operation = format!("run task {task}");
            let reason = "nothing here can run tasks".to_owned();
            return Err(TaskFailure::Target(TargetError::CannotPerform { operation, reason }));
        };
        let spec = self.resolved_spec(spec.clone());
        match tasks.run_task(spec, timeout).await.map_err(TaskFailure::Target)? {
            Some(0) => Ok(Outcome::default()),
            Some(code) => Err(TaskFailure::Ended(code)),
            None => Err(TaskFailure::Interrupted),
        }
    }

    /// Performs one operation within its own deadline, with names of this run's containers replaced by their ids.
    pub(super) async fn perform(&self, operation: &Operation, key: usize) -> Result<Outcome, TargetError> {
        let operation = self.resolve(operation);
        let told = operation.describe(&Names::new());
        let call = self.runner.target.perform(&operation, key, self.runner.reporter);
        let outcome = tokio::time::timeout(told.deadline, call).await.map_err(|_| TargetError::TimedOut {
            what: format!("{} {}", told.infinitive, told.subject),
            after: told.deadline,
        })??;
        self.note(&operation, &outcome);
        Ok(outcome)
    }

    /// Remembers the ids that later steps refer to.
    fn note(&self, operation: &Operation, outcome: &Outcome) {
        let Some(id) = &outcome.id else { return };
        match operation {
            Operation::Container(ContainerOperation::Create(spec)) => {
                self.ids.lock().unwrap_or_else(PoisonError::into_inner).insert(spec.name.clone(), id.clone());
            }
            Operation::Image(image) => {
                let mut images = self.images.lock().unwrap_or_else(PoisonError::into_inner);
                images.extend(image.makes().map(|reference| (reference.to_owned(), id.clone())));
            }
            Operation::Network(_)
            | Operation::Volume(_)
            | Operation::Container(_)
            | Operation::Wait(_)
            | Operation::Task(_) => {}
        }
    }

    fn images(&self) -> BTreeMap<String, String> {
        self.images.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn id_of(&self, container: &str) -> String {
        let ids = self.ids.lock().unwrap_or_else(PoisonError::into_inner);
        ids.get(container).cloned().unwrap_or_else(|| container.to_owned())
    }

    fn resolved_spec(&self, spec: ContainerSpec) -> ContainerSpec {
        let ids = self.ids.lock().unwrap_or_else(PoisonError::into_inner).clone();
        references::resolve(spec, &ids, &self.images())
    }

    fn resolve(&self, operation: &Operation) -> Operation {
        let mut operation = operation.clone();
        if let Operation::Container(container) = &mut operation {
            if let ContainerOperation::Create(spec) = container {
                **spec = self.resolved_spec((**spec).clone());
            } else if let Some(container) = container.container_mut() {
                *container = self.id_of(container);
            }
        }
        operation
    }
}

/// How the run of a task failed.
enum TaskFailure {
    Target(TargetError),
    Ended(u8),
    Interrupted,
}
