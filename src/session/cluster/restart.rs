//! `restart` where the environment names clusters: a rollout restart of the release's workloads.

use super::each::{InCluster, on_each};
use super::project::cluster_of;
use super::release::{TIMEOUT, scope_of};
use super::report::{ClusterShipReport, Shipped};
use super::shipping::load_release;
use crate::error::Result;
use crate::plan::cluster::{ClusterRelease, RestartRun, plan_restart, released_objects, restarted, restarted_services};
use crate::plan::order::no_such_service;
use crate::plan::{Observed, Scope};
use crate::project::LoadedProject;
use crate::session::deploy::Releases;
use crate::session::transaction::Transaction;
use crate::session::{Context, WorkflowError};

/// Restarts the workloads of these services; of all where none is named.
pub async fn restart(context: &Context, project: &LoadedProject, services: &[String]) -> Result<ClusterShipReport> {
    on_each(context, project, &|there| in_cluster(context, there, services)).await
}

async fn in_cluster(context: &Context, InCluster { name, target }: InCluster, services: &[String]) -> Result<Shipped> {
    let no_release = || WorkflowError::NoHistory { project: name.clone() };
    let releases = Releases::load(&*target, &name).await?;
    let revision = match releases.current() {
        Some(current) => current.revision,
        None if releases.list.is_empty() => return Err(no_release().into()),
        None => return Err(WorkflowError::NoneServes { project: name }.into()),
    };
    let release = load_release(&*target, &name, revision).await?.ok_or_else(no_release)?;
    let objects = released_objects(&release)?;
    let known = restarted_services(&objects, &name);
    if let Some(unknown) = services.iter().find(|service| !known.contains(service)) {
        return Err(no_such_service(unknown, known.iter()).into());
    }
    let wanted = ClusterRelease { namespace: release.namespace.clone(), former: objects.clone(), ..Default::default() };
    let scope = Scope { project: name.clone(), cluster: Some(scope_of(&wanted)), ..Default::default() };
    let chosen = restarted(&objects, &name, services);
    let (at, timeout) = ((context.now)(), context.options.timeout.unwrap_or(TIMEOUT));
    let planning = |observed: &Observed| {
        let observed = cluster_of(observed)?;
        Ok(plan_restart(&chosen, observed, &RestartRun { release: name.clone(), at: at.clone(), timeout }))
    };
    let outcome = Transaction::new(context, target, scope, "restart").run(&planning).await?;
    Ok(Shipped { restarted: true, ..Shipped::of(outcome, Some(revision), String::new()) })
}
