//! A byte stream to a container's port: the published port, the container's address, or a helper on its network.
//! Reads where the engine is and how the container is attached; returns the first way that carries bytes.
//! Never takes a loopback address of another machine for one of this one.

mod dialled;
mod helper;
mod relay;

use std::io::ErrorKind;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use tokio::net::TcpStream;

pub(super) use dialled::Dialled;

use super::DockerEngine;
use crate::plan::{EngineInfo, InstanceState, ObservedInstance, ObservedPort};
use crate::target::{BoxDuplex, TargetError};

/// How long a connection over a bridge of this machine, or to another machine, may take.
const NEAR: Duration = Duration::from_secs(1);
const FAR: Duration = Duration::from_secs(3);

/// The result of one way.
enum Way {
    Open(BoxDuplex),
    /// The other side was reached and said no.
    Refused,
    /// Nothing came back.
    Closed,
}

impl DockerEngine {
    pub(super) async fn dial_port(&self, container: &ObservedInstance, port: u16) -> Result<BoxDuplex, TargetError> {
        if !matches!(container.state, InstanceState::Running | InstanceState::Paused) {
            let reason = format!("it is {}", container.state.word());
            return Err(TargetError::NoRoute { container: container.name.clone(), port, reason });
        }
        let engine = &self.connection.engine;
        for place in published(engine, container, port) {
            if let Way::Open(stream) = self.try_way(&place, if engine.local { NEAR } else { FAR }).await {
                return Ok(stream);
            }
        }
        for address in addresses(engine, container) {
            match self.try_way(&SocketAddr::new(address, port).to_string(), NEAR).await {
                Way::Open(stream) => return Ok(stream),
                // The container itself answered: no other way says anything else.
                Way::Refused => return Err(TargetError::NotListening { container: container.name.clone(), port }),
                Way::Closed => {}
            }
        }
        self.dial_by_helper(container, port).await
    }

    async fn try_way(&self, place: &str, timeout: Duration) -> Way {
        let host = place.rsplit_once(':').map_or(place, |(host, _)| host);
        if self.dialled.is_dead_end(host) {
            return Way::Closed;
        }
        match tokio::time::timeout(timeout, TcpStream::connect(place)).await {
            Ok(Ok(stream)) => {
                let _ = stream.set_nodelay(true);
                Way::Open(Box::new(stream))
            }
            Ok(Err(error)) if matches!(error.kind(), ErrorKind::ConnectionRefused | ErrorKind::ConnectionReset) => {
                Way::Refused
            }
            // What does not answer once is not worth a second wait.
            _ => {
                self.dialled.close(host);
                Way::Closed
            }
        }
    }
}

/// `host:port` of every published binding that is reached from here.
fn published(engine: &EngineInfo, container: &ObservedInstance, port: u16) -> Vec<String> {
    let bound = |p: &&ObservedPort| p.target == port && p.protocol == "tcp" && p.published != 0;
    let place = |p: &ObservedPort| {
        let host = if engine.local { here(&p.host).to_owned() } else { there(engine, &p.host)? };
        let host = if host.contains(':') { format!("[{host}]") } else { host };
        Some(format!("{host}:{}", p.published))
    };
    container.ports.iter().filter(bound).filter_map(place).collect()
}

/// The address of this machine behind a binding.
fn here(bound: &str) -> &str {
    match bound {
        "" | "0.0.0.0" => "127.0.0.1",
        "::" => "::1",
        other => other,
    }
}

/// The address of another machine's binding. A loopback address, of the binding or of the engine (a tunnel), names
/// this machine, where something else may listen.
fn there(engine: &EngineInfo, bound: &str) -> Option<String> {
    let bound = if matches!(bound, "" | "0.0.0.0" | "::") { None } else { Some(bound) };
    let host = match bound {
        Some(bound) => bound.to_owned(),
        None => host_of(&engine.address)?,
    };
    let loopback = host == "localhost" || host.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback());
    (!loopback).then_some(host)
}

/// The host of `ssh://user@host:22`, `tcp://[::1]:2376`.
fn host_of(address: &str) -> Option<String> {
    let rest = address.split_once("://")?.1.split('/').next()?;
    let rest = rest.rsplit_once('@').map_or(rest, |(_, host)| host);
    let host = match rest.strip_prefix('[') {
        Some(v6) => v6.split(']').next()?,
        None => rest.split(':').next()?,
    };
    Some(host.to_owned()).filter(|host| !host.is_empty())
}

/// The container's own addresses, when its networks are this machine's.
fn addresses(engine: &EngineInfo, container: &ObservedInstance) -> Vec<IpAddr> {
    if !engine.local {
        return Vec::new();
    }
    if container.docker.network_mode == "host" {
        return vec![IpAddr::from([127, 0, 0, 1])];
    }
    container.docker.networks.values().filter_map(|(_, address)| address.parse().ok()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::DockerContainer;

    fn engine(address: &str) -> EngineInfo {
        EngineInfo { address: address.into(), local: address.starts_with("unix:"), ..Default::default() }
    }

    fn container(host: &str) -> ObservedInstance {
        let port = ObservedPort { target: 80, protocol: "tcp".into(), host: host.into(), published: 8080 };
        let networks = [("net".to_owned(), ("id".to_owned(), "172.18.0.2".to_owned()))].into();
        let docker = DockerContainer { networks, ..Default::default() };
        ObservedInstance { ports: vec![port], docker, ..Default::default() }
    }

    #[test]
    fn a_published_port_is_looked_for_on_the_engines_machine() {
        for (address, bound, expected) in [
            ("unix:///var/run/docker.sock", "0.0.0.0", Some("127.0.0.1:8080")),
            ("unix:///var/run/docker.sock", "::", Some("[::1]:8080")),
            ("unix:///var/run/docker.sock", "192.0.2.7", Some("192.0.2.7:8080")),
            ("ssh://deploy@prod:2222", "0.0.0.0", Some("prod:8080")),
            ("tcp://[2001:db8::1]:2376", "::", Some("[2001:db8::1]:8080")),
            ("ssh://deploy@prod", "127.0.0.1", None),
            ("tcp://localhost:2375", "0.0.0.0", None),
            ("tcp://127.0.0.1:2375", "192.0.2.7", Some("192.0.2.7:8080")),
        ] {
            let found = published(&engine(address), &container(bound), 80);
            assert_eq!(found.first().map(String::as_str), expected, "{address} {bound}");
            assert!(published(&engine(address), &container(bound), 81).is_empty());
        }
    }

    #[test]
    fn container_addresses_count_on_this_machine_only() {
        assert_eq!(addresses(&engine("unix:///s"), &container("")), ["172.18.0.2".parse::<IpAddr>().unwrap()]);
        assert!(addresses(&engine("ssh://prod"), &container("")).is_empty());
    }
}
