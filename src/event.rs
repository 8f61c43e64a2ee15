//! Events, and the traits for reporting them, for prompts and for streamed output.
//! Reads nothing; workflows and `execute` emit events, `ui` implements the traits.
//! Never formats for a terminal.

pub mod human;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use crate::error::ErrorKind;

/// A fact about a running operation.
#[derive(Debug, Clone, PartialEq)]
pub enum Event {
    /// A step began; `key` is unique within the run and ties the later events of the step to it.
    StepStarted { key: usize, verb: &'static str, subject: String, cause: String },
    /// A step is still going: bytes, layers or build steps done so far, when known.
    StepProgressed { key: usize, message: String, done: Option<u64>, total: Option<u64> },
    /// One line of output of the step (a build's log).
    StepOutput { key: usize, line: String },
    /// A step ended well. `verb` is the past participle shown in the verb column: `Created`, `Healthy`.
    StepFinished { key: usize, verb: &'static str, subject: String, detail: Option<String>, took: Duration },
    /// A step failed; the error itself travels in the result.
    StepFailed { key: usize, verb: &'static str, subject: String, message: String, took: Duration },
    /// A wait was given up because something else failed; that failure is reported instead.
    StepDropped { key: usize },
    /// Something the reader should know and can act on.
    Warning { message: String, hint: Option<String> },
    /// Something the reader may like to know.
    Note { message: String },
}

/// Whether this process changed anything outside itself so far: until then a signal may end it at once.
#[derive(Debug, Clone, Default)]
pub struct Changes(Arc<AtomicBool>);

impl Changes {
    /// Something is about to be changed.
    pub fn begin(&self) {
        self.0.store(true, Ordering::SeqCst);
    }

    /// Whether something was, or is being, changed.
    pub fn begun(&self) -> bool {
        self.0.load(Ordering::SeqCst)
    }
}

/// Receives events. Implementations must not block for long: they are called between engine calls.
pub trait Reporter: Send + Sync {
    /// Takes one event.
    fn report(&self, event: Event);

    /// A warning without a hint.
    fn warn(&self, message: String) {
        self.report(Event::Warning { message, hint: None });
    }

    /// A note.
    fn note(&self, message: String) {
        self.report(Event::Note { message });
    }
}

/// A reporter for callers that want no talk (tests, nested observations).
#[derive(Debug, Clone, Copy, Default)]
pub struct Silent;

impl Reporter for Silent {
    fn report(&self, _event: Event) {}
}

/// Why a question got no answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PromptError {
    /// There is no terminal to ask on.
    #[error("cannot prompt for confirmation without a terminal: {question}")]
    NoTerminal { question: String },
    /// A word must be typed, which `--yes` does not replace, and there is no terminal.
    #[error("cannot prompt for `{word}` without a terminal: {question}")]
    NoTypedWord { question: String, word: String },
    /// The user said no, or typed something else than asked for.
    #[error("declined: {question}")]
    Declined { question: String },
    /// The terminal broke while asking.
    #[error("could not ask `{question}`: {reason}")]
    Broken { question: String, reason: String },
}

impl crate::error::Hint for PromptError {
    fn kind(&self) -> ErrorKind {
        match self {
            Self::NoTerminal { .. } | Self::NoTypedWord { .. } => ErrorKind::NeedsConfirmation,
            Self::Declined { .. } => ErrorKind::Declined,
            Self::Broken { .. } => ErrorKind::Failed,
        }
    }

    fn hints(&self) -> Vec<String> {
        match self {
            Self::NoTerminal { .. } => vec!["run it in a terminal, or add `--yes`".to_owned()],
            _ => Vec::new(),
        }
    }
}

/// Who is asked. With `--yes` every `confirm` is answered yes; `confirm_typed` only where the verb documents it.
pub trait Prompt: Send + Sync {
    /// A yes/no question; `Ok(())` is yes.
    fn confirm(&self, question: &str) -> Result<(), PromptError>;

    /// A question that is answered by typing `word`, for what cannot be undone.
    fn confirm_typed(&self, question: &str, word: &str) -> Result<(), PromptError>;
}

/// Which of a process's outputs a chunk came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Channel {
    /// Standard output.
    Stdout,
    /// Standard error.
    Stderr,
}

/// One line of a container's log.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct LogLine {
    /// Display name of the source: `api-1`.
    pub source: String,
    /// The service the line belongs to.
    pub service: String,
    /// stdout or stderr.
    pub channel: Channel,
    /// Engine time of the line, RFC 3339 with nanoseconds, if the engine gave it.
    pub time: Option<String>,
    /// The text without its line end.
    pub message: String,
}

/// Where streamed data goes: log lines and the raw bytes of exec, run and attach. It is data, so it ends on stdout.
pub trait OutputStream: Send + Sync {
    /// Takes a log line. `Err` means the reader is gone (broken pipe) and streaming should end quietly.
    fn log(&self, line: &LogLine) -> std::io::Result<()>;

    /// Tells the names of sources that may come, so that the first line can be aligned with the last.
    fn expect(&self, _sources: &[String]) {}

    /// Takes raw bytes of a process.
    fn bytes(&self, channel: Channel, bytes: &[u8]) -> std::io::Result<()>;
}
