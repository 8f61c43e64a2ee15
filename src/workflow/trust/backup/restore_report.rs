//! What `aictl backup restore` takes, and what it reports.

use clap::Args;
use serde::Serialize;

use super::restore_into::SourceArgs;
use crate::backup::Manifest;
use crate::error::ErrorKind;
use crate::event::human;
use crate::session::Context;
use crate::session::backup::configuration::RestoredFiles;
use crate::session::report::{Block, Cell, Report, Tone, to_json};
use crate::session::steps_report::planned_blocks;

/// Restore a backup set into the stack
#[derive(Debug, Clone, Default, Args)]
pub struct RestoreArgs {
    /// Set to restore, or a file with SQL, a dump of pg_dump or an RDB file; by default the newest proven set, else the
    /// newest verified, else the newest complete one
    #[arg(value_name = "SET")]
    pub backup_set: Option<String>,
    /// Restore PostgreSQL to this time, from a base backup and WAL: `2026-11-28 17:03:05` (UTC) or RFC 3339. All other
    /// services stay as they are
    #[arg(long, value_name = "TIME", conflicts_with_all = ["backup_set", "abandon", "repository"])]
    pub at: Option<String>,
    /// Restore this service only; repeatable
    #[arg(long, value_name = "SERVICE", alias = "service")]
    pub only: Vec<String>,
    /// Database that a file replaces; by default the only one that is backed up
    #[arg(long, value_name = "NAME", requires = "backup_set")]
    pub database: Option<String>,
    /// Do not take a safety set of the data that is replaced
    #[arg(long)]
    pub no_safety_set: bool,
    /// Give up an interrupted restore: the data stays as it is, and other commands work again
    #[arg(long, conflicts_with_all = ["backup_set", "only", "no_safety_set"])]
    pub abandon: bool,
    /// Where the project comes from, where it is not there
    #[command(flatten)]
    pub source: SourceArgs,
}

/// What was restored, or would be by a dry run.
#[derive(Debug, Default, Serialize)]
pub struct RestoreReport {
    pub(super) set: String,
    pub(super) time: String,
    /// The time that was restored to; none for a set as it is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) at: Option<String>,
    /// The file of another tool that was restored instead of a set.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) file: Option<String>,
    /// The set that holds the state before.
    pub(super) safety_set: Option<String>,
    pub(super) dry_run: bool,
    pub(super) steps: Vec<String>,
    pub(super) files: Vec<String>,
    pub(super) differing_files: Vec<String>,
    pub(super) failed: Vec<String>,
    /// The services whose interrupted restore was given up.
    pub(super) abandoned: Vec<String>,
}

impl RestoreReport {
    pub(super) fn of_file(context: &Context, name: &str) -> Self {
        Self { file: Some(name.to_owned()), dry_run: context.options.dry_run, ..Self::default() }
    }

    pub(super) fn of(context: &Context, manifest: &Manifest, files: RestoredFiles) -> Self {
        Self {
            set: manifest.set.clone(),
            time: human::utc(manifest.time),
            dry_run: context.options.dry_run,
            files: files.written,
            differing_files: files.differ,
            ..Self::default()
        }
    }
}

impl Report for RestoreReport {
    fn blocks(&self) -> Vec<Block> {
        let mut blocks: Vec<Block> =
            self.files.iter().map(|file| Block::Line(vec![format!("file {file}").into()])).collect();
        if self.dry_run {
            blocks.extend(planned_blocks(&self.steps));
            return blocks;
        }
        if !self.abandoned.is_empty() {
            let kept = format!("the data of {} is kept as the interrupted restore left it", self.abandoned.join(", "));
            return vec![Block::Line(vec![kept.into()])];
        }
        let (word, tone) =
            if self.failed.is_empty() { ("restored", Tone::Good) } else { ("partially restored", Tone::Bad) };
        let line = match (&self.at, &self.file) {
            (Some(at), _) => format!("{word} to {at} from the base backup of set {}", self.set),
            (None, Some(file)) => format!("{word} {file}"),
            (None, None) => format!("{word} backup set {} of {}", self.set, self.time),
        };
        blocks.push(Block::Line(vec![Cell::new(line, tone)]));
        if let Some(safety) = &self.safety_set {
            let line = format!("the state before is safety set {safety}: go back with `aictl backup restore {safety}`");
            blocks.push(Block::Line(vec![line.into()]));
        }
        blocks
    }

    fn json(&self) -> serde_json::Value {
        to_json(self)
    }

    fn exit_code(&self) -> u8 {
        if self.failed.is_empty() { 0 } else { ErrorKind::Partial.exit_code() }
    }
}
