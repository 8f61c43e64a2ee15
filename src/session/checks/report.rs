//! How checks read: one line each with its verdict, what failed explained below, and the totals.
//! Reads outcomes; returns blocks or data.
//! Never leaves an attempt out that failed before another passed.

use std::time::Duration;

use serde::{Serialize, Serializer};

use crate::error::ErrorKind;
use crate::event::human;
use crate::probe::{Attempt, CheckOutcome, Verdict};
use crate::session::report::{Block, Cell, Report, Tone, to_json};
use crate::session::verdict_lines::{lines_below, verdict_lines};

/// Lines of an answer that are shown.
const MOST_LINES: usize = 8;

/// A check's outcome, and the failed services it may be due to.
#[derive(Debug, Clone, Serialize)]
pub struct Checked {
    #[serde(flatten)]
    pub(super) outcome: CheckOutcome,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) because_of: Vec<String>,
}

/// The outcomes of all checks.
#[derive(Debug, Clone, Serialize)]
pub struct ChecksReport {
    pub(super) project: String,
    pub(super) environment: Option<String>,
    pub(super) total: usize,
    /// Checks that passed at the first attempt.
    pub passed: usize,
    /// Checks that failed.
    pub failed: usize,
    /// Passed, after failing at first.
    pub flaky: usize,
    /// Containers that were not ready in time.
    pub(super) not_ready: Vec<String>,
    pub(super) checks: Vec<Checked>,
    #[serde(rename = "seconds", serialize_with = "seconds")]
    pub(super) took: Duration,
    #[serde(skip)]
    pub(super) verbose: bool,
    /// Lines for the CI system that reads standard output.
    #[serde(skip)]
    pub(super) annotations: String,
}

fn seconds<S: Serializer>(took: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_f64((took.as_secs_f64() * 1000.0).round() / 1000.0)
}

impl ChecksReport {
    pub(super) fn new(
        (project, environment): (&str, Option<&str>),
        checks: Vec<Checked>,
        not_ready: Vec<String>,
    ) -> Self {
        let count = |verdict| checks.iter().filter(|checked| checked.outcome.verdict == verdict).count();
        Self {
            project: project.to_owned(),
            environment: environment.map(str::to_owned),
            total: checks.len(),
            passed: count(Verdict::Passed),
            failed: count(Verdict::Failed),
            flaky: count(Verdict::Flaky),
            not_ready,
            checks,
            took: Duration::ZERO,
            verbose: false,
            annotations: String::new(),
        }
    }

    /// The checks that failed and the services that were not ready.
    pub fn failed_names(&self) -> Vec<&str> {
        let failed = self.checks.iter().filter(|checked| checked.outcome.verdict == Verdict::Failed);
        failed.map(|checked| checked.outcome.name.as_str()).chain(self.not_ready.iter().map(String::as_str)).collect()
    }

    /// `24 checks: 23 passed, 1 failed, 0 flaky`.
    pub(super) fn totals(&self) -> String {
        let Self { passed, failed, flaky, .. } = self;
        format!("{}: {passed} passed, {failed} failed, {flaky} flaky", human::count(self.total, "check"))
    }

    fn summary(&self) -> Block {
        let tone = match (self.failed, self.flaky) {
            (0, 0) => Tone::Good,
            (0, _) => Tone::Warn,
            _ => Tone::Bad,
        };
        Block::Line(vec![Cell::new(self.totals(), tone), format!("  ({})", human::duration(self.took)).into()])
    }

    fn blocks_of(&self, checked: &Checked) -> Vec<Block> {
        let outcome = &checked.outcome;
        let (word, tone) = match outcome.verdict {
            Verdict::Passed => ("passed", Tone::Good),
            Verdict::Flaky => ("flaky", Tone::Warn),
            Verdict::Failed => ("failed", Tone::Bad),
        };
        let mut blocks = verdict_lines(
            Cell::new(word, tone),
            &format!("{}: {} ({})", outcome.name, outcome.message(), outcome.time()),
        );
        let mut below = |text: &str, tone| blocks.extend(lines_below(text, tone));
        if self.verbose {
            below(&format!("request: {}", outcome.asked), Tone::Dim);
        }
        for (number, attempt) in outcome.earlier_failures().iter().enumerate().filter(|_| self.shows_attempts(outcome))
        {
            below(&attempt_words(number + 1, attempt), Tone::Plain);
        }
        let details = outcome.attempts.last().map(|last| &last.details[..]).unwrap_or_default();
        if self.verbose || !outcome.passed() {
            details.iter().flat_map(|detail| detail.lines()).take(MOST_LINES).for_each(|line| below(line, Tone::Dim));
        }
        if !checked.because_of.is_empty() {
            below(&format!("possible cause: {}", checked.because_of.join(", ")), Tone::Plain);
        }
        blocks
    }

    /// A check that passed late shows why; one that failed says the same again and again.
    fn shows_attempts(&self, outcome: &CheckOutcome) -> bool {
        self.verbose || outcome.verdict == Verdict::Flaky
    }
}

