//! `aictl deploy`: brings up what the files say as a new release; services behind the proxy switch without a gap.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

use crate::error::Result;
use crate::plan::PullPolicy;
use crate::release::ReleaseName;
use crate::session::cluster::{ClusterShipReport, ClusterWishes, deploy, is_cluster};
use crate::session::deploy::{
    Approval, DeployWishes, Prepared, RehearsalReport, Releases, Resuming, SavedFrom, ShipReport, Shipping,
    check_saved_plan, load_saved_plan, rehearse, show_maintenance,
};
use crate::session::load::{LoadedStack, load_or_name, load_project_file, load_stack};
use crate::session::plan_images::pull_policy;
use crate::session::report::{Report as _, Said, one_of_reports};
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
    /// Fail if the proxy logged no responses or alerts could not be read during the bake
    #[arg(long)]
    pub strict: bool,
    /// Carry out migrations that the release before cannot survive: behind the maintenance page, after a backup, without bake
    #[arg(long)]
    pub allow_incompatible_migration: bool,
    /// Record a reason with the release
    #[arg(short = 'm', long, value_name = "TEXT")]
    pub message: Option<String>,
    /// Carry out a plan saved by `aictl plan --out`; fails with 7 if it would no longer be the same
    #[arg(long, value_name = "FILE", conflicts_with_all = ["build", "pull", "remove_orphans", "allow_incompatible_migration"])]
    pub plan: Option<PathBuf>,
    /// Deploy the images of a release of another environment, such as staging@12
    #[arg(long, value_name = "ENV@NUMBER", conflicts_with_all = ["build", "pull", "plan", "resume"])]
    pub release: Option<ReleaseName>,
    /// Rehearse on the newest proven backup first; deploy only if that passes
    #[arg(long, conflicts_with_all = ["build", "pull", "release", "resume"])]
    pub rehearse: bool,
    /// Continue the bake of a deploy that was interrupted: keep its release or switch back
    #[arg(long, conflicts_with_all = ["build", "pull", "remove_orphans", "message", "plan", "allow_incompatible_migration"])]
    pub resume: bool,
    /// On Kubernetes: change custom resource definitions of the chart that exist
    #[arg(long, help_heading = "Options on Kubernetes")]
    pub upgrade_crds: bool,
    /// On Kubernetes: take over fields that another field manager owns
    #[arg(long, help_heading = "Options on Kubernetes")]
    pub force_conflicts: bool,
    /// On Kubernetes: take over objects that belong to no release or to another one
    #[arg(long, help_heading = "Options on Kubernetes")]
    pub take_ownership: bool,
    /// Instead of deploying, show clients a maintenance page with status 503, or the stack again
    #[arg(long, value_name = "WHEN", conflicts_with_all = ["build", "pull", "remove_orphans", "strict", "message", "plan", "release", "rehearse", "resume", "allow_incompatible_migration"])]
    pub maintenance: Option<Maintenance>,
}

/// Whether clients get the maintenance page. It stays as it is across restarts and deploys; probes of a deploy never get it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Maintenance {
    /// Clients get the page
    On,
    /// Clients get the stack
    Off,
}

/// Shows the maintenance page, or the stack again.
pub async fn maintenance(context: &Context, when: Maintenance) -> Result<Said> {
    show_maintenance(context, when == Maintenance::On).await
}

one_of_reports! {
    /// Report of `deploy`.
    pub enum DeployAnswer {
        /// Of a deploy to a Docker engine.
        Engine(ShipReport),
        /// Of a rehearsal that failed.
        Rehearsal(RehearsalReport),
        /// Of a deploy to clusters.
        Clusters(ClusterShipReport),
    }
}

/// Deploys.
pub async fn run(context: &Context, args: DeployArgs) -> Result<DeployAnswer> {
    let project = load_project_file(context)?;
    if is_cluster(&project) {
        return Ok(to_clusters(context, args).await?.into());
    }
    refuse_cluster_options(&args)?;
    Box::pin(to_engine(context, args)).await
}

