//! `aictl start`: from files to a running, ready stack; then its status and addresses.
//! Reads the stack and the engine; builds or pulls images, creates, replaces, starts, waits.
//! Never touches what is unchanged; a failure leaves nothing half done.

use std::time::Duration;

use clap::Args;
use serde::Serialize;

use crate::compose::model::Stack;
use crate::error::Result;
use crate::plan::converge::{ConvergeOptions, Recreate};
use crate::plan::order::with_dependencies;
use crate::plan::{Observed, PullPolicy};
use crate::session::convergence::{Convergence, load_contents, refuse_both_orphans};
use crate::session::image_catalog::Supplies;
use crate::session::load::{LoadedStack, load_stack};
use crate::session::plan_images::{ImageOptions, pull_policy};
use crate::session::report::{Block, Cell, Report, Tone, to_json};
use crate::session::stack_status::StackStatus;
use crate::session::steps_report::planned_blocks;
use crate::session::transaction::{Transaction, TransactionOutcome};
use crate::session::{Context, WorkflowError};

/// Create and start services and wait until they are ready
#[derive(Debug, Clone, Default, Args)]
pub struct StartArgs {
    /// Services to start, with their dependencies; all by default
    pub services: Vec<String>,
    /// Build images before starting containers
    #[arg(long)]
    pub build: bool,
    /// Do not build images, even if they are missing
    #[arg(long, conflicts_with = "build")]
    pub no_build: bool,
    /// Pull images before starting
    #[arg(long, value_name = "WHEN", value_parser = pull_policy())]
    pub pull: Option<PullPolicy>,
    /// Bundle file to load images from when no registry has them [env: AICTL_BUNDLE]
    #[arg(long, value_name = "FILE")]
    pub bundle: Option<std::path::PathBuf>,
    /// Recreate containers even if nothing changed
    #[arg(long, conflicts_with = "no_recreate")]
    pub force_recreate: bool,
    /// Do not recreate containers that exist, even if something changed
    #[arg(long)]
    pub no_recreate: bool,
    /// Do not start dependencies
    #[arg(long)]
    pub no_deps: bool,
    /// Create containers without starting them
    #[arg(long)]
    pub no_start: bool,
    /// Do not wait until services are ready
    #[arg(long, conflicts_with = "no_start")]
    pub no_wait: bool,
    /// Remove containers of services not defined in the compose files
    #[arg(long, env = "COMPOSE_REMOVE_ORPHANS", hide_env = true, value_parser = clap::builder::FalseyValueParser::new())]
    pub remove_orphans: bool,
    /// Do not warn about containers of services not defined in the compose files
    #[arg(long, hide = true, env = "COMPOSE_IGNORE_ORPHANS", value_parser = clap::builder::FalseyValueParser::new())]
    pub ignore_orphans: bool,
    /// Recreate anonymous volumes instead of keeping their data
    #[arg(short = 'V', long)]
    pub renew_anon_volumes: bool,
    /// Scale SERVICE to N containers; repeatable
    #[arg(long, value_name = "SERVICE=N")]
    pub scale: Vec<String>,
    /// Seconds to wait before killing a container that is replaced
    #[arg(short = 't', long, value_name = "SECONDS")]
    pub stop_timeout: Option<u64>,
    /// Seconds to wait for each service to be ready; same as --timeout
    #[arg(long, value_name = "SECONDS", conflicts_with = "no_start")]
    pub wait_timeout: Option<u64>,
    /// Accepted for Compose compatibility; ignored (--verbose shows the output of pulls and builds)
    #[arg(long, hide = true)]
    pub quiet_pull: bool,
    /// Accepted for Compose compatibility; ignored (--verbose shows the output of pulls and builds)
    #[arg(long, hide = true)]
    pub quiet_build: bool,
    /// Accepted for Compose compatibility; ignored (set NO_COLOR instead)
    #[arg(long, hide = true)]
    pub no_color: bool,
    /// Accepted for Compose compatibility; ignored (start always detaches)
    #[arg(short = 'd', long, hide = true)]
    pub detach: bool,
    /// Accepted for Compose compatibility; ignored (start always waits)
    #[arg(long, hide = true, conflicts_with = "no_wait")]
    pub wait: bool,
}

