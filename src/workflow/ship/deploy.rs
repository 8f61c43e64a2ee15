//! `aictl deploy`: brings up what the files say as a new release; services behind the proxy switch without a gap.

use std::collections::BTreeSet;
use std::path::PathBuf;

use clap::Args;

use crate::error::{ErrorKind, Result};
use crate::plan::PullPolicy;
use crate::release::ReleaseCause;
use crate::session::convergence::load_contents;
use crate::session::deploy::{Configuration, DeploySettings, Keyed, Releases, ShipReport, Shipment, Shipping};
use crate::session::load::load_stack;
use crate::session::one_off::NamedTask;
use crate::session::plan_images::pull_policy;
use crate::session::requirements::check_requirements;
use crate::session::{Context, WorkflowError};

/// Deploy the stack as a new release
///
/// Starts new containers beside the old ones, waits until they are ready, checks them through the proxy, switches all
/// routes at once, lets open connections finish and removes the old containers. If anything fails before that, the previous
/// release keeps serving. Without changes nothing is done. See releases with `aictl history`, go back with `aictl rollback`.
#[derive(Debug, Clone, Default, Args)]
pub struct DeployArgs {
    /// Build images before starting containers
    #[arg(long)]
    pub build: bool,
    /// Pull images before starting
    #[arg(long, value_name = "WHEN", value_parser = pull_policy())]
    pub pull: Option<PullPolicy>,
    /// Remove containers of services not defined in the compose files
    #[arg(long)]
    pub remove_orphans: bool,
    /// Fail when the bake time saw no responses or could not read the alerts
    #[arg(long)]
    pub strict: bool,
    /// Record a reason with the release
    #[arg(short = 'm', long, value_name = "TEXT")]
    pub message: Option<String>,
    /// Deploy exactly a saved plan
    #[arg(long, hide = true, value_name = "FILE")]
    pub plan: Option<PathBuf>,
    /// Deploy what another environment has proved
    #[arg(long, hide = true, value_name = "ENV@N")]
    pub release: Option<String>,
    /// Rehearse on the newest backup first
    #[arg(long, hide = true)]
    pub rehearse: bool,
    /// Continue an interrupted bake
    #[arg(long, hide = true)]
    pub resume: bool,
}

/// Deploys.
pub async fn run(context: &Context, args: DeployArgs) -> Result<ShipReport> {
    refuse_options(&args)?;
    let mut loaded = load_stack(context)?;
    let stack = loaded.take_stack(context)?;
    let settings = DeploySettings::of(&loaded.project, &stack)?;
    if args.strict && settings.bake.is_zero() {
        let message = "`--strict` needs a bake time".to_owned();
        let hint = Some("set `bake: 5m` below `deploy` of the environment in aictl.yaml".to_owned());
        return Err(WorkflowError::Configuration { message, hint }.into());
    }
    let target = loaded.connect(context).await?;
    let selected = stack.services.keys().cloned().collect();
    let engine = target.observe_engine().await?;
    check_requirements(&loaded.project, &engine)?;
    let contents = load_contents(&stack, &selected, engine.local)?;
    let releases = Releases::load(context, &*target, &loaded.name).await?;
    let tasks = loaded.tasks();
    let migrations = settings.migrate.iter().filter_map(|name| Some((name.clone(), tasks.get(name)?.clone())));
    let tasks = NamedTask::all(context, migrations.collect());
    let key = match releases.current() {
        Some(current) => releases.configuration(&*target, current).await?.key,
        None => Keyed::drawn(context)?,
    };
    let env_files = loaded.env_files.clone();
    let configuration = Configuration { key, stack, contents, env_files, settings, images: Default::default() };
    let shipment = Shipment {
        operation: "deploy",
        cause: ReleaseCause::Deploy,
        message: args.message,
        configuration,
        tasks,
        build: args.build,
        pull: args.pull,
        remove_orphans: args.remove_orphans,
        dropped_services: BTreeSet::new(),
        strict: args.strict,
        failed: ErrorKind::DeployFailed,
    };
    Shipping { context, loaded: &loaded, target, releases: &releases }.ship(&shipment).await
}

fn refuse_options(args: &DeployArgs) -> Result<()> {
    let given = [
        ("--plan: deploys of saved plans", args.plan.is_some()),
        ("--release: deploys of another environment's release", args.release.is_some()),
        ("--rehearse: rehearsals", args.rehearse),
        ("--resume: continuing an interrupted bake", args.resume),
    ];
    match given.into_iter().find(|(_, given)| *given) {
        Some((what, _)) => {
            let hint = "deploy what the files say with `aictl deploy`".to_owned();
            Err(WorkflowError::Unsupported { what: what.to_owned(), hint }.into())
        }
        None => Ok(()),
    }
}
