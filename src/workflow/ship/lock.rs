//! `aictl lock status|break`: shows the holder of the lock, and removes a lock whose holder is gone.
//! Reads and removes the lease on the target.
//! Never breaks the lock of a living owner without `--force`.

use clap::{Args, Subcommand};
use serde::Serialize;

use crate::error::Result;
use crate::release::{LeaseVerdict, ObservedLease};
use crate::session::load::load_named;
use crate::session::report::{Block, Cell, Report, Said, Tone, one_of_reports, to_json};
use crate::session::{Context, WorkflowError};

/// Show or remove the project lock
#[derive(Debug, Clone, Args)]
pub struct LockArgs {
    /// Action
    #[command(subcommand)]
    pub action: LockAction,
}

/// The actions of `lock`.
#[derive(Debug, Clone, Subcommand)]
pub enum LockAction {
    /// Show the holder of the lock, its age and whether the process is alive
    Status,
    /// Remove a stale lock
    Break {
        /// Remove the lock even if its holder seems to be alive
        #[arg(long)]
        force: bool,
    },
}

/// Who holds the lock.
#[derive(Debug, Serialize)]
pub struct LockStatus {
    project: String,
    lock: Option<ObservedLease>,
}

one_of_reports! {
    /// Report of an action of `lock`.
    pub enum LockReport {
        /// Who holds it.
        Status(LockStatus),
        /// What was removed, or would be by a dry run.
        Broken(Said),
    }
}

/// Runs the action.
pub async fn run(context: &Context, args: LockArgs) -> Result<LockReport> {
    let loaded = load_named(context)?;
    let target = loaded.connect(context).await?;
    let lock = target.observe_lease(&loaded.name).await?;
    let LockAction::Break { force } = args.action else {
        return Ok(LockStatus { project: loaded.name.clone(), lock }.into());
    };
    let Some(lock) = lock else { return Err(WorkflowError::NotLocked { project: loaded.name.clone() }.into()) };
    if lock.verdict == LeaseVerdict::Alive && !force {
        return Err(WorkflowError::LockAlive { project: loaded.name.clone(), holder: lock.summary() }.into());
    }
    let planned = format!("remove the lock of {}: {}", loaded.name, lock.summary());
    if context.options.dry_run {
        return Ok(Said { value: to_json(&[&planned]), lines: vec![planned] }.into());
    }
    if lock.verdict != LeaseVerdict::Dead {
        context.prompt.confirm(&format!("{planned}?"))?;
    }
    target.break_lease(&lock).await?;
    let line = format!("removed the lock of {} ({})", loaded.name, lock.summary());
    Ok(Said { lines: vec![line], value: to_json(&lock) }.into())
}

impl Report for LockStatus {
    fn blocks(&self) -> Vec<Block> {
        let line = match &self.lock {
            None => vec![format!("{}: not locked", self.project).into()],
            Some(lock) => {
                let (word, tone) = match lock.verdict {
                    LeaseVerdict::Alive => ("alive", Tone::Good),
                    LeaseVerdict::Dead => ("dead", Tone::Bad),
                    LeaseVerdict::Unknown => ("unknown", Tone::Warn),
                };
                let heartbeat = lock.heartbeat_age_seconds.map(|s| format!(", heartbeat {s}s ago")).unwrap_or_default();
                vec![format!("{}: {}{heartbeat}, ", self.project, lock.summary()).into(), Cell::new(word, tone)]
            }
        };
        vec![Block::Line(line)]
    }

    fn json(&self) -> serde_json::Value {
        to_json(self)
    }
}
