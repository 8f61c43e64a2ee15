//! `aictl start`: from files to a running, ready stack; then its status and addresses.
//! Reads the stack and the engine; builds or pulls images, creates, replaces, starts, waits.
//! Never touches what is unchanged; a failure leaves nothing half done.

use std::time::Duration;

use clap::Args;

use crate::error::Result;
use crate::plan::PullPolicy;
use crate::plan::converge::{ConvergeOptions, Recreate, Rolling};
use crate::session::Context;
use crate::session::backup::warn_not_receiving_of_project;
use crate::session::convergence::refuse_both_orphans;
use crate::session::load::load_stack;
use crate::session::plan_images::pull_policy;
use crate::session::start_stack::{StartReport, StartRequest, start_stack};

/// Create and start services and wait until they are ready
///
/// A service is ready when its health check passes or, without a health check, when it has run for 5 seconds. Exits with
/// 3 if a service is not ready.
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
    #[arg(short = 'V', long, conflicts_with = "no_recreate")]
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

/// Starts the stack.
pub async fn run(context: &Context, args: StartArgs) -> Result<StartReport> {
    refuse_both_orphans(args.remove_orphans, args.ignore_orphans)?;
    let options = options(context, &args);
    let request = StartRequest {
        services: args.services,
        scale: args.scale,
        no_deps: args.no_deps,
        build: args.build,
        no_build: args.no_build,
        pull: args.pull,
        bundle: args.bundle,
        options,
        for_restore: false,
    };
    let report = start_stack(context, load_stack(context)?, request).await?;
    if !context.options.dry_run {
        warn_not_receiving_of_project(context).await;
    }
    Ok(report)
}

fn options(context: &Context, args: &StartArgs) -> ConvergeOptions {
    ConvergeOptions {
        dropped_services: Default::default(),
        named: args.services.iter().cloned().collect(),
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
        release: false,
        accepted: Default::default(),
        rolling: Rolling::Off,
    }
}
