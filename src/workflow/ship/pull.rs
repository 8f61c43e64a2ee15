//! `aictl pull`: the images of services, from their registries.
//! Reads the files; pulls on the engine.
//! Never builds, and never touches a container.

use std::collections::BTreeSet;

use clap::{Args, ValueEnum};

use crate::compose::model::Stack;
use crate::error::Result;
use crate::plan::order::with_dependencies;
use crate::plan::{ImageOperation, Observed, Operation, Plan, PullPolicy};
use crate::session::Context;
use crate::session::image_catalog::Supplies;
use crate::session::load::load_stack;
use crate::session::plan_images::{ImageOptions, Only, plan_images};
use crate::session::steps_report::Done;
use crate::session::transaction::Transaction;

/// Pull service images
#[derive(Debug, Clone, Default, Args)]
pub struct PullArgs {
    /// Services to pull; all by default
    pub services: Vec<String>,
    /// Pull policy; the pull_policy of each service by default
    #[arg(long, value_name = "WHICH")]
    pub policy: Option<Policy>,
    /// Bundle file to load images from when no registry has them [env: AICTL_BUNDLE]
    #[arg(long, value_name = "FILE")]
    pub bundle: Option<std::path::PathBuf>,
    /// Pull what it can and ignore images with pull failures
    #[arg(long)]
    pub ignore_pull_failures: bool,
    /// Ignore images that can be built
    #[arg(long)]
    pub ignore_buildable: bool,
    /// Also pull dependencies
    #[arg(long)]
    pub include_deps: bool,
    /// Accepted for Compose compatibility; ignored (--verbose shows more)
    #[arg(short = 'q', long, hide = true)]
    pub quiet: bool,
}

/// `--policy`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Policy {
    /// Only pull missing images.
    Missing,
    /// Pull all images.
    Always,
}

/// Pulls.
pub async fn run(context: &Context, args: PullArgs) -> Result<Done> {
    let mut loaded = load_stack(context)?;
    let stack = loaded.take_stack_with(context, &args.services)?;
    let mut selected = with_dependencies(&stack, &args.services, args.include_deps)?;
    if args.ignore_buildable {
        selected.retain(|name| stack.services.get(name).is_some_and(|s| s.build.is_none()));
    }
    let target = loaded.connect(context).await?;
    let pull = args.policy.map(|policy| match policy {
        Policy::Missing => PullPolicy::Missing,
        Policy::Always => PullPolicy::Always,
    });
    let supplies = Supplies::of(context, &loaded.project, args.bundle.as_deref())?;
    let options = ImageOptions { pull, only: Some(Only::Pulls), supplies: Some(&supplies), ..Default::default() };
    let planning = |observed: &Observed| plan(&stack, &selected, (observed, &options), args.ignore_pull_failures);
    let mut scope = loaded.scope(Some(&stack));
    scope.images.extend(supplies.recipe_images(&stack));
    let outcome = Transaction::new(context, target, scope, "pull").run(&planning).await?;
    Ok(Done::new(context, outcome, "nothing to pull"))
}

/// A pull that may fail is put into the phase whose failures are warnings: one that was asked to be ignored, or of an
/// image that can be built as well.
fn plan(
    stack: &Stack,
    selected: &BTreeSet<String>,
    (observed, options): (&Observed, &ImageOptions<'_>),
    ignore: bool,
) -> Result<Plan> {
    let mut plan = plan_images(stack, selected, observed, options)?;
    for step in &mut plan.steps {
        let buildable = match &step.operation {
            Operation::Image(ImageOperation::Pull { service, .. }) => {
                stack.services.get(service).is_some_and(|s| s.build.is_some())
            }
            _ => false,
        };
        if ignore || buildable {
            step.tolerant = true;
        }
    }
    Ok(plan)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::compose::model::{Build, Service};

    #[test]
    fn only_pulls_that_may_fail_do_not_stop_the_rest() {
        let mut stack = Stack::default();
        stack.services.insert("db".into(), Service { image: "postgres:15".into(), ..Default::default() });
        let build = Some(Build::default());
        stack.services.insert("api".into(), Service { image: "shop/api".into(), build, ..Default::default() });
        let selected = stack.services.keys().cloned().collect();
        let options = ImageOptions { only: Some(Only::Pulls), ..Default::default() };
        let tolerated = |ignore| {
            let plan = plan(&stack, &selected, (&Observed::default(), &options), ignore).unwrap();
            plan.steps.iter().map(|s| s.tolerant).collect::<Vec<_>>()
        };
        assert_eq!(tolerated(false), [true, false]);
        assert_eq!(tolerated(true), [true, true]);
    }
}
