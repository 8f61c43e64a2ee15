//! What a workflow run on GitHub shows: an annotation for each check that is not well, and the job's summary.
//! Reads a report and the variables GITHUB_ACTIONS and GITHUB_STEP_SUMMARY; appends to the summary's file.
//! Never does any of it elsewhere.

use std::io::Write;
use std::path::Path;

use super::report::{Checked, ChecksReport, attempt_words};
use crate::output_file::append;
use crate::probe::Verdict;
use crate::session::Context;

/// Adds annotations to the report and writes the summary, where the run is one of GitHub's.
pub(super) fn tell(context: &Context, report: &mut ChecksReport) {
    if context.variables.get("GITHUB_ACTIONS").is_none_or(|value| value != "true") {
        return;
    }
    report.annotations = annotations(report);
    let Some(path) = context.variables.get("GITHUB_STEP_SUMMARY").filter(|path| !path.is_empty()) else { return };
    if let Err(error) = append(Path::new(path)).and_then(|mut file| file.write_all(summary(report).as_bytes())) {
        context.reporter.warn(format!("the job's summary could not be written: {path}: {error}"));
    }
}

/// One line each. Escapes are those of GitHub's own toolkit for workflow commands.
fn annotations(report: &ChecksReport) -> String {
    let failures = report.checks.iter().filter(|checked| checked.outcome.verdict != Verdict::Passed);
    let of_checks = failures.map(|checked| {
        let level = if checked.outcome.passed() { "warning" } else { "error" };
        annotation(level, &checked.outcome.name, &explained(checked))
    });
    let waits = report.not_ready.iter().map(|words| annotation("error", "not ready in time", words));
    of_checks.chain(waits).collect()
}

fn annotation(level: &str, title: &str, message: &str) -> String {
    let text = message.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A");
    let title = title.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A");
    let title = title.replace(':', "%3A").replace(',', "%2C");
    format!("::{level} title={title}::{text}\n")
}

/// The message, and for a flap what had failed before.
fn explained(checked: &Checked) -> String {
    let outcome = &checked.outcome;
    let mut lines = vec![outcome.message()];
    if outcome.verdict == Verdict::Flaky {
        let earlier = outcome.earlier_failures().iter().enumerate();
        lines.extend(earlier.map(|(number, attempt)| attempt_words(number + 1, attempt)));
    }
    if !checked.because_of.is_empty() {
        lines.push(format!("possible cause: {}", checked.because_of.join(", ")));
    }
    lines.join("\n")
}

fn summary(report: &ChecksReport) -> String {
    let environment = report.environment.as_ref().map(|name| format!(" ({name})")).unwrap_or_default();
    let mut text = format!("### aictl: {}{environment}\n\n{}\n\n", report.project, report.totals());
    text.push_str("| verdict | check | found | attempts | time |\n|---|---|---|---:|---:|\n");
    for checked in &report.checks {
        let outcome = &checked.outcome;
        let word = match outcome.verdict {
            Verdict::Passed => "passed",
            Verdict::Flaky => "flaky",
            Verdict::Failed => "**failed**",
        };
        let (name, found) = (cell(&outcome.name), cell(&explained(checked)));
        text.push_str(&format!("| {word} | {name} | {found} | {} | {} |\n", outcome.attempts.len(), outcome.time()));
    }
    for words in &report.not_ready {
        text.push_str(&format!("| **not ready** | {} | | | |\n", cell(words)));
    }
    text.push('\n');
    text
}

/// Text that stays inside its cell and is no markup.
fn cell(text: &str) -> String {
    let text = text.replace('&', "&amp;").replace('<', "&lt;").replace('|', "\\|");
    text.split('\n').collect::<Vec<_>>().join("<br>")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::session::checks::report::tests::{checked, report};

    #[test]
    fn annotations_are_one_line_each_with_everything_escaped() {
        let odd =
            ChecksReport::new(("p", None), vec![checked("a: b, 100%", &[Some("x\ny")])], vec!["api: late".into()]);
        assert_eq!(
            annotations(&odd),
            "::error title=a%3A b%2C 100%25::x%0Ay\n::error title=not ready in time::api: late\n"
        );
        insta::assert_snapshot!(annotations(&report(false)), @r"
        ::warning title=page answers::passed at attempt 2: answered 200%0Aattempt 1: GET http://page:8080/: connection refused (3ms)
        ::error title=api answers::GET http://api:8000/health answered 503, 200 was expected (2 attempts)%0Apossible cause: postgres
        ");
    }

    #[test]
    fn the_summary_is_a_table_of_every_check() {
        insta::assert_snapshot!(summary(&report(false)), @r"
        ### aictl: shop (dev)

        3 checks: 1 passed, 1 failed, 1 flaky

        | verdict | check | found | attempts | time |
        |---|---|---|---:|---:|
        | passed | redis answers | answered 200 | 1 | 1.2s |
        | flaky | page answers | passed at attempt 2: answered 200<br>attempt 1: GET http://page:8080/: connection refused (3ms) | 2 | 1.2s |
        | **failed** | api answers | GET http://api:8000/health answered 503, 200 was expected (2 attempts)<br>possible cause: postgres | 2 | 1.2s |
        ");
    }
}
