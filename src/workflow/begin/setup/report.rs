//! How a setup reads: which engine answers, what was skipped, what the operator may still want to do.
//! Data only; the steps were reported while they ran.
//! Never says that something was changed under `--dry-run`.

use serde::Serialize;

use crate::host::install::SetupStepDone;
use crate::plan::EngineInfo;
use crate::session::report::{Block, Cell, Report, Tone, to_json};
use crate::session::steps_report::planned_blocks;

/// What `setup` found and did.
#[derive(Debug, Clone, Serialize)]
pub struct SetupReport {
    /// The engine that answers; none before a dry run's steps are taken.
    pub engine: Option<EngineInfo>,
    /// The steps taken, or in a dry run those that would be.
    pub steps: Vec<SetupStepDone>,
    /// Whether something was changed.
    pub changed: bool,
    /// Whether this was a dry run.
    pub dry_run: bool,
    /// Whether the steps need rights this user has not.
    pub needs_root: bool,
    /// Why it is not known yet what the project's services need.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unreadable: Option<String>,
    /// The user behind `sudo`, who may not use the engine yet.
    #[serde(skip)]
    pub sudoer: Option<String>,
}

impl SetupReport {
    fn state(&self) -> Block {
        let Some(engine) = &self.engine else { return Block::Line(vec!["no engine is running yet".into()]) };
        let nothing = if self.steps.is_empty() { "nothing to do: " } else { "" };
        let answers = format!("engine {}, API {} answers at {}", engine.version, engine.api_version, engine.address);
        Block::Line(vec![nothing.into(), Cell::new(answers, Tone::Good)])
    }

    fn advice(&self) -> Vec<String> {
        let mut advice = Vec::new();
        if self.needs_root {
            advice.push("root privileges are required: `sudo aictl setup`".to_owned());
        }
        if let Some(why) = &self.unreadable {
            advice.push(format!("what its services need is not known yet, the project cannot be read: {why}"));
        }
        if let Some(user) = self.sudoer.as_ref().filter(|_| self.changed) {
            advice.push(format!("to use it without sudo: `sudo usermod -aG docker {user}`, then log in again"));
        }
        advice
    }
}

impl Report for SetupReport {
    fn blocks(&self) -> Vec<Block> {
        let mut blocks = match self.dry_run && !self.steps.is_empty() {
            true => planned_blocks(&self.steps.iter().map(SetupStepDone::line).collect::<Vec<_>>()),
            false => vec![self.state()],
        };
        blocks.extend(self.advice().into_iter().map(|line| Block::Line(vec![Cell::new(line, Tone::Warn)])));
        blocks
    }

    fn json(&self) -> serde_json::Value {
        to_json(self)
    }
}
