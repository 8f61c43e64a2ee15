//! What each operation does to the world in memory, with the refusals a real engine gives.
//! Reads an `Operation`; changes the world and returns the outcome.
//! Never half-does anything.

use std::collections::BTreeMap;

use super::shell::{self, Surroundings};
use super::world::{Container, StoredFile, World, refused};
use crate::compose::hash::{network_hash, volume_hash};
use crate::compose::model::ServiceHook;
use crate::plan::{
    ChangeKind, ContainerOperation, ContainerSpec, DockerContainer, Health, HealthCheck, ImageOperation, ImageSource,
    InstanceState, Names, NetworkOperation, ObservedInstance, ObservedMount, ObservedNetwork, ObservedPort,
    ObservedVolume, Operation, Outcome, RecipeBuild, VolumeOperation, labels, release_tag,
};
use crate::target::{Attempts, ContainerFacts, PortOwner, ProgramFault, TargetError};

/// First of the ports that are given out.
const FREE_PORTS: u16 = 49152;

pub(super) fn perform(world: &mut World, operation: &Operation) -> Result<Outcome, TargetError> {
    let outcome = match operation {
        Operation::Image(operation) => on_image(world, operation),
        Operation::Network(operation) => on_network(world, operation),
        Operation::Volume(operation) => on_volume(world, operation),
        Operation::Container(operation) => on_container(world, operation),
        Operation::Proxy(operation) => super::proxy::on_proxy(world, operation),
        Operation::Wait(_) | Operation::Task(_) | Operation::Check(_) | Operation::Data(_) | Operation::Cluster(_) => {
            Err(TargetError::CannotPerform {
                operation: operation.describe(&Names::new()).infinitive.to_owned(),
                reason: "an engine does not do it".to_owned(),
            })
        }
    }?;
    world.performed.push(operation.clone());
    Ok(outcome)
}

fn on_image(world: &mut World, operation: &ImageOperation) -> Result<Outcome, TargetError> {
    match operation {
        ImageOperation::Pull { image, sources, .. } => obtain(world, image, sources),
        ImageOperation::Build { image, .. } | ImageOperation::BuildRecipe(RecipeBuild { image, .. }) => {
            Ok(created(world.add_image(image)))
        }
        ImageOperation::Load { images, .. } => {
            images.iter().for_each(|image| drop(world.add_image(&image.reference)));
            Ok(Outcome::default())
        }
        ImageOperation::Transfer(transfer) => Ok(created(world.add_image(&transfer.image))),
        ImageOperation::Push { image, .. } => world.image_or_missing(image).map(|_| Outcome::default()),
        ImageOperation::Tag { image, repository, tag, .. } => {
            let found = world.image_or_missing(image)?;
            let tag = tag.clone().unwrap_or_else(|| release_tag(&found.id));
            let name = if tag == "latest" { repository.clone() } else { format!("{repository}:{tag}") };
            world.images.insert(name, found);
            Ok(Outcome::default())
        }
        ImageOperation::Remove { image } => {
            world.images.remove(image);
            Ok(Outcome::default())
        }
    }
}

fn on_network(world: &mut World, operation: &NetworkOperation) -> Result<Outcome, TargetError> {
    match operation {
        NetworkOperation::Create { project, key, name, network } => {
            create_network(world, of_project(project, (labels::NETWORK, key), network_hash(network)), name)
        }
        NetworkOperation::Remove { id, name } => remove_network(world, id, name),
    }
}

fn on_volume(world: &mut World, operation: &VolumeOperation) -> Result<Outcome, TargetError> {
    match operation {
        VolumeOperation::Create { project, key, name, volume } => {
            create_volume(world, of_project(project, (labels::VOLUME, key), volume_hash(volume)), name)
        }
        VolumeOperation::Remove { name } => remove_volume(world, name),
    }
}

fn on_container(world: &mut World, operation: &ContainerOperation) -> Result<Outcome, TargetError> {
    match operation {
        ContainerOperation::Create(spec) => create_container(world, spec),
        ContainerOperation::Start { container, .. } => start(world, container),
        ContainerOperation::Stop { container, .. } => stop(world, container),
        ContainerOperation::Kill { container, signal, .. } => kill(world, container, signal),
        ContainerOperation::Restart { container, .. } => {
            stop(world, container)?;
            start(world, container)
        }
        ContainerOperation::Unpause { container, .. } => {
            world.get(container)?.seen.state = InstanceState::Running;
            Ok(Outcome::default())
        }
        ContainerOperation::Remove { container, force, .. } => remove(world, container, *force),
        ContainerOperation::Rename { container, name, .. } => {
            free_name(world, name)?;
            world.get(container)?.seen.name.clone_from(name);
            Ok(Outcome::default())
        }
        ContainerOperation::RunHook { container, hook, .. } => run_hook(world, container, hook),
    }
}

