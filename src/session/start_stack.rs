//! Starts a loaded stack in one transaction: images, containers, readiness.
//! Returns the steps and the status of the stack.
//! Unchanged containers are left alone.

use std::path::PathBuf;

use serde::Serialize;

use super::convergence::{Convergence, load_contents};
use super::image_catalog::Supplies;
use super::load::LoadedStack;
use super::plan_images::ImageOptions;
use super::report::{Block, Cell, Report, Tone, to_json};
use super::requirements::check_requirements;
use super::stack_status::{StackStatus, not_ready};
use super::steps_report::planned_blocks;
use super::transaction::{Transaction, TransactionOutcome};
use super::{Context, WorkflowError};
use crate::compose::model::Stack;
use crate::error::{Error, ErrorKind, Result};
use crate::execute::ExecuteError;
use crate::plan::converge::ConvergeOptions;
use crate::plan::order::with_dependencies;
use crate::plan::{Observed, PullPolicy};
use crate::target::TargetError;

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
    /// Services that are not ready although no step failed.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub not_ready: Vec<String>,
    /// The stack afterwards.
    pub status: StackStatus,
}

/// Starts a stack that is loaded.
pub async fn start_stack(context: &Context, mut loaded: LoadedStack, request: StartRequest) -> Result<StartReport> {
    let mut stack = loaded.take_stack_with(context, &request.services)?;
    apply_scale(&mut stack, &request.scale)?;
    let selected = with_dependencies(&stack, &request.services, !request.no_deps)?;
    let target = loaded.connect(context).await?;
    let engine = target.observe_engine().await?;
    check_requirements(&loaded.project, &engine)?;
    let contents = load_contents(&stack, &selected, engine.local)?;
    let converge = Convergence { options: request.options, stack, selected, contents, loaded: &loaded, engine };
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
    let outcome = transaction.run(&|observed: &Observed| converge.plan(&images, observed)).await;
    let TransactionOutcome { plan, executed, before } =
        outcome.map_err(|error| with_build_hint(error, &converge.stack))?;
    let after = if executed { target.observe(&scope).await? } else { before };
    let mut status = StackStatus::of(&converge.stack.name, Some(&converge.stack), &after);
    let dry_run = context.options.dry_run;
    if converge.options.wait && !dry_run {
        status.count_early_health(&converge.selected);
    }
    let judged = !dry_run && !converge.options.create_only;
    let not_ready = status.faults(|service| judged && converge.selected.contains(service));
    Ok(StartReport { steps: plan.lines(), dry_run, changed: executed, not_ready, status })
}

/// Adds a hint to build an image that is missing, if a service builds it.
fn with_build_hint(error: Error, stack: &Stack) -> Error {
    let image = match error.downcast_ref() {
        Some(ExecuteError::Target { source: TargetError::ImageMissing { image, .. }, .. }) => image,
        _ => return error,
    };
    let mut services = stack.services.iter();
    match services.find(|(name, s)| s.build.is_some() && s.image_or_default(&stack.name, name) == *image) {
        Some((service, _)) => {
            let hint = format!("build it with `aictl build {service}`");
            error.with_hint(hint)
        }
        None => error,
    }
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
        blocks.extend(not_ready(&self.not_ready));
        blocks
    }

    fn json(&self) -> serde_json::Value {
        to_json(self)
    }

    /// 3 if the table shows a service that is not ready.
    fn exit_code(&self) -> u8 {
        if self.not_ready.is_empty() { 0 } else { ErrorKind::NotReady.exit_code() }
    }
}
