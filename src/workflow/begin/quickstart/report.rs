//! How a quickstart reads: each step with its outcome and time, then the addresses.
//! Turns the outcomes of the steps into text or data.
//! Never says that something was changed when every step found its work done.

use serde::{Serialize, Serializer};

use crate::error::ErrorKind;
use crate::session::report::{Block, Cell, Report, Tone, to_json};
use crate::session::stack_status::StackStatus;
use crate::workflow::begin::doctor::DoctorReport;

/// The message after an interruption.
pub(super) fn goes_on(again: &str, kind: ErrorKind) -> String {
    // Ctrl-C is no failure.
    match kind {
        ErrorKind::Interrupted | ErrorKind::Terminated => format!("continue with `{again}`"),
        _ => format!("fix the problem, then continue with `{again}`"),
    }
}

/// The outcome of a step.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum StepState {
    /// It changed something.
    Done,
    /// There was nothing to do.
    Unchanged,
    /// It only looked.
    Passed,
    /// It stopped the quickstart.
    Failed,
    /// What a dry run would do.
    Planned,
}

impl StepState {
    /// Of a step that changes things.
    pub(super) const fn of(changed: bool, dry_run: bool) -> Self {
        match (changed, dry_run) {
            (false, _) => Self::Unchanged,
            (true, true) => Self::Planned,
            (true, false) => Self::Done,
        }
    }

    const fn words(self) -> (&'static str, Tone) {
        match self {
            Self::Done => ("done", Tone::Good),
            Self::Unchanged => ("unchanged", Tone::Dim),
            Self::Passed => ("ok", Tone::Good),
            Self::Failed => ("failed", Tone::Bad),
            Self::Planned => ("planned", Tone::Plain),
        }
    }
}

/// A step.
#[derive(Debug, Clone, Serialize)]
pub struct StepReport {
    /// Its name: that of the verb or task.
    pub step: String,
    /// Its status.
    pub state: StepState,
    /// The same in words.
    pub detail: String,
    /// How long it took.
    #[serde(serialize_with = "milliseconds")]
    pub seconds: f64,
}

fn milliseconds<S: Serializer>(seconds: &f64, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_f64((seconds * 1000.0).round() / 1000.0)
}

/// The result of a quickstart.
#[derive(Default, Serialize)]
pub struct QuickstartReport {
    /// The project directory.
    pub directory: String,
    /// The environment.
    pub environment: Option<String>,
    /// Whether this was a dry run.
    pub dry_run: bool,
    /// Whether any step changed something.
    pub changed: bool,
    /// The steps in their order.
    pub steps: Vec<StepReport>,
    /// Why the machine does not do, when that ended it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub doctor: Option<DoctorReport>,
    /// What the checks found.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub checks: Option<serde_json::Value>,
    /// The running stack.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status: Option<StackStatus>,
    /// How a failed smoke test reads.
    #[serde(skip)]
    pub failed_checks: Vec<Block>,
    /// The command that goes on from here.
    #[serde(skip)]
    pub again: String,
    /// Exit code of the step that ended it.
    #[serde(skip)]
    pub code: u8,
}

fn row(step: &StepReport) -> Vec<Cell> {
    let (word, tone) = step.state.words();
    let time = format!("{:.1}s", step.seconds);
    vec![step.step.as_str().into(), Cell::new(word, tone), time.into(), step.detail.as_str().into()]
}

impl Report for QuickstartReport {
    fn blocks(&self) -> Vec<Block> {
        let header = ["STEP", "", "TIME", "RESULT"].map(str::to_owned).to_vec();
        let mut blocks = vec![Block::Table { header, rows: self.steps.iter().map(row).collect() }];
        if let Some(doctor) = &self.doctor {
            blocks.push(Block::Gap);
            blocks.extend(doctor.blocks());
        }
        if !self.failed_checks.is_empty() {
            blocks.push(Block::Gap);
            blocks.extend(self.failed_checks.iter().cloned());
        }
        if let Some(status) = &self.status {
            blocks.push(Block::Gap);
            blocks.extend(status.blocks());
        }
        let end = match (self.code, self.dry_run, self.changed) {
            (1.., ..) => {
                let hint = vec![
                    Cell::new("hint:", Tone::Dim),
                    format!(" {}", goes_on(&self.again, ErrorKind::ChecksFailed)).into(),
                ];
                blocks.extend([Block::Gap, Block::Line(hint)]);
                return blocks;
            }
            (_, true, _) => "nothing was changed".to_owned(),
            (_, _, false) => "up to date: all steps were complete and all checks passed".to_owned(),
            _ => format!("ready; the project is in {}", self.directory),
        };
        blocks.push(Block::Gap);
        blocks.push(Block::Line(vec![Cell::new(end, Tone::Good)]));
        blocks
    }

    fn json(&self) -> serde_json::Value {
        to_json(self)
    }

    fn exit_code(&self) -> u8 {
        self.code
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn after_ctrl_c_nothing_has_to_be_mended() {
        let said = |kind| goes_on("aictl --env full quickstart", kind);
        assert_eq!(said(ErrorKind::Interrupted), "continue with `aictl --env full quickstart`");
        assert_eq!(said(ErrorKind::Terminated), "continue with `aictl --env full quickstart`");
        assert_eq!(said(ErrorKind::Failed), "fix the problem, then continue with `aictl --env full quickstart`");
    }
}
