//! `rollback` where the environment names clusters: the last good release by default, as a new revision.

use super::each::{InCluster, on_each};
use super::report::{ClusterShipReport, Shipped};
use super::shipping::{ClusterShipping, Shipment, load_both, load_release};
use crate::error::Result;
use crate::project::LoadedProject;
use crate::session::deploy::Releases;
use crate::session::{Context, WorkflowError};

/// The options of a rollback on clusters.
#[derive(Debug, Clone, Default)]
pub struct RollbackWishes {
    /// The revision to go to.
    pub to: Option<u32>,
    /// The operator's words.
    pub message: Option<String>,
}

/// Goes back to an earlier release.
pub async fn rollback(
    context: &Context,
    project: &LoadedProject,
    wishes: &RollbackWishes,
) -> Result<ClusterShipReport> {
    on_each(context, project, &|there| in_cluster(context, project, there, wishes)).await
}

async fn in_cluster(
    context: &Context,
    project: &LoadedProject,
    InCluster { name, target }: InCluster,
    wishes: &RollbackWishes,
) -> Result<Shipped> {
    let releases = Releases::load(&*target, &name).await?;
    let (past, skipped) = releases.target_of_rollback(wishes.to)?;
    let to = past.revision;
    let release = load_release(&*target, &name, to).await?.ok_or_else(|| WorkflowError::UnusableConfiguration {
        revision: to,
        reason: "was removed".to_owned(),
        hint: "list the releases with `aictl history`, and name another one: `aictl rollback --to REVISION`",
    })?;
    let (current, newest) = load_both(&*target, &releases).await?;
    let was = releases.current().map(|past| past.revision);
    for skipped in &skipped {
        context.reporter.note(format!("release {} is skipped: {}", skipped.revision, skipped.why));
    }
    let shipment = Shipment {
        release,
        to: Some(to),
        message: wishes.message.clone(),
        crds: Vec::new(),
        upgrade_crds: false,
        force_conflicts: false,
        take_ownership: false,
    };
    let confirm = project.environment.deploy.confirm;
    let shipping = ClusterShipping { context, target, releases: &releases, current, newest, confirm };
    let outcome = shipping.ship(&shipment).await?;
    Ok(Shipped { restored: Some(to), ..Shipped::of(outcome, was, String::new()) })
}
