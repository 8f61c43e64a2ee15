//! Carries out the steps of a setup one after the other and reports each result.
//! Reads steps; acts through `Machine`, emits events, returns what was done with its time, or the first failure.
//! Never decides which steps there are, and leaves what is done as it is: the next run plans from there.

use std::time::{Duration, Instant};

use serde::Serialize;
use tokio::sync::watch;

use super::{Action, CommandEnd, Machine, SetupError, SetupStep, Told, Trouble};
use crate::event::{Event, Reporter};

/// Between two looks at an engine that starts.
const POLL: Duration = Duration::from_millis(250);

/// A step that was done.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct SetupStepDone {
    /// Infinitive and subject: `install docker.io`.
    pub step: String,
    /// Why.
    pub cause: String,
    /// The command as a person would type it.
    pub command: String,
    /// Seconds it took; none when it was only planned.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub seconds: Option<f64>,
    /// Why the step was skipped: it is optional and failed, or the file already has this content.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub skipped: Option<String>,
}

impl SetupStep {
    /// The step as one that is not carried out.
    pub fn planned(&self) -> SetupStepDone {
        SetupStepDone {
            step: named(self),
            cause: self.cause.clone(),
            command: self.command(),
            seconds: None,
            skipped: None,
        }
    }

    /// The step as a line of a plan.
    pub fn line(&self) -> String {
        self.planned().line()
    }
}

impl SetupStepDone {
    /// The step as a line of a plan.
    pub fn line(&self) -> String {
        format!("{} ({}): {}", self.step, self.cause, self.command)
    }
}

/// Carries out the steps. `interrupt` ends the run between two steps.
pub async fn perform_setup(
    steps: &[SetupStep],
    machine: &dyn Machine,
    reporter: &dyn Reporter,
    interrupt: &watch::Receiver<bool>,
) -> Result<Vec<SetupStepDone>, SetupError> {
    let mut done = Vec::new();
    let mut given_up = None;
    for (key, step) in steps.iter().enumerate() {
        if *interrupt.borrow() {
            return Err(SetupError::Interrupted { next: named(step) });
        }
        reporter.report(Event::StepStarted {
            key,
            verb: step.verbs.0,
            subject: step.subject.clone(),
            cause: step.cause.clone(),
        });
        let started = Instant::now();
        let tell = |line: &str| reporter.report(Event::StepOutput { key, line: line.to_owned() });
        let result = perform(step, machine, &tell).await;
        let took = started.elapsed();
        reporter.report(ended(key, step, &result, took));
        let skipped = match result {
            Err(error) if !step.optional => return Err(root_of(error, given_up)),
            Err(error) => {
                reporter.warn(format!("{error}; continuing without it"));
                let said = error.to_string();
                given_up.get_or_insert(error);
                Some(said)
            }
            Ok(true) => None,
            Ok(false) => Some("already set".to_owned()),
        };
        let seconds = Some((took.as_secs_f64() * 1000.0).round() / 1000.0);
        done.push(SetupStepDone { seconds, skipped, ..step.planned() });
    }
    Ok(done)
}

/// A package that no list has, after the lists could not be fetched: that failure is reported.
fn root_of(error: SetupError, given_up: Option<SetupError>) -> SetupError {
    match (&error, given_up) {
        (SetupError::Step { trouble: Trouble::NoSuchPackage, .. }, Some(earlier)) => earlier,
        _ => error,
    }
}

fn named(step: &SetupStep) -> String {
    format!("{} {}", step.verbs.0, step.subject)
}

fn ended(key: usize, step: &SetupStep, result: &Result<bool, SetupError>, took: Duration) -> Event {
    let subject = step.subject.clone();
    match result {
        Ok(changed) => {
            let detail = (!changed).then(|| "unchanged".to_owned());
            Event::StepFinished { key, verb: step.verbs.1, subject, detail, took }
        }
        Err(error) => Event::StepFailed { key, verb: step.verbs.0, subject, message: error.to_string(), took },
    }
}

