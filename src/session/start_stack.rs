//! Starting a stack that is loaded: images, containers and the wait until they are ready, as one transaction.
//! Reads the stack and the engine; returns the steps and the stack's status.
//! Never touches what is unchanged.

use std::path::PathBuf;

use serde::Serialize;

use super::convergence::{Convergence, load_contents};
use super::image_catalog::Supplies;
use super::load::LoadedStack;
use super::plan_images::ImageOptions;
use super::report::{Block, Cell, Report, Tone, to_json};
use super::stack_status::StackStatus;
use super::steps_report::planned_blocks;
use super::transaction::{Transaction, TransactionOutcome};
use super::{Context, WorkflowError};
use crate::compose::model::Stack;
use crate::error::Result;
use crate::plan::converge::ConvergeOptions;
use crate::plan::order::with_dependencies;
use crate::plan::{Observed, PullPolicy};

/// What to start, and how.
#[derive(Debug, Clone)]
pub struct StartRequest {
    /// Services to start; all by default.
    pub services: Vec<String>,
    /// `SERVICE=N`, as typed.
    pub scale: Vec<String>,
    /// Leave dependencies as they are.
    pub no_deps: bool,
    /// Build images before.
    pub build: bool,
    /// Never build an image.
    pub no_build: bool,
    /// When to pull images.
    pub pull: Option<PullPolicy>,
    /// A bundle that may have images.
    pub bundle: Option<PathBuf>,
    /// How containers are created, replaced and waited for.
    pub options: ConvergeOptions,
}

impl StartRequest {
    /// Services as the command line without flags starts them.
    pub fn of(context: &Context, services: Vec<String>) -> Self {
        let ready_timeout = context.options.timeout;
        let all_resources = context.options.all_resources;
        Self {
            services,
            scale: Vec::new(),
            no_deps: false,
            build: false,
            no_build: false,
            pull: None,
            bundle: None,
            options: ConvergeOptions { wait: true, ready_timeout, all_resources, ..Default::default() },
        }
    }
}

/// What starting came to.
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

/// Starts a stack that is loaded.
pub async fn start_stack(context: &Context, mut loaded: LoadedStack, request: StartRequest) -> Result<StartReport> {
    let mut stack = loaded.take_stack_with(context, &request.services)?;
    apply_scale(&mut stack, &request.scale)?;
    let selected = with_dependencies(&stack, &request.services, !request.no_deps)?;
    let target = loaded.connect(context).await?;
    let local = target.observe_engine().await?.local;
    let contents = load_contents(&stack, &selected, local)?;
    let converge = Convergence { options: request.options, stack, selected, contents, loaded: &loaded };
    let supplies = Supplies::of(context, &loaded.project, request.bundle.as_deref())?;
    let images = ImageOptions {
        build: request.build,
        no_build: request.no_build,
        pull: request.pull,
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
