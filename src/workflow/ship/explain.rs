//! `aictl explain`: what happened in one recorded operation, in order.

use clap::Args;
use serde::Serialize;

use crate::error::Result;
use crate::release::{Section, explanation};
use crate::session::Context;
use crate::session::past_operations::PastOperations;
use crate::session::report::{Block, Cell, Report, Tone, to_json};

/// Explain what happened in an operation
///
/// Shows, in order: the operations before it, its plan with causes, the step that failed, the error, exit codes, the first
/// error in the logs, and the operation after it.
#[derive(Debug, Clone, Copy, Default, Args)]
pub struct ExplainArgs {
    /// Number from `aictl history`; the newest operation by default
    #[arg(value_name = "NUMBER")]
    pub number: Option<u32>,
}

/// An operation, explained.
#[derive(Debug, Serialize)]
pub struct ExplainReport {
    number: u32,
    sections: Vec<Section>,
}

/// Explains the operation.
pub async fn run(context: &Context, args: ExplainArgs) -> Result<ExplainReport> {
    let past = PastOperations::load(context).await?;
    let number = past.find(args.number)?.number;
    Ok(ExplainReport { number, sections: explanation(number, &past.operations) })
}

impl Report for ExplainReport {
    fn blocks(&self) -> Vec<Block> {
        let mut blocks = Vec::new();
        for section in &self.sections {
            blocks.push(Block::Line(vec![Cell::new(section.title, Tone::Strong)]));
            blocks.extend(section.lines.iter().map(|line| Block::Line(vec![format!("  {line}").into()])));
        }
        blocks
    }

    fn json(&self) -> serde_json::Value {
        to_json(self)
    }
}
