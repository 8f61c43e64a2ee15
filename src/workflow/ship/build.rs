//! `aictl build`: the images of services that have a build section.
//! Reads the files; builds on the engine.
//! Never pulls an image a service runs, and never touches a container.

use clap::Args;

use crate::compose::model::Stack;
use crate::error::Result;
use crate::plan::Observed;
use crate::plan::order::with_dependencies;
use crate::session::Context;
use crate::session::image_catalog::Supplies;
use crate::session::load::load_stack;
use crate::session::plan_images::{ImageOptions, Only, plan_images};
use crate::session::steps_report::Done;
use crate::session::transaction::Transaction;

/// Build or rebuild the images of services
#[derive(Debug, Clone, Default, Args)]
pub struct BuildArgs {
    /// Services to build; all by default
    pub services: Vec<String>,
    /// Do not use the build cache
    #[arg(long)]
    pub no_cache: bool,
    /// Always attempt to pull newer base images
    #[arg(long)]
    pub pull: bool,
    /// Set a build-time variable; without a value it is taken from the environment
    #[arg(long, value_name = "KEY=VALUE")]
    pub build_arg: Vec<String>,
    /// Also build dependencies
    #[arg(long)]
    pub with_dependencies: bool,
    /// Accepted for Compose compatibility; ignored (--verbose shows more)
    #[arg(short = 'q', long, hide = true)]
    pub quiet: bool,
}

/// Builds.
pub async fn run(context: &Context, args: BuildArgs) -> Result<Done> {
    let mut loaded = load_stack(context)?;
    let mut stack = loaded.take_stack_with(context, &args.services)?;
    let selected = with_dependencies(&stack, &args.services, args.with_dependencies)?;
    set_arguments(context, &mut stack, &args.build_arg);
    let target = loaded.connect(context).await?;
    let supplies = Supplies::of(context, &loaded.project, None)?;
    let options = ImageOptions {
        no_cache: args.no_cache,
        pull_base: args.pull,
        only: Some(Only::Builds),
        supplies: Some(&supplies),
        ..Default::default()
    };
    let planning = |observed: &Observed| plan_images(&stack, &selected, observed, &options);
    let mut scope = loaded.scope(Some(&stack));
    scope.images.extend(supplies.recipe_images(&stack));
    let outcome = Transaction::new(context, target, scope, "build").run(&planning).await?;
    Ok(Done::new(context, outcome, "nothing to build: no service has a build section"))
}

/// `--build-arg` goes to every build; a name alone takes the operator's own value.
fn set_arguments(context: &Context, stack: &mut Stack, given: &[String]) {
    for build in stack.services.values_mut().filter_map(|s| s.build.as_mut()) {
        for argument in given {
            match argument.split_once('=') {
                Some((name, value)) => build.args.insert(name.to_owned(), Some(value.to_owned())),
                None => build.args.insert(argument.clone(), context.variables.get(argument).cloned()),
            };
        }
    }
}
