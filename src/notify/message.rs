//! What is sent, and how long sending may take.

use std::time::Duration;

/// A message in the forms that channels need.
#[derive(Debug, Clone, PartialEq)]
pub struct Message {
    /// One line: `shop (prod): deploy failed`.
    pub subject: String,
    /// Further lines.
    pub facts: Vec<String>,
    /// Why it failed.
    pub error: Vec<String>,
    /// The event as data, for webhooks.
    pub event: serde_json::Value,
}

impl Message {
    /// Everything as text; the error stands last, where a limit of the channel truncates.
    pub fn text(&self) -> String {
        let lines = std::iter::once(&self.subject).chain(&self.facts).chain(&self.error);
        lines.map(String::as_str).collect::<Vec<_>>().join("\n")
    }

    /// The text below the subject.
    pub(super) fn body(&self) -> String {
        self.facts.iter().chain(&self.error).map(|line| format!("{line}\n")).collect()
    }
}

/// How long sending to one channel may take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Until one attempt must have been answered.
    pub attempt: Duration,
    /// Until the last attempt must have been answered.
    pub total: Duration,
    /// Pause before the second attempt, where the server does not name one; doubled for each further one.
    pub pause: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self { attempt: Duration::from_secs(10), total: Duration::from_secs(30), pause: Duration::from_secs(1) }
    }
}

impl Limits {
    /// The same within a total.
    #[must_use]
    pub fn within(self, total: Duration) -> Self {
        Self { total: self.total.min(total), attempt: self.attempt.min(total), ..self }
    }
}
