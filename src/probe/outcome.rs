//! The outcome of a check: every attempt in its order, and the verdict over them.
//! Reads the results of looks; returns plain data for reports.
//! Never calls a check passed without saying which attempt it was.

use std::time::Duration;

use serde::{Serialize, Serializer};

use crate::event::human;
use crate::secret::Redactor;

/// Where a check comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum CheckOrigin {
    /// Recognised from the stack.
    Recognised,
    /// Written in the project file.
    Project,
}

/// The verdict over all attempts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Verdict {
    /// It passed, and no attempt before had failed.
    Passed,
    /// A later attempt passed: something was wrong, and it may come back.
    Flaky,
    /// The last attempt failed.
    Failed,
}

/// One look.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Attempt {
    /// Whether it was as it should be.
    pub passed: bool,
    /// Not passed because nothing could be said yet: Prometheus has not asked a new target.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub early: bool,
    /// What was found.
    pub message: String,
    /// More of it: the answer's beginning, what is down and why.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub details: Vec<String>,
    /// How long it took.
    #[serde(rename = "seconds", serialize_with = "seconds")]
    pub took: Duration,
}

/// One check and its outcome.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct CheckOutcome {
    /// What is true when it passes.
    pub name: String,
    /// The way it looks: `http`, `sql`, …
    pub kind: &'static str,
    /// The service it looks at.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub service: Option<String>,
    /// What was asked: `GET http://api:8000/health`.
    pub asked: String,
    /// Who asked for it.
    pub source: CheckOrigin,
    /// The verdict.
    pub verdict: Verdict,
    /// Every attempt; there is at least one.
    pub attempts: Vec<Attempt>,
    /// From the first look to the last.
    #[serde(rename = "seconds", serialize_with = "seconds")]
    pub took: Duration,
}

fn seconds<S: Serializer>(took: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_f64((took.as_secs_f64() * 1000.0).round() / 1000.0)
}

impl Verdict {
    /// The verdict over attempts in their order.
    pub fn over(attempts: &[Attempt]) -> Self {
        match attempts.split_last() {
            Some((last, earlier)) if last.passed => {
                if earlier.iter().all(|attempt| attempt.early) {
                    Self::Passed
                } else {
                    Self::Flaky
                }
            }
            _ => Self::Failed,
        }
    }
}

impl CheckOutcome {
    /// Whether it ended well, flaky or not.
    pub fn passed(&self) -> bool {
        self.verdict != Verdict::Failed
    }

    /// The last attempt's words, and how many attempts it took where it took more than one.
    pub fn message(&self) -> String {
        let said = self.attempts.last().map_or("", |last| last.message.as_str());
        match (self.verdict, self.attempts.len()) {
            (_, 0 | 1) => said.to_owned(),
            (Verdict::Failed, count) => format!("{said} ({count} attempts)"),
            (_, count) => format!("passed at attempt {count}: {said}"),
        }
    }

    /// The attempts that failed before the last one.
    pub fn earlier_failures(&self) -> &[Attempt] {
        self.attempts.split_last().map_or(&[], |(_, earlier)| earlier)
    }

    /// Turns the outcome to a failure by what was seen after its last attempt.
    pub fn overturn(&mut self, message: String) {
        let attempt = Attempt { passed: false, early: false, message, details: Vec::new(), took: Duration::ZERO };
        self.attempts.push(attempt);
        self.verdict = Verdict::Failed;
    }

    /// The same without any known secret in it.
    #[must_use]
    pub fn redacted(&self, redactor: &Redactor) -> Self {
        let clean = |text: &String| redactor.redact(text).into_owned();
        let attempt = |attempt: &Attempt| Attempt {
            message: clean(&attempt.message),
            details: attempt.details.iter().map(clean).collect(),
            ..attempt.clone()
        };
        let attempts = self.attempts.iter().map(attempt).collect();
        Self { name: clean(&self.name), asked: clean(&self.asked), attempts, ..self.clone() }
    }

    /// The time it took, as people read it.
    pub fn time(&self) -> String {
        human::short(self.took)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn attempt(passed: bool) -> Attempt {
        let message = if passed { "answered" } else { "refused" }.to_owned();
        Attempt { passed, early: false, message, details: Vec::new(), took: Duration::from_millis(5) }
    }

    fn outcome(attempts: &[bool]) -> CheckOutcome {
        let attempts: Vec<Attempt> = attempts.iter().map(|passed| attempt(*passed)).collect();
        CheckOutcome {
            name: "api answers".into(),
            kind: "http",
            service: Some("api".into()),
            asked: "GET http://api:8000/health".into(),
            source: CheckOrigin::Project,
            verdict: Verdict::over(&attempts),
            attempts,
            took: Duration::from_millis(12),
        }
    }

    #[test]
    fn a_pass_after_a_failure_is_flaky_and_says_so() {
        for (attempts, verdict, message) in [
            (&[true][..], Verdict::Passed, "answered"),
            (&[false, false, true], Verdict::Flaky, "passed at attempt 3: answered"),
            (&[false], Verdict::Failed, "refused"),
            (&[true, false], Verdict::Failed, "refused (2 attempts)"),
        ] {
            let outcome = outcome(attempts);
            assert_eq!((outcome.verdict, outcome.message().as_str()), (verdict, message), "{attempts:?}");
        }
    }

    #[test]
    fn a_look_that_came_too_early_is_told_and_is_no_flap() {
        let early = Attempt { early: true, ..attempt(false) };
        assert_eq!(Verdict::over(&[early.clone(), attempt(true)]), Verdict::Passed);
        assert_eq!(Verdict::over(&[early.clone(), attempt(false), attempt(true)]), Verdict::Flaky);
        assert_eq!(Verdict::over(&[early]), Verdict::Failed);
    }

    #[test]
    fn what_was_seen_later_overturns_a_pass() {
        let mut passed = outcome(&[true]);
        passed.overturn("restarted".into());
        assert_eq!((passed.verdict, passed.passed()), (Verdict::Failed, false));
    }
}
