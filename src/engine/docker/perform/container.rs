//! Creating, starting, stopping and removing containers.
//! Reads a complete spec or a container's id or name; returns ids and warnings.
//! Never leaves a half-made container: what fails after its creation removes it.

use std::pin::pin;
use std::time::Duration;

use bollard::query_parameters::{
    KillContainerOptionsBuilder, RemoveContainerOptionsBuilder, RenameContainerOptionsBuilder,
    RestartContainerOptionsBuilder, StartContainerOptions, StopContainerOptionsBuilder,
};
use serde::Deserialize;
use serde_json::json;

use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use super::{created, done, files, ports};
use crate::engine::docker::connection::Connection;
use crate::engine::docker::convert::{self, Surroundings, create_request};
use crate::engine::docker::moments::{Kind, Leave};
use crate::engine::docker::query::encoded;
use crate::engine::docker::{error_mapping, observe};
use crate::plan::{ContainerSpec, InstanceState, Outcome, StartTurn, labels};
use crate::target::{ContainerFacts, TargetError};

/// A container may have a stop timeout of its own; this is added to the one asked for.
const STOP_MARGIN: Duration = Duration::from_secs(3600);

/// How often a name that a dead client took is tried again.
const NAME_ATTEMPTS: usize = 25;

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Created {
    id: String,
    warnings: Option<Vec<String>>,
}

pub(super) async fn create(connection: &Connection, spec: &ContainerSpec) -> Result<Outcome, TargetError> {
    let links = links(connection, spec).await?;
    let around = Surroundings { engine: &connection.engine, links: &links };
    let request = create_request(spec, &around)?;
    let mut path = format!("/containers/create?name={}", encoded(&spec.name));
    if !spec.service.platform.is_empty() {
        path.push_str(&format!("&platform={}", encoded(&spec.service.platform)));
    }
    let doing = format!("creating container {}", spec.name);
    let mut answer = connection.post(&path, &request.body, &doing).await;
    for _ in 0..NAME_ATTEMPTS {
        if !matches!(answer, Err(TargetError::Refused { status: 409, .. }))
            || !remove_leftover(connection, spec).await?
        {
            break;
        }
        answer = connection.post(&path, &request.body, &doing).await;
    }
    let answer = answer.map_err(|e| creation_error(e, spec))?;
    let answer: Created = serde_json::from_slice(&answer)
        .map_err(|e| TargetError::Broken { operation: doing, message: e.to_string() })?;
    if let Err(error) = complete(connection, &answer.id, spec, &around).await {
        let _ = remove(connection, &answer.id, (true, true)).await;
        return Err(error);
    }
    let mut warnings = request.warnings;
    warnings.extend(answer.warnings.unwrap_or_default());
    Ok(Outcome { warnings, ..created(answer.id) })
}

/// The engine finishes requests of clients that died: a container of our own that was created under this very name
/// and never started is such a leftover. The lease is ours, so no other operation is making it.
async fn remove_leftover(connection: &Connection, spec: &ContainerSpec) -> Result<bool, TargetError> {
    let Ok(found) = observe::inspect(connection, &spec.name).await else {
        // The name is reserved and the container is still being made.
        tokio::time::sleep(Duration::from_millis(200)).await;
        return Ok(true);
    };
    let ours = found.labels.get(labels::PROJECT) == Some(&spec.project) && found.service == spec.service_name;
    if ours && found.state == InstanceState::Created {
        remove(connection, &found.id, (false, true)).await?;
        return Ok(true);
    }
    Ok(false)
}

/// Everything a create request cannot carry: further networks on old engines, and files.
async fn complete(
    connection: &Connection,
    id: &str,
    spec: &ContainerSpec,
    around: &Surroundings<'_>,
) -> Result<(), TargetError> {
    if spec.network_mode.is_none() && !connection.engine.api_at_least(1, 44) {
        // One by one: their order decides the order of the interfaces.
        for attachment in spec.networks.iter().skip(1) {
            let body = json!({ "Container": id, "EndpointConfig": convert::endpoint(spec, attachment, around) });
            let doing = format!("connecting {} to {}", spec.name, attachment.network);
            connection.post(&format!("/networks/{}/connect", encoded(&attachment.network)), &body, &doing).await?;
        }
    }
    files::put(connection, id, spec).await
}

/// `container:alias` for the links of a service, as Compose makes them.
async fn links(connection: &Connection, spec: &ContainerSpec) -> Result<Vec<String>, TargetError> {
    let service = &spec.service;
    let mut links = Vec::new();
    for link in &service.links {
        let (linked, alias) = link.split_once(':').unwrap_or((link, link));
        for name in observe::names_of_service(connection, &spec.project, linked).await? {
            links.push(format!("{name}:{alias}"));
            links.push(format!("{name}:{linked}-{}", spec.number));
            links.push(format!("{name}:{}-{linked}-{}", spec.project, spec.number));
        }
    }
    for link in &service.external_links {
        let (container, alias) = link.split_once(':').unwrap_or((link, link));
        links.push(format!("{container}:{alias}"));
    }
    Ok(links)
}

