//! `aictl backup create|list|verify|drill|restore|prune`: backup sets of the stack in a repository in restic's format.

mod abandon;
mod create;
mod drill;
mod file_to_restore;
mod list;
mod point_in_time;
mod prune;
mod restore;
mod restore_file;
mod restore_into;
mod restore_report;
mod restore_target;
mod safety;
mod sets;
mod verify;
mod way_back;

use clap::{Args, Subcommand};

use crate::error::Result;
use crate::session::Context;
use crate::session::report::one_of_reports;

pub use create::{CreateArgs, CreateReport};
pub use drill::{DrillArgs, DrillReport};
pub use list::{ListArgs, ListReport};
pub use prune::{PruneArgs, PruneReport};
pub use restore_report::{RestoreArgs, RestoreReport};
pub use verify::{VerifyArgs, VerifyReport};

/// Create, verify and restore backups of the stack
#[derive(Debug, Clone, Args)]
pub struct BackupArgs {
    /// Action
    #[command(subcommand)]
    pub action: BackupAction,
}

/// The actions of `backup`.
#[derive(Debug, Clone, Subcommand)]
pub enum BackupAction {
    /// Create a backup set of databases, volumes and configuration
    Create(CreateArgs),
    /// List backup sets
    List(ListArgs),
    /// Read a backup set back and decode its dumps
    Verify(VerifyArgs),
    /// Restore a backup set into scratch containers to prove that it can be restored
    Drill(DrillArgs),
    /// Restore a backup set into the stack
    Restore(RestoreArgs),
    /// Remove backup sets that the retention policy does not keep
    Prune(PruneArgs),
}

one_of_reports! {
    /// Report of an action of `backup`.
    pub enum BackupReport {
        /// What was created.
        Created(CreateReport),
        /// The sets.
        Listed(ListReport),
        /// What was verified.
        Verified(VerifyReport),
        /// What a drill found.
        Drilled(DrillReport),
        /// What was restored.
        Restored(RestoreReport),
        /// What was removed.
        Pruned(PruneReport),
    }
}

/// Runs the action.
pub async fn run(context: &Context, args: BackupArgs) -> Result<BackupReport> {
    match args.action {
        BackupAction::Create(args) => Ok(create::run(context, args).await?.into()),
        BackupAction::List(args) => Ok(list::run(context, args).await?.into()),
        BackupAction::Verify(args) => Ok(verify::run(context, args).await?.into()),
        BackupAction::Drill(args) => Ok(drill::run(context, args).await?.into()),
        BackupAction::Restore(args) => Ok(restore::run(context, args).await?.into()),
        BackupAction::Prune(args) => Ok(prune::run(context, args).await?.into()),
    }
}

/// `aictl restore`.
pub async fn restore(context: &Context, args: RestoreArgs) -> Result<RestoreReport> {
    restore::run(context, args).await
}
