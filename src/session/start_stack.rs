//! Starts a loaded stack in one transaction: images, containers, readiness.
//! Returns the steps and the status of the stack.
//! Unchanged containers are left alone.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::convergence::{Convergence, load_contents};
use super::deploy::{Followed, Following, StartProxy, has_release};
use super::image_catalog::Supplies;
use super::load::LoadedStack;
use super::plan_images::ImageOptions;
use super::requirements::check_requirements;
use super::stack_status::StackStatus;
pub use super::start_request::{StartReport, StartRequest};
use super::transaction::{Transaction, TransactionOutcome};
use super::{Context, WorkflowError, managed_proxy};
use crate::compose::model::Stack;
use crate::error::{Error, Result};
use crate::execute::ExecuteError;
use crate::plan::order::with_dependencies;
use crate::plan::{EngineInfo, Observed};
use crate::target::{Target, TargetError};

/// Starts a stack that is loaded.
pub async fn start_stack(context: &Context, mut loaded: LoadedStack, request: StartRequest) -> Result<StartReport> {
    let mut stack = loaded.take_stack_with(context, &request.services)?;
    apply_scale(&mut stack, &request.scale)?;
    let selected = with_dependencies(&stack, &managed_proxy::with_proxy(&loaded.project, &request), !request.no_deps)?;
    let target = loaded.connect(context).await?;
    let engine = target.observe_engine().await?;
    check_requirements(&loaded.project, &engine)?;
    let following = Following { context, loaded: &loaded, target: &target, request: &request };
    let start = Start { context, loaded: &loaded, target: &target, request: &request, engine };
    // If nothing runs, only the history shows whether there is a release.
    if loaded.may_have_release()
        && let Some(followed) = following.start(&stack).await?
    {
        return start.beside(followed).await;
    }
    match start.converge((stack.clone(), selected), false).await {
        Err(error) if matches!(error.downcast_ref(), Some(WorkflowError::HasRelease)) => {
            start.beside(following.start(&stack).await?.ok_or(error)?).await
        }
        outcome => outcome,
    }
}

/// A start of services as a stack defines them.
struct Start<'a> {
    context: &'a Context,
    loaded: &'a LoadedStack,
    target: &'a Arc<dyn Target>,
    request: &'a StartRequest,
    engine: EngineInfo,
}

impl Start<'_> {
    /// Starts, after the release, the services of profiles that it does not have.
    async fn beside(&self, followed: Followed) -> Result<StartReport> {
        let Followed { report, beside, stack } = followed;
        match report {
            Some(report) if beside.is_empty() => Ok(report),
            Some(report) => Ok(report.and(self.converge((stack, beside), true).await?)),
            None => self.converge((stack, beside), true).await,
        }
    }

    /// Starts the selected services. Unless they are `beside` a release, there must be none.
    async fn converge(&self, (stack, selected): (Stack, BTreeSet<String>), beside: bool) -> Result<StartReport> {
        let (context, loaded, request) = (self.context, self.loaded, self.request);
        let contents = load_contents(&stack, &selected, self.engine.local)?;
        let (options, engine) = (request.options.clone(), self.engine.clone());
        let proxy = if beside { None } else { StartProxy::of(context, &loaded.project, &stack)? };
        let converge = Convergence { options, stack, selected, contents, loaded, engine, proxy };
        let supplies = Supplies::of(context, &loaded.project, request.bundle.as_deref())?;
        let images = image_options(request, &supplies);
        let mut scope = loaded.scope(Some(&converge.stack));
        converge.proxy.iter().for_each(|proxy| proxy.look_for(&mut scope));
        scope.images.extend(supplies.recipe_images(&converge.stack));
        let mut transaction = Transaction::new(context, self.target.clone(), scope.clone(), "start");
        transaction.beside_unfinished_restore = request.for_restore;
        let planning = |observed: &Observed| match has_release(observed) && !beside {
            true => Err(WorkflowError::HasRelease.into()),
            false => converge.plan(&images, observed),
        };
        let outcome = transaction.run(&planning).await.map_err(|error| with_build_hint(error, &converge.stack))?;
        let TransactionOutcome { plan, executed, before, incomplete, .. } = outcome;
        let after = if executed { self.target.observe(&scope).await? } else { before };
        let (stack, selected) = (&converge.stack, &converge.selected);
        let status = StackStatus::of(&stack.name, Some(stack), &after);
        let report = StartReport::new(context, &converge.options, selected, status).with_steps(&plan, executed);
        Ok(StartReport { incomplete, ..report })
    }
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

fn image_options<'s>(request: &StartRequest, supplies: &'s Supplies) -> ImageOptions<'s> {
    ImageOptions {
        build: request.build,
        no_build: request.no_build,
        pull: request.pull,
        supplies: Some(supplies),
        ..Default::default()
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
