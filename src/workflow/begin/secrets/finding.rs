//! What can be wrong with a secret, where, and the command that mends it.
//! Data and its two forms: text and JSON.
//! Never holds a value.

use serde::Serialize;

use crate::error::ErrorKind;
use crate::session::report::{Block, Cell, Report, Tone, to_json};

/// The kinds of findings.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Problem {
    /// It has no value and needs one.
    Missing,
    /// Somebody forgot to replace a stand-in.
    Placeholder,
    /// It is the value that is published in the template.
    Default,
    /// It can be guessed.
    Weak,
    /// Cut at ` #`, which begins a comment.
    Cut,
    /// It is written in a compose file.
    Literal,
    /// A part of it is taken for a reference, and nothing has that name.
    UnsetReference,
    /// Another environment has the same value.
    Shared,
    /// A URL does not say what was meant.
    MalformedUrl,
    /// Others on the machine can read the file.
    OpenMode,
    /// The file is in the repository.
    TrackedByGit,
}

impl Problem {
    /// The problem as it is shown.
    pub fn word(self) -> &'static str {
        match self {
            Self::Missing => "missing",
            Self::Placeholder => "placeholder",
            Self::Default => "default",
            Self::Weak => "weak",
            Self::Cut => "cut off",
            Self::Literal => "in the compose file",
            Self::UnsetReference => "undefined reference",
            Self::Shared => "shared",
            Self::MalformedUrl => "malformed URL",
            Self::OpenMode => "readable by others",
            Self::TrackedByGit => "tracked by git",
        }
    }
}

/// One thing that is wrong.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// What kind of thing.
    pub problem: Problem,
    /// The name, when it is about one.
    pub key: Option<String>,
    /// The env file, as it is typed from here; `environment` for a variable of the process.
    pub file: String,
    /// Line, from 1.
    pub line: Option<u32>,
    /// Why, without the value.
    pub reason: String,
    /// A command that mends it or opens the place.
    pub remedy: String,
}

/// The answer of `secrets check`.
#[derive(Debug, Serialize)]
pub struct CheckReport {
    /// How many names were looked at.
    pub(super) checked: usize,
    /// The env files and files of secrets that were read.
    pub(super) files: Vec<String>,
    pub(super) findings: Vec<Finding>,
}

impl Report for CheckReport {
    fn blocks(&self) -> Vec<Block> {
        let mut blocks = Vec::new();
        for finding in &self.findings {
            let line = finding.line.map(|line| format!(":{line}")).unwrap_or_default();
            let key = finding.key.as_deref().map(|key| format!("{key} ")).unwrap_or_default();
            blocks.push(Block::Line(vec![
                format!("{}{line}: ", finding.file).into(),
                Cell::new(key, Tone::Strong),
                Cell::new(finding.problem.word(), Tone::Bad),
                format!(": {}", finding.reason).into(),
            ]));
            blocks.push(Block::Line(vec![Cell::new(format!("  {}", finding.remedy), Tone::Dim)]));
        }
        let summary = match self.findings.len() {
            0 if self.checked == 0 => {
                let said = "0 names checked: neither the env files nor the compose files have a secret";
                Cell::new(said, Tone::Warn)
            }
            0 => Cell::new(format!("{} checked, no problems found", names(self.checked)), Tone::Good),
            1 => Cell::new(format!("{} checked, 1 finding", names(self.checked)), Tone::Bad),
            several => Cell::new(format!("{} checked, {several} findings", names(self.checked)), Tone::Bad),
        };
        blocks.push(Block::Line(vec![summary]));
        blocks
    }

    fn json(&self) -> serde_json::Value {
        to_json(self)
    }

    fn exit_code(&self) -> u8 {
        if self.findings.is_empty() { 0 } else { ErrorKind::ChecksFailed.exit_code() }
    }
}

fn names(count: usize) -> String {
    if count == 1 { "1 name".to_owned() } else { format!("{count} names") }
}
