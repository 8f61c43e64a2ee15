//! Stops or removes a stack in one transaction.
//! Works without compose files, by project name.
//! Volumes are removed only on request.

use std::collections::BTreeSet;
use std::time::Duration;

use clap::ValueEnum;
use serde::Serialize;

use super::deploy::{Releases, has_release};
use super::load::LoadedStack;
use super::report::{Block, Report, to_json};
use super::steps_report::planned_blocks;
use super::transaction::{Transaction, TransactionOutcome};
use super::{Context, select};
use crate::compose::model::Stack;
use crate::error::Result;
use crate::plan::teardown::{TeardownOptions, plan_clearing, plan_teardown};
use crate::plan::{Observed, StepId};

/// `--rmi`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum WhichImages {
    /// All images of the services.
    All,
    /// Only built images without a custom name.
    Local,
}

/// Options of a stop.
#[derive(Debug, Clone, Default)]
pub struct StopRequest {
    /// Services to stop; all by default.
    pub services: Vec<String>,
    /// Remove containers, and networks if no service is named.
    pub remove: bool,
    /// Also remove volumes and their data.
    pub volumes: bool,
    /// Also remove images.
    pub images: Option<WhichImages>,
    /// Remove containers of services that are not in the compose files.
    pub remove_orphans: bool,
    /// Timeout for stopping a container.
    pub timeout: Option<Duration>,
}

/// Outcome of a stop.
#[derive(Debug, Serialize)]
pub struct StopReport {
    project: String,
    steps: Vec<String>,
    dry_run: bool,
    changed: bool,
}

/// Stops a stack that is loaded.
pub async fn stop_stack(context: &Context, loaded: LoadedStack, request: StopRequest) -> Result<StopReport> {
    let target = loaded.connect(context).await?;
    // The history goes only where everything else goes too, data included.
    let whole = request.remove && request.services.is_empty();
    let release_tags = match whole && request.volumes {
        true => Releases::all_tags(&*target, &loaded.name).await,
        false => BTreeSet::new(),
    };
    let mut scope = loaded.scope(loaded.stack.as_ref());
    scope.images.extend(release_tags.iter().cloned());
    let options = TeardownOptions {
        services: request.services.iter().cloned().collect(),
        remove: request.remove,
        volumes: request.volumes,
        orphans: request.remove_orphans,
        images: images(loaded.stack.as_ref(), request.images),
        release_tags,
        timeout: request.timeout.or(context.options.timeout),
    };
    let planning = |observed: &Observed| {
        select::check(loaded.stack.as_ref(), observed, &request.services)?;
        let mut plan = plan_teardown(observed, loaded.stack.as_ref(), &options);
        loaded.name.clone_into(&mut plan.project);
        let closing = StepId(plan.steps.len());
        plan.then(plan_clearing(observed, loaded.stack.as_ref(), &options));
        plan.closing = Some(closing);
        if whole && request.volumes && has_release(observed) {
            let warning =
                format!("this also removes the history and stored releases of {0} (volume {0}_aictl)", loaded.name);
            plan.warnings.push(warning);
        }
        Ok(plan)
    };
    let mut transaction = Transaction::new(context, target, scope, "stop");
    transaction.beside_unfinished_restore = true;
    let transaction = if whole { transaction.retiring(request.volumes) } else { transaction };
    let TransactionOutcome { plan, executed, .. } = transaction.run(&planning).await?;
    let (steps, dry_run) = (plan.lines(), context.options.dry_run);
    Ok(StopReport { project: loaded.name.clone(), steps, dry_run, changed: executed })
}

fn images(stack: Option<&Stack>, which: Option<WhichImages>) -> Vec<String> {
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
