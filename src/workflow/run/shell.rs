//! `aictl shell`: an interactive shell in a running container of a service.
//! Reads the engine, and the files when there are any.
//! Never installs one: bash where the image has it, else sh.

use clap::Args;

use crate::error::{Error, Result};
use crate::session::Context;
use crate::session::service_command::{Command, CommandReport, ExecOptions, run_in_service};

/// Chosen inside the container: only there it is known what the image has.
const SCRIPT: &str = "if command -v bash >/dev/null 2>&1; then exec bash; else exec sh; fi";

/// Open a shell in a running container: bash if present, else sh
#[derive(Debug, Clone, Default, Args)]
pub struct ShellArgs {
    /// Service
    pub service: String,
    /// Where and as whom
    #[command(flatten)]
    pub place: ExecOptions,
}

/// Opens the shell.
pub async fn run(context: &Context, args: ShellArgs) -> Result<CommandReport> {
    let line = ["sh", "-c", SCRIPT].map(str::to_owned).to_vec();
    let command = Command { line, ..Default::default() };
    run_in_service(context, &args.service, &args.place, command).await.map_err(Error::into_exec_failure)
}
