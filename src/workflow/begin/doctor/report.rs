//! How findings read: verdict, what was looked at, what was found, what is wanted, and the remedy below.
//! Reads findings; returns lines of at most 80 columns, or the findings as data.
//! Never carries a verdict by colour alone.

use serde::Serialize;

use crate::error::ErrorKind;
use crate::host::verdict::{Finding, Verdict};
use crate::plan::EngineInfo;
use crate::session::report::{Block, Cell, Report, Tone, to_json};
use crate::session::verdict_lines::{lines_below, verdict_lines};

/// What `doctor` found.
#[derive(Debug, Clone, Serialize)]
pub struct DoctorReport {
    /// The environment whose requirements counted.
    pub environment: Option<String>,
    /// The engine, when it answers.
    pub engine: Option<EngineInfo>,
    /// All findings.
    pub findings: Vec<Finding>,
    /// How many are well.
    pub ok: usize,
    /// How many are warnings.
    pub warnings: usize,
    /// How many failed.
    pub failed: usize,
    /// How many could not be looked at.
    pub not_checked: usize,
    /// Shows only what is not well.
    #[serde(skip)]
    pub quiet: bool,
}

impl DoctorReport {
    pub(super) fn new(environment: Option<String>, engine: Option<EngineInfo>, findings: Vec<Finding>) -> Self {
        let count = |verdict: Verdict| findings.iter().filter(|finding| finding.verdict == verdict).count();
        Self {
            environment,
            engine,
            ok: count(Verdict::Ok),
            warnings: count(Verdict::Warning),
            failed: count(Verdict::Failed),
            not_checked: count(Verdict::NotChecked),
            findings,
            quiet: false,
        }
    }

    fn summary(&self) -> Block {
        let part = |count: usize, word: &str, tone: Tone| {
            let tone = if count == 0 { Tone::Dim } else { tone };
            Cell::new(format!("{count} {word}"), tone)
        };
        let comma = || Cell::from(", ");
        Block::Line(vec![
            part(self.ok, "ok", Tone::Good),
            comma(),
            part(self.warnings, if self.warnings == 1 { "warning" } else { "warnings" }, Tone::Warn),
            comma(),
            part(self.failed, "failed", Tone::Bad),
            comma(),
            part(self.not_checked, "not checked", Tone::Dim),
        ])
    }
}

fn blocks_of(finding: &Finding) -> Vec<Block> {
    let (word, tone) = match finding.verdict {
        Verdict::Ok => ("ok", Tone::Good),
        Verdict::Warning => ("warning", Tone::Warn),
        Verdict::Failed => ("failed", Tone::Bad),
        Verdict::NotChecked => ("not checked", Tone::Dim),
    };
    let subject = match finding.looked_at.as_str() {
        "" => finding.check.to_owned(),
        at if at.starts_with(finding.check) => at.to_owned(),
        at => format!("{} {at}", finding.check),
    };
    let wanted = match finding.wanted.as_str() {
        "" => String::new(),
        _ if matches!(finding.verdict, Verdict::Ok | Verdict::NotChecked) => String::new(),
        wanted => format!("; required: {wanted}"),
    };
    let mut blocks = verdict_lines(Cell::new(word, tone), &format!("{subject}: {}{wanted}", finding.found));
    blocks.extend(finding.remedy.iter().flat_map(|remedy| lines_below(&format!("-> {remedy}"), Tone::Plain)));
    blocks
}

impl Report for DoctorReport {
    fn blocks(&self) -> Vec<Block> {
        let shown = self.findings.iter().filter(|finding| !self.quiet || finding.verdict != Verdict::Ok);
        let mut blocks: Vec<Block> = shown.flat_map(blocks_of).collect();
        if !blocks.is_empty() {
            blocks.push(Block::Gap);
        }
        blocks.push(self.summary());
        blocks
    }

    fn json(&self) -> serde_json::Value {
        to_json(self)
    }

    fn exit_code(&self) -> u8 {
        if self.failed > 0 { ErrorKind::ChecksFailed.exit_code() } else { 0 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn finding(verdict: Verdict, found: &str, remedy: Option<&str>) -> Finding {
        Finding {
            check: "port",
            looked_at: "api 8000/tcp".into(),
            found: found.into(),
            wanted: "free".into(),
            verdict,
            remedy: remedy.map(str::to_owned),
        }
    }

    fn shown(report: &DoctorReport) -> String {
        let line = |block: &Block| match block {
            Block::Line(cells) => cells.iter().map(|cell| cell.text.as_str()).collect::<String>(),
            _ => String::new(),
        };
        report.blocks().iter().map(|block| line(block).trim_end().to_owned()).collect::<Vec<_>>().join("\n")
    }

    #[test]
    fn findings_fit_eighty_columns_and_their_words_say_the_verdict() {
        let remedy = "stop it (`docker stop a-container-with-a-rather-long-name-1`), or publish another port";
        let report = DoctorReport::new(
            None,
            None,
            vec![
                finding(Verdict::Ok, "free", None),
                finding(Verdict::Failed, "held by container `a-container-with-a-rather-long-name-1`", Some(remedy)),
                finding(Verdict::NotChecked, "the engine runs on another machine", None),
            ],
        );
        let text = shown(&report);
        assert!(text.lines().all(|line| line.chars().count() <= 80), "{text}");
        insta::assert_snapshot!(text, @r"
                 ok  port api 8000/tcp: free
             failed  port api 8000/tcp: held by container
                     `a-container-with-a-rather-long-name-1`; required: free
                     -> stop it (`docker stop a-container-with-a-rather-long-name-1`),
                     or publish another port
        not checked  port api 8000/tcp: the engine runs on another machine

        1 ok, 0 warnings, 1 failed, 1 not checked
        ");
        assert_eq!(report.exit_code(), 4);
    }

    #[test]
    fn only_failures_change_the_exit_code() {
        let report = DoctorReport::new(None, None, vec![finding(Verdict::Warning, "x", Some("`true`"))]);
        assert_eq!(report.exit_code(), 0);
    }
}
