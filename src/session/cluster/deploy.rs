//! `deploy` and `plan` where the environment names clusters: one cluster after the other, stopping at the first failure.

use std::sync::Arc;

use super::each::{InCluster, on_each};
use super::project::release_name;
use super::release::helm_release;
use super::rendering::rendered;
use super::report::{ClusterPlanReport, ClusterShipReport};
use super::shipping::{ClusterShipping, Shipment, load_both};
use crate::chart;
use crate::error::Result;
use crate::project::LoadedProject;
use crate::release::HelmRelease;
use crate::session::Context;
use crate::session::deploy::Releases;
use crate::session::endpoint::endpoints;
use crate::target::Target;

/// The options of a deploy to clusters.
#[derive(Debug, Clone, Default)]
pub struct ClusterWishes {
    /// The operator's words.
    pub message: Option<String>,
    /// Change custom resource definitions that exist.
    pub upgrade_crds: bool,
    /// Take fields over that other managers own.
    pub force_conflicts: bool,
    /// Take objects over that belong to nobody or to another release.
    pub take_ownership: bool,
}

/// Deploys the chart of the environment.
pub async fn deploy(context: &Context, project: &LoadedProject, wishes: &ClusterWishes) -> Result<ClusterShipReport> {
    on_each(context, project, &|there| to_cluster(context, project, there, wishes)).await
}

/// The plan of a deploy.
pub async fn plan(context: &Context, project: &LoadedProject, exit_code: bool) -> Result<ClusterPlanReport> {
    let name = release_name(context, project)?;
    let mut report = ClusterPlanReport::new(&name, exit_code);
    for endpoint in endpoints(context, project)?.iter() {
        let planned = async {
            let target = endpoint.connect().await?;
            let prepared = Prepared::of(project, &name, (target, &ClusterWishes::default())).await?;
            prepared.shipping(context, false).plan(&prepared.shipment).await
        };
        let plan = match planned.await {
            Ok(plan) => plan,
            Err(error) => {
                // What is known of the clusters before it is worth seeing.
                for (cluster, plan) in &report.clusters {
                    plan.lines().iter().for_each(|line| context.reporter.note(format!("{cluster}: {line}")));
                }
                return Err(error);
            }
        };
        plan.warnings.iter().for_each(|warning| context.reporter.warn(warning.clone()));
        report.clusters.push((endpoint.name().to_owned(), plan));
    }
    Ok(report)
}

/// What a deploy to one cluster starts from.
struct Prepared {
    target: Arc<dyn Target>,
    releases: Releases,
    current: Option<HelmRelease>,
    newest: Option<HelmRelease>,
    shipment: Shipment,
}

impl Prepared {
    async fn of(
        project: &LoadedProject,
        name: &str,
        (target, wishes): (Arc<dyn Target>, &ClusterWishes),
    ) -> Result<Self> {
        let releases = Releases::load(&*target, name).await?;
        let (current, newest) = load_both(&*target, &releases).await?;
        let namespace = target.need_cluster()?.namespace().to_owned();
        let last = releases.list.last().map_or(0, |past| past.revision);
        let release = chart::Release {
            name: name.to_owned(),
            namespace: namespace.clone(),
            revision: last + 1,
            is_upgrade: current.is_some(),
        };
        let rendered = rendered(project, &*target, release).await?;
        let shipment = Shipment {
            release: helm_release(name, &namespace, &rendered),
            to: None,
            message: wishes.message.clone(),
            crds: rendered.manifests.crds,
            upgrade_crds: wishes.upgrade_crds,
            force_conflicts: wishes.force_conflicts,
            take_ownership: wishes.take_ownership,
        };
        Ok(Self { target, releases, current, newest, shipment })
    }

    fn shipping<'a>(&'a self, context: &'a Context, confirm: bool) -> ClusterShipping<'a> {
        let Self { target, releases, .. } = self;
        let (current, newest) = (self.current.clone(), self.newest.clone());
        ClusterShipping { context, target: target.clone(), releases, current, newest, confirm }
    }
}

async fn to_cluster(
    context: &Context,
    project: &LoadedProject,
    there: InCluster,
    wishes: &ClusterWishes,
) -> Result<super::report::Shipped> {
    let prepared = Prepared::of(project, &there.name, (there.target, wishes)).await?;
    let was = prepared.releases.current().map(|past| past.revision);
    let confirm = project.environment.deploy.confirm;
    let outcome = prepared.shipping(context, confirm).ship(&prepared.shipment).await?;
    let notes = prepared.shipment.release.info.notes.clone();
    Ok(super::report::Shipped::of(outcome, was, notes))
}
