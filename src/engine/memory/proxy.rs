//! The reverse proxy in memory: a configuration and sides in a volume, and requests that reach a container or do not.

use super::world::{ProxyVolume, World, refused};
use crate::plan::{
    Health, InstanceState, ObservedInstance, ObservedProxy, Outcome, PROXY_FOLDER, ProxyOperation, Scope,
};
use crate::release::Side;
use crate::target::TargetError;

/// The volume a container has where nginx reads its configuration.
fn volume_of(container: &ObservedInstance) -> Option<String> {
    let mount = container.docker.mounts.iter().find(|mount| mount.target == PROXY_FOLDER)?;
    Some(mount.source.clone())
}

pub(super) fn observed(world: &World, scope: &Scope) -> Option<ObservedProxy> {
    let service = scope.proxy.as_ref()?;
    let of_project = |c: &&ObservedInstance| {
        c.service == *service && !c.one_off && c.labels.get(crate::plan::labels::PROJECT) == Some(&scope.project)
    };
    let found = world.containers.values().map(|c| &c.seen).filter(of_project).find_map(volume_of)?;
    let held = world.proxies.get(&found).cloned().unwrap_or_default();
    Some(ObservedProxy {
        configuration: held.in_use,
        green: held.green,
        held: held.held,
        maintenance: held.maintenance,
    })
}

pub(super) fn on_proxy(world: &mut World, operation: &ProxyOperation) -> Result<Outcome, TargetError> {
    match operation {
        ProxyOperation::Write { proxy, configuration, staged, green, .. } => {
            let held = volume(world, proxy)?;
            if *staged {
                held.staged = Some(configuration.clone());
            } else {
                held.in_use = Some(configuration.clone());
                held.green.clone_from(green);
            }
        }
        ProxyOperation::Check { proxy, .. } => drop(running(world, proxy)?),
        ProxyOperation::Reload { proxy, .. } => {
            running(world, proxy)?;
            let held = volume(world, proxy)?;
            held.in_use = held.staged.take();
        }
        ProxyOperation::Switch { proxy, green, .. } => {
            running(world, proxy)?;
            volume(world, proxy)?.green.clone_from(green);
        }
        ProxyOperation::Probe { .. } => probe(world, operation)?,
        ProxyOperation::Drain { .. } => {}
        ProxyOperation::Hold { proxy, services, .. } => {
            running(world, proxy)?;
            volume(world, proxy)?.held = services.iter().cloned().collect();
        }
        ProxyOperation::Release { proxy, .. } => {
            running(world, proxy)?;
            volume(world, proxy)?.held.clear();
        }
        ProxyOperation::Maintenance { proxy, on, .. } => {
            running(world, proxy)?;
            volume(world, proxy)?.maintenance = *on;
        }
    }
    Ok(Outcome::default())
}

fn probe(world: &mut World, operation: &ProxyOperation) -> Result<(), TargetError> {
    let ProxyOperation::Probe { service, proxy, container, request, .. } = operation else { return Ok(()) };
    running(world, proxy)?;
    let held = volume(world, proxy)?;
    let green = held.green.clone();
    if !held.in_use.as_ref().is_some_and(|text| text.contains(&request.fingerprint)) {
        return Err(refused(format!("asking {service}"), 0, "another configuration answers"));
    }
    let asked = running(world, container)?;
    let led = if green.contains(service) { Side::Green } else { Side::Blue };
    if Side::of_number(asked.number) != request.side.unwrap_or(led) {
        return Err(refused(format!("asking {service}"), 0, "another container answers"));
    }
    if matches!(asked.health, Health::Unhealthy | Health::Starting) {
        return Err(refused(format!("asking {service}"), 0, "HTTP 503"));
    }
    Ok(())
}

fn running(world: &mut World, container: &str) -> Result<ObservedInstance, TargetError> {
    let seen = world.get(container)?.seen.clone();
    match seen.state {
        InstanceState::Running => Ok(seen),
        state => Err(refused(format!("using {container}"), 409, format!("it is {}", state.word()))),
    }
}

fn volume<'w>(world: &'w mut World, proxy: &str) -> Result<&'w mut ProxyVolume, TargetError> {
    let found = volume_of(&world.get(proxy)?.seen);
    let missing = || TargetError::NotFound { kind: "path", name: format!("{proxy}:{PROXY_FOLDER}") };
    Ok(world.proxies.entry(found.ok_or_else(missing)?).or_default())
}
