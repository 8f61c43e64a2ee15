//! The environment of aictl.yaml where it names clusters.

use crate::error::Result;
use crate::plan::Observed;
use crate::plan::cluster::ObservedCluster;
use crate::project::{ChartSource, LoadedProject, TargetConfig};
use crate::session::{Context, WorkflowError};
use crate::target::{Capability, TargetError};

/// Whether the environment runs on clusters.
pub fn is_cluster(project: &LoadedProject) -> bool {
    matches!(project.environment.target, Some(TargetConfig::Kubernetes(_)))
}

/// Refuses what a verb only does on a Docker engine.
pub fn refuse_on_clusters(project: &LoadedProject, what: &str, hint: &str) -> Result<()> {
    if is_cluster(project) {
        let what = format!("{what} on Kubernetes");
        return Err(WorkflowError::Unsupported { what, hint: hint.to_owned() }.into());
    }
    Ok(())
}

/// The name of the release: the project's, as the command line or aictl.yaml gives it.
pub fn release_name(context: &Context, project: &LoadedProject) -> Result<String> {
    let name = context.project_name().or(project.name()).map(str::to_owned);
    name.ok_or_else(|| {
        let message = "aictl.yaml has no `name`, which is the name of the release".to_owned();
        WorkflowError::Configuration { message, hint: Some("name it with `aictl -p NAME deploy`".to_owned()) }.into()
    })
}

/// What was observed of the cluster; an error on a target that is none.
pub(super) fn cluster_of(observed: &Observed) -> Result<&ObservedCluster> {
    Ok(observed.cluster.as_ref().ok_or(TargetError::Lacks { capability: Capability::Cluster })?)
}

/// The chart of the environment.
pub(super) fn chart_source(project: &LoadedProject) -> Result<&ChartSource> {
    project.environment.chart.as_ref().ok_or_else(|| {
        let message = "the environment names no `chart`".to_owned();
        WorkflowError::Configuration { message, hint: None }.into()
    })
}
