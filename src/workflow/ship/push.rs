//! `aictl push`: images of services to their registries, or to the engine of an environment.

mod to_engine;
mod to_registry;

use clap::Args;

use crate::error::Result;
use crate::session::Context;
use crate::session::report::one_of_reports;
use crate::session::steps_report::Done;
use to_engine::PushReport;

/// Push service images to registries or another engine
///
/// Without --to, the images of services with `build` and `image` go to the registries that their names say, with the
/// credentials of `docker login`. With --to, the images of all services go from the engine of this machine (DOCKER_HOST, the
/// current Docker context or the default socket) to that of the environment without a registry: only the layers that it
/// lacks. An image is verified there before it gets its name; a transfer that is cut is repeated.
#[derive(Debug, Clone, Default, Args)]
pub struct PushArgs {
    /// Services whose images are pushed; all by default
    pub services: Vec<String>,
    /// Environment of aictl.yaml whose engine gets the images
    #[arg(long, value_name = "ENV")]
    pub to: Option<String>,
    /// Also push the images of dependencies
    #[arg(long)]
    pub include_deps: bool,
    /// Push what it can and ignore images with push failures
    #[arg(long, conflicts_with = "to")]
    pub ignore_push_failures: bool,
    /// Accepted for Compose compatibility; ignored (--verbose shows more)
    #[arg(short = 'q', long, hide = true)]
    pub quiet: bool,
}

one_of_reports! {
    /// What was pushed, and where.
    pub enum PushedReport {
        /// To registries.
        Registry(Done),
        /// To the engine of an environment.
        Engine(PushReport),
    }
}

/// Pushes.
pub async fn run(context: &Context, args: PushArgs) -> Result<PushedReport> {
    match &args.to {
        Some(to) => Ok(to_engine::send(context, to, &args.services, args.include_deps).await?.into()),
        None => {
            let PushArgs { services, include_deps, ignore_push_failures: ignore_failures, .. } = args;
            let push = to_registry::RegistryPush { services, include_deps, ignore_failures };
            Ok(to_registry::push(context, &push).await?.into())
        }
    }
}