fn run_hook(world: &mut World, container: &str, hook: &ServiceHook) -> Result<Outcome, TargetError> {
    let command = hook.command.as_slice().unwrap_or_default().to_vec();
    let found = world.get(container)?;
    let mut around = Surroundings { variables: BTreeMap::new(), input: b"", files: &found.files };
    match shell::run(&command, &mut around).and_then(|ran| ran.code) {
        Some(0) => Ok(Outcome::default()),
        code => Err(refused(format!("hook in {container}"), 0, format!("exit code {}", code.unwrap_or(127)))),
    }
}

/// From the first source that offers it.
fn obtain(world: &mut World, image: &str, sources: &[ImageSource]) -> Result<Outcome, TargetError> {
    let mut attempts = Attempts::new(image, sources);
    for source in attempts.sources() {
        match from(world, image, source) {
            Ok(()) => return Ok(attempts.found(source, created(world.add_image(image)))),
            Err(error) => attempts.fail(source, error)?,
        }
    }
    Err(attempts.nowhere())
}

fn from(world: &mut World, image: &str, source: &ImageSource) -> Result<(), TargetError> {
    let missing = |reason: &str| TargetError::ImageMissing { image: image.to_owned(), reason: reason.to_owned() };
    match source {
        ImageSource::Excluded { reason, .. } => Err(missing(reason)),
        _ if !world.offers.contains(&source.words(image)) => Err(missing("it is not responding")),
        ImageSource::Recipe { builds, .. } => {
            builds.iter().for_each(|build| drop(world.add_image(&build.image)));
            Ok(())
        }
        _ => Ok(()),
    }
}

fn created(id: String) -> Outcome {
    Outcome { id: Some(id), ..Outcome::default() }
}

fn of_project(project: &str, (label, key): (&str, &str), hash: String) -> BTreeMap<String, String> {
    let pairs = [(labels::PROJECT, project), (label, key), (labels::CONFIG_HASH, &hash)];
    pairs.into_iter().map(|(key, value)| (key.to_owned(), value.to_owned())).collect()
}

fn create_network(world: &mut World, labels: BTreeMap<String, String>, name: &str) -> Result<Outcome, TargetError> {
    if world.networks.iter().any(|network| network.name == name) {
        return Err(refused(format!("creating network {name}"), 409, "network already exists"));
    }
    let id = world.id();
    world.networks.push(ObservedNetwork { id: id.clone(), name: name.to_owned(), labels, driver: "bridge".to_owned() });
    Ok(created(id))
}

fn remove_network(world: &mut World, id: &str, name: &str) -> Result<Outcome, TargetError> {
    let used = |container: &Container| {
        container.seen.state == InstanceState::Running && container.seen.docker.networks.contains_key(name)
    };
    if world.containers.values().any(used) {
        return Err(refused(format!("removing network {name}"), 403, "network has active endpoints"));
    }
    world.networks.retain(|network| network.id != id && network.name != name);
    Ok(Outcome::default())
}

fn create_volume(world: &mut World, labels: BTreeMap<String, String>, name: &str) -> Result<Outcome, TargetError> {
    if !world.volumes.iter().any(|volume| volume.name == name) {
        world.volumes.push(ObservedVolume { name: name.to_owned(), labels, driver: "local".to_owned() });
    }
    Ok(created(name.to_owned()))
}

fn remove_volume(world: &mut World, name: &str) -> Result<Outcome, TargetError> {
    let used = |container: &Container| container.seen.docker.mounts.iter().any(|mount| mount.source == name);
    if world.containers.values().any(used) {
        return Err(refused(format!("removing volume {name}"), 409, "volume is in use"));
    }
    world.volumes.retain(|volume| volume.name != name);
    Ok(Outcome::default())
}

fn free_name(world: &World, name: &str) -> Result<(), TargetError> {
    match world.find(name) {
        Ok(_) => Err(refused(format!("naming container {name}"), 409, format!("the name {name} is already in use"))),
        Err(_) => Ok(()),
    }
}

