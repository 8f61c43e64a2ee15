//! `aictl run`: a task of the project file, or a one-off container of a service with a command of its own.
//! Reads files and engine; starts and awaits what the service depends on, runs, passes the exit code on.
//! Never touches the service's own containers; what it made is removed, unless it was asked to stay.

mod attach;
mod one_off;

use std::sync::Arc;
use std::time::Duration;

use clap::Args;

use crate::compose::model::{Service, Stack};
use crate::error::{Error, Result, nearest};
use crate::execute::ExecuteError;
use crate::plan::converge::{ConvergeOptions, OneOff, one_off_spec, plan_after_images, plan_before_one_off};
use crate::plan::order::with_dependencies;
use crate::plan::{ContainerSpec, Observed, Phase, Plan, PullPolicy, Scope, TaskOperation};
use crate::session::attached_process::Passed;
use crate::session::convergence::{Convergence, load_contents};
use crate::session::image_catalog::Supplies;
use crate::session::load::{LoadedStack, load_stack};
use crate::session::plan_images::{ImageOptions, plan_images, pull_policy};
use crate::session::report::{Report, Said, to_json};
use crate::session::steps_report::Done;
use crate::session::transaction::Transaction;
use crate::session::{Context, WorkflowError};
use crate::target::Target;

/// Run a task of aictl.yaml, or a one-off command on a service
///
/// Exits with the exit code of the command.
#[derive(Debug, Clone, Default, Args)]
pub struct RunArgs {
    /// Task or service
    #[arg(value_name = "TASK|SERVICE")]
    pub what: String,
    /// Command to run instead of the one of the service, or additional arguments for the task
    #[arg(trailing_var_arg = true, allow_hyphen_values = true, value_name = "COMMAND")]
    pub command: Vec<String>,
    /// Run the container in the background and print its name
    #[arg(short = 'd', long)]
    pub detach: bool,
    /// Keep the container when it exits
    #[arg(long)]
    pub no_rm: bool,
    /// Do not start dependencies
    #[arg(long)]
    pub no_deps: bool,
    /// Build the image before running
    #[arg(long)]
    pub build: bool,
    /// Pull the image before running
    #[arg(long, value_name = "WHEN", value_parser = pull_policy())]
    pub pull: Option<PullPolicy>,
    /// Assign a name to the container
    #[arg(long, value_name = "NAME")]
    pub name: Option<String>,
    /// Override the entrypoint of the image
    #[arg(long, value_name = "COMMAND")]
    pub entrypoint: Option<String>,
    /// Set an environment variable; without a value it is taken from the environment
    #[arg(short = 'e', value_name = "KEY=VALUE")]
    pub variables: Vec<String>,
    /// Add a label
    #[arg(short = 'l', long = "label", value_name = "KEY=VALUE")]
    pub labels: Vec<String>,
    /// Run as this user
    #[arg(short = 'u', long, value_name = "USER")]
    pub user: Option<String>,
    /// Working directory inside the container
    #[arg(short = 'w', long, value_name = "DIR")]
    pub workdir: Option<String>,
    /// Bind mount a path or mount a volume
    #[arg(short = 'v', long = "volume", value_name = "SOURCE:TARGET")]
    pub volumes: Vec<String>,
    /// Publish a container port to the host
    #[arg(short = 'p', long = "publish", value_name = "HOST:PORT")]
    pub publish: Vec<String>,
    /// Publish all ports of the service
    #[arg(short = 'P', long, conflicts_with = "publish")]
    pub service_ports: bool,
    /// Use the network aliases of the service
    #[arg(long)]
    pub use_aliases: bool,
    /// Add a Linux capability
    #[arg(long, value_name = "NAME")]
    pub cap_add: Vec<String>,
    /// Drop a Linux capability
    #[arg(long, value_name = "NAME")]
    pub cap_drop: Vec<String>,
    /// Disable pseudo-TTY allocation
    #[arg(short = 'T', long)]
    pub no_tty: bool,
    /// Accepted for Compose compatibility; ignored (a TTY is allocated by default)
    #[arg(short = 't', long, hide = true, conflicts_with = "no_tty")]
    pub tty: bool,
    /// Accepted for Compose compatibility; ignored (--verbose shows more)
    #[arg(short = 'q', long, hide = true)]
    pub quiet: bool,
    /// Accepted for Compose compatibility; ignored (the container is removed unless --no-rm is given)
    #[arg(long, hide = true, conflicts_with = "no_rm")]
    pub rm: bool,
    /// Accepted for Compose compatibility; ignored (standard input is always attached)
    #[arg(short = 'i', long, hide = true)]
    pub interactive: bool,
}

