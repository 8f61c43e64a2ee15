//! Whose a port or a name is that the engine was refused: a process of this machine, or another container.
//! Reads the failure, what the engine says of its machine and its containers, and this machine's sockets; returns the
//! failure with the name and what can be done about it.
//! Never looks at this machine's sockets for an engine that runs elsewhere.

use std::net::SocketAddr;

use crate::error::Error;
use crate::execute::ExecuteError;
use crate::host::{PortHolder, Protocol, host_name, port_holder_on};
use crate::plan::{ContainerOperation, Operation, labels};
use crate::target::{CONTAINER, Target, TargetError};

/// The status with which an engine refuses a name that is in use.
const CONFLICT: u16 = 409;

/// The same failure; a port nobody is named for is said to be its process's. Containers the engine names itself.
async fn with_holder(error: ExecuteError, target: &dyn Target) -> ExecuteError {
    let ExecuteError::Target { subject, source: TargetError::PortTaken { port, holder: None } } = error else {
        return error;
    };
    let holder = if is_here(target).await { listener(&port).map(|found| found.to_string()) } else { None };
    ExecuteError::Target { subject, source: TargetError::PortTaken { port, holder } }
}

/// The failure as an error, with what can be done about a container that stands in the way. `failed`: the operation.
pub async fn explained(
    error: ExecuteError,
    failed: Option<&Operation>,
    (target, project): (&dyn Target, &str),
) -> Error {
    let error = with_holder(error, target).await;
    let hint = match &error {
        ExecuteError::Target { source: TargetError::PortTaken { holder: Some(holder), .. }, .. } => {
            orphan_hint(holder, (target, project)).await
        }
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

/// A container of this very project that stands in the way of another is mostly one the files no longer have.
async fn orphan_hint(holder: &str, (target, project): (&dyn Target, &str)) -> Option<String> {
    let container = target.observe_instance(holder.strip_prefix(CONTAINER)?).await.ok()?;
    let is_own = container.labels.get(labels::PROJECT).is_some_and(|name| name == project);
    is_own.then(|| {
        let service = &container.service;
        format!("if the files no longer have service `{service}`, remove it with `aictl start --remove-orphans`")
    })
}

/// Whose the name is that a container was to have.
async fn name_hint(failed: Option<&Operation>, (target, project): (&dyn Target, &str)) -> Option<String> {
    let Some(Operation::Container(ContainerOperation::Create(spec))) = failed else { return None };
    let holder = target.observe_instance(&spec.name).await.ok()?;
    let of = |label: &str| holder.labels.get(label).map(String::as_str);
    let whose = match (of(labels::PROJECT), of(labels::WORKING_DIR)) {
        (Some(other), folder) if other != project => {
            let folder = folder.map(|folder| format!(" in {folder}")).unwrap_or_default();
            format!("it is service `{}` of project `{other}`{folder}", holder.service)
        }
        (Some(_), _) => format!("it is service `{}` of this project", holder.service),
        (None, _) => "it belongs to no project".to_owned(),
    };
    Some(format!("{whose}; remove it with `docker rm --force {}`, or choose another name", spec.name))
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

    fn taken(port: &str, holder: Option<&str>) -> ExecuteError {
        let source = TargetError::PortTaken { port: port.to_owned(), holder: holder.map(str::to_owned) };
        ExecuteError::Target { subject: "could not start container a-1".to_owned(), source }
    }

    async fn holder(error: ExecuteError) -> Option<String> {
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
        assert!(holder(taken(&address, None)).await.unwrap().ends_with(&pid));
        assert_eq!(holder(taken(&address, Some("container b"))).await.as_deref(), Some("container b"));
        drop(listener);
        assert_eq!(holder(taken(&address, None)).await, None);
    }
}
