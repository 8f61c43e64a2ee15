//! The life of a one-off container: made, run with our terminal or pipes, stopped when we are, and gone afterwards.
//! Reads a complete spec; returns the exit code.
//! Never leaves a container behind that was not asked to stay.

use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::mpsc;

use super::last_lines::LastLines;
use crate::error::Result;
use crate::event::{OutputStream, Silent};
use crate::execute::{TaskEnd, TaskRunner};
use crate::plan::{ContainerOperation, ContainerSpec, Operation, StartTurn};
use crate::session::attached_process::{Handed, Watched, WriteFailure, exit_code};
use crate::session::redacted_output::Private;
use crate::session::{Context, WorkflowError};
use crate::target::{Target, TargetError};

/// How long the engine may take to remove a container that ended.
const REMOVAL: Duration = Duration::from_secs(10);

/// How long output may go on after a stop.
const LAST_WORDS: Duration = Duration::from_secs(2);

/// What a one-off container needs of its surroundings.
pub(super) struct Attached<'a> {
    pub(super) context: &'a Context,
    pub(super) target: &'a dyn Target,
    /// How long it may run.
    pub(super) timeout: Option<Duration>,
    /// Whether secrets in its output are redacted: it is progress, not requested data.
    pub(super) private: bool,
    /// Whether its output is shown on stderr.
    pub(super) aside: bool,
    /// Whether the container stays when it ended; else the engine removes it.
    pub(super) keep: bool,
    /// Whether it gets the operator's terminal.
    pub(super) tty: bool,
}

#[async_trait::async_trait]
impl TaskRunner for Attached<'_> {
    async fn run_task(&self, spec: ContainerSpec, _: Option<Duration>) -> std::result::Result<TaskEnd, TargetError> {
        let name = spec.name.clone();
        let ran = async {
            self.create(spec).await?;
            self.run_and_keep(&name).await
        };
        let ran = ran.await;
        match ran {
            Ok((code, output)) => Ok(TaskEnd { code: Some(code), output }),
            Err(error) => match (error.downcast_ref::<WorkflowError>(), error.downcast_ref::<TargetError>()) {
                (Some(WorkflowError::TimedOut { what, seconds }), _) => {
                    Err(TargetError::TimedOut { what: what.clone(), after: Duration::from_secs(*seconds) })
                }
                (Some(WorkflowError::Interrupted), _) => Ok(TaskEnd::default()),
                (_, Some(error)) => Err(error.clone()),
                _ => Err(TargetError::Broken { operation: "running the task".to_owned(), message: error.to_string() }),
            },
        }
    }
}

/// Why we stop watching it.
enum Cut {
    Unwritten(WriteFailure),
    Interrupted,
    TimedOut(Duration),
}

