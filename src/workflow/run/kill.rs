//! `aictl kill`: a signal to the running containers of services.
//! Reads the engine, and the files when there are any.
//! Never removes anything.

use clap::Args;
use serde::Serialize;

use crate::error::Result;
use crate::plan::{ContainerOperation, Observed, ObservedInstance, Operation, Phase, Plan};
use crate::session::Context;
use crate::session::load::load_named;
use crate::session::report::{Block, Report, to_json};
use crate::session::select;
use crate::session::steps_report::planned_blocks;
use crate::session::transaction::Transaction;

/// Send a signal to running containers
#[derive(Debug, Clone, Default, Args)]
pub struct KillArgs {
    /// Services to signal; all of the compose files by default
    pub services: Vec<String>,
    /// Signal to send
    #[arg(short = 's', long, default_value = "SIGKILL")]
    pub signal: String,
}

#[derive(Debug, Serialize)]
pub struct KillReport {
    steps: Vec<String>,
    dry_run: bool,
}

/// Sends the signal.
pub async fn run(context: &Context, args: KillArgs) -> Result<KillReport> {
    let loaded = load_named(context)?;
    let target = loaded.connect(context).await?;
    let planning = |observed: &Observed| {
        select::check(loaded.stack.as_ref(), observed, &args.services)?;
        let mut plan = Plan { project: loaded.name.clone(), names: observed.names(), ..Default::default() };
        let ours = |c: &&ObservedInstance| {
            !args.services.is_empty()
                || loaded.stack.as_ref().is_none_or(|s| s.all_services().any(|(n, _)| *n == c.service))
        };
        let running = select::containers(observed, &args.services).into_iter().filter(|c| c.state.is_up());
        for container in running.filter(ours) {
            let (service, id) = (container.service.clone(), container.id.clone());
            let kill =
                Operation::Container(ContainerOperation::Kill { service, container: id, signal: args.signal.clone() });
            plan.push(Phase::Switch, kill, format!("{} requested", args.signal), &[]);
        }
        Ok(plan)
    };
    let scope = loaded.narrow_scope();
    let mut transaction = Transaction::new(context, target, scope, "kill");
    transaction.beside_unfinished_restore = true;
    let outcome = transaction.run(&planning).await?;
    Ok(KillReport { steps: outcome.plan.lines(), dry_run: context.options.dry_run })
}

impl Report for KillReport {
    fn blocks(&self) -> Vec<Block> {
        match (self.dry_run, self.steps.is_empty()) {
            (true, _) => planned_blocks(&self.steps),
            (false, true) => vec![Block::Line(vec!["no running containers".into()])],
            (false, false) => Vec::new(),
        }
    }

    fn json(&self) -> serde_json::Value {
        to_json(self)
    }
}
