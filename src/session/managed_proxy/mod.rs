//! The nginx that `proxy: { managed: true }` adds to a stack, as one more compose file merged after those of the project.

mod compose_file;
mod ports;

use std::collections::{BTreeMap, BTreeSet};

use crate::compose::model::{Service, Stack};
use crate::compose::{self, FileSource, LoadArgs, LoadOptions};
use crate::error::Result;
use crate::input_file::LocalFiles;
use crate::project::{LoadedProject, ManagedProxy, ProjectError, ProxyConfig};
use crate::session::WorkflowError;
use crate::session::start_request::StartRequest;

pub use compose_file::SERVICE;
use compose_file::VOLUME;

/// The name of the compose file.
pub const FILE: &str = "compose.aictl-proxy.yaml";

/// What is added to a stack.
struct Addition {
    /// The compose file.
    text: String,
    /// What it does.
    proxy: ManagedProxy,
}

/// Whether the environment wants one.
pub fn is_wanted(project: &LoadedProject) -> bool {
    project.environment.proxy.as_ref().is_some_and(|proxy| proxy.managed)
}

/// Appends the compose file. Files that cannot be loaded are left to whoever loads them.
pub(super) fn append(project: &LoadedProject, args: &mut LoadArgs) -> Result<Option<ManagedProxy>> {
    if !is_wanted(project) {
        return Ok(None);
    }
    let options = LoadOptions { all_resources: true, discard_env_files: true, ..Default::default() };
    let Ok(loaded) = compose::load(&LoadArgs { options, ..args.clone() }, &LocalFiles) else { return Ok(None) };
    let Some(Addition { text, proxy }) = addition(project, &loaded.stack)? else { return Ok(None) };
    args.appended.push(FileSource::Inline { name: project.directory.join(FILE), text });
    Ok(Some(proxy))
}

/// Enters what the compose files gave into the project, as if the file had said it.
pub(super) fn resolve(project: &mut LoadedProject, managed: ManagedProxy) {
    if let Some(proxy) = &mut project.environment.proxy {
        SERVICE.clone_into(&mut proxy.service);
    }
    project.managed_proxy = managed;
}

/// The named services, and the proxy with those behind it.
pub(super) fn with_proxy(project: &LoadedProject, request: &StartRequest) -> Vec<String> {
    let routes = project.environment.proxy.iter().filter(|proxy| proxy.managed).flat_map(|proxy| &proxy.routes);
    let listeners = project.managed_proxy.listeners.iter().map(|listener| &listener.service);
    let mut routed = routes.map(|route| &route.service).chain(listeners);
    let mut services = request.services.clone();
    if !request.no_deps && routed.any(|name| services.contains(name)) && !services.iter().any(|name| name == SERVICE) {
        services.push(SERVICE.to_owned());
    }
    services
}

/// The compose file for the stack of the project's own files.
pub fn text(project: &LoadedProject, stack: &Stack) -> Result<Option<String>> {
    Ok(addition(project, stack)?.map(|addition| addition.text))
}

/// The services of a stack without a proxy whose ports one could take over.
pub fn proposed(stack: &Stack) -> Vec<String> {
    let image = |(name, service): (&String, &Service)| service.image_or_default(&stack.name, name);
    if refuse_clash(stack).is_err() || stack.services.iter().map(image).any(|image| ports::is_proxy(&image)) {
        return Vec::new();
    }
    let services: BTreeSet<String> = ports::derived(stack).moved.into_iter().map(|moved| moved.service).collect();
    services.into_iter().collect()
}

fn addition(project: &LoadedProject, stack: &Stack) -> Result<Option<Addition>> {
    let Some(config) = project.environment.proxy.as_ref().filter(|proxy| proxy.managed) else { return Ok(None) };
    refuse_clash(stack)?;
    let all: Vec<&str> = stack.services.keys().map(String::as_str).collect();
    let unknown = project.unknown_services_of_proxy(&all);
    if !unknown.is_empty() {
        return Err(ProjectError::Invalid(unknown).into());
    }
    let found = if config.routes.is_empty() { ports::derived(stack) } else { of_routes(config, stack)? };
    if found.moved.is_empty() {
        return Err(nothing_to_publish(&found.kept));
    }
    let text = compose_file::text(stack, &found.moved);
    let mut kept = found.kept;
    kept.insert(SERVICE.to_owned(), "it is the proxy".to_owned());
    Ok(Some(Addition { text, proxy: ManagedProxy { listeners: found.listeners, kept } }))
}

fn of_routes(config: &ProxyConfig, stack: &Stack) -> Result<ports::Found> {
    ports::of_routes(&config.routes, stack).map_err(|message| {
        let hint = "add a route to the port, or remove the port or the route".to_owned();
        WorkflowError::Configuration { message, hint: Some(hint) }.into()
    })
}

/// Nothing of the project may have the names of the proxy.
fn refuse_clash(stack: &Stack) -> Result<()> {
    let volume = format!("{}_{VOLUME}", stack.name);
    let taken = if stack.all_services().any(|(name, _)| name == SERVICE) {
        format!("service `{SERVICE}`")
    } else if stack.volumes.iter().any(|(key, found)| key == VOLUME || found.name == volume) {
        format!("volume `{VOLUME}`")
    } else {
        return Ok(());
    };
    let message = format!("the compose files define the {taken}, which `proxy: {{ managed: true }}` adds");
    let hint = format!("rename the {taken} in the compose files, or name a proxy `service` in aictl.yaml");
    Err(WorkflowError::Configuration { message, hint: Some(hint) }.into())
}

fn nothing_to_publish(kept: &BTreeMap<String, String>) -> crate::error::Error {
    let reasons: Vec<String> = kept.iter().map(|(service, reason)| format!("{service}: {reason}")).collect();
    let reasons = if reasons.is_empty() { "no routed service publishes a port".to_owned() } else { reasons.join("; ") };
    let message = format!("`proxy: {{ managed: true }}` has no port to take over: {reasons}");
    let hint = "publish the HTTP port of a service with `ports`, or remove `managed: true`".to_owned();
    WorkflowError::Configuration { message, hint: Some(hint) }.into()
}

#[cfg(test)]
mod tests;
