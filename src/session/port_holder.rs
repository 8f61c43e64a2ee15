//! Names the process or container that holds a port or a container name in use, with a hint how to free it.
//! Local sockets are searched only for an engine on this machine.

use std::net::SocketAddr;

use crate::error::Error;
use crate::execute::ExecuteError;
use crate::host::{PortHolder, Protocol, host_name, port_holder_on};
use crate::plan::{ContainerOperation, Operation, labels};
use crate::target::{PortOwner, Target, TargetError};

/// Status of a container name that is already in use.
const CONFLICT: u16 = 409;

/// Adds the local process that holds the port when the engine named no container.
async fn with_holder(error: ExecuteError, target: &dyn Target) -> ExecuteError {
    let ExecuteError::Target { subject, source } = error else { return error };
    let source = match source {
        TargetError::PortTaken { port, holder: None } => {
            let holder = if is_here(target).await { process_on(&port) } else { None };
            TargetError::PortTaken { port, holder }
        }
        // The message names the port and a process listens on it: that is the reason, whatever the wording.
        TargetError::StartFailed { container, reason, ports, program }
            if !ports.is_empty() && is_here(target).await =>
        {
            let held = ports.iter().find_map(|port| Some((port.clone(), process_on(port)?)));
            match held {
                Some((port, holder)) => TargetError::PortTaken { port, holder: Some(holder) },
                None => TargetError::StartFailed { container, reason, ports, program },
            }
        }
        other => other,
    };
    ExecuteError::Target { subject, source }
}

fn process_on(port: &str) -> Option<PortOwner> {
    listener(port).map(|found| PortOwner::Process(found.to_string()))
}

/// The error with a hint about the container that is in the way. `failed`: the operation.
pub async fn explained(
    error: ExecuteError,
    failed: Option<&Operation>,
    (target, project): (&dyn Target, &str),
) -> Error {
    let error = with_holder(error, target).await;
    let hint = match &error {
        ExecuteError::Target {
            source: TargetError::PortTaken { holder: Some(PortOwner::Container(name)), .. },
            ..
        } => orphan_hint(name, (target, project)).await,
        ExecuteError::Target { source: TargetError::Refused { status: CONFLICT, .. }, .. } => {
            name_hint(failed, (target, project)).await
        }
        _ => None,
    };
    let error = Error::from(error);
    match hint {
        Some(hint) => error.with_hint(hint),
        None => error,
    }
}

/// The holder may be an orphan of the same project.
async fn orphan_hint(name: &str, (target, project): (&dyn Target, &str)) -> Option<String> {
    let container = target.observe_instance(name).await.ok()?;
    let is_own = container.labels.get(labels::PROJECT).is_some_and(|name| name == project);
    is_own.then(|| {
        let service = &container.service;
        format!(
            "if service `{service}` is no longer in the compose files, remove it with `aictl start --remove-orphans`"
        )
    })
}

/// Names the container that has the name already.
async fn name_hint(failed: Option<&Operation>, (target, project): (&dyn Target, &str)) -> Option<String> {
    let Some(Operation::Container(ContainerOperation::Create(spec))) = failed else { return None };
    let holder = target.observe_instance(&spec.name).await.ok()?;
    let of = |label: &str| holder.labels.get(label).map(String::as_str);
    let whose = match (of(labels::PROJECT), of(labels::WORKING_DIR)) {
        (Some(other), folder) if other != project => {
            let folder = folder.map(|folder| format!(" in {folder}")).unwrap_or_default();
            format!("service `{}` of project `{other}`{folder}", holder.service)
        }
        (Some(_), _) => format!("service `{}` of this project", holder.service),
        (None, _) => "a container of no project".to_owned(),
    };
    Some(format!(
        "the name is in use by {whose}; remove it with `docker rm --force {}`, or choose another name",
        spec.name
    ))
}

/// A local socket may lead out of the container we are in.
async fn is_here(target: &dyn Target) -> bool {
    let Ok(engine) = target.observe_engine().await else { return false };
    engine.local && (engine.host.name.is_empty() || engine.host.name == host_name())
}

/// The engine's refusal says `127.0.0.1:8080` and nothing of the protocol.
fn listener(address: &str) -> Option<PortHolder> {
    let address: SocketAddr = address.parse().ok()?;
    let of = |protocol| port_holder_on(address.ip(), address.port(), protocol);
    of(Protocol::Tcp).or_else(|| of(Protocol::Udp))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::memory::MemoryEngine;

    fn taken(port: &str, holder: Option<PortOwner>) -> ExecuteError {
        let source = TargetError::PortTaken { port: port.to_owned(), holder };
        ExecuteError::Target { subject: "could not start container a-1".to_owned(), source }
    }

    /// A message of unknown wording that names the port.
    fn unnamed(port: &str) -> ExecuteError {
        let source = TargetError::StartFailed {
            container: crate::target::ContainerFacts::default(),
            reason: format!("{port}: EADDRINUSE"),
            ports: vec![port.to_owned()],
            program: None,
        };
        ExecuteError::Target { subject: "could not start container a-1".to_owned(), source }
    }

    async fn holder(error: ExecuteError) -> Option<PortOwner> {
        match with_holder(error, &MemoryEngine::new()).await {
            ExecuteError::Target { source: TargetError::PortTaken { holder, .. }, .. } => holder,
            other => panic!("{other}"),
        }
    }

    #[tokio::test]
    async fn a_process_is_named_and_a_container_stays_named() {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let pid = format!("(pid {})", std::process::id());
        assert!(holder(taken(&address, None)).await.unwrap().to_string().ends_with(&pid));
        let container = Some(PortOwner::Container("b".to_owned()));
        assert_eq!(holder(taken(&address, container.clone())).await, container);
        assert!(holder(unnamed(&address)).await.unwrap().to_string().ends_with(&pid));
        drop(listener);
        assert_eq!(holder(taken(&address, None)).await, None);
        let refused = with_holder(unnamed(&address), &MemoryEngine::new()).await;
        assert!(matches!(refused, ExecuteError::Target { source: TargetError::StartFailed { .. }, .. }), "{refused}");
    }
}