/// What `start` came to.
#[derive(Debug, Serialize)]
pub struct StartReport {
    /// The steps that were, or in a dry run would be, taken.
    pub steps: Vec<String>,
    /// Whether this was a dry run.
    pub dry_run: bool,
    /// Whether anything was changed.
    pub changed: bool,
    /// The stack afterwards.
    pub status: StackStatus,
}

/// Starts the stack.
pub async fn run(context: &Context, args: StartArgs) -> Result<Box<dyn Report>> {
    Ok(Box::new(start(context, load_stack(context)?, args).await?))
}

/// Starts a stack that is loaded, for verbs that do more than that.
pub async fn start(context: &Context, mut loaded: LoadedStack, args: StartArgs) -> Result<StartReport> {
    refuse_both_orphans(args.remove_orphans, args.ignore_orphans)?;
    let mut stack = loaded.take_stack_with(context, &args.services)?;
    apply_scale(&mut stack, &args.scale)?;
    let selected = with_dependencies(&stack, &args.services, !args.no_deps)?;
    let target = loaded.connect(context).await?;
    let local = target.observe_engine().await?.local;
    let contents = load_contents(&stack, &selected, local)?;
    let converge = Convergence { options: options(context, &args), stack, selected, contents, loaded: &loaded };
    let supplies = Supplies::of(context, &loaded.project, args.bundle.as_deref())?;
    let images = ImageOptions {
        build: args.build,
        no_build: args.no_build,
        pull: args.pull,
        supplies: Some(&supplies),
        ..Default::default()
    };
    let mut scope = loaded.scope(Some(&converge.stack));
    scope.images.extend(supplies.recipe_images(&converge.stack));
    let transaction = Transaction::new(context, target.clone(), scope.clone(), "start");
    let TransactionOutcome { plan, executed, before } =
        transaction.run(&|observed: &Observed| converge.plan(&images, observed)).await?;
    let after = if executed { target.observe(&scope).await? } else { before };
    let mut status = StackStatus::of(&converge.stack.name, Some(&converge.stack), &after);
    if converge.options.wait && !context.options.dry_run {
        status.count_early_health(&converge.selected);
    }
    Ok(StartReport { steps: plan.lines(), dry_run: context.options.dry_run, changed: executed, status })
}

/// `--scale web=3` into the stack.
pub fn apply_scale(stack: &mut Stack, scale: &[String]) -> Result<()> {
    for wish in scale {
        let parsed = wish.split_once('=').and_then(|(name, n)| Some((name, n.parse::<u32>().ok()?)));
        let Some((name, number)) = parsed else {
            return Err(WorkflowError::usage(format!("invalid value `--scale {wish}`, expected SERVICE=NUMBER")).into());
        };
        let known = stack.services.keys().cloned().collect::<Vec<_>>();
        let Some(service) = stack.services.get_mut(name) else {
            return Err(crate::plan::order::no_such_service(name, known.iter()).into());
        };
        if number > 1 && !service.container_name.is_empty() {
            let message = format!("`{name}` has a container_name and cannot be scaled to {number}");
            return Err(WorkflowError::usage(message).into());
        }
        service.scale = Some(i64::from(number));
    }
    Ok(())
}

fn options(context: &Context, args: &StartArgs) -> ConvergeOptions {
    ConvergeOptions {
        recreate: match (args.force_recreate, args.no_recreate) {
            (true, _) => Recreate::Always,
            (_, true) => Recreate::Never,
            _ => Recreate::Changed,
        },
        remove_orphans: args.remove_orphans,
        ignore_orphans: args.ignore_orphans,
        wait: !args.no_wait,
        create_only: args.no_start,
        stop_timeout: args.stop_timeout.map(Duration::from_secs),
        ready_timeout: args.wait_timeout.map(Duration::from_secs).or(context.options.timeout),
        all_resources: context.options.all_resources,
        renew_anonymous_volumes: args.renew_anon_volumes,
    }
}

impl Report for StartReport {
    fn blocks(&self) -> Vec<Block> {
        if self.dry_run {
            return planned_blocks(&self.steps);
        }
        let mut blocks = Vec::new();
        if !self.changed {
            blocks.push(Block::Line(vec![Cell::new("up to date", Tone::Dim)]));
        }
        blocks.extend(self.status.blocks());
        blocks
    }

    fn json(&self) -> serde_json::Value {
        to_json(self)
    }
}
