//! `aictl restart`: stops dependents first, starts dependencies first, and waits for each to be ready again.
//! Reads files and engine.
//! Never creates or replaces a container: `start` does.

use std::collections::BTreeSet;
use std::time::Duration;

use clap::Args;

use crate::error::Result;
use crate::plan::Observed;
use crate::plan::converge::{ConvergeOptions, readiness_of};
use crate::plan::teardown::{TeardownOptions, plan_restart, stack_of_labels};
use crate::session::cluster::{ClusterShipReport, is_cluster, restart};
use crate::session::load::{LoadedStack, load_by_name};
use crate::session::report::one_of_reports;
use crate::session::select;
use crate::session::stack_status::StackStatus;
use crate::session::start_stack::StartReport;
use crate::session::transaction::Transaction;
use crate::session::{Context, WorkflowError};

/// Restart services and wait until they are ready
///
/// Services are restarted in dependency order. On Kubernetes every pod is replaced by a rollout.
#[derive(Debug, Clone, Default, Args)]
pub struct RestartArgs {
    /// Services to restart; all by default
    pub services: Vec<String>,
    /// Seconds to wait before killing a container; same as --timeout
    #[arg(short = 't', long, value_name = "SECONDS")]
    pub stop_timeout: Option<u64>,
}

one_of_reports! {
    /// Report of `restart`.
    pub enum RestartAnswer {
        /// On a Docker engine.
        Engine(StartReport),
        /// On clusters.
        Clusters(ClusterShipReport),
    }
}

/// Restarts the stack.
pub async fn run(context: &Context, args: RestartArgs) -> Result<RestartAnswer> {
    let loaded = load_by_name(context)?;
    if is_cluster(&loaded.project) {
        if args.stop_timeout.is_some() {
            let what = "--stop-timeout on Kubernetes".to_owned();
            let hint = "set terminationGracePeriodSeconds in the chart".to_owned();
            return Err(WorkflowError::Unsupported { what, hint }.into());
        }
        return Ok(restart(context, &loaded.project, &args.services).await?.into());
    }
    Ok(on_engine(context, loaded, args).await?.into())
}

async fn on_engine(context: &Context, mut loaded: LoadedStack, args: RestartArgs) -> Result<StartReport> {
    let target = loaded.connect(context).await?;
    let stack = match &loaded.stack {
        Some(_) => loaded.take_stack_with(context, &args.services)?,
        None => stack_of_labels(&target.observe(&loaded.narrow_scope()).await?, &loaded.name),
    };
    let scope = loaded.scope(Some(&stack));
    let options = TeardownOptions {
        services: args.services.iter().cloned().collect(),
        timeout: args.stop_timeout.map(Duration::from_secs).or(context.options.timeout),
        ..Default::default()
    };
    let planning = |observed: &Observed| {
        select::check(Some(&stack), observed, &args.services)?;
        let readiness = |name: &str| readiness_of(&stack, observed, name, context.options.timeout);
        Ok(plan_restart(observed, &stack, &options, &readiness)?)
    };
    let outcome = Transaction::new(context, target.clone(), scope.clone(), "restart").run(&planning).await?;
    let after = if outcome.executed { target.observe(&scope).await? } else { outcome.before };
    let status = StackStatus::of(&stack.name, Some(&stack), &after);
    // Services without containers are not restarted.
    let touched: BTreeSet<String> = outcome.plan.steps.iter().filter_map(|step| step.operation.service()).collect();
    let awaited = ConvergeOptions { wait: true, ..Default::default() };
    let report = StartReport::new(context, &awaited, &touched, status).with_steps(&outcome.plan, outcome.executed);
    Ok(StartReport { incomplete: outcome.incomplete, ..report })
}
