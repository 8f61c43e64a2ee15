//! Deploy settings of an environment, checked against its stack: routes, strategies, ports of the proxy, migrations.
//! Errors are found before anything is connected to.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::refusals::refuse_unsupported;
use super::rolling_settings::refuse_impossible;
use crate::compose::model::{Service, Stack};
use crate::error::Result;
use crate::plan::PROXY_FOLDER;
use crate::plan::blue_green::{Choice, strategies};
use crate::project::{Listener, LoadedProject, ProjectError, ProxyConfig, Strategy};
use crate::session::WorkflowError;

/// Connections of the old side may go on this long where nothing else is said.
const DRAIN: Duration = Duration::from_secs(30);
/// A migration may wait for a lock this long where nothing else is said.
const LOCK: Duration = Duration::from_secs(10);
/// Releases kept where nothing else is said.
const KEEP: usize = 5;
/// The port nginx listens on where the service publishes none.
const HTTP: u16 = 80;

/// The proxy as the project file and the stack describe it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProxySettings {
    /// Service.
    pub service: String,
    /// Ports for plain HTTP.
    pub plain: Vec<u16>,
    /// Ports for TLS.
    pub secure: Vec<u16>,
    /// Certificate and key inside the proxy.
    pub files: Option<(String, String)>,
    /// Path, service and port, in the order of the file.
    pub routes: Vec<(String, String, u16)>,
    /// Instead of routes: ports of a managed proxy that lead to one service each.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub listeners: Vec<Listener>,
}

/// The settings of a deploy.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeploySettings {
    /// The proxy, where there are routes.
    pub proxy: Option<ProxySettings>,
    /// How each service is replaced.
    pub strategies: BTreeMap<String, Choice>,
    /// Tasks before the new containers of their service.
    pub migrate: Vec<String>,
    /// How long these may wait for a lock in PostgreSQL; zero for as long as it takes.
    #[serde(default)]
    pub lock_timeout: Duration,
    /// How long connections of the old side may go on.
    pub drain: Duration,
    /// How long the new side is watched before the old one is removed.
    #[serde(default)]
    pub bake: Duration,
    /// How many good releases are kept.
    pub keep: usize,
    /// Ask first.
    pub confirm: bool,
    /// How long new containers may take to become ready.
    pub timeout: Option<Duration>,
}

impl DeploySettings {
    /// Reads them for a stack.
    pub fn of(project: &LoadedProject, stack: &Stack) -> Result<Self> {
        refuse_unsupported(project)?;
        let settings = Self::of_any(project, stack)?;
        refuse_impossible(stack, &settings.strategies)?;
        Ok(settings)
    }

    /// The same for a start, to which keys of deploys do not matter.
    pub(super) fn of_any(project: &LoadedProject, stack: &Stack) -> Result<Self> {
        let services: Vec<&str> = stack.services.keys().map(String::as_str).collect();
        if let Some(problem) = project.unknown_services_of_proxy(&services).into_iter().next() {
            return Err(WorkflowError::Configuration { message: problem.to_string(), hint: None }.into());
        }
        let all: Vec<&str> = stack.all_services().map(|(name, _)| name.as_str()).collect();
        let unknown = project.unknown_services_of_checks(&all);
        if !unknown.is_empty() {
            return Err(ProjectError::Invalid(unknown).into());
        }
        let policy = &project.environment.deploy;
        let managed = &project.managed_proxy;
        let has_routes = |proxy: &&ProxyConfig| !proxy.routes.is_empty() || !managed.listeners.is_empty();
        let config = project.environment.proxy.as_ref().filter(has_routes);
        let mut proxy = config.map(|config| proxy_settings(config, stack)).transpose()?;
        if let Some(proxy) = &mut proxy {
            proxy.listeners.clone_from(&managed.listeners);
        }
        let routes = config.into_iter().flat_map(|config| &config.routes);
        let mut routed: BTreeMap<String, Option<Strategy>> =
            routes.map(|route| (route.service.clone(), route.strategy)).collect();
        routed.extend(managed.listeners.iter().map(|to| (to.service.clone(), None)));
        let mut strategies = strategies(stack, &routed)?;
        for (service, reason) in &managed.kept {
            strategies.entry(service.clone()).and_modify(|choice| choice.cause.clone_from(reason));
        }
        refuse_replicas(stack, &strategies)?;
        Ok(Self {
            proxy,
            strategies,
            migrate: policy.migrate.clone(),
            lock_timeout: policy.lock_timeout.map_or(LOCK, |timeout| timeout.0),
            drain: policy.drain.map_or(DRAIN, |drain| drain.0),
            bake: policy.bake.map_or(Duration::ZERO, |bake| bake.0),
            keep: policy.keep_releases.map_or(KEEP, |keep| keep as usize),
            confirm: policy.confirm,
            timeout: policy.timeout.map(|timeout| timeout.0),
        })
    }
}

