//! Releases of Helm charts on clusters: rendered with what the cluster has, planned, carried out in a transaction, recorded
//! as Helm does.
//! Reads the project, the chart and the cluster; returns reports.
//! Never applies anything that was not planned.

mod deploy;
mod each;
mod live_objects;
mod project;
mod release;
mod rendering;
mod report;
mod restart;
mod rollback;
mod shipping;
mod uninstall;

pub use deploy::{ClusterWishes, deploy, plan};
pub use project::{is_cluster, refuse_on_clusters, release_name};
pub use report::{ClusterPlanReport, ClusterShipReport};
pub use restart::restart;
pub use rollback::{RollbackWishes, rollback};
pub use uninstall::uninstall;