fn create_container(world: &mut World, spec: &ContainerSpec) -> Result<Outcome, TargetError> {
    let Some(image) = world.image(&spec.image) else {
        let reason = "it was never built or pulled".to_owned();
        return Err(TargetError::ImageMissing { image: spec.image.clone(), reason });
    };
    let image_id = image.id.clone();
    free_name(world, &spec.name)?;
    for attachment in &spec.networks {
        if !world.networks.iter().any(|network| network.name == attachment.network) {
            return Err(TargetError::NotFound { kind: "network", name: attachment.network.clone() });
        }
    }
    for volume in &spec.service.volumes {
        let must_exist = volume.bind.as_ref().is_some_and(|bind| !bind.create_host_path.0);
        if must_exist && !std::path::Path::new(&volume.source).exists() {
            let path = volume.source.clone();
            return Err(TargetError::MissingSource { service: spec.service_name.clone(), path });
        }
    }
    let id = world.id();
    let seen = seen(world, spec, (id.clone(), image_id));
    let file = |file: &crate::plan::CopiedFile| {
        let stored = StoredFile { content: file.content.clone(), owner: (file.uid, file.gid), mode: file.mode };
        (file.target.clone(), stored)
    };
    let files = spec.files.iter().map(file).collect();
    world
        .containers
        .insert(id.clone(), Container { seen, spec: spec.clone(), files, log: Vec::new(), sent: Vec::new() });
    Ok(created(id))
}

fn seen(world: &World, spec: &ContainerSpec, (id, image_id): (String, String)) -> ObservedInstance {
    let mounts = spec.service.volumes.iter().map(|volume| ObservedMount {
        kind: volume.r#type.clone(),
        source: spec.volume_names.get(&volume.source).unwrap_or(&volume.source).clone(),
        target: volume.target.clone(),
    });
    let networks = spec.networks.iter().map(|attachment| {
        let network = world.networks.iter().find(|network| network.name == attachment.network);
        (attachment.network.clone(), (network.map(|n| n.id.clone()).unwrap_or_default(), "10.0.0.2".to_owned()))
    });
    ObservedInstance {
        id,
        name: spec.name.clone(),
        service: spec.labels.get(labels::SERVICE).cloned().unwrap_or_default(),
        number: spec.labels.get(labels::CONTAINER_NUMBER).and_then(|n| n.parse().ok()).unwrap_or_default(),
        one_off: spec.labels.get(labels::ONE_OFF).is_some_and(|word| word == "True"),
        labels: spec.labels.clone(),
        image: spec.image.clone(),
        created_at: world.time(),
        health_check: spec.service.healthcheck.as_ref().and_then(|check| HealthCheck::of_test(&check.test.0, 0)),
        docker: DockerContainer {
            config_hash: spec.labels.get(labels::CONFIG_HASH).cloned(),
            image_id,
            command: spec.service.command.as_slice().unwrap_or_default().join(" "),
            networks: networks.collect(),
            network_mode: spec.network_mode.clone().unwrap_or_else(|| "bridge".to_owned()),
            mounts: mounts.collect(),
            tty: spec.service.tty,
        },
        ..ObservedInstance::default()
    }
}

/// Starts a container and runs its program to its end, if it has one.
fn start(world: &mut World, container: &str) -> Result<Outcome, TargetError> {
    let program = begin(world, container)?;
    if let Some(ran) = program {
        finish(world, container, ran)?;
    }
    Ok(Outcome::default())
}

/// Marks a container as running; returns what its program does, `None` when it ran already.
pub(super) fn begin(world: &mut World, container: &str) -> Result<Option<shell::Ran>, TargetError> {
    run_with(world, container, &[])
}

/// The same with standard input.
pub(super) fn run_with(world: &mut World, container: &str, input: &[u8]) -> Result<Option<shell::Ran>, TargetError> {
    let found = world.get(container)?.clone();
    if found.seen.state == InstanceState::Running {
        return Ok(None);
    }
    let service = &found.spec.service;
    let ports = ports(world, &found.spec)?;
    let variables = service.environment.iter().filter_map(|(key, value)| Some((key.clone(), value.clone()?)));
    let mut around = Surroundings { variables: variables.collect(), input, files: &found.files };
    let words = [service.entrypoint.as_slice(), service.command.as_slice()];
    let command: Vec<String> = words.into_iter().flatten().flatten().cloned().collect();
    let ran = match world.exits.get(&found.spec.service_name) {
        Some(code) => Some(shell::Ran { output: Vec::new(), code: Some(*code) }),
        None => shell::run(&command, &mut around),
    };
    let Some(ran) = ran else {
        let facts = ContainerFacts { name: found.seen.name, ..ContainerFacts::default() };
        let reason = format!("{}: no such file or directory", command.first().cloned().unwrap_or_default());
        return Err(TargetError::StartFailed {
            container: facts,
            reason,
            ports: Vec::new(),
            program: Some(ProgramFault::Missing),
        });
    };
    let health = health_of(world, &found);
    let time = world.time();
    let now = world.get(container)?;
    now.seen.state = InstanceState::Running;
    now.seen.started_at = Some(time);
    now.seen.exit_code = None;
    now.seen.health = health;
    now.seen.ports = ports;
    world.tell(container, ChangeKind::Started);
    if health != Health::None {
        world.tell(container, ChangeKind::Health(health));
    }
    Ok(Some(ran))
}

