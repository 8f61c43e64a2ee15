//! The report of verbs that are a few steps and nothing more: what was planned, whether it was done.
//! Data only.
//! Never repeats what the reporter already showed step by step.

use serde::Serialize;

use super::change::Changed;
use super::report::{Block, Report, to_json};
use super::start::planned_blocks;
use crate::workflow::Context;

/// Steps, and whether they were taken.
#[derive(Debug, Serialize)]
pub struct Done {
    steps: Vec<String>,
    dry_run: bool,
    changed: bool,
    /// What to say when there was nothing to do.
    #[serde(skip)]
    idle: &'static str,
}

impl Done {
    /// The report of a change.
    pub fn new(context: &Context, changed: Changed, idle: &'static str) -> Self {
        Self { steps: changed.steps, dry_run: context.options.dry_run, changed: changed.executed, idle }
    }
}

impl Report for Done {
    fn blocks(&self) -> Vec<Block> {
        match (self.steps.is_empty(), self.dry_run) {
            (true, _) => vec![Block::Line(vec![self.idle.into()])],
            (false, true) => planned_blocks(&self.steps),
            (false, false) => Vec::new(),
        }
    }

    fn json(&self) -> serde_json::Value {
        to_json(self)
    }
}
