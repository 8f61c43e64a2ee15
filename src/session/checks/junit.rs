//! The report as JUnit XML: one suite, one case a check, attempts as flaky failures and reruns.
//! Reads a report; writes a file in one piece.
//! Never counts a check twice: a flaky one is a success that names its failures.

use std::path::Path;

use quick_junit::{NonSuccessKind, Report, TestCase, TestCaseStatus, TestRerun, TestSuite};

use super::report::{Checked, ChecksReport, attempt_words};
use crate::error::{Error, Result};
use crate::output_file::{Content, Existing, OutputError, OutputFile, Rules};
use crate::probe::{Attempt, Verdict};
use crate::session::WorkflowError;

/// Where the report goes. Fails before any check where it could not be written, or would overwrite something else.
pub fn open(file: &Path) -> Result<OutputFile> {
    let rules = Rules { existing: Existing::ReplaceOwn(is_report), content: Content::Plain };
    OutputFile::open(file, rules).map_err(|error| match error {
        OutputError::Exists { path } => {
            let message = format!("`{}` exists and is not a JUnit report", path.display());
            let hint = Some("name another file: `--junit checks.xml`".to_owned());
            WorkflowError::Refused { message, hint }.into()
        }
        other => Error::from(other),
    })
}

/// Whether a file begins as a report of checks or tests does.
fn is_report(head: &[u8]) -> bool {
    let text = String::from_utf8_lossy(head);
    let text = text.trim_start_matches('\u{feff}').trim_start();
    text.starts_with('<') && text.contains("<testsuite")
}

/// What goes into the file: the checks, or why there are none.
pub(super) struct Said<'a> {
    pub(super) report: &'a ChecksReport,
    pub(super) error: Option<String>,
}

/// Writes the report; `now` is RFC 3339.
pub(super) fn write(file: OutputFile, said: &Said<'_>, now: &str) -> Result<()> {
    let path = file.path().display().to_string();
    let text = rendered(said, now).map_err(|reason| WorkflowError::File { path, reason })?;
    Ok(file.write(text.as_bytes())?)
}

fn rendered(Said { report, error }: &Said<'_>, now: &str) -> std::result::Result<String, String> {
    let mut suite = TestSuite::new(report.project.as_str());
    suite.set_time(report.took);
    // The schemas want local time without fraction and zone.
    suite.extra.insert("timestamp".into(), now.chars().take("2026-01-01T00:00:00".len()).collect::<String>().into());
    suite.add_test_cases(report.checks.iter().map(case));
    suite.add_test_cases(report.not_ready.iter().map(|words| not_ready(words)));
    if let Some(error) = error {
        suite.set_system_err(error.as_str());
    }
    let mut whole = Report::new("aictl smoke-test");
    whole.set_time(report.took);
    whole.add_test_suite(suite);
    let text = whole.to_string().map_err(|error| error.to_string())?;
    // The library writes an attribute that no schema knows at the root. Nothing here is ever skipped.
    Ok(text.replacen(" skipped=\"0\"", "", 1))
}

fn case(checked: &Checked) -> TestCase {
    let outcome = &checked.outcome;
    let mut case = TestCase::new(outcome.name.as_str(), status(checked));
    case.set_time(outcome.took);
    case.set_classname(format!("{}.{}", outcome.service.as_deref().unwrap_or("public"), outcome.kind));
    case
}

fn status(checked: &Checked) -> TestCaseStatus {
    let outcome = &checked.outcome;
    let reruns = || outcome.earlier_failures().iter().enumerate().map(rerun);
    if outcome.verdict != Verdict::Failed {
        let mut status = TestCaseStatus::success();
        status.add_reruns(reruns());
        return status;
    }
    let mut status = TestCaseStatus::non_success(NonSuccessKind::Failure);
    let mut text: Vec<String> = vec![format!("request: {}", outcome.asked)];
    text.extend(outcome.attempts.last().into_iter().flat_map(|last| last.details.iter().cloned()));
    if !checked.because_of.is_empty() {
        text.push(format!("possible cause: {}", checked.because_of.join(", ")));
    }
    status.set_message(outcome.message()).set_type(outcome.kind).set_description(text.join("\n"));
    status.add_reruns(reruns());
    status
}

