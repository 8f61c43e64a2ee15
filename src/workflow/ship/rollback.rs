//! `aictl rollback`: brings an earlier release up again, as a new one.

use clap::Args;

use crate::error::Result;
use crate::session::cluster::{ClusterShipReport, RollbackWishes, is_cluster, rollback};
use crate::session::deploy::{
    Configuration, DeploySettings, Releases, RollbackData, ShipReport, Shipment, Shipping, TrialSource, check_rollback,
};
use crate::session::load::{LoadedStack, load_or_name, load_project_file};
use crate::session::report::one_of_reports;
use crate::session::{Context, WorkflowError};

/// Go back to an earlier release
///
/// Without --to it goes to the last good release before the newest deploy; failed, interrupted and rolled back ones are
/// skipped. Images, configuration and the values of secrets are those of that release, but a secret that was rotated since
/// keeps its newest value. Data is changed with --with-data only, and bind-mounted files are used as they are. Nothing is changed if an image
/// or the configuration is missing.
#[derive(Debug, Clone, Default, Args)]
pub struct RollbackArgs {
    /// Release to go to, from `aictl history`
    #[arg(long, value_name = "NUMBER")]
    pub to: Option<u32>,
    /// Record a reason with the release
    #[arg(short = 'm', long, value_name = "TEXT")]
    pub message: Option<String>,
    /// Restore the backup that was taken before the first deploy after that release, too
    #[arg(long)]
    pub with_data: bool,
}

one_of_reports! {
    /// Report of `rollback`.
    pub enum RollbackAnswer {
        /// Of a rollback on a Docker engine.
        Engine(ShipReport),
        /// Of a rollback on clusters.
        Clusters(ClusterShipReport),
    }
}

/// Rolls back.
pub async fn run(context: &Context, args: RollbackArgs) -> Result<RollbackAnswer> {
    let project = load_project_file(context)?;
    if is_cluster(&project) {
        if args.with_data {
            let what = "--with-data on clusters".to_owned();
            let hint = "restore the data yourself, then run `aictl rollback`".to_owned();
            return Err(WorkflowError::Unsupported { what, hint }.into());
        }
        let wishes = RollbackWishes { to: args.to, message: args.message };
        return Ok(rollback(context, &project, &wishes).await?.into());
    }
    Ok(on_engine(context, args).await?.into())
}

async fn on_engine(context: &Context, args: RollbackArgs) -> Result<ShipReport> {
    let loaded = load_or_name(context, "name the project to use its stored release: `aictl -p NAME rollback`")?;
    let target = loaded.connect(context).await?;
    let releases = Releases::load(&*target, &loaded.name).await?;
    let (past, skipped) = releases.target_of_rollback(args.to)?;
    let mut configuration = releases.configuration(&*target, past).await?;
    if let Some(stack) = &loaded.stack {
        keep_policies(&loaded, stack, &mut configuration);
    }
    let (mut configuration, kept) = releases.keep_rotated((context, &*target), past, configuration).await?;
    let passwords = releases.settle((context, &*target), &mut configuration).await?;
    let data = match args.with_data {
        true => Some(RollbackData::open(context, &loaded, (&releases, past)).await?),
        false => {
            let (stack, contents) = (&configuration.stack, &configuration.contents);
            let source = TrialSource { context, target: target.clone(), stack, contents };
            check_rollback(&source, &releases.list, past).await?;
            None
        }
    };
    let limits = [limits(&loaded, &configuration, args.with_data), kept].concat();
    let current = releases.current().into_iter().flat_map(|current| current.release.services.keys());
    let has = |name: &&String| configuration.stack.services.contains_key(*name);
    let dropped_services = current.filter(|name| !has(name)).cloned().collect();
    let shipment = Shipment {
        message: args.message,
        dropped_services,
        limits,
        passwords,
        ..Shipment::restore(configuration, past.revision)
    };
    let shipping =
        Shipping { context, loaded: &loaded, target, releases: &releases, approval: None, data: data.as_ref() };
    let mut report = shipping.ship(&shipment).await?;
    report.skipped = skipped.into_iter().map(|skipped| (skipped.revision, skipped.why.to_owned())).collect();
    Ok(report)
}

/// How long to drain, what to keep and whether to ask is what the project file says now; a file that no longer fits must
/// not keep anyone from going back.
fn keep_policies(loaded: &LoadedStack, stack: &crate::compose::Stack, configuration: &mut Configuration) {
    if let Ok(now) = DeploySettings::of(&loaded.project, stack) {
        let settings = &mut configuration.settings;
        (settings.drain, settings.keep, settings.confirm, settings.timeout) =
            (now.drain, now.keep, now.confirm, now.timeout);
    }
}

/// What a rollback does not undo.
fn limits(loaded: &LoadedStack, configuration: &Configuration, with_data: bool) -> Vec<String> {
    let mut limits = Vec::new();
    if !with_data && !loaded.project.environment.deploy.migrate.is_empty() {
        limits.push("migrations are not reverted: the earlier code meets the present database schema".to_owned());
    }
    let bound = configuration.contents.iter().find(|(_, content)| !content.bound.is_empty());
    if let Some((service, _)) = bound {
        limits.push(format!("bind-mounted files, such as those of {service}, are used as they are now"));
    }
    limits
}
