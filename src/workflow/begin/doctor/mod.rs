//! `aictl doctor`: whether this machine and its engine can run the project, and what to do where they cannot.
//! Reads the project, the machine and the engine; returns findings, exit code 4 when one failed.
//! Never changes anything; what it cannot look at it says.

mod report;

use clap::Args;

use crate::error::Result;
use crate::host::verdict::{cluster_verdicts, verdicts};
use crate::project::LoadedProject;
use crate::session::Context;
use crate::session::backup::warn_not_receiving_of_project;
use crate::session::cluster::is_cluster;
use crate::session::endpoint::endpoints;
use crate::session::load::load_project_file;
use crate::session::machine_facts::observe_facts;
use crate::target::TargetError;

pub use report::DoctorReport;

/// Check that the machine and the engine can run the project
///
/// Exits with 4 when a check fails.
#[derive(Debug, Clone, Default, Args)]
pub struct DoctorArgs {
    /// Only show warnings and failures
    #[arg(short = 'q', long)]
    pub quiet: bool,
}

/// Looks and judges.
pub async fn run(context: &Context, args: DoctorArgs) -> Result<DoctorReport> {
    let report = diagnose(context).await?;
    warn_not_receiving_of_project(context).await;
    Ok(DoctorReport { quiet: args.quiet, ..report })
}

/// The findings, for verbs that look before they do something.
pub async fn diagnose(context: &Context) -> Result<DoctorReport> {
    let project = load_project_file(context)?;
    if is_cluster(&project) {
        return of_clusters(context, &project).await;
    }
    let requirements = project.environment.requirements.clone().unwrap_or_default();
    let facts = observe_facts(context, &project).await?;
    // Their lines are broken to fit, and no secret is found that goes over an end of a line.
    let findings = verdicts(&facts, &requirements).into_iter().map(|f| f.redacted(&context.redactor)).collect();
    Ok(DoctorReport::new(project.environment_name.clone(), facts.engine.ok(), findings))
}

/// The findings on each cluster of the environment; this machine only has to reach them.
async fn of_clusters(context: &Context, project: &LoadedProject) -> Result<DoctorReport> {
    let mut findings = Vec::new();
    let mut first = None;
    for endpoint in endpoints(context, project)?.iter() {
        let seen = async {
            let target = endpoint.connect().await?;
            let engine = target.observe_engine().await?;
            Ok((engine, target.need_cluster()?.observe_cluster().await?))
        };
        let seen: std::result::Result<_, TargetError> = seen.await;
        first = first.or(seen.as_ref().ok().map(|(engine, _)| engine.clone()));
        findings.extend(cluster_verdicts(endpoint.name(), &seen).into_iter().map(|f| f.redacted(&context.redactor)));
    }
    Ok(DoctorReport::new(project.environment_name.clone(), first, findings))
}
