//! `aictl status`: every service with its state, health, uptime and addresses.
//! Reads the engine, and the files when there are any: a service without a container is shown too.
//! Never changes anything.

use clap::Args;

use crate::error::{ErrorKind, Result};
use crate::session::Context;
use crate::session::load::load_by_name;
use crate::session::recorded_health::count_recorded_health;
use crate::session::report::{Block, Report, to_json};
use crate::session::stack_status::{ServiceStatus, StackStatus, line};

/// Show state, health, uptime and addresses of services
///
/// Exits with 3 if a service is not running, restarting or unhealthy, except one-shot services that exited with 0.
#[derive(Debug, Clone, Default, Args)]
pub struct StatusArgs {
    /// Services to show; all by default
    pub services: Vec<String>,
    /// Include stopped containers and one-off containers of `run`
    #[arg(short = 'a', long)]
    pub all: bool,
    /// Only show container IDs
    #[arg(short = 'q', long)]
    pub quiet: bool,
    /// Only show service names
    #[arg(long = "services", conflicts_with = "quiet")]
    pub only_services: bool,
}

/// Shows the stack.
pub async fn run(context: &Context, args: StatusArgs) -> Result<StatusReport> {
    let loaded = load_by_name(context)?;
    let target = loaded.connect(context).await?;
    let scope = loaded.scope(None);
    let (observed, lock) = tokio::join!(target.observe(&scope), target.observe_lease(&loaded.name));
    let (mut observed, lock) = (observed?, lock?);
    crate::session::select::check(loaded.stack.as_ref(), &observed, &args.services)?;
    if !args.services.is_empty() {
        observed.instances.retain(|c| args.services.contains(&c.service));
    }
    count_recorded_health(&*target, &loaded.name, &mut observed).await;
    let mut status = StackStatus::of(&loaded.name, loaded.stack.as_ref(), &observed);
    if args.all {
        status.services.extend(observed.instances.iter().filter(|c| c.one_off).map(|c| line(&observed, c)));
    }
    if !args.services.is_empty() {
        status.services.retain(|s| args.services.contains(&s.service));
    }
    status.lock = lock;
    let form = if args.quiet {
        Form::Ids
    } else if args.only_services {
        Form::Names
    } else {
        Form::Table
    };
    Ok(StatusReport { status, form })
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Form {
    Table,
    Ids,
    Names,
}

pub struct StatusReport {
    status: StackStatus,
    form: Form,
}

impl Report for StatusReport {
    fn blocks(&self) -> Vec<Block> {
        let lines = |of: fn(&ServiceStatus) -> &String| {
            let mut all: Vec<&String> = self.status.services.iter().map(of).filter(|t| !t.is_empty()).collect();
            all.dedup();
            all.into_iter().map(|t| Block::Line(vec![t.as_str().into()])).collect()
        };
        match self.form {
            Form::Table => self.status.blocks(),
            Form::Ids => lines(|s| &s.id),
            Form::Names => lines(|s| &s.service),
        }
    }

    fn json(&self) -> serde_json::Value {
        to_json(&self.status)
    }

    /// Lists of ids and names are input for other commands and exit with 0.
    fn exit_code(&self) -> u8 {
        let ready = self.form != Form::Table || self.status.faults(|_| true).is_empty();
        if ready { 0 } else { ErrorKind::NotReady.exit_code() }
    }
}