/// Its time is among its words: the schemas have no attribute for it.
fn rerun((number, attempt): (usize, &Attempt)) -> TestRerun {
    let mut rerun = TestRerun::new(NonSuccessKind::Failure);
    rerun.set_message(attempt_words(number + 1, attempt)).set_type("attempt");
    rerun.set_description(attempt.details.join("\n"));
    rerun
}

fn not_ready(words: &str) -> TestCase {
    let mut status = TestCaseStatus::non_success(NonSuccessKind::Failure);
    status.set_message(words).set_type("not ready");
    let mut case = TestCase::new(format!("ready in time: {words}"), status);
    case.set_classname("readiness");
    case
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::session::checks::report::tests::report;

    #[test]
    fn failures_and_flaps_keep_their_attempts_and_their_text_is_escaped() {
        insta::assert_snapshot!(rendered(&Said { report: &report(false), error: None }, "2026-01-01T12:00:00.5Z").unwrap(), @r#"
        <?xml version="1.0" encoding="UTF-8"?>
        <testsuites name="aictl smoke-test" tests="3" failures="1" errors="0" time="0.000">
            <testsuite name="shop" tests="3" skipped="0" errors="0" failures="1" time="0.000" timestamp="2026-01-01T12:00:00">
                <testcase name="redis answers" classname="api.http" time="1.240"/>
                <testcase name="page answers" classname="api.http" time="1.240">
                    <flakyFailure message="attempt 1: GET http://page:8080/: connection refused (3ms)" type="attempt">&lt;html&gt;out &amp; about&lt;/html&gt;</flakyFailure>
                </testcase>
                <testcase name="api answers" classname="api.http" time="1.240">
                    <failure message="GET http://api:8000/health answered 503, 200 was expected (2 attempts)" type="http">request: GET http://api:8000/health
        &lt;html&gt;out &amp; about&lt;/html&gt;
        possible cause: postgres</failure>
                    <rerunFailure message="attempt 1: GET http://api:8000/health answered 503, 200 was expected (3ms)" type="attempt">&lt;html&gt;out &amp; about&lt;/html&gt;</rerunFailure>
                </testcase>
            </testsuite>
        </testsuites>
        "#);
    }

    #[test]
    fn no_checks_at_all_are_a_report_with_the_error() {
        let report = ChecksReport::new(("shop", None), Vec::new(), Vec::new());
        let said = Said { report: &report, error: Some("there is nothing to check".to_owned()) };
        insta::assert_snapshot!(rendered(&said, "2026-01-01T12:00:00.5Z").unwrap(), @r#"
        <?xml version="1.0" encoding="UTF-8"?>
        <testsuites name="aictl smoke-test" tests="0" failures="0" errors="0" time="0.000">
            <testsuite name="shop" tests="0" skipped="0" errors="0" failures="0" time="0.000" timestamp="2026-01-01T12:00:00">
                <system-err>there is nothing to check</system-err>
            </testsuite>
        </testsuites>
        "#);
    }

    #[test]
    fn a_file_that_cannot_be_written_is_told_before_anything_is_checked() {
        let folder = tempfile::tempdir().unwrap();
        let report = folder.path().join("report.xml");
        open(&report).unwrap();
        assert!(open(folder.path()).unwrap_err().to_string().ends_with("is a directory, not a file"));
        assert!(open(&folder.path().join("none/report.xml")).is_err());
        for (text, is_ours) in
            [("", true), ("<?xml version=\"1.0\"?>\n<testsuites>", true), ("services:", false), ("<a>", false)]
        {
            std::fs::write(&report, text).unwrap();
            assert_eq!(open(&report).is_ok(), is_ours, "{text}");
        }
    }
}
