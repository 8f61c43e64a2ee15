//! Finds the host port that kept a container from starting, and the container that publishes it. Compares port bindings
//! first; the engine's message, which differs between versions, decides last.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::Deserialize;

use crate::engine::docker::connection::Connection;
use crate::engine::docker::host_port::HostPort;
use crate::engine::docker::inspect::Binding;
use crate::engine::docker::observe;
use crate::engine::docker::query::encoded;
use crate::target::{PortOwner, TargetError};

/// From a container's allocation of a host port until the engine lists it, and some more.
const BEING_STARTED: Duration = Duration::from_millis(400);

/// The port bindings of a container, running or not.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Inspected {
    host_config: Option<HostConfig>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct HostConfig {
    port_bindings: Option<BTreeMap<String, Option<Vec<Binding>>>>,
}

/// The host ports a container binds by number; ranges are left to the engine.
async fn wanted(connection: &Connection, container: &str) -> Vec<HostPort> {
    let path = format!("/containers/{}/json", encoded(container));
    let Ok(found) = connection.get::<Inspected>(&path, "reading the host ports").await else { return Vec::new() };
    let bindings = found.host_config.and_then(|config| config.port_bindings).unwrap_or_default();
    let of = |(target, bound): (String, Option<Vec<Binding>>)| {
        let protocol = target.split_once('/').map_or("tcp", |(_, protocol)| protocol).to_owned();
        bound.into_iter().flatten().filter_map(move |binding| {
            let address = if binding.host_ip.is_empty() { "0.0.0.0".to_owned() } else { binding.host_ip };
            let number = binding.host_port.parse().ok().filter(|number| *number != 0)?;
            Some(HostPort { address, number, protocol: protocol.clone() })
        })
    };
    bindings.into_iter().flat_map(of).collect()
}

/// The error of a failed start if a host port is the reason: a running container publishes it, or the message says that it
/// is in use. `Err` lists the ports that the message names without a known reason.
pub(super) async fn taken(connection: &Connection, container: &str, refusal: &str) -> Result<TargetError, Vec<String>> {
    let wanted = wanted(connection, container).await;
    let named: Vec<&HostPort> = wanted.iter().filter(|port| port.is_named_in(refusal)).collect();
    for attempt in 0..2 {
        for port in &wanted {
            if let Ok(Some(name)) = observe::publisher_of(connection, port).await {
                return Ok(TargetError::PortTaken { port: port.to_string(), holder: Some(PortOwner::Container(name)) });
            }
        }
        if named.is_empty() || attempt > 0 {
            break;
        }
        // A container that is being started is not listed yet.
        tokio::time::sleep(BEING_STARTED).await;
    }
    match named.first() {
        Some(port) if is_in_use(refusal) => Ok(TargetError::PortTaken { port: port.to_string(), holder: None }),
        _ => Err(named.into_iter().map(HostPort::to_string).collect()),
    }
}

/// The kernel's text for EADDRINUSE, and the engine's for a port it allocated itself.
fn is_in_use(refusal: &str) -> bool {
    refusal.contains("address already in use") || refusal.contains("already allocated")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_port_is_found_in_the_messages_of_old_and_current_engines() {
        let port = HostPort { address: "127.0.0.1".into(), number: 8080, protocol: "tcp".into() };
        for refusal in [
            "driver failed programming external connectivity on endpoint x: Error starting userland proxy: \
             listen tcp4 127.0.0.1:8080: bind: address already in use",
            "driver failed: Bind for 127.0.0.1:8080 failed: port is already allocated",
            "failed to set up container networking: driver failed programming external connectivity on endpoint x: \
             failed to bind host port 127.0.0.1:8080/tcp: address already in use",
        ] {
            assert!(port.is_named_in(refusal) && is_in_use(refusal), "{refusal}");
        }
        assert!(!port.is_named_in("Bind for 127.0.0.1:80801 failed") && !port.is_named_in("no such file"));
    }
}
