//! `aictl stop`: dependents before what they depend on; `--remove` takes containers and networks away as well.
//! Reads the engine, and the files when there are any.
//! Never removes a volume without `-v`.

use std::time::Duration;

use clap::Args;

use crate::error::Result;
use crate::session::cluster::{ClusterShipReport, is_cluster, uninstall};
use crate::session::load::{LoadedStack, load_by_name};
use crate::session::report::one_of_reports;
use crate::session::stop_stack::{StopReport, StopRequest, WhichImages, stop_stack};
use crate::session::{Context, WorkflowError};

/// Stop services; with --remove, also remove containers and networks
#[derive(Debug, Clone, Default, Args)]
pub struct StopArgs {
    /// Services to stop; all by default
    pub services: Vec<String>,
    /// Remove containers, and networks if no service is named
    #[arg(long)]
    pub remove: bool,
    /// With --remove: also remove volumes declared in the compose files and anonymous ones, with their data
    #[arg(short = 'v', long)]
    pub volumes: bool,
    /// With --remove: also remove images
    #[arg(long, value_name = "WHICH")]
    pub rmi: Option<WhichImages>,
    /// Remove containers of services not defined in the compose files
    #[arg(long, env = "COMPOSE_REMOVE_ORPHANS", hide_env = true, value_parser = clap::builder::FalseyValueParser::new())]
    pub remove_orphans: bool,
    /// Seconds to wait before killing a container; same as --timeout
    #[arg(short = 't', long, value_name = "SECONDS")]
    pub stop_timeout: Option<u64>,
}

one_of_reports! {
    /// Report of `stop`.
    pub enum StopAnswer {
        /// On a Docker engine.
        Engine(StopReport),
        /// On clusters.
        Clusters(ClusterShipReport),
    }
}

/// Stops the stack.
pub async fn run(context: &Context, args: StopArgs) -> Result<StopAnswer> {
    let loaded = load_by_name(context)?;
    if is_cluster(&loaded.project) {
        return Ok(on_clusters(context, &loaded, &args).await?.into());
    }
    Ok(on_engine(context, loaded, args).await?.into())
}

/// Removes the release: a cluster has nothing that is stopped and still there.
async fn on_clusters(context: &Context, loaded: &LoadedStack, args: &StopArgs) -> Result<ClusterShipReport> {
    let given = [
        ("stop without --remove", !args.remove),
        ("stop of single services", !args.services.is_empty()),
        ("--volumes", args.volumes),
        ("--rmi", args.rmi.is_some()),
        ("--remove-orphans", args.remove_orphans),
        ("--stop-timeout", args.stop_timeout.is_some()),
    ];
    if let Some((what, _)) = given.into_iter().find(|(_, given)| *given) {
        let hint = "remove the release with `aictl stop --remove`".to_owned();
        return Err(WorkflowError::Unsupported { what: format!("{what} on Kubernetes"), hint }.into());
    }
    uninstall(context, &loaded.project).await
}

async fn on_engine(context: &Context, loaded: LoadedStack, args: StopArgs) -> Result<StopReport> {
    if !args.remove && (args.volumes || args.rmi.is_some()) {
        let what = if args.volumes { "--volumes" } else { "--rmi local" };
        let message = format!("{} requires --remove", what.trim_end_matches(" local"));
        return Err(WorkflowError::Usage { message, hint: Some(format!("`aictl stop --remove {what}`")) }.into());
    }
    let request = StopRequest {
        services: args.services,
        remove: args.remove,
        volumes: args.volumes,
        images: args.rmi,
        remove_orphans: args.remove_orphans,
        timeout: args.stop_timeout.map(Duration::from_secs),
    };
    stop_stack(context, loaded, request).await
}