/// Installs or upgrades the chart of the environment.
async fn to_clusters(context: &Context, args: DeployArgs) -> Result<ClusterShipReport> {
    let given = [
        ("--build", args.build),
        ("--pull", args.pull.is_some()),
        ("--remove-orphans", args.remove_orphans),
        ("--strict", args.strict),
        ("--plan", args.plan.is_some()),
        ("--release", args.release.is_some()),
        ("--resume", args.resume),
        ("--rehearse", args.rehearse),
        ("--allow-incompatible-migration", args.allow_incompatible_migration),
    ];
    if let Some((option, _)) = given.into_iter().find(|(_, given)| *given) {
        let hint = "deploy what the files say with `aictl deploy`".to_owned();
        return Err(WorkflowError::Unsupported { what: format!("{option} on Kubernetes"), hint }.into());
    }
    let loaded = load_or_name(context, "name the project: `aictl -p NAME deploy`")?;
    let DeployArgs { message, upgrade_crds, force_conflicts, take_ownership, .. } = args;
    deploy(context, &loaded.project, &ClusterWishes { message, upgrade_crds, force_conflicts, take_ownership }).await
}

async fn to_engine(context: &Context, args: DeployArgs) -> Result<DeployAnswer> {
    if args.resume {
        return Ok(resume(context, args.strict).await?.into());
    }
    let saved = args.plan.as_ref().map(|file| load_saved_plan(context, file)).transpose()?;
    let mut loaded = load_stack(context)?;
    let wishes = DeployWishes {
        message: args.message,
        build: args.build,
        pull: args.pull,
        release: args.release,
        remove_orphans: args.remove_orphans || saved.as_ref().is_some_and(|saved| saved.remove_orphans),
        strict: args.strict,
        allow_incompatible: args.allow_incompatible_migration,
    };
    if let Some(saved) = &saved {
        check_saved_plan(&loaded, saved)?;
    }
    let mut prepared = Box::pin(Prepared::of(context, &mut loaded, wishes)).await?;
    finish_bake(context, &loaded, &mut prepared).await?;
    let rehearsed = match rehearse(context, &loaded, &mut prepared, args.rehearse).await? {
        Some(report) if !report.passed() => return Ok(report.into()),
        found => found,
    };
    let approval =
        saved.map(|saved| Approval { saved, from: SavedFrom { context, loaded: &loaded, prepared: &prepared } });
    if let Some(approval) = &approval {
        approval.check_engine()?;
    }
    let Prepared { target, releases, shipment, .. } = &prepared;
    let approval = approval.as_ref();
    releases.refuse_older_values(&shipment.configuration)?;
    let shipping = Shipping { context, loaded: &loaded, target: target.clone(), releases, approval, data: None };
    let mut report = shipping.ship(shipment).await?;
    report.rehearsal = rehearsed.map(|found| found.json());
    Ok(report.into())
}

/// A release that still bakes is finished first.
async fn finish_bake(context: &Context, loaded: &LoadedStack, prepared: &mut Prepared) -> Result<()> {
    let Some(warning) = prepared.releases.unfinished_bake() else { return Ok(()) };
    if context.options.dry_run {
        context.reporter.warn(warning);
        return Ok(());
    }
    let resuming = Resuming { context, loaded, target: &prepared.target, strict: false };
    resuming.resume(&prepared.releases).await?;
    prepared.refresh(context).await
}

/// Continues the bake of the current release, with its stored configuration.
async fn resume(context: &Context, strict: bool) -> Result<ShipReport> {
    let loaded = load_or_name(context, "name the project to use its stored release: `aictl -p NAME deploy --resume`")?;
    let target = loaded.connect(context).await?;
    let releases = Releases::load(&*target, &loaded.name).await?;
    let resuming = Resuming { context, loaded: &loaded, target: &target, strict };
    let resumed = resuming.resume(&releases).await?;
    resumed.ok_or_else(|| WorkflowError::NoBake { project: loaded.name.clone() }.into())
}

/// Options that mean nothing on a Docker engine.
fn refuse_cluster_options(args: &DeployArgs) -> Result<()> {
    let given = [
        ("--upgrade-crds", args.upgrade_crds),
        ("--force-conflicts", args.force_conflicts),
        ("--take-ownership", args.take_ownership),
    ];
    match given.into_iter().find(|(_, given)| *given) {
        Some((option, _)) => {
            let message = format!("{option} is for environments on Kubernetes");
            Err(WorkflowError::Usage { message, hint: Some("`aictl deploy`".to_owned()) }.into())
        }
        None => Ok(()),
    }
}
