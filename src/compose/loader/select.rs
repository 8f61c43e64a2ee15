//! Which services are enabled, and which resources they need.
//! Reads the typed project, profiles and names; moves services between enabled and disabled.
//! Never removes a dependency that is required.

use std::collections::BTreeSet;

use crate::compose::error::{ComposeError, Diagnostic, nearest};
use crate::compose::model::Stack;

/// Disables the services no active profile enables.
pub(super) fn apply_profiles(stack: &mut Stack, profiles: Vec<String>) {
    let mut all = std::mem::take(&mut stack.services);
    all.append(&mut stack.disabled_services);
    for (name, service) in all {
        let enabled = service.has_profile(&profiles);
        let side = if enabled { &mut stack.services } else { &mut stack.disabled_services };
        side.insert(name, service);
    }
    let mut jobs = std::mem::take(&mut stack.jobs);
    jobs.append(&mut stack.disabled_jobs);
    for (name, job) in jobs {
        let active = |profile: &String| profile == "*" || job.profiles.contains(profile);
        let enabled = job.profiles.is_empty() || profiles.iter().any(active);
        let side = if enabled { &mut stack.jobs } else { &mut stack.disabled_jobs };
        side.insert(name, job);
    }
    stack.profiles = profiles;
}

/// `scale` also sets the replicas of a deployment that does not say them.
pub(super) fn align_replicas(stack: &mut Stack) {
    for service in stack.services.values_mut() {
        if let (Some(scale), Some(deploy)) = (service.scale, &mut service.deploy) {
            deploy.replicas = Some(scale);
        }
    }
}

/// Restricts the project to the named services and what they depend on; naming one enables its profiles.
pub(super) fn select(stack: &mut Stack, names: &[String]) -> Result<(), ComposeError> {
    if names.is_empty() {
        return Ok(());
    }
    enable(stack, names);
    let mut wanted = BTreeSet::new();
    let mut open: Vec<String> = names.to_vec();
    let mut unknown = Vec::new();
    while let Some(name) = open.pop() {
        let Some(service) = stack.services.get(&name) else {
            if names.contains(&name) {
                unknown.push(name);
            }
            continue;
        };
        if wanted.insert(name) {
            open.extend(service.depends_on.keys().cloned());
        }
    }
    if !unknown.is_empty() {
        return Err(ComposeError::Invalid(unknown.iter().rev().map(|name| no_such_service(stack, name)).collect()));
    }
    let all = std::mem::take(&mut stack.services);
    for (name, mut service) in all {
        if wanted.contains(&name) {
            service.depends_on.retain(|depended, _| wanted.contains(depended));
            stack.services.insert(name, service);
        } else {
            stack.disabled_services.insert(name, service);
        }
    }
    Ok(())
}

fn enable(stack: &mut Stack, names: &[String]) {
    let named = names.iter().filter_map(|name| stack.disabled_services.get(name));
    let extra: Vec<String> = named.flat_map(|service| service.profiles.clone()).collect();
    if !extra.is_empty() {
        let profiles = [stack.profiles.clone(), extra].concat();
        apply_profiles(stack, profiles);
    }
}

fn no_such_service(stack: &Stack, name: &str) -> Diagnostic {
    let known = stack.services.keys().chain(stack.disabled_services.keys()).map(String::as_str);
    Diagnostic { message: format!("no such service: {name}"), nearest: nearest(name, known), ..Diagnostic::default() }
}

/// Drops networks, volumes, secrets, configs and models no enabled service uses.
pub(super) fn prune(stack: &mut Stack) {
    let mut used: [BTreeSet<String>; 5] = Default::default();
    let [networks, volumes, secrets, configs, models] = &mut used;
    for service in stack.services.values() {
        networks.extend(service.networks.keys().cloned());
        let named = service.volumes.iter().filter(|volume| volume.r#type == "volume");
        volumes.extend(named.map(|volume| volume.source.clone()));
        secrets.extend(service.secrets.iter().map(|secret| secret.source.clone()));
        let build = service.build.iter().flat_map(|build| &build.secrets);
        secrets.extend(build.map(|secret| secret.source.clone()));
        configs.extend(service.configs.iter().map(|config| config.source.clone()));
        models.extend(service.models.keys().cloned());
    }
    stack.networks.retain(|name, _| networks.contains(name));
    stack.volumes.retain(|name, _| volumes.contains(name));
    stack.secrets.retain(|name, _| secrets.contains(name));
    stack.configs.retain(|name, _| configs.contains(name));
    stack.models.retain(|name, _| models.contains(name));
}
