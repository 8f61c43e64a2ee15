//! Which process holds a port that the engine was refused.
//! Reads the failure, what the engine says of its machine, and this machine's sockets; returns the failure with the name.
//! Never looks at this machine's sockets for an engine that runs elsewhere.

use std::net::SocketAddr;

use crate::execute::ExecuteError;
use crate::host::{PortHolder, Protocol, host_name, port_holder_on};
use crate::target::{Target, TargetError};

/// The same failure; a port nobody is named for is said to be its process's. Containers the engine names itself.
pub async fn with_holder(error: ExecuteError, target: &dyn Target) -> ExecuteError {
    let ExecuteError::Target { subject, source: TargetError::PortTaken { port, holder: None } } = error else {
        return error;
    };
    let holder = if is_here(target).await { listener(&port).map(|found| found.to_string()) } else { None };
    ExecuteError::Target { subject, source: TargetError::PortTaken { port, holder } }
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
