//! `aictl explain`: the story of one operation in order, from what was recorded.
//! Reads the records on the target.
//! Never guesses: the same records give the same words.

use clap::Args;
use serde::Serialize;

use crate::error::Result;
use crate::release::{Chapter, story};
use crate::session::Context;
use crate::session::past_operations::PastOperations;
use crate::session::report::{Block, Cell, Report, Tone, to_json};

/// Explain what happened in an operation
///
/// Tells in order: what ran before, what was planned and why, which step failed, its error, exit codes, the first error in
/// the logs, and what came after.
#[derive(Debug, Clone, Copy, Default, Args)]
pub struct ExplainArgs {
    /// Number from `aictl history`; the newest operation by default
    #[arg(value_name = "NUMBER")]
    pub number: Option<u32>,
}

/// The story of an operation.
#[derive(Debug, Serialize)]
pub struct ExplainReport {
    number: u32,
    chapters: Vec<Chapter>,
}

/// Tells the story.
pub async fn run(context: &Context, args: ExplainArgs) -> Result<ExplainReport> {
    let past = PastOperations::load(context).await?;
    let number = past.find(args.number)?.number;
    Ok(ExplainReport { number, chapters: story(number, &past.operations) })
}

impl Report for ExplainReport {
    fn blocks(&self) -> Vec<Block> {
        let mut blocks = Vec::new();
        for chapter in &self.chapters {
            blocks.push(Block::Line(vec![Cell::new(chapter.title, Tone::Strong)]));
            blocks.extend(chapter.lines.iter().map(|line| Block::Line(vec![format!("  {line}").into()])));
        }
        blocks
    }

    fn json(&self) -> serde_json::Value {
        to_json(self)
    }
}