/// One container a side for now.
fn refuse_replicas(stack: &Stack, strategies: &BTreeMap<String, Choice>) -> Result<()> {
    let several = strategies.iter().find(|(name, choice)| {
        choice.is_blue_green() && stack.services.get(*name).is_some_and(|service| service.scale() != 1)
    });
    match several {
        Some((name, _)) => Err(WorkflowError::Unsupported {
            what: format!("blue-green deploys of `{name}` with another number of replicas than 1"),
            hint: format!("set `strategy: recreate` on its routes, or one replica of `{name}`"),
        }
        .into()),
        None => Ok(()),
    }
}

fn proxy_settings(config: &ProxyConfig, stack: &Stack) -> Result<ProxySettings> {
    let Some(service) = stack.services.get(&config.service) else { return Ok(ProxySettings::default()) };
    volume(config, stack, service)?;
    networks(config, stack, service)?;
    let mut ports: Vec<u16> =
        service.ports.iter().filter(|p| p.protocol != "udp").filter_map(|p| p.target.try_into().ok()).collect();
    ports.sort_unstable();
    ports.dedup();
    let files = config.tls.as_ref().and_then(|tls| tls.files.as_ref());
    // 443, 8443 and the like.
    let is_secure = |port: &u16| files.is_some() && *port % 1000 == 443;
    let (secure, mut plain): (Vec<u16>, Vec<u16>) = ports.into_iter().partition(is_secure);
    if files.is_some() && secure.is_empty() {
        let message = format!("`{}` publishes no port for TLS: none of its ports ends in 443", config.service);
        return Err(
            WorkflowError::Configuration { message, hint: Some("add `443:443` to its ports".to_owned()) }.into()
        );
    }
    if plain.is_empty() {
        plain.push(HTTP);
    }
    Ok(ProxySettings {
        service: config.service.clone(),
        plain,
        secure,
        files: files.map(|files| (files.certificate.clone(), files.key.clone())),
        routes: config.routes.iter().map(|r| (r.path.clone(), r.service.clone(), r.port)).collect(),
        listeners: Vec::new(),
    })
}

/// The proxy reads its configuration from a volume of the project; Compose must know it, too.
fn volume(config: &ProxyConfig, stack: &Stack, service: &Service) -> Result<()> {
    let name = format!("{}_aictl_proxy", stack.name);
    let wanted = |source: &str| stack.volumes.get(source).is_some_and(|volume| volume.name == name && !volume.external);
    let mounted = service.volumes.iter().find(|mount| mount.target.trim_end_matches('/') == PROXY_FOLDER);
    if mounted.is_none_or(|mount| mount.r#type != "volume" || mount.read_only || !wanted(&mount.source)) {
        let message = format!("`{}` does not mount the volume of the proxy at {PROXY_FOLDER}", config.service);
        let hint = format!(
            "in the compose file add `aictl_proxy:{PROXY_FOLDER}` to the volumes of `{}`, and `aictl_proxy:` under `volumes:`",
            config.service
        );
        return Err(WorkflowError::Configuration { message, hint: Some(hint) }.into());
    }
    let templates = service.volumes.iter().find(|mount| mount.target.starts_with("/etc/nginx/templates"));
    let below = format!("{PROXY_FOLDER}/");
    let own = templates.or_else(|| service.volumes.iter().find(|mount| mount.target.starts_with(&below)));
    match own {
        Some(mount) => Err(WorkflowError::Unsupported {
            what: format!("a proxy with a configuration of its own: `{}` mounts {}", config.service, mount.target),
            hint: "remove that mount: the routes of aictl.yaml become the configuration".to_owned(),
        }
        .into()),
        None => Ok(()),
    }
}

/// The proxy reaches services by the names of their containers.
fn networks(config: &ProxyConfig, stack: &Stack, service: &Service) -> Result<()> {
    for route in &config.routes {
        let Some(target) = stack.services.get(&route.service) else { continue };
        if !target.networks.keys().any(|key| service.networks.contains_key(key)) {
            let message = format!("`{}` and `{}` have no network in common", config.service, route.service);
            let hint = format!("add `{}` to a network of `{}`", config.service, route.service);
            return Err(WorkflowError::Configuration { message, hint: Some(hint) }.into());
        }
    }
    Ok(())
}
