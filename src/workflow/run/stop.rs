//! `aictl stop`: dependents before what they depend on; `--remove` takes containers and networks away as well.
//! Reads the engine, and the files when there are any.
//! Never removes a volume without `-v`.

use std::time::Duration;

use clap::{Args, ValueEnum};
use serde::Serialize;

use crate::error::Result;
use crate::plan::teardown::{TeardownOptions, plan_clearing, plan_teardown};
use crate::plan::{Observed, StepId};
use crate::session::load::{LoadedStack, load_named};
use crate::session::report::{Block, Report, to_json};
use crate::session::steps_report::planned_blocks;
use crate::session::transaction::{Transaction, TransactionOutcome};
use crate::session::{Context, WorkflowError};

/// Stop services; with --remove, also remove containers and networks
#[derive(Debug, Clone, Default, Args)]
pub struct StopArgs {
    /// Services to stop; all by default
    pub services: Vec<String>,
    /// Remove containers, and networks if no service is named
    #[arg(long)]
    pub remove: bool,
    /// With --remove: also remove named and anonymous volumes and their data
    #[arg(short = 'v', long)]
    pub volumes: bool,
    /// With --remove: also remove images
    #[arg(long, value_name = "WHICH")]
    pub rmi: Option<WhichImages>,
    /// Remove containers of services not defined in the compose files
    #[arg(long, env = "COMPOSE_REMOVE_ORPHANS", hide_env = true, value_parser = clap::builder::FalseyValueParser::new())]
    pub remove_orphans: bool,
    /// Seconds to wait before killing a container; same as --timeout
    #[arg(short = 't', long, value_name = "SECONDS")]
    pub stop_timeout: Option<u64>,
}

/// `--rmi`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum WhichImages {
    /// All images of the services.
    All,
    /// Only built images without a custom name.
    Local,
}

#[derive(Debug, Serialize)]
struct StopReport {
    project: String,
    steps: Vec<String>,
    dry_run: bool,
    changed: bool,
}

/// Stops the stack.
pub async fn run(context: &Context, args: StopArgs) -> Result<Box<dyn Report>> {
    stop(context, load_named(context)?, args).await
}

/// Stops a stack that is loaded.
pub async fn stop(context: &Context, loaded: LoadedStack, args: StopArgs) -> Result<Box<dyn Report>> {
    if !args.remove && (args.volumes || args.rmi.is_some()) {
        let what = if args.volumes { "--volumes" } else { "--rmi local" };
        let message = format!("{} requires --remove", what.trim_end_matches(" local"));
        return Err(WorkflowError::Usage { message, hint: Some(format!("`aictl stop --remove {what}`")) }.into());
    }
    let target = loaded.connect(context).await?;
    let options = TeardownOptions {
        services: args.services.iter().cloned().collect(),
        remove: args.remove,
        volumes: args.volumes,
        orphans: args.remove_orphans,
        images: images(loaded.stack.as_ref(), args.rmi),
        timeout: args.stop_timeout.map(Duration::from_secs).or(context.options.timeout),
    };
    let scope = loaded.scope(loaded.stack.as_ref());
    let planning = |observed: &Observed| {
        crate::session::select::check(loaded.stack.as_ref(), observed, &args.services)?;
        let mut plan = plan_teardown(observed, loaded.stack.as_ref(), &options);
        loaded.name.clone_into(&mut plan.project);
        let closing = StepId(plan.steps.len());
        plan.then(plan_clearing(observed, loaded.stack.as_ref(), &options));
        plan.closing = Some(closing);
        Ok(plan)
    };
    let transaction = Transaction::new(context, target, scope, "stop");
    // The history goes only where everything else goes too, data included.
    let whole = args.remove && args.services.is_empty();
    let transaction = if whole { transaction.retiring(args.volumes) } else { transaction };
    let TransactionOutcome { plan, executed, .. } = transaction.run(&planning).await?;
    let steps = plan.lines();
    let dry_run = context.options.dry_run;
    Ok(Box::new(StopReport { project: loaded.name.clone(), steps, dry_run, changed: executed }))
}

fn images(stack: Option<&crate::compose::model::Stack>, which: Option<WhichImages>) -> Vec<String> {
    let (Some(stack), Some(which)) = (stack, which) else { return Vec::new() };
    let wanted = stack.services.iter().filter(|(_, s)| match which {
        WhichImages::All => true,
        WhichImages::Local => s.image.is_empty() && s.build.is_some(),
    });
    let mut all: Vec<String> = wanted.map(|(n, s)| s.image_or_default(&stack.name, n)).collect();
    all.sort();
    all.dedup();
    all
}

impl Report for StopReport {
    fn blocks(&self) -> Vec<Block> {
        match (self.dry_run, self.changed) {
            (true, _) => planned_blocks(&self.steps),
            (false, true) => Vec::new(),
            (false, false) => vec![Block::Line(vec![format!("{}: nothing to stop", self.project).into()])],
        }
    }

    fn json(&self) -> serde_json::Value {
        to_json(self)
    }
}