/// Keeps a program's output and ends the container when the program ended.
pub(super) fn finish(world: &mut World, container: &str, ran: shell::Ran) -> Result<(), TargetError> {
    let found = world.get(container)?;
    for channel in [crate::event::Channel::Stdout, crate::event::Channel::Stderr] {
        let bytes: Vec<u8> = ran.output.iter().filter(|(c, _)| *c == channel).map(|(_, byte)| *byte).collect();
        let text = String::from_utf8_lossy(&bytes).into_owned();
        found.log.extend(text.lines().map(|line| (channel, line.to_owned())));
    }
    ran.code.map_or(Ok(()), |code| world.end(container, code))
}

fn health_of(world: &World, container: &Container) -> Health {
    let service = &container.spec.service;
    let Some(check) = service.healthcheck.as_ref().filter(|check| !check.disable) else { return Health::None };
    if let Some(scripted) = world.health.get(&container.spec.service_name) {
        return *scripted;
    }
    let command = match check.test.first().map(String::as_str) {
        Some("CMD") => check.test[1..].to_vec(),
        Some("CMD-SHELL") => vec!["sh".to_owned(), "-c".to_owned(), check.test[1..].join(" ")],
        _ => return Health::None,
    };
    let mut around = Surroundings { variables: BTreeMap::new(), input: b"", files: &container.files };
    match shell::run(&command, &mut around).and_then(|ran| ran.code) {
        Some(0) => Health::Healthy,
        _ => Health::Unhealthy,
    }
}

/// The ports of a container as it starts: wanted ones must be free, unnamed ones are given out.
fn ports(world: &World, spec: &ContainerSpec) -> Result<Vec<ObservedPort>, TargetError> {
    let mut ports = Vec::new();
    for port in &spec.service.ports {
        let wanted = port.published.split('-').next().and_then(|number| number.parse::<u16>().ok()).filter(|n| *n != 0);
        let taken = |number: u16, ports: &[ObservedPort]| {
            world.publisher(number).is_some() || ports.iter().any(|port| port.published == number)
        };
        let published = match wanted {
            Some(number) => number,
            None => (FREE_PORTS..).find(|number| !taken(*number, &ports)).unwrap_or(FREE_PORTS),
        };
        let host = if port.host_ip.is_empty() { "0.0.0.0".to_owned() } else { port.host_ip.clone() };
        if let Some(holder) = world.publisher(published) {
            let port = format!("{host}:{published}");
            return Err(TargetError::PortTaken { port, holder: Some(PortOwner::Container(holder.to_owned())) });
        }
        let target = u16::try_from(port.target).unwrap_or_default();
        ports.push(ObservedPort { target, protocol: port.protocol.clone(), host, published });
    }
    Ok(ports)
}

fn stop(world: &mut World, container: &str) -> Result<Outcome, TargetError> {
    if world.get(container)?.seen.state == InstanceState::Running {
        world.end(container, 137)?;
    }
    Ok(Outcome::default())
}

fn kill(world: &mut World, container: &str, signal: &str) -> Result<Outcome, TargetError> {
    if world.get(container)?.seen.state != InstanceState::Running {
        let warnings = vec![format!("{container} was not running")];
        return Ok(Outcome { warnings, ..Outcome::default() });
    }
    match signal.trim_start_matches("SIG") {
        "KILL" | "9" => world.end(container, 137)?,
        "TERM" | "15" => world.end(container, 143)?,
        _ => {}
    }
    Ok(Outcome::default())
}

fn remove(world: &mut World, container: &str, force: bool) -> Result<Outcome, TargetError> {
    let Ok(id) = world.find(container) else { return Ok(Outcome::default()) };
    if world.get(&id)?.seen.state == InstanceState::Running {
        if !force {
            return Err(refused(format!("removing container {container}"), 409, "the container is running"));
        }
        world.end(&id, 137)?;
    }
    world.tell(&id, ChangeKind::Removed);
    world.containers.remove(&id);
    Ok(Outcome::default())
}
