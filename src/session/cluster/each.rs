//! One change in every cluster of the environment: one after the other, stopping at the first failure.

use std::sync::Arc;

use super::project::release_name;
use super::report::{ClusterResult, ClusterShipReport, Shipped};
use crate::error::Result;
use crate::project::LoadedProject;
use crate::session::Context;
use crate::session::endpoint::endpoints;
use crate::target::Target;

/// The release in one cluster.
pub(super) struct InCluster {
    /// The name of the release.
    pub name: String,
    /// The cluster.
    pub target: Arc<dyn Target>,
}

/// Makes the change in each cluster.
pub(super) async fn on_each<F>(
    context: &Context,
    project: &LoadedProject,
    change: &(dyn Fn(InCluster) -> F + Send + Sync),
) -> Result<ClusterShipReport>
where
    F: Future<Output = Result<Shipped>> + Send,
{
    let name = release_name(context, project)?;
    let mut report = ClusterShipReport::new(&name, context.options.dry_run);
    for endpoint in endpoints(context, project)?.iter() {
        if report.has_failed() {
            report.clusters.push(ClusterResult::untouched(endpoint.name()));
            continue;
        }
        let done = async { change(InCluster { name: name.clone(), target: endpoint.connect().await? }).await };
        report.clusters.push(ClusterResult::of(endpoint.name(), done.await));
    }
    report.finished()
}
