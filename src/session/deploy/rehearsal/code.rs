//! The code of a release on the data of a rehearsal: its services are started, checked and removed.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use super::report::{Code, RehearsedCheck};
use super::scratch_stack::ScratchStack;
use crate::backup::PartKind;
use crate::compose::model::{Service, Stack};
use crate::error::Result;
use crate::plan::converge::{ConvergeOptions, OneOff, Wanted, one_off_spec};
use crate::plan::order::with_dependencies;
use crate::plan::{ContainerOperation, ContainerSpec, Observed, Operation, Plan, labels};
use crate::probe::{Planned, ProbeContext, RetryPolicy, plan_checks, run_check};
use crate::project::{LoadedProject, Strategy};
use crate::session::Context;
use crate::session::deploy::configuration::Configuration;
use crate::session::load::LoadedStack;

/// A check is repeated this long where the environment has no timeout.
const TIMEOUT: Duration = Duration::from_secs(60);

/// The code of a release.
pub(super) struct CodeSide<'a> {
    pub(super) code: Code,
    pub(super) configuration: &'a Configuration,
    /// Image ids by service; those of the configuration where it has none.
    pub(super) images: BTreeMap<String, String>,
}

/// Where code is checked.
pub(super) struct CodeChecks<'a> {
    pub(super) context: &'a Context,
    pub(super) loaded: &'a LoadedStack,
    pub(super) scratch: &'a ScratchStack<'a>,
    /// The production project as it is.
    pub(super) observed: &'a Observed,
    /// The services that the deploy replaces.
    pub(super) replaced: BTreeSet<String>,
}

/// The services that a plan creates containers of.
pub(super) fn replaced(plan: &Plan) -> BTreeSet<String> {
    let created = plan.steps.iter().filter_map(|step| match &step.operation {
        Operation::Container(ContainerOperation::Create(spec)) => Some(spec.service_name.clone()),
        _ => None,
    });
    created.collect()
}

impl CodeChecks<'_> {
    /// Starts the services of a release, checks them and removes them.
    pub(super) async fn run(&self, side: &CodeSide<'_>, skipped: &mut Vec<String>) -> Result<Vec<RehearsedCheck>> {
        let services = self.services(&side.configuration.stack, skipped)?;
        let mut checks = Vec::new();
        for name in &services {
            let part = self.scratch.part(name);
            let spec = self.spec(side, (name, &services));
            if let Err(error) = self.scratch.sandbox.start_code(&spec, part).await {
                let message = self.context.redactor.redact(&error.to_string()).into_owned();
                checks.push(RehearsedCheck {
                    code: side.code,
                    name: format!("start of {name}"),
                    passed: false,
                    message,
                });
            }
        }
        checks.extend(self.checks(side, &services).await?);
        for name in &services {
            self.scratch.sandbox.remove_code(name).await?;
        }
        Ok(checks)
    }

    /// What is replaced and what it depends on, without data services and what must not run twice.
    fn services(&self, stack: &Stack, skipped: &mut Vec<String>) -> Result<BTreeSet<String>> {
        let roots: Vec<String> =
            self.replaced.iter().filter(|name| stack.services.contains_key(*name)).cloned().collect();
        if roots.is_empty() {
            return Ok(BTreeSet::new());
        }
        let mut services = with_dependencies(stack, &roots, true)?;
        services.retain(|name| self.scratch.part(name).is_none_or(|part| part.kind == PartKind::Volume));
        services.retain(|name| {
            let reason = stack.services.get(name).and_then(|service| stays_down(&self.loaded.project, (name, service)));
            if let Some(reason) = &reason {
                let words = format!("{name} was not rehearsed: {reason}");
                if !skipped.contains(&words) {
                    skipped.push(words);
                }
            }
            reason.is_none()
        });
        Ok(services)
    }

    fn spec(&self, side: &CodeSide<'_>, (name, services): (&str, &BTreeSet<String>)) -> ContainerSpec {
        let Configuration { stack, contents, env_files, images, .. } = side.configuration;
        let options = ConvergeOptions::default();
        let wanted = Wanted {
            stack,
            selected: services,
            contents,
            env_files,
            version: labels::COMPATIBLE_WITH,
            options: &options,
        };
        let declared = stack.services.get(name).cloned().unwrap_or_default();
        let one_off = OneOff { service: name, slug: "", auto_remove: false, interactive: None, use_aliases: true };
        let mut spec = one_off_spec(&wanted, self.observed, &declared, one_off);
        if let Some(id) = side.images.get(name).or_else(|| images.get(name)) {
            spec.image.clone_from(id);
        }
        spec
    }

    async fn checks(&self, side: &CodeSide<'_>, services: &BTreeSet<String>) -> Result<Vec<RehearsedCheck>> {
        let sandbox = self.scratch.sandbox;
        let observed = sandbox.observe().await?;
        let mut planned = plan_checks(Some(&side.configuration.stack), &observed, self.loaded.project.checks());
        let concerns = |planned: &Planned| planned.service.as_ref().is_some_and(|name| services.contains(name));
        planned.retain(concerns);
        let (context, target) = (self.context, self.scratch.target);
        let probes = ProbeContext::now(target, sandbox.project(), context.unix_time(), &context.redactor).await?;
        let timeout = context.options.timeout.or(side.configuration.settings.timeout).unwrap_or(TIMEOUT);
        let policy = RetryPolicy { deadline: Instant::now() + timeout, retries: None };
        let outcomes = planned.iter().map(|planned| run_check(&probes, planned, policy));
        let outcomes = futures_util::future::join_all(outcomes).await;
        if let Some(dial) = target.dial() {
            dial.close_helpers().await;
        }
        let check = |outcome: crate::probe::CheckOutcome| {
            let outcome = outcome.redacted(&context.redactor);
            let (name, passed, message) = (outcome.name.clone(), outcome.passed(), outcome.message());
            RehearsedCheck { code: side.code, name, passed, message }
        };
        Ok(outcomes.into_iter().map(check).collect())
    }
}

