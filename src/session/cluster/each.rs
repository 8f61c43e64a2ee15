//! One change in every cluster of the environment: one after the other, stopping at the first failure.

use std::sync::Arc;

use super::project::release_name;
use super::report::{ClusterResult, ClusterShipReport, Shipped};
use crate::error::{Error, Result};
use crate::project::LoadedProject;
use crate::session::endpoint::endpoints;
use crate::session::{Context, Endpoints};
use crate::target::{Target, TargetError};

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
    for (cluster, target) in all_reached(&endpoints(context, project)?).await? {
        if report.has_failed() {
            report.clusters.push(ClusterResult::untouched(&cluster));
            continue;
        }
        let done = change(InCluster { name: name.clone(), target }).await;
        report.clusters.push(ClusterResult::of(&cluster, done));
    }
    report.finished()
}

/// Connects to every cluster before the first one is changed: one that is away, or is another than aictl.yaml names, must not
/// be found when half of them have the new release.
async fn all_reached(endpoints: &Endpoints) -> Result<Vec<(String, Arc<dyn Target>)>> {
    let mut reached = Vec::new();
    let several = endpoints.iter().count() > 1;
    for endpoint in endpoints.iter() {
        let connected = async {
            let target = endpoint.connect().await?;
            target.ping().await?;
            Ok::<_, TargetError>(target)
        };
        let target = connected.await.map_err(|error| {
            let error = Error::from(error);
            if several {
                error.with_hint(format!("{}: failed; no cluster was changed", endpoint.name()))
            } else {
                error
            }
        })?;
        reached.push((endpoint.name().to_owned(), target));
    }
    Ok(reached)
}
