//! The addresses a person can open: from published ports of running containers.
//! Reads observed containers and where the engine is; returns URLs or `host:port`.
//! Never connects.

use crate::plan::{EngineInfo, ObservedInstance, ObservedPort};

/// Ports with HTTP in every image this project knows; others are shown as `host:port`.
const HTTP: [u16; 14] = [80, 3000, 5000, 5601, 6333, 8000, 8080, 8081, 8888, 9090, 9093, 9100, 9121, 9187];

/// The address of one published port, as a person types it.
pub fn address(engine: &EngineInfo, port: &ObservedPort) -> String {
    let host = match port.host.as_str() {
        "" | "0.0.0.0" | "::" => remote_host(engine).unwrap_or("localhost"),
        "127.0.0.1" | "::1" => "localhost",
        other => other,
    };
    let host = if host.contains(':') { format!("[{host}]") } else { host.to_owned() };
    match port.target {
        443 | 8443 if port.published == 443 => format!("https://{host}"),
        443 | 8443 => format!("https://{host}:{}", port.published),
        target if port.protocol != "udp" && (HTTP.contains(&target) || target == 9200) => match port.published {
            80 => format!("http://{host}"),
            published => format!("http://{host}:{published}"),
        },
        _ => format!("{host}:{}", port.published),
    }
}

/// Every address of a container once: IPv4 and IPv6 of one port are one address.
pub fn addresses(engine: &EngineInfo, container: &ObservedInstance) -> Vec<String> {
    let published = container.ports.iter().filter(|p| p.published != 0);
    let mut all: Vec<String> = published.map(|p| address(engine, p)).collect();
    let mut seen = std::collections::BTreeSet::new();
    all.retain(|a| seen.insert(a.clone()));
    all
}

/// The host part of `ssh://user@host:22` or `tcp://host:2376`.
fn remote_host(engine: &EngineInfo) -> Option<&str> {
    let (scheme, rest) = engine.address.split_once("://")?;
    if matches!(scheme, "unix" | "npipe" | "fd") {
        return None;
    }
    let authority = rest.split('/').next()?;
    let host = authority.rsplit('@').next()?;
    Some(host.rsplit_once(':').map_or(host, |(h, _)| h)).filter(|h| !h.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn port(host: &str, published: u16, target: u16) -> ObservedPort {
        ObservedPort { target, protocol: "tcp".into(), host: host.into(), published }
    }

    #[test]
    fn addresses_are_what_a_person_types() {
        let local = EngineInfo { address: "unix:///var/run/docker.sock".into(), ..Default::default() };
        let remote = EngineInfo { address: "ssh://deploy@prod:22".into(), ..Default::default() };
        assert_eq!(address(&local, &port("0.0.0.0", 8000, 8000)), "http://localhost:8000");
        assert_eq!(address(&local, &port("127.0.0.1", 5432, 5432)), "localhost:5432");
        assert_eq!(address(&local, &port("0.0.0.0", 443, 443)), "https://localhost");
        assert_eq!(address(&remote, &port("0.0.0.0", 80, 80)), "http://prod");
        assert_eq!(address(&local, &port("10.0.0.5", 3001, 3000)), "http://10.0.0.5:3001");
    }

    #[test]
    fn ipv4_and_ipv6_of_one_port_are_one_address() {
        let local = EngineInfo::default();
        let ports = vec![port("0.0.0.0", 80, 80), port("::", 80, 80)];
        let container = ObservedInstance { ports, ..Default::default() };
        assert_eq!(addresses(&local, &container), ["http://localhost"]);
    }
}
