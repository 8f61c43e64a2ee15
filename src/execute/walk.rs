//! Shared state of a run, and the execution of a single step.
//! Performs a step within its deadline and reports its progress and outcome.
//! The order of steps is decided in `run`.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use futures_util::StreamExt;
use tokio::sync::{broadcast, watch};

use super::await_ready::Wait;
use super::evidence::collect;
use super::lease_keeper::LeaseKeeper;
use super::progress::ProgressLog;
use super::{Baked, CheckFailure, CheckRunner, DataRunner, ExecuteError, TaskRunner, TransferRunner, references};
use crate::event::{Event, Reporter};
use crate::plan::{
    Bake, Change, CheckOperation, ContainerOperation, ContainerSpec, Description, ImageOperation, ImageTransfer, Names,
    Operation, Outcome, Plan, ProxyOperation, TaskOperation, WaitOperation,
};
use crate::target::{ContainerFacts, Target, TargetError};

/// What a run needs besides its plan and lease.
pub struct Runner<'a> {
    /// Where operations are performed.
    pub target: &'a dyn Target,
    /// The reporter.
    pub reporter: &'a dyn Reporter,
    /// Turns true at Ctrl-C.
    pub interrupt: watch::Receiver<bool>,
    /// Runs tasks; plans without tasks need none.
    pub tasks: Option<&'a dyn TaskRunner>,
    /// Runs checks; plans without checks need none.
    pub checks: Option<&'a dyn CheckRunner>,
    /// Sends images; plans without transfers need none.
    pub transfers: Option<&'a dyn TransferRunner>,
    /// Dumps and restores data; plans without such steps need none.
    pub data: Option<&'a dyn DataRunner>,
    /// Records how far a deploy has come; other changes are too short for that.
    pub progress: Option<&'a dyn ProgressLog>,
    /// Revision for the labels of containers that a deploy makes.
    pub release: Option<u32>,
}

/// The state shared by the steps of one run.
pub(super) struct Walk<'a> {
    pub(super) runner: &'a Runner<'a>,
    ids: Mutex<BTreeMap<String, String>>,
    /// Ids of images that steps of this run made present or renewed, by reference.
    images: Mutex<BTreeMap<String, String>>,
    changes: broadcast::Sender<Change>,
    pub(super) stop: watch::Sender<bool>,
}

/// A step that ended: its index, how, and after which time.
pub(super) struct StepEnd {
    pub(super) index: usize,
    pub(super) result: Result<Outcome, ExecuteError>,
    pub(super) took: Duration,
}

impl StepEnd {
    /// A step that was not started because the stage before it could not be recorded.
    pub(super) fn not_recorded(index: usize, source: TargetError) -> Self {
        let subject = "could not record progress".to_owned();
        Self { index, result: Err(ExecuteError::Target { subject, source }), took: Duration::ZERO }
    }
}

impl<'a> Walk<'a> {
    pub(super) fn new(runner: &'a Runner<'a>) -> Self {
        Self {
            runner,
            ids: Mutex::default(),
            images: Mutex::default(),
            changes: broadcast::channel(256).0,
            stop: watch::channel(false).0,
        }
    }