/// Whether the step changed anything.
async fn perform(step: &SetupStep, machine: &dyn Machine, told: Told<'_>) -> Result<bool, SetupError> {
    match &step.action {
        Action::Run { commands, limit } => {
            let commands = FirstOf { commands, limit: *limit };
            run(step, commands, machine, told).await.map(|()| true)
        }
        Action::Write { path, text } => machine.write(path, text).await.map_err(|e| failed(step, &e)),
        Action::Launch { command, log, grace } => {
            if answers_within(machine, *grace).await.is_ok() {
                return Ok(true);
            }
            machine.launch(command, log).await.map(|()| true).map_err(|e| failed(step, &e))
        }
        Action::AwaitEngine { limit, log } => {
            let Err(last) = answers_within(machine, *limit).await else { return Ok(true) };
            Err(silent(machine, *limit, (last, log.as_deref())).await)
        }
    }
}

/// Why the engine does not answer, with the end of its log.
async fn silent(machine: &dyn Machine, limit: Duration, (last, log): (String, Option<&str>)) -> SetupError {
    let logged = match log {
        Some(log) => machine.tail_of(log).await,
        None => Vec::new(),
    };
    if let (Some(status), Some(log)) = (machine.launched_ended(), log) {
        return SetupError::Ended { status, tail: logged, log: log.to_owned() };
    }
    let tail = std::iter::once(last).chain(logged).collect();
    SetupError::Silent { seconds: limit.as_secs(), tail, log: log.map(str::to_owned) }
}

/// Alternative commands, tried in order until one succeeds, and the timeout of each.
struct FirstOf<'a> {
    commands: &'a [Vec<String>],
    limit: Duration,
}

/// The first command that succeeds is enough; the failure reported is the last one's.
async fn run(
    step: &SetupStep,
    FirstOf { commands, limit }: FirstOf<'_>,
    machine: &dyn Machine,
    told: Told<'_>,
) -> Result<(), SetupError> {
    let mut last = Err(failed(step, &std::io::Error::other("no command")));
    for command in commands {
        last = match tokio::time::timeout(limit, machine.run(command, told)).await {
            Err(_) => Err(SetupError::Step { step: named(step), trouble: Trouble::TimedOut, tail: Vec::new() }),
            Ok(Err(error)) => Err(failed(step, &error)),
            // `apt-get update` ends well although it could fetch nothing.
            Ok(Ok(CommandEnd { code: Some(0), tail })) if !is_hollow(command, &tail) => return Ok(()),
            Ok(Ok(CommandEnd { code, tail })) => {
                // `env` found no program of that name.
                let trouble = if code == Some(127) { Trouble::NoProgram } else { Trouble::of(&tail) };
                Err(SetupError::Step { step: named(step), trouble, tail })
            }
        };
    }
    last
}

fn is_hollow(command: &[String], tail: &[String]) -> bool {
    let is_update =
        command.first().is_some_and(|program| program == "apt-get") && command.contains(&"update".to_owned());
    is_update && tail.iter().any(|line| line.contains("Some index files failed to download"))
}

fn failed(step: &SetupStep, error: &std::io::Error) -> SetupError {
    let trouble = match error.kind() {
        std::io::ErrorKind::NotFound => Trouble::NoProgram,
        std::io::ErrorKind::PermissionDenied | std::io::ErrorKind::ReadOnlyFilesystem => Trouble::NotPermitted,
        std::io::ErrorKind::StorageFull => Trouble::DiskFull,
        _ => Trouble::Other,
    };
    SetupError::Step { step: named(step), trouble, tail: vec![error.to_string()] }
}

async fn answers_within(machine: &dyn Machine, limit: Duration) -> Result<(), String> {
    let deadline = Instant::now() + limit;
    loop {
        match machine.engine_answers().await {
            Ok(()) => return Ok(()),
            Err(last) if Instant::now() >= deadline || machine.launched_ended().is_some() => return Err(last),
            Err(_) => tokio::time::sleep(POLL).await,
        }
    }
}

#[cfg(test)]
#[path = "perform_tests.rs"]
mod tests;