fn creation_error(error: TargetError, spec: &ContainerSpec) -> TargetError {
    match error {
        TargetError::NotFound { kind: "image", .. } => {
            TargetError::ImageMissing { image: spec.image.clone(), reason: "it was never built or pulled".to_owned() }
        }
        TargetError::Refused { operation, status, message } => match error_mapping::missing_bind_source(&message) {
            Some(path) => TargetError::MissingSource { service: spec.service_name.clone(), path },
            None => TargetError::Refused { operation, status, message },
        },
        other => other,
    }
}

pub(in crate::engine::docker) async fn start(connection: &Connection, container: &str) -> Result<Outcome, TargetError> {
    let started = connection.api.start_container(container, None::<StartContainerOptions>).await;
    let Err(error) = started else { return Ok(done()) };
    match error_mapping::map(connection, &format!("starting container {container}"), error) {
        TargetError::Refused { status, message, .. } => {
            Err(start_failed(connection, container, (status, message)).await)
        }
        other => Err(other),
    }
}

async fn start_failed(connection: &Connection, container: &str, (status, reason): (u16, String)) -> TargetError {
    if status == 404
        && let Some(name) = missing_network(connection, container).await
    {
        return TargetError::NotFound { kind: "network", name };
    }
    let ports = match ports::taken(connection, container, &reason).await {
        Ok(taken) => return taken,
        Err(named) => named,
    };
    let found = observe::inspect(connection, container).await.ok();
    let name = found.as_ref().map_or_else(|| container.to_owned(), |c| c.name.clone());
    let exit_code = found.and_then(|c| c.exit_code);
    let facts = ContainerFacts { name, exit_code, engine_error: Some(reason.clone()), ..ContainerFacts::default() };
    let program = error_mapping::program_fault(&reason);
    TargetError::StartFailed { container: facts, reason, ports, program }
}

/// A network of the container that no longer exists.
async fn missing_network(connection: &Connection, container: &str) -> Option<String> {
    let found = observe::inspect(connection, container).await.ok()?;
    for name in found.docker.networks.into_keys() {
        let looked = connection.get::<serde_json::Value>(&format!("/networks/{}", encoded(&name)), "looking").await;
        if matches!(looked, Err(TargetError::NotFound { .. } | TargetError::Refused { status: 404, .. })) {
            return Some(name);
        }
    }
    None
}

/// Starts a container in its turn: the next start may follow once this one's allocations are done.
pub(super) async fn in_turn(connection: &Connection, container: &str, turn: StartTurn) -> Result<Outcome, TargetError> {
    connection.moments.settled(container).await;
    if turn == StartTurn::Free || !connection.miscounts_endpoints() {
        return start(connection, container).await;
    }
    // Who leaves the networks still has its addresses and host ports.
    connection.moments.all_settled().await;
    let ours = connection.moments.turn.lock().await;
    let watch = connection.watch();
    let mut starting = pin!(start(connection, container));
    if let (StartTurn::UntilConnected(networks), Some(watch)) = (turn, watch) {
        tokio::select! {
            ended = &mut starting => return ended,
            () = watch.seen(container, Kind::Connected, networks) => drop(ours),
        }
    }
    starting.await
}

/// Stops a container. On engines that miscount endpoints it returns once the process is dead; whatever uses the container
/// next, and the end of the lease, waits until the engine has disconnected it.
pub(super) async fn stop(
    connection: &Connection,
    container: &str,
    timeout: Option<Duration>,
) -> Result<Outcome, TargetError> {
    connection.moments.settled(container).await;
    let watch = connection.miscounts_endpoints().then(|| connection.watch()).flatten();
    let Some(watch) = watch else {
        return stop_to_the_end(connection, container, timeout).await;
    };
    let networks = observe::inspect(connection, container).await.map_or(0, |found| found.docker.networks.len());
    let Leave { dying, leaving } = connection.moments.leave(networks).await;
    let (too_slow, slow) = oneshot::channel();
    let theirs = (connection.clone(), container.to_owned());
    let (request, mut told) = begin_stop(theirs, timeout, async move {
        // Without slow processes the right is held to the end.
        match slow.await {
            Ok(()) => drop(leaving),
            Err(_) => std::future::pending().await,
        }
    });
    let (mut dead, mut dying) = (pin!(watch.seen(container, Kind::Died, 1)), Some((dying, too_slow)));
    loop {
        tokio::select! {
            ended = &mut told => return ended.unwrap_or_else(|_| Ok(done())),
            () = &mut dead => break,
            () = tokio::time::sleep(connection.moments.patience()), if dying.is_some() => {
                connection.moments.was_slow();
                let _ = dying.take().map(|(_, too_slow)| too_slow.send(()));
            }
        }
    }
    drop(dying);
    connection.moments.let_go_on(container, request).await;
    Ok(done())
}