/// Why a service is not started beside the one of production.
fn stays_down(project: &LoadedProject, (name, service): (&str, &Service)) -> Option<String> {
    let proxy = project.environment.proxy.as_ref();
    let routes = proxy.into_iter().flat_map(|proxy| &proxy.routes);
    let is_marked = routes.into_iter().any(|r| r.service == name && r.strategy == Some(Strategy::Recreate));
    let is_proxy = proxy.is_some_and(|proxy| proxy.service == name);
    let has_socket =
        service.use_api_socket || service.volumes.iter().any(|v| v.r#type == "bind" && v.source.ends_with(".sock"));
    let of_host = !service.network_mode.is_empty() || !service.pid.is_empty() || !service.ipc.is_empty();
    [
        (is_proxy, "it is the proxy"),
        (service.provider.is_some(), "a provider runs it"),
        (is_marked, "the project file says `strategy: recreate`"),
        (has_socket, "it mounts a socket of the host"),
        (of_host, "it shares a namespace"),
        (service.privileged || !service.devices.is_empty(), "it has access to devices of the host"),
    ]
    .into_iter()
    .find_map(|(is_so, reason)| is_so.then(|| reason.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::compose::model::ServiceVolume;

    #[test]
    fn what_could_reach_production_or_must_not_run_twice_stays_down() {
        let project = LoadedProject::default();
        let volume =
            |source: &str| ServiceVolume { r#type: "bind".into(), source: source.into(), ..Default::default() };
        let socket = Service { volumes: vec![volume("/var/run/docker.sock")], ..Service::default() };
        let host = Service { network_mode: "host".into(), ..Service::default() };
        let plain = Service { volumes: vec![volume("/srv/app")], ..Service::default() };
        let why = |service: &Service| stays_down(&project, ("api", service));
        assert_eq!(why(&plain), None);
        assert!(why(&socket).unwrap().contains("socket") && why(&host).unwrap().contains("namespace"));
        assert!(why(&Service { privileged: true, ..plain }).unwrap().contains("devices"));
    }
}
