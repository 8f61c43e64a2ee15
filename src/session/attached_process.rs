//! A process of a container on the operator's terminal: its input, output, size, end and interruption.
//! Reads what is to run; passes bytes both ways and returns the exit code.
//! Never prints anything of its own.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;

use crate::error::{Error, ErrorKind, Result};
use crate::event::{Channel, Event, LogLine, OutputStream};
use crate::execute::ExecuteError;
use crate::plan::ObservedInstance;
use crate::session::context::quoted_word;
use crate::session::report::{Block, Report, Said, to_json};
use crate::session::{Context, WorkflowError};
use crate::target::{self, ExecInput, ProgramFault, Target, TargetError, TerminalSize};

/// What a shell reports for a process whose reader went away: 128 and SIGPIPE.
const READER_GONE: u8 = 141;

/// How long the service of an interrupted command is looked for.
const LOOK: Duration = Duration::from_secs(2);

/// The report of a verb whose answer was streamed: nothing is left to say but the exit code.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Passed {
    /// The exit code.
    pub code: u8,
}

impl Report for Passed {
    fn blocks(&self) -> Vec<Block> {
        Vec::new()
    }

    fn json(&self) -> serde_json::Value {
        serde_json::Value::Null
    }

    fn exit_code(&self) -> u8 {
        self.code
    }
}

/// An error of `run` as one of its own, or of its command where that could not be started: 127 for one the image lacks,
/// 126 for one that is no program, as shells and docker have it.
pub fn failure(error: Error) -> Error {
    let source = match error.downcast_ref::<ExecuteError>() {
        Some(ExecuteError::Target { source, .. }) => Some(source),
        _ => error.downcast_ref::<TargetError>(),
    };
    let kind = match source {
        Some(TargetError::StartFailed { program, .. }) => program.map(|fault| match fault {
            ProgramFault::Missing => ErrorKind::NoCommand,
            ProgramFault::NotExecutable => ErrorKind::NotExecutable,
        }),
        _ => None,
    };
    match kind {
        Some(kind) => error.of_kind(kind),
        None => error.into_exec_failure(),
    }
}

/// What a dry run says of a command it does not run.
pub fn planned(container: &ObservedInstance, command: &[String]) -> Said {
    let typed: Vec<String> = command.iter().map(|word| quoted_word(word)).collect();
    let line = format!("run `{}` in container {}", typed.join(" "), container.name);
    Said { value: to_json(&[&line]), lines: vec![line] }
}

/// The output of a process, and whether its reader went away.
pub struct Watched {
    inner: Arc<dyn OutputStream>,
    gone: watch::Sender<Option<WriteFailure>>,
}

/// Why output could not be written: the kind of the error, and its words.
#[derive(Debug, Clone)]
pub struct WriteFailure(std::io::ErrorKind, String);

impl WriteFailure {
    /// A reader that went away ends a command as a shell says it; nothing else may look like that.
    pub fn ended(self) -> Result<u8> {
        let Self(kind, reason) = self;
        match kind {
            std::io::ErrorKind::BrokenPipe => Ok(READER_GONE),
            _ => Err(WorkflowError::File { path: "standard output".to_owned(), reason }.into()),
        }
    }
}

impl Watched {
    /// Watches an output.
    pub fn new(inner: Arc<dyn OutputStream>) -> Self {
        Self { inner, gone: watch::channel(None).0 }
    }

    /// Ends when a write failed, with the reason.
    pub async fn gone(&self) -> WriteFailure {
        let mut gone = self.gone.subscribe();
        loop {
            if let Some(failure) = gone.borrow_and_update().clone() {
                return failure;
            }
            if gone.changed().await.is_err() {
                // The sender lives as long as `self`.
                std::future::pending::<()>().await;
            }
        }
    }

    fn noted(&self, result: std::io::Result<()>) -> std::io::Result<()> {
        if let Err(error) = &result {
            self.gone.send_replace(Some(WriteFailure(error.kind(), error.to_string())));
        }
        result
    }
}

impl OutputStream for Watched {
    fn log(&self, line: &LogLine) -> std::io::Result<()> {
        self.noted(self.inner.log(line))
    }

    fn bytes(&self, channel: Channel, bytes: &[u8]) -> std::io::Result<()> {
        self.noted(self.inner.bytes(channel, bytes))
    }
}

/// The operator's terminal, handed to a process; it is given back when this is dropped.
pub struct Handed {
    _raw: Option<Box<dyn Send>>,
    size: Option<watch::Receiver<TerminalSize>>,
}

impl Handed {
    /// Makes the terminal raw when the process gets one.
    pub fn new(context: &Context, tty: bool) -> Self {
        if !tty {
            return Self { _raw: None, size: None };
        }
        let (raw, size) = context.console.raw();
        Self { _raw: Some(raw), size }
    }

    /// Standard input and the terminal's size.
    pub fn input(&self, context: &Context) -> ExecInput {
        ExecInput { stdin: Some(context.console.stdin()), size: self.size.clone() }
    }
}

/// An engine's exit code as a process's: shells know eight bits.
pub fn exit_code(code: i64) -> u8 {
    u8::try_from(code & 0xff).unwrap_or(1)
}

/// Runs a command in a running container, connected to the operator's terminal or pipes.
pub async fn exec(context: &Context, target: &dyn Target, args: &target::ExecArgs) -> Result<u8> {
    let output = Watched::new(context.output.clone());
    let handed = Handed::new(context, args.tty);
    let input = if args.detach { ExecInput::default() } else { handed.input(context) };
    tokio::select! {
        code = target.exec(args, input, &output) => Ok(exit_code(code?)),
        failure = output.gone() => failure.ended(),
        () = context.interrupted() => {
            let found = tokio::time::timeout(LOOK, target.observe_instance(&args.container)).await;
            let service = found.ok().and_then(|found| Some(found.ok()?.service));
            let hint = service.map(|service| format!("find it with `aictl top {service}`, stop it with `aictl restart {service}`"));
            let program = args.command.first().map_or("the command", String::as_str);
            // An engine can start a command in a container but not signal it; docker leaves it running without a word.
            let message = format!("`{program}` may still be running in the container");
            context.reporter.report(Event::Warning { message, hint });
            Err(WorkflowError::Interrupted.into())
        }
    }
}

/// An argument of `-e`, which must have a name.
pub fn variable(text: &str) -> std::result::Result<String, String> {
    match text.split('=').next() {
        None | Some("") => Err(format!("invalid variable `{text}`, expected KEY=VALUE or KEY")),
        Some(_) => Ok(text.to_owned()),
    }
}

/// `-e KEY=VALUE`, or `-e KEY` for the operator's own value of it; without one it is left out.
pub fn variables(context: &Context, given: &[String]) -> Vec<String> {
    let of = |text: &String| match text.split_once('=') {
        Some(_) => Some(text.clone()),
        None => context.variables.get(text).map(|value| format!("{text}={value}")),
    };
    given.iter().filter_map(of).collect()
}
