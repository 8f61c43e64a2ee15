//! `aictl show`: one recorded operation with its steps, its error and the logs of failed containers.

use clap::Args;

use crate::error::Result;
use crate::release::{
    Evidence, Migration, PastOperation, ReleaseCause, ReleaseStatus, ReleasedService, SchemaHead, Side, StepOutcome,
    StepRecord,
};
use crate::session::Context;
use crate::session::operation_cells::{short_time, status_cell};
use crate::session::past_operations::PastOperations;
use crate::session::report::{Block, Cell, Report, Tone, to_json};

/// Show one operation of the history
///
/// Shows each step with its cause, result and duration, the error, and the last log lines of containers that failed.
#[derive(Debug, Clone, Copy, Default, Args)]
pub struct ShowArgs {
    /// Number from `aictl history`; the newest operation by default
    #[arg(value_name = "NUMBER")]
    pub number: Option<u32>,
}

/// One operation.
#[derive(Debug)]
pub struct ShowReport {
    operation: PastOperation,
}

/// Reads the operation.
pub async fn run(context: &Context, args: ShowArgs) -> Result<ShowReport> {
    let operation = PastOperations::load(context).await?.find(args.number)?.clone().without_catalogues();
    Ok(ShowReport { operation })
}

impl Report for ShowReport {
    fn blocks(&self) -> Vec<Block> {
        let past = &self.operation;
        let mut blocks = head(past);
        if !past.steps.is_empty() {
            let header = ["RESULT", "DURATION", "STEP", "CAUSE"].map(str::to_owned).to_vec();
            blocks.extend([
                Block::Gap,
                Block::Table { header, rows: past.steps.iter().map(|s| step(s, past.planned_word())).collect() },
            ]);
        }
        blocks.extend(release(past));
        if !past.error.is_empty() {
            blocks.push(Block::Gap);
        }
        for (depth, message) in past.error.iter().enumerate() {
            let words = if depth == 0 { "error" } else { "  caused by" };
            blocks.push(Block::Line(vec![Cell::new(format!("{words}: {message}"), Tone::Bad)]));
        }
        blocks.extend(past.evidence.iter().flat_map(container));
        blocks
    }

    fn json(&self) -> serde_json::Value {
        to_json(&self.operation)
    }
}

fn head(past: &PastOperation) -> Vec<Block> {
    let took = past.seconds.map(|seconds| format!(" after {seconds:.1}s")).unwrap_or_default();
    let environment = past.environment.as_ref().map(|name| format!(" in environment {name}")).unwrap_or_default();
    let owner = &past.owner;
    let title = vec![
        Cell::new(format!("{} {}", past.number, past.operation), Tone::Strong),
        format!("{environment}: ").into(),
        status_cell(past.status_in_words()),
        took.into(),
    ];
    let by = format!("started {} by {}@{}, aictl {}", short_time(&past.started), owner.user, owner.host, owner.version);
    vec![Block::Line(title), Block::Line(vec![by.into()])]
}

fn step(step: &StepRecord, planned_word: &'static str) -> Vec<Cell> {
    let tone = match step.outcome {
        StepOutcome::Done => Tone::Good,
        StepOutcome::Failed => Tone::Bad,
        StepOutcome::Undone => Tone::Warn,
        StepOutcome::Planned | StepOutcome::Skipped | StepOutcome::Cancelled => Tone::Dim,
    };
    let word = match step.outcome {
        StepOutcome::Planned => planned_word,
        outcome => outcome.word(),
    };
    let took = step.duration_ms.map(|ms| format!("{:.1}s", ms as f64 / 1000.0)).unwrap_or_default();
    let what = format!("{} {}", step.operation.verb(), step.subject);
    vec![Cell::new(word, tone), took.into(), what.trim_start().into(), step.cause.as_str().into()]
}

fn container(evidence: &Evidence) -> Vec<Block> {
    let mut blocks = vec![Block::Gap];
    let mut facts = vec![match evidence.container.as_str() {
        "" => format!("service {}", if evidence.service.is_empty() { "-" } else { &evidence.service }),
        container => format!("container {container}"),
    }];
    facts.extend(evidence.exit_code.map(|code| format!("exit code {code}")));
    facts.extend(evidence.oom_killed.then(|| "killed: out of memory".to_owned()));
    facts.extend((evidence.restarts > 0).then(|| format!("{} restarts", evidence.restarts)));
    blocks.push(Block::Line(vec![Cell::new(facts.join(", "), Tone::Strong)]));
    let texts = [("engine", &evidence.engine_error), ("health check", &evidence.health_log)];
    for (name, text) in texts.iter().filter_map(|(name, text)| Some((name, text.as_ref()?))) {
        blocks.push(Block::Line(vec![format!("  {name}: {}", text.trim()).into()]));
    }
    blocks.extend(evidence.attempts.iter().map(|line| Block::Line(vec![format!("  {line}").into()])));
    blocks.extend(evidence.logs.iter().map(|line| Block::Line(vec![format!("  | {line}").into()])));
    blocks
}

/// What a deploy or rollback brought up.
fn release(past: &PastOperation) -> Vec<Block> {
    let Some(release) = &past.release else { return Vec::new() };
    let status = past.release_status.map(ReleaseStatus::word).unwrap_or_default();
    let same = match release.cause {
        ReleaseCause::Deploy => release.promoted.iter().map(|from| format!(", with the images of {from}")).collect(),
        ReleaseCause::Rotate => format!(", rotated {}", release.rotated.join(", ")),
        ReleaseCause::Rollback { to } => format!(", same as release {to}"),
    };
    let message = release.message.as_ref().map(|message| format!(": {message}")).unwrap_or_default();
    let title = format!("release {}, {status}{same}{message}", past.number);
    let header = ["SERVICE", "IMAGE", "ID", "SIDE", "STRATEGY", "WHY"].map(str::to_owned).to_vec();
    let row = |(name, service): (&String, &ReleasedService)| -> Vec<Cell> {
        let id = service.image_id.as_deref().unwrap_or_default().trim_start_matches("sha256:");
        vec![
            Cell::new(name.as_str(), Tone::Strong),
            service.image.as_str().into(),
            id.get(..12).unwrap_or(id).into(),
            service.side.map(Side::word).unwrap_or_default().into(),
            service.strategy.as_str().into(),
            service.strategy_cause.as_str().into(),
        ]
    };
    let rows = release.services.iter().map(row).collect();
    let mut blocks = vec![Block::Gap, Block::Line(vec![Cell::new(title, Tone::Strong)]), Block::Table { header, rows }];
    blocks.extend(release.migrations.iter().map(|migration| Block::Line(vec![schema(migration).into()])));
    blocks
}

/// What a migration did to its schema.
fn schema(migration: &Migration) -> String {
    let head = |head: &Option<SchemaHead>| head.as_ref().map_or_else(|| "unknown".to_owned(), SchemaHead::words);
    let words = migration.words().map(|words| format!("; {words}")).unwrap_or_default();
    let (before, after) = (head(&migration.before), head(&migration.after));
    format!("migration {}: schema {before} before, {after} after{words}", migration.task)
}
