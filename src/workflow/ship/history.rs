//! `aictl history`: the operations that changed the project, newest first.

use clap::Args;
use serde::Serialize;

use crate::error::Result;
use crate::release::PastOperation;
use crate::session::Context;
use crate::session::operation_cells::status_cell;
use crate::session::past_operations::PastOperations;
use crate::session::report::{Block, Cell, Report, Tone, to_json};

/// Operations shown without `--all`.
const NEWEST: usize = 20;

/// List the operations recorded for the project
///
/// Lists the newest 20, whoever ran them: the history is stored on the target. Show one with `aictl show NUMBER`.
#[derive(Debug, Clone, Default, Args)]
pub struct HistoryArgs {
    /// Show only the newest operations
    #[arg(short = 'n', long, value_name = "COUNT", conflicts_with = "all")]
    pub max: Option<usize>,
    /// Show all operations
    #[arg(short = 'a', long)]
    pub all: bool,
}

/// The history, newest first.
#[derive(Debug, Serialize)]
pub struct HistoryReport {
    project: String,
    operations: Vec<PastOperation>,
    /// Number of older operations that are not listed.
    older: usize,
}

/// Reads the history.
pub async fn run(context: &Context, args: HistoryArgs) -> Result<HistoryReport> {
    let PastOperations { project, mut operations } = PastOperations::load(context).await?;
    let most = if args.all { usize::MAX } else { args.max.unwrap_or(NEWEST) };
    let older = operations.len().saturating_sub(most);
    operations.drain(..older);
    operations.reverse();
    let operations = operations.into_iter().map(PastOperation::without_catalogues).collect();
    Ok(HistoryReport { project, operations, older })
}

impl Report for HistoryReport {
    fn blocks(&self) -> Vec<Block> {
        if self.operations.is_empty() && self.older == 0 {
            return vec![Block::Line(vec![format!("no operations of {} are recorded", self.project).into()])];
        }
        let header = ["NUMBER", "OPERATION", "STATUS", "STARTED (UTC)", "DURATION", "BY"].map(str::to_owned).to_vec();
        let mut blocks = vec![Block::Table { header, rows: self.operations.iter().map(row).collect() }];
        if self.older > 0 {
            let line = format!("{} older; show them with `aictl history --all`", self.older);
            blocks.push(Block::Line(vec![Cell::new(line, Tone::Dim)]));
        }
        blocks
    }

    fn json(&self) -> serde_json::Value {
        to_json(self)
    }
}

fn row(operation: &PastOperation) -> Vec<Cell> {
    let environment = operation.environment.as_ref().map(|name| format!(" --env {name}")).unwrap_or_default();
    vec![
        operation.number.to_string().into(),
        Cell::new(format!("{}{environment}", operation.operation), Tone::Strong),
        status(operation),
        Cell::whole(operation.started.get(..16).unwrap_or(&operation.started).replace('T', " ")),
        operation.seconds.map(|seconds| format!("{seconds:.1}s")).unwrap_or_default().into(),
        format!("{}@{}", operation.owner.user, operation.owner.host).into(),
    ]
}

/// What became of a release says more than how its operation ended.
fn status(operation: &PastOperation) -> Cell {
    let cell = status_cell(operation.status_in_words());
    match operation.release_status {
        Some(status) => Cell::new(status.word(), cell.tone),
        None => cell,
    }
}