/// The request, and its result if anyone still listens. `beside` runs as long as the request does.
fn begin_stop(
    (connection, container): (Connection, String),
    timeout: Option<Duration>,
    beside: impl Future<Output = ()> + Send + 'static,
) -> (JoinHandle<()>, oneshot::Receiver<Result<Outcome, TargetError>>) {
    let (tell, told) = oneshot::channel();
    let request = tokio::spawn(async move {
        let mut stopping = pin!(stop_to_the_end(&connection, &container, timeout));
        let ended = tokio::select! {
            ended = &mut stopping => ended,
            () = beside => stopping.await,
        };
        // Once the process is dead its result no longer matters.
        let _ = tell.send(ended);
    });
    (request, told)
}

async fn stop_to_the_end(
    connection: &Connection,
    container: &str,
    timeout: Option<Duration>,
) -> Result<Outcome, TargetError> {
    let mut options = StopContainerOptionsBuilder::default();
    if let Some(timeout) = timeout {
        options = options.t(seconds(timeout));
    }
    let api = connection.patient(timeout.unwrap_or_default() + STOP_MARGIN);
    // 304, already stopped, is a success for bollard too.
    let stopped = api.stop_container(container, Some(options.build())).await;
    stopped.map(|()| done()).map_err(|e| error_mapping::map(connection, &format!("stopping container {container}"), e))
}

pub(super) async fn restart(
    connection: &Connection,
    container: &str,
    timeout: Option<Duration>,
) -> Result<Outcome, TargetError> {
    connection.moments.settled(container).await;
    let _ours = match connection.miscounts_endpoints() {
        true => Some(connection.moments.turn.lock().await),
        false => None,
    };
    let mut options = RestartContainerOptionsBuilder::default();
    if let Some(timeout) = timeout {
        options = options.t(seconds(timeout));
    }
    let api = connection.patient(timeout.unwrap_or_default() + STOP_MARGIN);
    let Err(error) = api.restart_container(container, Some(options.build())).await else { return Ok(done()) };
    match error_mapping::map(connection, &format!("restarting container {container}"), error) {
        TargetError::Refused { status, message, .. } => {
            Err(start_failed(connection, container, (status, message)).await)
        }
        other => Err(other),
    }
}

fn seconds(timeout: Duration) -> i32 {
    // Rounded up: 500 ms asked for must not become an immediate kill.
    i32::try_from(timeout.as_secs() + u64::from(timeout.subsec_nanos() > 0)).unwrap_or(i32::MAX)
}

pub(super) async fn kill(connection: &Connection, container: &str, signal: &str) -> Result<Outcome, TargetError> {
    let options = KillContainerOptionsBuilder::default().signal(signal).build();
    let Err(error) = connection.api.kill_container(container, Some(options)).await else { return Ok(done()) };
    match error_mapping::map(connection, &format!("killing container {container}"), error) {
        TargetError::Refused { status: 409, .. } => {
            Ok(Outcome { warnings: vec![format!("{container} was not running")], ..done() })
        }
        other => Err(other),
    }
}

pub(super) async fn unpause(connection: &Connection, container: &str) -> Result<Outcome, TargetError> {
    let resumed = connection.api.unpause_container(container).await;
    resumed.map(|()| done()).map_err(|e| error_mapping::map(connection, &format!("unpausing container {container}"), e))
}

pub(super) async fn remove(
    connection: &Connection,
    container: &str,
    (volumes, force): (bool, bool),
) -> Result<Outcome, TargetError> {
    connection.moments.settled(container).await;
    let options = RemoveContainerOptionsBuilder::default().v(volumes).force(force).build();
    let Err(error) = connection.patient(STOP_MARGIN).remove_container(container, Some(options)).await else {
        return Ok(done());
    };
    match error_mapping::map(connection, &format!("removing container {container}"), error) {
        TargetError::NotFound { .. } => Ok(done()),
        // Somebody else, or `run --rm`, is at it: the wish is granted.
        refused @ TargetError::Refused { status: 409, .. } => match observe::inspect(connection, container).await {
            Err(TargetError::NotFound { .. }) => Ok(done()),
            Ok(found) if found.state == InstanceState::Removing => Ok(done()),
            _ => Err(refused),
        },
        other => Err(other),
    }
}

pub(super) async fn rename(connection: &Connection, container: &str, name: &str) -> Result<Outcome, TargetError> {
    connection.moments.settled(container).await;
    let options = RenameContainerOptionsBuilder::default().name(name).build();
    let renamed = connection.api.rename_container(container, options).await;
    let doing = format!("renaming container {container} to {name}");
    renamed.map(|()| done()).map_err(|e| error_mapping::map(connection, &doing, e))
}
