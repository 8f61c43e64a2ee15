//! Starts a loaded stack in one transaction: images, containers, readiness.
//! Returns the steps and the status of the stack.
//! Unchanged containers are left alone.

use std::path::PathBuf;

use serde::Serialize;

use super::convergence::{Convergence, load_contents};
use super::deploy::{follow_release, has_release};
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

/// Options of a start.
#[derive(Debug, Clone)]
pub struct StartRequest {
    /// Services to start; all by default.
    pub services: Vec<String>,
    /// `SERVICE=N`, as typed.
    pub scale: Vec<String>,
    /// Do not start dependencies.
    pub no_deps: bool,
    /// Build images first.
    pub build: bool,
    /// Never build an image.
    pub no_build: bool,
    /// When to pull images.
    pub pull: Option<PullPolicy>,
    /// Bundle to load images from.
    pub bundle: Option<PathBuf>,
    /// Options for creating, replacing and waiting.
    pub options: ConvergeOptions,
}

impl StartRequest {
    /// Options for these services, with defaults for the rest.
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

/// Outcome of a start.
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
    // Where nothing runs, only the history tells whether there is a release.
    if loaded.may_have_release()
        && let Some(report) = follow_release(context, &loaded, &target, (&stack, &request)).await?
    {
        return Ok(report);
    }
    let local = target.observe_engine().await?.local;
    let contents = load_contents(&stack, &selected, local)?;
    let converge = Convergence { options: request.options.clone(), stack, selected, contents, loaded: &loaded };
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
    let planning = |observed: &Observed| match has_release(observed) {
        true => Err(WorkflowError::HasRelease.into()),
        false => converge.plan(&images, observed),
    };
    let TransactionOutcome { plan, executed, before, .. } = match transaction.run(&planning).await {
        Err(error) if matches!(error.downcast_ref(), Some(WorkflowError::HasRelease)) => {
            let followed = follow_release(context, &loaded, &target, (&converge.stack, &request)).await?;
            return followed.ok_or(error);
        }
        outcome => outcome?,
    };
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
