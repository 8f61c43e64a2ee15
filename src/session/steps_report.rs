//! The report of verbs that are a few steps and nothing more: what was planned, whether it was done.
//! Data only.
//! Never repeats what the reporter already showed step by step.

use serde::Serialize;

use crate::error::ErrorKind;
use crate::event::human;
use crate::session::Context;
use crate::session::report::{Block, Cell, Report, Tone, to_json};
use crate::session::transaction::TransactionOutcome;

/// Steps, and whether they were taken.
#[derive(Debug, Serialize)]
pub struct Done {
    steps: Vec<String>,
    dry_run: bool,
    changed: bool,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    incomplete: Vec<String>,
    /// What to say when there was nothing to do.
    #[serde(skip)]
    idle: &'static str,
}

impl Done {
    /// The report of a change.
    pub fn new(context: &Context, outcome: TransactionOutcome, idle: &'static str) -> Self {
        let TransactionOutcome { plan, executed: changed, incomplete, .. } = outcome;
        Self { steps: plan.lines(), dry_run: context.options.dry_run, changed, incomplete, idle }
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

    fn exit_code(&self) -> u8 {
        code_of(&self.incomplete)
    }
}

/// 30 if steps failed that are only warned about.
pub fn code_of(incomplete: &[String]) -> u8 {
    if incomplete.is_empty() { 0 } else { ErrorKind::Partial.exit_code() }
}

/// A plan that was not carried out, as text.
pub fn planned_blocks(steps: &[String]) -> Vec<Block> {
    if steps.is_empty() {
        return vec![Block::Line(vec!["no changes".into()])];
    }
    let mut blocks: Vec<Block> = steps.iter().map(|s| Block::Line(vec![s.as_str().into()])).collect();
    blocks.push(Block::Line(vec![Cell::new(
        format!("{}, nothing was changed", human::count(steps.len(), "step")),
        Tone::Dim,
    )]));
    blocks
}