/// `attempt 1: GET http://api:8000/health: connection refused (3ms)`.
pub(super) fn attempt_words(number: usize, attempt: &Attempt) -> String {
    format!("attempt {number}: {} ({})", attempt.message, human::short(attempt.took))
}

impl Report for ChecksReport {
    fn blocks(&self) -> Vec<Block> {
        let mut blocks: Vec<Block> = self.checks.iter().flat_map(|checked| self.blocks_of(checked)).collect();
        for words in &self.not_ready {
            blocks.extend(verdict_lines(Cell::new("not ready", Tone::Bad), words));
        }
        blocks.extend([Block::Gap, self.summary()]);
        if !self.annotations.is_empty() {
            blocks.push(Block::Raw(self.annotations.clone()));
        }
        blocks
    }

    fn json(&self) -> serde_json::Value {
        to_json(self)
    }

    fn exit_code(&self) -> u8 {
        match (self.not_ready.len(), self.failed) {
            (0, 0) => 0,
            (0, _) => ErrorKind::ChecksFailed.exit_code(),
            _ => ErrorKind::NotReady.exit_code(),
        }
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::probe::CheckOrigin;

    pub(crate) fn checked(name: &str, attempts: &[Option<&str>]) -> Checked {
        let attempt = |failure: &Option<&str>| Attempt {
            passed: failure.is_none(),
            early: false,
            message: failure.unwrap_or("answered 200").to_owned(),
            details: failure.map(|_| "<html>out & about</html>".to_owned()).into_iter().collect(),
            took: Duration::from_millis(3),
        };
        let attempts: Vec<Attempt> = attempts.iter().map(attempt).collect();
        let outcome = CheckOutcome {
            name: name.to_owned(),
            kind: "http",
            service: Some("api".to_owned()),
            asked: "GET http://api:8000/health".to_owned(),
            source: CheckOrigin::Project,
            verdict: Verdict::over(&attempts),
            attempts,
            took: Duration::from_millis(1240),
        };
        Checked { outcome, because_of: Vec::new() }
    }

    pub(crate) fn report(verbose: bool) -> ChecksReport {
        let refused = "GET http://api:8000/health answered 503, 200 was expected";
        let mut failed = checked("api answers", &[Some(refused), Some(refused)]);
        failed.because_of = vec!["postgres".to_owned()];
        let flap = checked("page answers", &[Some("GET http://page:8080/: connection refused"), None]);
        let mut report =
            ChecksReport::new(("shop", Some("dev")), vec![checked("redis answers", &[None]), flap, failed], Vec::new());
        report.verbose = verbose;
        report
    }

    fn shown(report: &ChecksReport) -> String {
        let line = |block: &Block| match block {
            Block::Line(cells) => cells.iter().map(|cell| cell.text.as_str()).collect::<String>(),
            _ => String::new(),
        };
        let text = report.blocks().iter().map(|block| line(block).trim_end().to_owned()).collect::<Vec<_>>().join("\n");
        assert!(text.lines().all(|line| line.chars().count() <= 80), "{text}");
        text
    }

    #[test]
    fn each_check_is_one_line_and_a_flap_shows_what_failed_before() {
        insta::assert_snapshot!(shown(&report(false)), @r"
             passed  redis answers: answered 200 (1.2s)
              flaky  page answers: passed at attempt 2: answered 200 (1.2s)
                     attempt 1: GET http://page:8080/: connection refused (3ms)
             failed  api answers: GET http://api:8000/health answered 503, 200 was
                     expected (2 attempts) (1.2s)
                     <html>out & about</html>
                     possible cause: postgres

        3 checks: 1 passed, 1 failed, 1 flaky  (0.0s)
        ");
    }

    #[test]
    fn verbose_shows_question_and_answer() {
        insta::assert_snapshot!(shown(&report(true)), @r"
             passed  redis answers: answered 200 (1.2s)
                     request: GET http://api:8000/health
              flaky  page answers: passed at attempt 2: answered 200 (1.2s)
                     request: GET http://api:8000/health
                     attempt 1: GET http://page:8080/: connection refused (3ms)
             failed  api answers: GET http://api:8000/health answered 503, 200 was
                     expected (2 attempts) (1.2s)
                     request: GET http://api:8000/health
                     attempt 1: GET http://api:8000/health answered 503, 200 was
                     expected (3ms)
                     <html>out & about</html>
                     possible cause: postgres

        3 checks: 1 passed, 1 failed, 1 flaky  (0.0s)
        ");
    }

    #[test]
    fn the_exit_code_tells_not_ready_from_failed_and_a_flap_is_no_failure() {
        let of = |checks: Vec<Checked>, not_ready: &[&str]| {
            let not_ready = not_ready.iter().map(ToString::to_string).collect();
            ChecksReport::new(("p", None), checks, not_ready).exit_code()
        };
        assert_eq!(of(vec![checked("a", &[None])], &[]), 0);
        assert_eq!(of(vec![checked("a", &[Some("no"), None])], &[]), 0);
        assert_eq!(of(vec![checked("a", &[Some("no")])], &[]), 4);
        assert_eq!(of(vec![checked("a", &[Some("no")])], &["api-1: restarting"]), 3);
    }
}