/// What to run: a task, or a service with a command.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Job {
    service: String,
    command: Vec<String>,
    user: Option<String>,
    workdir: Option<String>,
    timeout: Option<Duration>,
    is_task: bool,
}

/// Runs it.
pub async fn run(context: &Context, args: RunArgs) -> Result<Box<dyn Report>> {
    inside(context, args).await.map_err(Error::into_exec_failure)
}

/// The same with errors as they are.
pub async fn inside(context: &Context, args: RunArgs) -> Result<Box<dyn Report>> {
    let mut loaded = load_stack(context)?;
    let job = job(&loaded, &args)?;
    let stack = loaded.take_stack_with(context, std::slice::from_ref(&job.service))?;
    let selected = with_dependencies(&stack, std::slice::from_ref(&job.service), !args.no_deps)?;
    let target = loaded.connect(context).await?;
    let contents = load_contents(&stack, &selected, target.observe_engine().await?.local)?;
    let options = ConvergeOptions {
        ready_timeout: context.options.timeout,
        all_resources: context.options.all_resources,
        ..Default::default()
    };
    let mut scope = loaded.scope(Some(&stack));
    scope.images.extend(Supplies::of(context, &loaded.project, None)?.recipe_images(&stack));
    let converge = Convergence { options, stack, selected, contents, loaded: &loaded };
    let made = Made::new(context, (&converge, &scope, &target), &args, &job)?;
    made.run().await
}

/// The exit code of the command is passed through without a message.
fn task_ended(error: Error) -> Result<Box<dyn Report>> {
    match error.downcast_ref::<ExecuteError>() {
        Some(ExecuteError::TaskEnded { code, .. }) => Ok(Box::new(Passed { code: *code })),
        _ => Err(error),
    }
}

/// A task wins over a service of the same name: it was named on purpose.
fn job(loaded: &LoadedStack, args: &RunArgs) -> Result<Job> {
    let tasks = loaded.tasks();
    if let Some(task) = tasks.get(&args.what) {
        let mut command = task.command.0.clone();
        command.extend(args.command.iter().cloned());
        let (user, workdir) =
            (args.user.clone().or(task.user.clone()), args.workdir.clone().or(task.working_dir.clone()));
        let timeout = task.timeout.as_ref().map(|t| t.0);
        return Ok(Job { service: task.service.clone(), command, user, workdir, timeout, is_task: true });
    }
    let services: Vec<&str> = loaded.stack.iter().flat_map(Stack::all_services).map(|(n, _)| n.as_str()).collect();
    if !services.contains(&args.what.as_str()) {
        let known: Vec<String> = tasks.keys().cloned().chain(services.iter().map(|s| (*s).to_owned())).collect();
        let nearest = nearest(&args.what, known.iter().map(String::as_str)).map(str::to_owned);
        return Err(WorkflowError::NoTask { name: args.what.clone(), nearest, known }.into());
    }
    Ok(Job {
        service: args.what.clone(),
        command: args.command.clone(),
        user: args.user.clone(),
        workdir: args.workdir.clone(),
        ..Default::default()
    })
}

/// A one-off about to be made.
struct Made<'a> {
    context: &'a Context,
    converge: &'a Convergence<'a>,
    scope: &'a Scope,
    target: &'a Arc<dyn Target>,
    args: &'a RunArgs,
    job: &'a Job,
    service: Service,
    slug: String,
}

