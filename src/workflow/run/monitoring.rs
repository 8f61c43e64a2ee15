//! `aictl monitoring`: what watches the stack, started and stopped beside it.
//! Reads the files and the engine; hands the services that watch to `start` and `stop`.
//! Never replaces or stops a service that is watched.

use std::collections::BTreeSet;

use clap::{Args, Subcommand};

use crate::compose::model::{Service, Stack};
use crate::error::Result;
use crate::plan::Observed;
use crate::plan::order::with_dependencies;
use crate::probe::Kind;
use crate::session::load::{LoadedStack, load_stack};
use crate::session::report::one_of_reports;
use crate::session::start_stack::{StartReport, StartRequest, start_stack};
use crate::session::stop_stack::{StopReport, StopRequest, stop_stack};
use crate::session::{Context, WorkflowError};

/// The profile whose services watch.
const PROFILE: &str = "monitoring";

/// Start or stop the monitoring services of the stack
///
/// Monitoring services are those of the profile `monitoring`, enabled or not. If no service has that profile, they are
/// recognised by their image: Prometheus, Alertmanager, Grafana, cAdvisor or an exporter. Running services are left
/// unchanged; stopped dependencies are started.
#[derive(Debug, Clone, Args)]
pub struct MonitoringArgs {
    #[command(subcommand)]
    pub command: MonitoringCommand,
}

/// The actions of `monitoring`.
#[derive(Debug, Clone, Subcommand)]
pub enum MonitoringCommand {
    /// Start the monitoring services and wait until they are ready
    Start,
    /// Stop the monitoring services
    Stop {
        /// Also remove the containers; volumes are kept
        #[arg(long)]
        remove: bool,
    },
}

one_of_reports! {
    /// What became of the monitoring services.
    pub enum MonitoringReport {
        /// They were started.
        Started(StartReport),
        /// They were stopped.
        Stopped(StopReport),
    }
}

/// Starts or stops it.
pub async fn run(context: &Context, args: MonitoringArgs) -> Result<MonitoringReport> {
    let loaded = load_stack(context)?;
    let watching: Vec<String> = match &loaded.stack {
        Some(stack) => watching(stack).into_iter().collect(),
        None => Vec::new(),
    };
    if watching.is_empty() {
        return Err(WorkflowError::NoMonitoring.into());
    }
    match args.command {
        MonitoringCommand::Start => Ok(MonitoringReport::Started(begin(context, loaded, watching).await?)),
        MonitoringCommand::Stop { remove } => {
            let request = StopRequest { services: watching, remove, ..Default::default() };
            Ok(MonitoringReport::Stopped(stop_stack(context, loaded, request).await?))
        }
    }
}

async fn begin(context: &Context, mut loaded: LoadedStack, watching: Vec<String>) -> Result<StartReport> {
    let target = loaded.connect(context).await?;
    let observed = target.observe(&loaded.narrow_scope()).await?;
    let stack = loaded.take_stack_with(context, &watching)?;
    let needed = with_dependencies(&stack, &watching, true)?;
    let services = needed.into_iter().filter(|name| watching.contains(name) || !runs(&observed, name)).collect();
    loaded.stack = Some(stack);
    start_stack(context, loaded, StartRequest { no_deps: true, ..StartRequest::of(context, services) }).await
}

fn runs(observed: &Observed, service: &str) -> bool {
    observed.instances.iter().any(|c| c.service == service && !c.one_off && c.state.is_up())
}

/// The services that watch.
fn watching(stack: &Stack) -> BTreeSet<String> {
    let named = |of: fn(&Service) -> bool| -> BTreeSet<String> {
        stack.all_services().filter(|(_, service)| of(service)).map(|(name, _)| name.clone()).collect()
    };
    let of_profile = named(|service| service.profiles.iter().any(|profile| profile == PROFILE));
    if of_profile.is_empty() { named(|service| is_watcher(&service.image)) } else { of_profile }
}

fn is_watcher(image: &str) -> bool {
    use Kind::{Alertmanager, Cadvisor, Grafana, NodeExporter, PostgresExporter, Prometheus, RedisExporter};
    let watchers = [Alertmanager, Cadvisor, Grafana, NodeExporter, PostgresExporter, Prometheus, RedisExporter];
    Kind::of(image).is_some_and(|kind| watchers.contains(&kind))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stack(services: &[(&str, &str, &[&str])]) -> Stack {
        let mut stack = Stack::default();
        for (name, image, profiles) in services {
            let profiles: Vec<String> = profiles.iter().map(|profile| (*profile).to_owned()).collect();
            let all = if profiles.is_empty() { &mut stack.services } else { &mut stack.disabled_services };
            all.insert((*name).to_owned(), Service { image: (*image).to_owned(), profiles, ..Default::default() });
        }
        stack
    }

    #[test]
    fn the_profile_decides_and_images_where_there_is_none() {
        let own = stack(&[
            ("api", "shop/api", &[]),
            ("watch", "shop/watch", &["monitoring"]),
            ("grafana", "grafana/grafana", &[]),
        ]);
        assert_eq!(watching(&own), BTreeSet::from(["watch".to_owned()]));
        let plain = stack(&[
            ("api", "shop/api", &[]),
            ("prometheus", "prom/prometheus:v2", &[]),
            ("db-metrics", "quay.io/prometheuscommunity/postgres-exporter", &[]),
            ("db", "postgres:15", &[]),
            ("kibana", "aictl/kibana-standin:1", &["logging"]),
        ]);
        assert_eq!(watching(&plain), BTreeSet::from(["db-metrics".to_owned(), "prometheus".to_owned()]));
        assert!(watching(&stack(&[("db", "postgres:15", &[])])).is_empty());
    }
}
