//! `stop --remove` where the environment names clusters: the release's objects go, in Helm's order; what its annotation
//! keeps and the claims of StatefulSets stay.

use super::each::{InCluster, on_each};
use super::project::cluster_of;
use super::release::{TIMEOUT, hooks_of, scope_of};
use super::report::{ClusterShipReport, Shipped};
use super::shipping::load_both;
use crate::error::Result;
use crate::plan::cluster::{ClusterRelease, plan_uninstall, released_objects};
use crate::plan::{Observed, Scope};
use crate::project::LoadedProject;
use crate::session::deploy::Releases;
use crate::session::transaction::Transaction;
use crate::session::{Context, WorkflowError};

/// Removes the release.
pub async fn uninstall(context: &Context, project: &LoadedProject) -> Result<ClusterShipReport> {
    on_each(context, project, &|there| from_cluster(context, there)).await
}

async fn from_cluster(context: &Context, InCluster { name, target }: InCluster) -> Result<Shipped> {
    let releases = Releases::load(&*target, &name).await?;
    let was = releases.current().map(|past| past.revision);
    let (current, newest) = load_both(&*target, &releases).await?;
    // A failed first install leaves what cannot be taken back.
    let Some(release) = current.as_ref().or(newest.as_ref()) else {
        return Err(WorkflowError::NoHistory { project: name }.into());
    };
    let wanted = ClusterRelease {
        name: name.clone(),
        namespace: target.need_cluster()?.namespace().to_owned(),
        hooks: hooks_of(release)?,
        former: released_objects(release)?,
        leftover: newest.as_ref().map(released_objects).transpose()?.unwrap_or_default(),
        timeout: context.options.timeout.unwrap_or(TIMEOUT),
        ..Default::default()
    };
    let scope = Scope { project: name.clone(), cluster: Some(scope_of(&wanted)), ..Default::default() };
    let transaction = Transaction::new(context, target, scope, "stop --remove").retiring(true);
    let planning = |observed: &Observed| Ok(plan_uninstall(&wanted, cluster_of(observed)?));
    let outcome = transaction.run(&planning).await?;
    Ok(Shipped { removed: true, ..Shipped::of(outcome, was, String::new()) })
}