impl<'a> Made<'a> {
    fn new(
        context: &'a Context,
        (converge, scope, target): (&'a Convergence<'a>, &'a Scope, &'a Arc<dyn Target>),
        args: &'a RunArgs,
        job: &'a Job,
    ) -> Result<Self> {
        let declared = converge.stack.services.get(&job.service).cloned().unwrap_or_default();
        let slug = one_off::slug(context);
        let name = args.name.clone().unwrap_or_else(|| format!("{}-{}-run-{slug}", converge.stack.name, job.service));
        let service = one_off::service(context, declared, (args, job), name)?;
        Ok(Self { context, converge, scope, target, args, job, service, slug })
    }

    async fn run(&self) -> Result<Box<dyn Report>> {
        let supplies = Supplies::of(self.context, &self.converge.loaded.project, None)?;
        let images = ImageOptions {
            build: self.args.build,
            pull: self.args.pull,
            supplies: Some(&supplies),
            ..Default::default()
        };
        // A task changes the stack: nobody else may meanwhile. A plain command is a look inside.
        let holds = self.job.is_task && !self.args.detach;
        let one = self.attached();
        let mut transaction = Transaction::new(self.context, self.target.clone(), self.scope.clone(), "run");
        transaction.tasks = Some(&one);
        let planning = |observed: &Observed| self.plan(&images, observed, holds || self.context.options.dry_run);
        let outcome = match transaction.run(&planning).await {
            Err(error) => return task_ended(error),
            Ok(outcome) => outcome,
        };
        if self.context.options.dry_run {
            return Ok(Box::new(Done::new(self.context, outcome, "")));
        }
        if holds { Ok(Box::new(Passed { code: 0 })) } else { self.container(&one).await }
    }

    /// Images, what the service depends on and, with `whole`, the run itself.
    fn plan(&self, images: &ImageOptions<'_>, observed: &Observed, whole: bool) -> Result<Plan> {
        let (stack, selected) = (&self.converge.stack, &self.converge.selected);
        let images = plan_images(stack, selected, observed, images)?;
        let wanted = self.converge.wanted();
        let before = |observed: &Observed| {
            let mut plan = plan_before_one_off(&wanted, observed, &self.job.service)?;
            if whole {
                let tty = self.context.console.is_terminal() && !self.args.no_tty;
                let spec = Box::new(self.spec(observed, Some(tty)));
                let (task, timeout) = (self.args.what.clone(), self.job.timeout);
                let mut run = Plan::default();
                run.push(Phase::Switch, TaskOperation::Run { task, spec, timeout }, "requested", &[]);
                plan.then(run);
            }
            Ok(plan)
        };
        Ok(plan_after_images(&wanted, observed, images, Some(&before))?)
    }

    fn attached(&self) -> attach::Attached<'_> {
        attach::Attached {
            context: self.context,
            target: &**self.target,
            timeout: self.job.timeout,
            private: self.job.is_task,
            keep: self.args.no_rm,
            tty: self.context.console.is_terminal() && !self.args.no_tty,
        }
    }

    /// Makes the container and runs it.
    async fn container(&self, one: &attach::Attached<'_>) -> Result<Box<dyn Report>> {
        let observed = self.target.observe(self.scope).await?;
        let spec = self.spec(&observed, (!self.args.detach).then_some(one.tty));
        let name = spec.name.clone();
        let id = one.create(spec).await?;
        if self.args.detach {
            if self.job.timeout.is_some() {
                self.context.reporter.warn(format!("the timeout of {} has no effect with --detach", self.args.what));
            }
            one.start(&id).await?;
            let value = to_json(&serde_json::json!({ "container": name, "id": id }));
            return Ok(Box::new(Said { lines: vec![name], value }));
        }
        Ok(Box::new(Passed { code: one.run(&id).await? }))
    }

    fn spec(&self, observed: &Observed, interactive: Option<bool>) -> ContainerSpec {
        let one_off = OneOff {
            service: &self.job.service,
            slug: &self.slug,
            use_aliases: self.args.use_aliases,
            auto_remove: !self.args.no_rm,
            interactive,
        };
        one_off_spec(&self.converge.wanted(), observed, &self.service, one_off)
    }
}
