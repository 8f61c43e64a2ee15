//! Why a check did not pass, as facts.
//! Reads nothing; the probes say what they found and what was wanted.
//! Never holds a request's credentials: what an answer quotes is struck by the redactor on its way out.

use std::time::Duration;

use crate::error::{ErrorKind, Hint};
use crate::target::TargetError;

/// Why one look failed.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum ProbeError {
    /// There is nothing to look at.
    #[error("service `{service}` has no running container{}", state.as_ref().map(|s| format!(": {s}")).unwrap_or_default())]
    NotRunning { service: String, state: Option<String> },
    /// The target says no.
    #[error(transparent)]
    Target(#[from] TargetError),
    /// A connection or an answer broke.
    #[error("{what}: {reason}")]
    Broken { what: String, reason: String },
    /// No answer in time.
    #[error("{what} timed out after {}", crate::event::human::duration(*after))]
    Late { what: String, after: Duration },
    /// The answer is not the one that was wanted.
    #[error("{what} {found}, {wanted}")]
    Unexpected { what: String, found: String, wanted: String, body: Option<String> },
    /// The image has no program to ask with.
    #[error("the image of `{service}` has {lacking}")]
    NoClient { service: String, lacking: String },
    /// There is no result yet: the probed service has just started.
    #[error("{what}")]
    Early { what: String, details: Vec<String> },
    /// What was found is wrong by itself.
    #[error("{what}")]
    Wrong { what: String, details: Vec<String>, for_good: bool },
}

impl ProbeError {
    /// Something that is wrong and may be right the next time.
    pub(super) fn wrong(what: impl Into<String>) -> Self {
        Self::Wrong { what: what.into(), details: Vec::new(), for_good: false }
    }

    /// Whether looking again cannot help.
    pub fn is_for_good(&self) -> bool {
        matches!(self, Self::Wrong { for_good: true, .. } | Self::NoClient { .. })
    }

    /// Whether it was probed too early for a result.
    pub fn is_early(&self) -> bool {
        matches!(self, Self::Early { .. })
    }

    /// More than the message: what the answer held, which targets are down.
    pub fn details(&self) -> Vec<String> {
        match self {
            Self::Unexpected { body: Some(body), .. } => vec![body.clone()],
            Self::Wrong { details, .. } | Self::Early { details, .. } => details.clone(),
            _ => Vec::new(),
        }
    }
}

impl Hint for ProbeError {
    fn kind(&self) -> ErrorKind {
        match self {
            Self::Target(error) => error.kind(),
            _ => ErrorKind::ChecksFailed,
        }
    }

    fn hints(&self) -> Vec<String> {
        match self {
            Self::Target(error) => error.hints(),
            _ => Vec::new(),
        }
    }
}
