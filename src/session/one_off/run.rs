//! Runs a one-off container.
//! Dependencies are started first and waited for.
//! The service's own containers are not changed.

use std::sync::Arc;

use super::attach::Attached;
use super::request::{Job, OneOffRequest, job};
use super::service;
use crate::compose::model::Service;
use crate::error::{Error, Result};
use crate::execute::ExecuteError;
use crate::plan::converge::{
    ConvergeOptions, OneOff, Recreate, Wanted, one_off_spec, plan_after_images, plan_before_one_off,
};
use crate::plan::order::with_dependencies;
use crate::plan::{ContainerSpec, Observed, Phase, Plan, Scope, TaskOperation};
use crate::session::Context;
use crate::session::attached_process::Passed;
use crate::session::convergence::{Convergence, load_contents};
use crate::session::deploy::has_release;
use crate::session::image_catalog::Supplies;
use crate::session::load::load_stack;
use crate::session::plan_images::{ImageOptions, plan_images};
use crate::session::report::{Said, one_of_reports, to_json};
use crate::session::steps_report::Done;
use crate::session::transaction::Transaction;
use crate::target::Target;

one_of_reports! {
    /// Outcome of a one-off container.
    pub enum OneOffReport {
        /// It exited; its exit code becomes that of aictl.
        Ended(Passed),
        /// Started in the background.
        Detached(Said),
        /// Dry run: the planned steps.
        Planned(Done),
    }
}

/// Runs it without changing the kind of errors.
pub async fn run_one_off(context: &Context, request: OneOffRequest) -> Result<OneOffReport> {
    let mut loaded = load_stack(context)?;
    let job = job(&loaded, &request)?;
    let stack = loaded.take_stack_with(context, std::slice::from_ref(&job.service))?;
    let selected = with_dependencies(&stack, std::slice::from_ref(&job.service), !request.options.no_deps)?;
    let target = loaded.connect(context).await?;
    let engine = target.observe_engine().await?;
    let contents = load_contents(&stack, &selected, engine.local)?;
    let options = ConvergeOptions {
        ready_timeout: context.options.timeout,
        all_resources: context.options.all_resources,
        ..Default::default()
    };
    let mut scope = loaded.scope(Some(&stack));
    scope.images.extend(Supplies::of(context, &loaded.project, None)?.recipe_images(&stack));
    let converge = Convergence { options, stack, selected, contents, loaded: &loaded, engine, proxy: None };
    let slug = service::slug(context);
    let declared = converge.stack.services.get(&job.service).cloned().unwrap_or_default();
    let mut service = service::service(context, declared, &request, &job)?;
    let name = || format!("{}-{}-run-{slug}", converge.stack.name, job.service);
    service.container_name = request.options.name.clone().unwrap_or_else(name);
    let (converge, scope, target, request, job) = (&converge, &scope, &target, &request, &job);
    Made { context, converge, scope, target, request, job, service, slug }.run().await
}

/// The exit code of the command is passed through without a message.
fn task_ended(error: Error) -> Result<OneOffReport> {
    match error.downcast_ref::<ExecuteError>() {
        Some(ExecuteError::TaskEnded { code, .. }) => Ok(Passed { code: *code }.into()),
        _ => Err(error),
    }
}

/// A one-off about to be made.
struct Made<'a> {
    context: &'a Context,
    converge: &'a Convergence<'a>,
    scope: &'a Scope,
    target: &'a Arc<dyn Target>,
    request: &'a OneOffRequest,
    job: &'a Job,
    service: Service,
    slug: String,
}

impl Made<'_> {
    async fn run(&self) -> Result<OneOffReport> {
        let supplies = Supplies::of(self.context, &self.converge.loaded.project, None)?;
        let images = ImageOptions {
            build: self.request.options.build,
            pull: self.request.options.pull,
            supplies: Some(&supplies),
            ..Default::default()
        };
        // A task may change the stack, so it takes the lock. A plain command does not.
        let holds = self.job.is_task && !self.request.options.detach;
        let one = self.attached();
        let mut transaction = Transaction::new(self.context, self.target.clone(), self.scope.clone(), "run");
        transaction.tasks = Some(&one);
        let planning = |observed: &Observed| self.plan(&images, observed, holds || self.context.options.dry_run);
        let outcome = match transaction.run(&planning).await {
            Err(error) => return task_ended(error),
            Ok(outcome) => outcome,
        };
        if self.context.options.dry_run {
            return Ok(Done::new(self.context, outcome, "").into());
        }
        if holds { Ok(Passed::default().into()) } else { self.container(&one).await }
    }

    /// Images, what the service depends on and, with `whole`, the run itself.
    fn plan(&self, images: &ImageOptions<'_>, observed: &Observed, whole: bool) -> Result<Plan> {
        let (stack, selected) = (&self.converge.stack, &self.converge.selected);
        let images = plan_images(stack, selected, observed, images)?;
        let wanted = self.converge.wanted();
        let kept = ConvergeOptions { recreate: Recreate::Never, ..self.converge.options.clone() };
        let before = |observed: &Observed| {
            // What a release runs is not replaced by what the files say now.
            let options = if has_release(observed) { &kept } else { wanted.options };
            let mut plan = plan_before_one_off(&Wanted { options, ..wanted }, observed, &self.job.service)?;
            if whole {
                let tty = self.context.console.is_terminal() && !self.request.options.no_tty;
                let spec = Box::new(self.spec(observed, Some(tty)));
                let (task, timeout) = (self.request.what.clone(), self.job.timeout);
                let mut run = Plan::default();
                run.push(Phase::Switch, TaskOperation::Run { task, spec, timeout }, "requested", &[]);
                plan.then(run);
            }
            Ok(plan)
        };
        Ok(plan_after_images(&wanted, observed, images, Some(&before))?)
    }

    fn attached(&self) -> Attached<'_> {
        Attached {
            context: self.context,
            target: &**self.target,
            timeout: self.job.timeout,
            private: self.job.is_task,
            aside: false,
            keep: self.request.options.no_rm,
            tty: self.context.console.is_terminal() && !self.request.options.no_tty,
        }
    }

    /// Makes the container and runs it.
    async fn container(&self, one: &Attached<'_>) -> Result<OneOffReport> {
        let observed = self.target.observe(self.scope).await?;
        let spec = self.spec(&observed, (!self.request.options.detach).then_some(one.tty));
        let name = spec.name.clone();
        let id = one.create(spec).await?;
        if self.request.options.detach {
            if self.job.timeout.is_some() {
                self.context.reporter.warn(format!("the timeout of {} has no effect with --detach", self.request.what));
            }
            one.start(&name).await?;
            let value = to_json(&serde_json::json!({ "container": name, "id": id }));
            return Ok(Said { lines: vec![name], value }.into());
        }
        // One that could not be started removes itself: by its name it can still be reported.
        Ok(Passed { code: one.run(&name).await? }.into())
    }

    fn spec(&self, observed: &Observed, interactive: Option<bool>) -> ContainerSpec {
        let one_off = OneOff {
            service: &self.job.service,
            slug: &self.slug,
            use_aliases: self.request.options.use_aliases,
            auto_remove: !self.request.options.no_rm,
            interactive,
        };
        one_off_spec(&self.converge.wanted(), observed, &self.service, one_off)
    }
}
