//! What kinds of failure exist and which exit code each one is.
//! Reads nothing; every room's error says its `ErrorKind` and may carry hints.
//! Never formats for a terminal: `ui` does.

/// The kind of a failure. One kind is one exit code; the table is part of the command-line contract.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum ErrorKind {
    /// The operation was tried and failed.
    Failed,
    /// The command line is wrong.
    Usage,
    /// Something did not become ready before its deadline.
    NotReady,
    /// Checks ran and at least one failed.
    ChecksFailed,
    /// A question had to be asked and there is no terminal.
    NeedsConfirmation,
    /// `plan --exit-code` found changes.
    ChangesPresent,
    /// The saved plan no longer fits the world.
    StalePlan,
    /// The user said no.
    Declined,
    /// The engine or the cluster cannot be reached.
    Unreachable,
    /// What was named does not exist.
    NotFound,
    /// Another operation holds the lease.
    Locked,
    /// A password or credential was refused.
    Credentials,
    /// The new release failed and the previous one still serves.
    DeployFailed,
    /// A rollback failed.
    RollbackFailed,
    /// Some parts were done, others not.
    Partial,
    /// The configuration is invalid.
    Config,
    /// Interrupted by Ctrl-C.
    Interrupted,
    /// Asked to terminate.
    Terminated,
    /// `exec` or `run` itself failed, as opposed to the command it ran.
    ExecFailed,
}

impl ErrorKind {
    /// The process exit code of this kind.
    pub const fn exit_code(self) -> u8 {
        match self {
            Self::Failed => 1,
            Self::Usage => 2,
            Self::NotReady => 3,
            Self::ChecksFailed => 4,
            Self::NeedsConfirmation => 5,
            Self::ChangesPresent => 6,
            Self::StalePlan => 7,
            Self::Declined => 8,
            Self::Unreachable => 9,
            Self::NotFound => 10,
            Self::Locked => 11,
            Self::Credentials => 12,
            Self::DeployFailed => 20,
            Self::RollbackFailed => 21,
            Self::Partial => 30,
            Self::Config => 78,
            Self::ExecFailed => 125,
            Self::Interrupted => 130,
            Self::Terminated => 143,
        }
    }
}

/// What every room's error enum says about itself besides its message.
pub trait Hint: std::error::Error {
    /// The kind, and with it the exit code.
    fn kind(&self) -> ErrorKind;

    /// Evidence: the last log lines of what failed, oldest first.
    fn details(&self) -> Vec<String> {
        Vec::new()
    }

    /// What the reader can do next: each one holds a command that runs, or is left out.
    fn hints(&self) -> Vec<String> {
        Vec::new()
    }
}

/// An error of any room on its way to the user: the message chain, the kind and the hints, gathered once.
#[derive(Debug)]
pub struct Error {
    kind: ErrorKind,
    hints: Vec<String>,
    details: Vec<String>,
    source: Box<dyn std::error::Error + Send + Sync>,
}

impl Error {
    /// The kind, and with it the exit code.
    pub fn kind(&self) -> ErrorKind {
        self.kind
    }

    /// The hints of the room the error came from, plus what was added on the way.
    pub fn hints(&self) -> &[String] {
        &self.hints
    }

    /// The same failure with other words in its hints.
    pub fn map_hints(mut self, words: impl Fn(&str) -> String) -> Self {
        self.hints = self.hints.iter().map(|hint| words(hint)).collect();
        self
    }

    /// Evidence: the last log lines of what failed.
    pub fn details(&self) -> &[String] {
        &self.details
    }

    /// The same error with one hint more.
    #[must_use]
    pub fn with_hint(mut self, hint: impl Into<String>) -> Self {
        self.hints.push(hint.into());
        self
    }

    /// The same error as a failure of `exec` or `run` itself, told from the exit code of what they ran. A wrong command
    /// line and an interruption stay what they are.
    #[must_use]
    pub fn into_exec_failure(mut self) -> Self {
        if !matches!(self.kind, ErrorKind::Usage | ErrorKind::Interrupted | ErrorKind::Terminated) {
            self.kind = ErrorKind::ExecFailed;
        }
        self
    }

    /// An interruption as one by SIGTERM; every other error stays what it is.
    #[must_use]
    pub fn into_terminated(mut self) -> Self {
        if self.kind == ErrorKind::Interrupted {
            self.kind = ErrorKind::Terminated;
        }
        self
    }

    /// The room's own error, for callers that look for one variant.
    pub fn downcast_ref<E: std::error::Error + 'static>(&self) -> Option<&E> {
        self.source.downcast_ref::<E>()
    }

    /// The messages from the outermost to the innermost cause, without repeats.
    pub fn messages(&self) -> Vec<String> {
        let mut messages = vec![self.source.to_string()];
        let mut next = self.source.source();
        while let Some(cause) = next {
            let text = cause.to_string();
            if messages.last() != Some(&text) {
                messages.push(text);
            }
            next = cause.source();
        }
        messages
    }
}

impl<E: Hint + Send + Sync + 'static> From<E> for Error {
    fn from(error: E) -> Self {
        Self { kind: error.kind(), hints: error.hints(), details: error.details(), source: Box::new(error) }
    }
}

impl std::fmt::Display for Error {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.source.fmt(f)
    }
}

/// The result of everything a workflow does.
pub type Result<T> = std::result::Result<T, Error>;

/// The known name nearest to the one written, when it is near enough to have been meant.
pub fn nearest<'a>(written: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let lower = written.to_lowercase();
    let bound = (written.chars().count() / 3).max(1) + usize::from(written.len() > 3);
    let scored = known.into_iter().map(|name| (strsim::damerau_levenshtein(&lower, &name.to_lowercase()), name));
    scored.filter(|(distance, _)| *distance <= bound).min().map(|(_, name)| name)
}