impl Attached<'_> {
    /// Creates the container and returns its id.
    pub(super) async fn create(&self, spec: ContainerSpec) -> Result<String> {
        let name = spec.name.clone();
        let outcome =
            self.target.perform(&Operation::Container(ContainerOperation::Create(Box::new(spec))), 0, &Silent).await?;
        for warning in outcome.warnings {
            self.context.reporter.warn(warning);
        }
        Ok(outcome.id.unwrap_or(name))
    }

    /// Starts it and leaves it running.
    pub(super) async fn start(&self, id: &str) -> Result<()> {
        let start = Operation::Container(ContainerOperation::Start {
            service: String::new(),
            container: id.to_owned(),
            turn: StartTurn::UntilStarted,
        });
        if let Err(error) = self.target.perform(&start, 0, &Silent).await {
            self.remove(id).await;
            return Err(error.into());
        }
        Ok(())
    }

    /// Starts it attached and stays until it ended.
    pub(super) async fn run(&self, id: &str) -> Result<u8> {
        self.run_and_keep(id).await.map(|(code, _)| code)
    }

    /// The same, with the last lines of an output that is progress.
    async fn run_and_keep(&self, id: &str) -> Result<(u8, Vec<String>)> {
        let kept = Arc::new(LastLines::new(self.context.output.clone()));
        let result = self.attached((id, self.tty), &kept).await;
        match &result {
            // It never ran: there is nothing to look at.
            Err(_) if self.was_never_started(id).await => self.remove(id).await,
            _ if !self.keep => self.await_removal(id).await,
            _ => {}
        }
        result.map(|code| (code, kept.lines()))
    }

    async fn attached(&self, (id, tty): (&str, bool), kept: &Arc<LastLines>) -> Result<u8> {
        // What a terminal draws cannot be held back.
        let shown: Arc<dyn OutputStream> = match self.private && !tty {
            true => Arc::new(Private::new(kept.clone(), &self.context.redactor, self.aside)),
            false => self.context.output.clone(),
        };
        let output = Watched::new(shown);
        let handed = Handed::new(self.context, tty);
        // A task of a deploy is a step: Ctrl-C is for the deploy.
        let mut signals = if self.aside { None } else { self.context.console.signals() };
        let mut run = Box::pin(self.target.run_attached(id, tty, handed.input(self.context), &output));
        let mut cut = Box::pin(self.cut(&output));
        let cut = loop {
            tokio::select! {
                code = &mut run => return Ok(exit_code(code?)),
                cut = &mut cut => break cut,
                signal = next(&mut signals) => self.pass_on(id, signal).await,
            }
        };
        if let Cut::Unwritten(failure) = &cut {
            // The engine cannot end a container whose output is not read: detach first.
            drop(run);
            self.stop(id, &cut).await;
            return failure.clone().ended();
        }
        // Its last words are still shown while it stops.
        let stop = async {
            self.stop(id, &cut).await;
            tokio::time::sleep(LAST_WORDS).await;
        };
        tokio::select! { _ = &mut run => {}, () = stop => {} }
        match cut {
            Cut::Unwritten(_) | Cut::Interrupted => Err(WorkflowError::Interrupted.into()),
            Cut::TimedOut(after) => {
                let what = "the command".to_owned();
                Err(WorkflowError::TimedOut { what, seconds: after.as_secs() }.into())
            }
        }
    }

    /// A container that does not run any more needs none.
    async fn pass_on(&self, id: &str, signal: &str) {
        let (service, container, signal) = (String::new(), id.to_owned(), signal.to_owned());
        let kill = Operation::Container(ContainerOperation::Kill { service, container, signal });
        if let Err(error) = self.target.perform(&kill, 0, &Silent).await
            && !ended(&error)
        {
            self.context.reporter.warn(format!("a signal could not be passed on: {error}"));
        }
    }

    async fn cut(&self, output: &Watched) -> Cut {
        let late = async {
            match self.timeout {
                Some(after) => tokio::time::sleep(after).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            failure = output.gone() => Cut::Unwritten(failure),
            () = self.context.interrupted() => Cut::Interrupted,
            () = late => Cut::TimedOut(self.timeout.unwrap_or_default()),
        }
    }

    /// A process whose reader is gone would be killed by its pipe; one that is interrupted may end in order.
    async fn stop(&self, id: &str, cut: &Cut) {
        let (service, container) = (String::new(), id.to_owned());
        let operation = match cut {
            Cut::Unwritten(_) => {
                Operation::Container(ContainerOperation::Kill { service, container, signal: "SIGKILL".to_owned() })
            }
            _ => Operation::Container(ContainerOperation::Stop { service, container, timeout: None }),
        };
        if let Err(error) = self.target.perform(&operation, 0, &Silent).await
            && !ended(&error)
        {
            self.context.reporter.warn(format!("the container could not be stopped: {error}"));
        }
    }

    async fn was_never_started(&self, id: &str) -> bool {
        self.target.observe_instance(id).await.is_ok_and(|c| c.started_at.is_none())
    }

    async fn remove(&self, id: &str) {
        let (service, container) = (String::new(), id.to_owned());
        let remove =
            Operation::Container(ContainerOperation::Remove { service, container, volumes: true, force: true });
        if let Err(error) = self.target.perform(&remove, 0, &Silent).await
            && !ended(&error)
        {
            self.context.reporter.warn(format!("the container could not be removed: {error}"));
        }
    }

    /// The engine removes it in its own time; what comes after us must not find it, nor its network in use.
    async fn await_removal(&self, id: &str) {
        let until = Instant::now() + REMOVAL;
        while Instant::now() < until {
            if matches!(self.target.observe_instance(id).await, Err(TargetError::NotFound { .. })) {
                return;
            }
            tokio::time::sleep(Duration::from_millis(25)).await;
        }
        self.remove(id).await;
    }
}

/// The next signal; for ever nothing where there are none.
async fn next(signals: &mut Option<mpsc::UnboundedReceiver<&'static str>>) -> &'static str {
    let signal = match signals {
        Some(signals) => signals.recv().await,
        None => None,
    };
    match signal {
        Some(signal) => signal,
        None => std::future::pending().await,
    }
}

/// Whether an error only says that there is nothing to stop or remove any more.
fn ended(error: &TargetError) -> bool {
    matches!(error, TargetError::NotFound { .. } | TargetError::Refused { status: 304 | 404 | 409, .. })
}
