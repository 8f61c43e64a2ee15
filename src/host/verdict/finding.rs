//! One thing that was looked at, what it comes to, and what to do about it.
//! Data only.
//! The verdicts of this folder make them.

use serde::Serialize;

use crate::host::facts::Facts;
use crate::secret::Redactor;

/// What a finding comes to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// As it should be.
    Ok,
    /// Works, but not as well as it could, or not for long.
    Warning,
    /// The stack will not run.
    Failed,
    /// It could not be looked at; `found` says why.
    NotChecked,
}

/// One thing that was looked at.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// What kind of thing: `cpus`, `memory`, `port`; stable, for scripts.
    pub check: &'static str,
    /// Which one: `engine data /var/lib/docker`, `api 8000/tcp`.
    pub looked_at: String,
    /// What is there.
    pub found: String,
    /// What should be there; empty where anything will do.
    pub wanted: String,
    /// What it comes to.
    pub verdict: Verdict,
    /// What to do about it; holds a command that runs.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub remedy: Option<String>,
}

impl Finding {
    /// The same without any known secret in it.
    #[must_use]
    pub fn redacted(self, redactor: &Redactor) -> Self {
        let clean = |text: String| redactor.redact(&text).into_owned();
        Self {
            looked_at: clean(self.looked_at),
            found: clean(self.found),
            wanted: clean(self.wanted),
            remedy: self.remedy.map(clean),
            ..self
        }
    }

    /// Something that was looked at and what was found; all is well until a verdict says otherwise.
    pub(super) fn new(check: &'static str, looked_at: impl Into<String>, found: impl Into<String>) -> Self {
        let (looked_at, found) = (looked_at.into(), found.into());
        Self { check, looked_at, found, wanted: String::new(), verdict: Verdict::Ok, remedy: None }
    }

    pub(super) fn unseen(check: &'static str, looked_at: impl Into<String>, why: &str) -> Self {
        Self { verdict: Verdict::NotChecked, ..Self::new(check, looked_at, why) }
    }

    pub(super) fn wanted(self, wanted: impl Into<String>) -> Self {
        Self { wanted: wanted.into(), ..self }
    }

    pub(super) fn warning(self, remedy: impl Into<String>) -> Self {
        Self { verdict: Verdict::Warning, remedy: Some(remedy.into()), ..self }
    }

    pub(super) fn failed(self, remedy: impl Into<String>) -> Self {
        Self { verdict: Verdict::Failed, remedy: Some(remedy.into()), ..self }
    }
}

/// A command with the rights it needs.
pub(super) fn as_root(facts: &Facts, command: &str) -> String {
    if facts.machine.is_root { format!("`{command}`") } else { format!("`sudo {command}`") }
}
