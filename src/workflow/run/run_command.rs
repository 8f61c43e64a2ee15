//! `aictl run`: a task of the project file, or a one-off container of a service with a command of its own.
//! The work is done by `session::one_off`, which `migrate` uses too.

use clap::Args;

use crate::error::Result;
use crate::session::one_off::{OneOffOptions, OneOffReport, OneOffRequest, run_one_off};
use crate::session::{Context, attached_process};

/// Run a task of aictl.yaml, or a one-off command on a service
///
/// Exits with the exit code of the command.
#[derive(Debug, Clone, Default, Args)]
pub struct RunArgs {
    /// Task or service
    #[arg(value_name = "TASK|SERVICE")]
    pub what: String,
    /// Command to run instead of the one of the service, or additional arguments for the task
    #[arg(trailing_var_arg = true, allow_hyphen_values = true, value_name = "COMMAND")]
    pub command: Vec<String>,
    /// How it runs
    #[command(flatten)]
    pub options: OneOffOptions,
    /// Accepted for Compose compatibility; ignored (a TTY is allocated by default)
    #[arg(short = 't', long, hide = true, conflicts_with = "no_tty")]
    pub tty: bool,
    /// Accepted for Compose compatibility; ignored (--verbose shows more)
    #[arg(short = 'q', long, hide = true)]
    pub quiet: bool,
    /// Accepted for Compose compatibility; ignored (the container is removed unless --no-rm is given)
    #[arg(long, hide = true, conflicts_with = "no_rm")]
    pub rm: bool,
    /// Accepted for Compose compatibility; ignored (standard input is always attached)
    #[arg(short = 'i', long, hide = true)]
    pub interactive: bool,
}

/// Runs it.
pub async fn run(context: &Context, args: RunArgs) -> Result<OneOffReport> {
    let request = OneOffRequest { what: args.what, command: args.command, options: args.options };
    run_one_off(context, request).await.map_err(attached_process::failure)
}
