//! Commands in running containers of a service (`exec`, `shell`, `db`, `redis`).
//! Input, output and exit code are passed through.
//! Never starts a container.

use clap::Args;

use super::attached_process::Passed;
use super::load::load_named;
use super::report::{Said, one_of_reports};
use super::{Context, attached_process, select};
use crate::error::Result;
use crate::target::ExecArgs;

/// Where and as whom something runs inside a service.
#[derive(Debug, Clone, Default, Args)]
pub struct ExecOptions {
    /// Index of the container if the service has several
    #[arg(long, value_name = "N")]
    pub index: Option<u32>,
    /// Disable pseudo-TTY allocation
    #[arg(short = 'T', long)]
    pub no_tty: bool,
    /// Run the command as this user
    #[arg(short = 'u', long, value_name = "USER")]
    pub user: Option<String>,
    /// Working directory inside the container
    #[arg(short = 'w', long, value_name = "DIR")]
    pub workdir: Option<String>,
    /// Set an environment variable; without a value it is taken from the environment
    #[arg(short = 'e', value_name = "KEY=VALUE", value_parser = attached_process::variable)]
    pub variables: Vec<String>,
    /// Accepted for Compose compatibility; ignored (standard input is always attached)
    #[arg(short = 'i', long, hide = true)]
    pub interactive: bool,
    /// Accepted for Compose compatibility; ignored (a TTY is allocated by default)
    #[arg(short = 't', long, hide = true)]
    pub tty: bool,
}

/// What runs inside.
#[derive(Debug, Clone, Default)]
pub struct Command {
    /// Program and arguments.
    pub line: Vec<String>,
    /// Leave it running.
    pub detach: bool,
    /// Extended privileges.
    pub privileged: bool,
}

one_of_reports! {
    /// The result of a command in a container.
    pub enum CommandReport {
        /// It ran; its output was shown, and this is how it exited.
        Ended(Passed),
        /// What a dry run would run.
        Planned(Said),
    }
}

/// Runs a command in a running container of a service.
pub async fn run_in_service(
    context: &Context,
    service: &str,
    place: &ExecOptions,
    command: Command,
) -> Result<CommandReport> {
    let loaded = load_named(context)?;
    let target = loaded.connect(context).await?;
    let observed = target.observe(&loaded.narrow_scope()).await?;
    let container = select::running(loaded.stack.as_ref(), &observed, service, place.index)?;
    if context.options.dry_run {
        return Ok(attached_process::planned(container, &command.line).into());
    }
    let args = ExecArgs {
        container: container.id.clone(),
        command: command.line,
        environment: attached_process::variables(context, &place.variables),
        user: place.user.clone(),
        working_dir: place.workdir.clone(),
        tty: context.console.is_terminal() && !place.no_tty && !command.detach,
        privileged: command.privileged,
        detach: command.detach,
    };
    let code = attached_process::exec(context, &*target, &args).await?;
    Ok(Passed { code }.into())
}
