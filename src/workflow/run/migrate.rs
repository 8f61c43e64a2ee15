//! `aictl migrate`: the task `migrate` of the project file.
//! Reads files and engine; runs it as `aictl run migrate` would.
//! Never guesses what a migration is.

use clap::Args;

use crate::error::Result;
use crate::session::load::load_project_file;
use crate::session::one_off::{OneOffOptions, OneOffReport, OneOffRequest, run_one_off};
use crate::session::{Context, WorkflowError};

/// Run the task `migrate`
///
/// Exits with the exit code of the task.
#[derive(Debug, Clone, Default, Args)]
pub struct MigrateArgs {
    /// Additional arguments for the task
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    pub args: Vec<String>,
    /// Build the image before running the task
    #[arg(long)]
    pub build: bool,
    /// Disable pseudo-TTY allocation
    #[arg(short = 'T', long)]
    pub no_tty: bool,
}

/// Migrates.
pub async fn run(context: &Context, args: MigrateArgs) -> Result<OneOffReport> {
    let project = load_project_file(context)?;
    if !project.project.is_some_and(|p| p.tasks.contains_key("migrate")) {
        return Err(WorkflowError::NoMigration.into());
    }
    let what = "migrate".to_owned();
    let options = OneOffOptions { build: args.build, no_tty: args.no_tty, ..Default::default() };
    run_one_off(context, OneOffRequest { what, command: args.args, options }).await
}