    pub(super) fn reporter(&self) -> &'a dyn Reporter {
        self.runner.reporter
    }

    /// Feeds the engine's events to the waits. Never ends: without events the waits poll.
    pub(super) async fn relay_changes(&self, project: &str, plan: &Plan) {
        let waits = plan.steps.iter().any(|step| step.operation.is_wait());
        if waits && let Ok(mut changes) = self.runner.target.watch(project).await {
            while let Some(Ok(change)) = changes.next().await {
                // No wait is listening right now: nothing is lost, each begins with a look of its own.
                let _ = self.changes.send(change);
            }
        }
        std::future::pending().await
    }

    pub(super) async fn step(&'a self, index: usize, plan: &'a Plan, keeper: &'a LeaseKeeper<'a>) -> StepEnd {
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
        let fail = |source| could_not(operation, plan, source);
        // The same rule as `Plan::only_waits`, by which a plan is carried out without a lease.
        if !operation.is_wait() {
            keeper.prove().await.map_err(fail)?;
        }
        match operation {
            Operation::Wait(wait) => self.wait(wait).await,
            Operation::Task(TaskOperation::Run { task, spec, timeout }) => {
                self.task(task, spec, *timeout).await.map_err(|error| match error {
                    TaskFailure::Target(source) => fail(source),
                    TaskFailure::Ended(code, logs) => task_ended((task, spec), code, logs),
                    TaskFailure::Interrupted => ExecuteError::Interrupted,
                })
            }
            Operation::Check(check) => self.check(check, operation.describe(&plan.names).deadline).await?.map_err(fail),
            Operation::Proxy(drain @ ProxyOperation::Drain { .. }) => self.drain(drain, key).await,
            Operation::Image(ImageOperation::Transfer(transfer)) => {
                self.transfer(transfer, key).await.map_err(fail)?.ok_or(ExecuteError::Interrupted)
            }
            Operation::Data(data) => self.data(data, key).await.map_err(fail)?.ok_or(ExecuteError::Interrupted),
            Operation::Cluster(cluster) => self.on_cluster(cluster, key).await?.map_err(fail),
            Operation::Image(_)
            | Operation::Network(_)
            | Operation::Volume(_)
            | Operation::Container(_)
            | Operation::Proxy(_) => self.perform(operation, key).await.map_err(fail),
        }
    }

    async fn wait(&self, wait: &WaitOperation) -> Result<Outcome, ExecuteError> {
        let (service, container, readiness, timeout, restarts, monitor) = match wait {
            WaitOperation::Ready { service, container, readiness, timeout, restarts, monitor } => {
                (service, self.id_of(container), readiness, *timeout, *restarts, *monitor)
            }
            WaitOperation::Pause { time, .. } => return self.rest(*time).await,
        };
        let (changes, stop) = (self.changes.subscribe(), self.stop.subscribe());
        let (target, container) = (self.runner.target, &*container);
        let wait = Wait { target, service, container, readiness, timeout, restarts, changes, stop };
        let by = wait.run().await?;
        if !monitor.is_zero() && by != "exited 0" {
            self.monitor((service, container), monitor).await?;
        }
        // `Healthy … healthy` would say it twice.
        let detail = (by == "exited 0").then(|| by.to_owned());
        Ok(Outcome { detail, ..Default::default() })
    }

    async fn check(
        &self,
        operation: &CheckOperation,
        deadline: Duration,
    ) -> Result<Result<Outcome, TargetError>, ExecuteError> {
        let Description { infinitive, subject, .. } = operation.describe(&Names::new());
        let Some(checks) = self.runner.checks else {
            let (operation, reason) = (format!("{infinitive} {subject}"), "no checks can be run here".to_owned());
            return Ok(Err(TargetError::CannotPerform { operation, reason }));
        };
        let mut stop = self.stop.subscribe();
        let ran = tokio::select! {
            ran = tokio::time::timeout(deadline, self.run_check(checks, operation)) => ran,
            failed = self.watched(operation) => return Err(failed),
            _ = stop.wait_for(|stop| *stop) => return Err(ExecuteError::Interrupted),
        };
        match ran {
            Ok(Ok(outcome)) => Ok(Ok(outcome)),
            Ok(Err(CheckFailure::Target(source))) => Ok(Err(source)),
            Ok(Err(CheckFailure::Failed { service, message, attempts })) => {
                Err(self.check_failed(operation, (service, message, attempts)).await)
            }
            Err(_) => Ok(Err(TargetError::NoAnswer { what: format!("{infinitive} {subject}"), after: deadline })),
        }
    }

    /// Ends only when a container that a bake watches does not go on serving.
    async fn watched(&self, operation: &CheckOperation) -> ExecuteError {
        match operation {
            CheckOperation::Run { .. } => std::future::pending().await,
            CheckOperation::Bake(bake) => self.until_one_fails(&self.ids_of(&bake.containers)).await,
        }
    }

    async fn run_check(&self, checks: &dyn CheckRunner, operation: &CheckOperation) -> Result<Outcome, CheckFailure> {
        match operation {
            CheckOperation::Run { check, containers, timeout, .. } => {
                let found = checks.run_check(check, &self.ids_of(containers), *timeout).await?;
                Ok(Outcome { detail: Some(found), ..Outcome::default() })
            }
            CheckOperation::Bake(bake) => {
                let containers = self.ids_of(&bake.containers);
                let Baked { found, warnings } = checks.bake(&Bake { containers, ..bake.clone() }).await?;
                Ok(Outcome { detail: Some(found), warnings, ..Outcome::default() })
            }
        }
    }

    /// The failure with what is known of the container it is about.
    async fn check_failed(
        &self,
        operation: &CheckOperation,
        failed: (Option<String>, String, Vec<String>),
    ) -> ExecuteError {
        let (service, message, attempts) = failed;
        let (check, about, containers) = match operation {
            CheckOperation::Run { check, service, containers, .. } => (Some(check), service.clone(), containers),
            CheckOperation::Bake(bake) => (None, None, &bake.containers),
        };
        let service = service.or(about);
        let container = match service.as_ref().and_then(|service| containers.get(service)) {
            Some(container) => self.facts(&self.id_of(container)).await.map(Box::new),
            None => None,
        };
        match check.cloned() {
            Some(check) => ExecuteError::CheckFailed { check, service, container, message, attempts },
            None => ExecuteError::BakeFailed { service, container, message, attempts },
        }
    }

    fn ids_of(&self, containers: &BTreeMap<String, String>) -> BTreeMap<String, String> {
        containers.iter().map(|(service, container)| (service.clone(), self.id_of(container))).collect()
    }

    async fn facts(&self, container: &str) -> Option<ContainerFacts> {
        let found = self.runner.target.observe_instance(container).await.ok()?;
        Some(collect(self.runner.target, &found).await)
    }

    async fn task(&self, task: &str, spec: &ContainerSpec, timeout: Option<Duration>) -> Result<Outcome, TaskFailure> {
        let Some(tasks) = self.runner.tasks else {
            let operation = format!("run task {task}");
            let reason = "nothing here can run tasks".to_owned();
            return Err(TaskFailure::Target(TargetError::CannotPerform { operation, reason }));
        };
        let spec = self.resolved_spec(spec.clone());
        let ended = tasks.run_task(spec, timeout).await.map_err(TaskFailure::Target)?;
        match ended.code {
            Some(0) => Ok(Outcome::default()),
            Some(code) => Err(TaskFailure::Ended(code, ended.output)),
            None => Err(TaskFailure::Interrupted),
        }
    }

    async fn transfer(&self, transfer: &ImageTransfer, key: usize) -> Result<Option<Outcome>, TargetError> {
        let operation = Operation::Image(ImageOperation::Transfer(transfer.clone()));
        let told = operation.describe(&Names::new());
        let what = format!("{} {}", told.infinitive, told.subject);
        let Some(transfers) = self.runner.transfers else {
            let reason = "no images can be transferred here".to_owned();
            return Err(TargetError::CannotPerform { operation: what, reason });
        };
        let sent = transfers.transfer(transfer, (key, self.runner.reporter), self.stop.subscribe());
        let outcome = tokio::time::timeout(told.deadline, sent).await;
        let outcome = outcome.map_err(|_| TargetError::NoAnswer { what, after: told.deadline })??;
        outcome.iter().for_each(|outcome| self.note(&operation, outcome));
        Ok(outcome)
    }

    /// Performs one operation within its own deadline, with names of this run's containers replaced by their ids.
    pub(super) async fn perform(&self, operation: &Operation, key: usize) -> Result<Outcome, TargetError> {
        let operation = self.resolve(operation);
        let told = operation.describe(&Names::new());
        let call = self.runner.target.perform(&operation, key, self.runner.reporter);
        let outcome = tokio::time::timeout(told.deadline, call).await.map_err(|_| TargetError::NoAnswer {
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
            | Operation::Proxy(_)
            | Operation::Task(_)
            | Operation::Check(_)
            | Operation::Data(_)
            | Operation::Cluster(_) => {}
        }
    }

    pub(super) fn images(&self) -> BTreeMap<String, String> {
        self.images.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(super) fn id_of(&self, container: &str) -> String {
        let ids = self.ids.lock().unwrap_or_else(PoisonError::into_inner);
        ids.get(container).cloned().unwrap_or_else(|| container.to_owned())
    }

    fn resolved_spec(&self, spec: ContainerSpec) -> ContainerSpec {
        let ids = self.ids.lock().unwrap_or_else(PoisonError::into_inner).clone();
        references::resolve(spec, &ids, &self.images(), self.runner.release)
    }

    fn resolve(&self, operation: &Operation) -> Operation {
        let mut operation = operation.clone();
        if let Operation::Proxy(proxy) = &mut operation {
            proxy.containers_mut().into_iter().for_each(|container| *container = self.id_of(container));
        }
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

fn could_not(operation: &Operation, plan: &Plan, source: TargetError) -> ExecuteError {
    let told = operation.describe(&plan.names);
    ExecuteError::Target { subject: format!("could not {} {}", told.infinitive, told.subject), source }
}

/// How the run of a task failed.
enum TaskFailure {
    Target(TargetError),
    /// Exit code, and the last lines of its output.
    Ended(u8, Vec<String>),
    Interrupted,
}

fn task_ended((task, spec): (&str, &ContainerSpec), code: u8, logs: Vec<String>) -> ExecuteError {
    let facts = ContainerFacts { name: spec.name.clone(), exit_code: Some(code.into()), logs, ..Default::default() };
    let (task, service) = (task.to_owned(), spec.service_name.clone());
    ExecuteError::TaskEnded { task, service, code, container: Box::new(facts) }
}
