//! The kinds of failure and the exit code of each.
//! Reads nothing; every module's error type gives its `ErrorKind` and may carry hints.
//! Never formats for a terminal: `ui` does.

/// Defines the kinds together with their exit codes and meanings, so that no kind can lack either.
macro_rules! error_kinds {
    ($($kind:ident = $code:literal, $meaning:literal;)*) => {
        /// The kind of a failure. One kind is one exit code; the table is part of the command-line contract.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, serde::Serialize)]
        #[serde(rename_all = "kebab-case")]
        pub enum ErrorKind {
            $(#[doc = $meaning] $kind,)*
        }

        impl ErrorKind {
            /// Every kind, in the order of their exit codes.
            pub const ALL: &'static [Self] = &[$(Self::$kind),*];

            /// The process exit code of this kind.
            pub const fn exit_code(self) -> u8 {
                match self {
                    $(Self::$kind => $code,)*
                }
            }

            /// What the exit code means, as help, man page and README say it.
            pub const fn meaning(self) -> &'static str {
                match self {
                    $(Self::$kind => $meaning,)*
                }
            }
        }
    };
}

error_kinds! {
    Failed = 1, "operation failed";
    Usage = 2, "invalid command line";
    NotReady = 3, "services not ready, unhealthy or not running";
    ChecksFailed = 4, "checks failed (`doctor`, `secrets check`, `health`, `smoke-test`, `backup`, `--rehearse`)";
    NeedsConfirmation = 5, "confirmation required, but there is no terminal";
    ChangesPresent = 6, "changes present (`plan --exit-code`)";
    StalePlan = 7, "the plan is stale: something else changed the project";
    Declined = 8, "declined at the prompt";
    Unreachable = 9, "cannot connect to the engine";
    NotFound = 10, "not found";
    Locked = 11, "locked by another operation";
    Credentials = 12, "invalid password or credentials";
    DeployFailed = 20, "deploy failed; the previous release still serves";
    RollbackFailed = 21, "rollback failed";
    Partial = 30, "partially done";
    Config = 78, "invalid configuration, or no checks to run";
    ExecFailed = 125, "`exec` or `run` itself failed";
    NotExecutable = 126, "the command of `run` cannot be executed";
    NoCommand = 127, "the command of `run` is not found";
    Interrupted = 130, "interrupted by Ctrl-C";
    Terminated = 143, "terminated by SIGTERM or SIGHUP";
}

/// Kinds that `PASSED_THROUGH` describes.
const TOLD_APART: [ErrorKind; 2] = [ErrorKind::NotExecutable, ErrorKind::NoCommand];

/// What `exec` and `run` add to the table.
pub const PASSED_THROUGH: &str = "`exec` and `run` exit with the exit code of the command they ran: \
     126 when it cannot be executed, 127 when it is not found.";

/// The documented exit codes with their meanings: the one table behind README, man page and `--help`.
pub fn exit_codes() -> impl Iterator<Item = (u8, &'static str)> {
    let kinds = ErrorKind::ALL.iter().filter(|kind| !TOLD_APART.contains(kind));
    std::iter::once((0, "success")).chain(kinds.map(|kind| (kind.exit_code(), kind.meaning())))
}

/// What every module's error enum gives besides its message.
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

/// The message at the end of an error's chain: `Connection refused (os error 111)`.
pub fn innermost(error: &(dyn std::error::Error + 'static)) -> String {
    let mut last = error;
    while let Some(next) = last.source() {
        last = next;
    }
    last.to_string()
}

/// An error of any module on its way to the user: the message chain, the kind and the hints, gathered once.
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

    /// The hints of the module the error came from, plus those added on the way.
    pub fn hints(&self) -> &[String] {
        &self.hints
    }

    /// The same failure with these hints in place of its own, if there are any to be put there.
    #[must_use]
    pub fn with_only_hints(mut self, hints: Option<Vec<String>>) -> Self {
        self.hints = hints.unwrap_or(self.hints);
        self
    }

    /// The same failure with other words in its hints.
    pub fn map_hints(mut self, words: impl Fn(&str) -> String) -> Self {
        self.hints = self.hints.iter().map(|hint| words(hint)).collect();
        self
    }

    /// The same failure without hints, where they would not hold.
    #[must_use]
    pub fn without_hints(mut self) -> Self {
        self.hints.clear();
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

    /// The same error as a failure of `exec` or `run` itself, distinguished from the exit code of what they ran. A wrong command
    /// line, an unknown name and an interruption stay what they are.
    #[must_use]
    pub fn into_exec_failure(mut self) -> Self {
        let kept = [ErrorKind::Usage, ErrorKind::NotFound, ErrorKind::Interrupted, ErrorKind::Terminated];
        if !kept.contains(&self.kind) && !TOLD_APART.contains(&self.kind) {
            self.kind = ErrorKind::ExecFailed;
        }
        self
    }

    /// The same error with another kind.
    #[must_use]
    pub fn of_kind(mut self, kind: ErrorKind) -> Self {
        self.kind = kind;
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

    /// The same failure under another kind, and so with another exit code.
    #[must_use]
    pub fn with_kind(mut self, kind: ErrorKind) -> Self {
        self.kind = kind;
        self
    }

    /// The module's own error, to be the cause of another one.
    pub fn into_source(self) -> Box<dyn std::error::Error + Send + Sync> {
        self.source
    }

    /// The module's own error, for callers that look for one variant.
    pub fn downcast_ref<E: std::error::Error + 'static>(&self) -> Option<&E> {
        self.source.downcast_ref::<E>()
    }

    /// The messages from the outermost to the innermost cause, without repeats.
    pub fn messages(&self) -> Vec<String> {
        let mut messages = vec![self.source.to_string()];
        let mut next = self.source.source();
        while let Some(cause) = next {
            let text = cause.to_string();
            // Some messages hold their cause already.
            if messages.last().is_none_or(|last| !last.ends_with(&text)) {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exit_codes_are_unique_and_ascending() {
        let codes: Vec<u8> = ErrorKind::ALL.iter().map(|kind| kind.exit_code()).collect();
        assert!(codes.is_sorted_by(|a, b| a < b), "{codes:?}");
    }

    #[test]
    fn every_code_is_documented() {
        let documented: Vec<u8> = exit_codes().map(|(code, _)| code).collect();
        assert_eq!(documented, [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 20, 21, 30, 78, 125, 130, 143]);
    }
}
