//! `aictl exec`: a command in a running container of a service.
//! Input, output and exit code are passed through.
//! Never starts a container.

use clap::Args;

use crate::error::{Error, Result};
use crate::session::Context;
use crate::session::service_command::{Command, CommandReport, ExecOptions, run_in_service};

/// Execute a command in a running container
///
/// Exits with the exit code of the command.
#[derive(Debug, Clone, Default, Args)]
pub struct ExecArgs {
    /// Service
    pub service: String,
    /// Command and its arguments
    #[arg(required = true, trailing_var_arg = true, allow_hyphen_values = true, value_name = "COMMAND")]
    pub command: Vec<String>,
    /// Which of the service's containers
    #[command(flatten)]
    pub place: ExecOptions,
    /// Run the command in the background
    #[arg(short = 'd', long)]
    pub detach: bool,
    /// Give extended privileges to the command
    #[arg(long)]
    pub privileged: bool,
}

/// Runs the command.
pub async fn run(context: &Context, args: ExecArgs) -> Result<CommandReport> {
    let command = Command { line: args.command, detach: args.detach, privileged: args.privileged };
    run_in_service(context, &args.service, &args.place, command).await.map_err(Error::into_exec_failure)
}
