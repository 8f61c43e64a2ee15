//! Who holds the ports a stack publishes.
//! Reads the stack, the engine's containers and, where the engine is on this machine, its listening sockets.
//! Never opens a port to find out.

use std::net::{IpAddr, Ipv4Addr};

use super::engine_location::EngineLocation;
use crate::compose::model::{Service, Stack};
use crate::host::facts::{PortFact, PortState, Seen};
use crate::host::verdict::PORT_PROXIES;
use crate::host::{PortHolder, Protocol, port_holder_on};
use crate::plan::{Observed, ObservedInstance, Scope};
use crate::target::Target;

/// A host port a service wants.
#[derive(Debug, Clone, PartialEq, Eq)]
struct PublishedPort {
    service: String,
    host: String,
    port: u16,
    protocol: String,
}

impl PublishedPort {
    fn address(&self) -> IpAddr {
        self.host.parse().unwrap_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED))
    }

    fn words(&self) -> String {
        let host = match self.host.as_str() {
            "" => String::new(),
            host if host.contains(':') => format!("[{host}]:"),
            host => format!("{host}:"),
        };
        format!("{host}{}/{}", self.port, self.protocol)
    }

    fn is_held_by(&self, container: &ObservedInstance) -> bool {
        let meets = |host: &str| {
            let other: IpAddr = host.parse().unwrap_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED));
            other.is_unspecified() || self.address().is_unspecified() || other == self.address()
        };
        let same = |p: &crate::plan::ObservedPort| p.published == self.port && p.protocol == self.protocol;
        container.state.is_up() && container.ports.iter().any(|port| same(port) && meets(&port.host))
    }
}

/// The state of every published port.
pub(super) async fn facts(
    stack: Option<&Stack>,
    observed: Option<&Observed>,
    target: Option<&dyn Target>,
    place: &EngineLocation,
) -> Vec<PortFact> {
    let wanted: Vec<PublishedPort> = stack.into_iter().flat_map(|stack| &stack.services).flat_map(published).collect();
    let project = observed.zip(stack).map(|(_, stack)| stack.name.as_str());
    let mut others: Option<Vec<(String, ObservedInstance)>> = None;
    let mut facts = Vec::new();
    for port in wanted {
        let own = observed.and_then(|observed| observed.instances.iter().find(|c| port.is_held_by(c)));
        let mut holder = match own {
            Some(orphan) if stack.is_some_and(|stack| is_orphan(stack, orphan)) => {
                Ok(PortState::Container { name: orphan.name.clone(), project: project.unwrap_or_default().to_owned() })
            }
            Some(container) => Ok(PortState::Ours(container.name.clone())),
            None => on_machine(&port, place),
        };
        // A port of a container is held by the engine's own helper: which container's, only the engine knows.
        if needs_engine(&holder)
            && let Some(target) = target
        {
            if others.is_none() {
                others = Some(other_containers(target, project.unwrap_or_default()).await);
            }
            let found = others.iter().flatten().find(|(_, container)| port.is_held_by(container));
            if let Some((project, container)) = found {
                holder = Ok(PortState::Container { name: container.name.clone(), project: project.clone() });
            }
        }
        facts.push(PortFact { service: port.service.clone(), port: port.words(), holder });
    }
    facts
}

/// A container whose service is not in the compose files; a start leaves it running.
fn is_orphan(stack: &Stack, container: &ObservedInstance) -> bool {
    !container.one_off && stack.all_services().all(|(name, _)| *name != container.service)
}

fn needs_engine(holder: &Seen<PortState>) -> bool {
    match holder {
        Err(_) => true,
        Ok(PortState::Process { words, pid }) => pid.is_none() || PORT_PROXIES.iter().any(|name| words.contains(name)),
        Ok(_) => false,
    }
}

fn on_machine(port: &PublishedPort, place: &EngineLocation) -> Seen<PortState> {
    if !place.local {
        return Err(format!("{}; no container of it uses the port", place.why_not));
    }
    // A container has ports of its own; a virtual machine's are published on this one.
    if place.same_kernel && !place.same_machine {
        return Err(place.why_not.to_owned());
    }
    let protocol = if port.protocol == "udp" { Protocol::Udp } else { Protocol::Tcp };
    Ok(match port_holder_on(port.address(), port.port, protocol) {
        None => PortState::Free,
        Some(holder) => process(&holder),
    })
}

fn process(holder: &PortHolder) -> PortState {
    PortState::Process { words: holder.to_string(), pid: holder.pid }
}

/// Running containers of the other projects.
async fn other_containers(target: &dyn Target, own: &str) -> Vec<(String, ObservedInstance)> {
    let mut found = Vec::new();
    for project in target.observe_projects().await.unwrap_or_default() {
        let runs = project.states.keys().any(|state| state == "running");
        if !runs || project.name == own {
            continue;
        }
        let scope = Scope { project: project.name.clone(), ..Scope::default() };
        let observed = target.observe(&scope).await.unwrap_or_default();
        found.extend(observed.instances.into_iter().map(|container| (project.name.clone(), container)));
    }
    found
}

/// The host ports of a service, ranges spelled out; a service of several containers takes the first free of a range.
fn published((name, service): (&String, &Service)) -> Vec<PublishedPort> {
    if service.scale() == 0 || service.network_mode == "host" {
        return Vec::new();
    }
    let one = |port: &crate::compose::model::ServicePort| {
        let (from, to) = port.published.split_once('-').unwrap_or((&port.published, &port.published));
        let range = from.parse::<u16>().ok().zip(to.parse::<u16>().ok());
        let spelled = range.into_iter().flat_map(|(from, to)| from..=to);
        let protocol = if port.protocol.is_empty() { "tcp" } else { &port.protocol };
        let wanted = |number: u16| PublishedPort {
            service: name.clone(),
            host: port.host_ip.clone(),
            port: number,
            protocol: protocol.to_owned(),
        };
        spelled.map(wanted).collect::<Vec<_>>()
    };
    service.ports.iter().flat_map(one).filter(|wanted| wanted.port != 0).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::compose::model::ServicePort;
    use crate::plan::{InstanceState, ObservedPort};

    fn service(ports: &[(&str, &str)]) -> Service {
        let port = |(host, published): &(&str, &str)| ServicePort {
            host_ip: (*host).to_owned(),
            published: (*published).to_owned(),
            target: 80,
            protocol: "tcp".to_owned(),
            ..Default::default()
        };
        Service { ports: ports.iter().map(port).collect(), ..Default::default() }
    }

    #[test]
    fn ports_are_spelled_out_as_people_write_them() {
        let service = service(&[("", "8000-8001"), ("127.0.0.1", "53"), ("::1", "80"), ("", "")]);
        let wanted = published((&"web".to_owned(), &service));
        let words: Vec<String> = wanted.iter().map(PublishedPort::words).collect();
        assert_eq!(words, ["8000/tcp", "8001/tcp", "127.0.0.1:53/tcp", "[::1]:80/tcp"]);
    }

    #[test]
    fn a_container_holds_a_port_where_the_addresses_meet() {
        let held = |host: &str, state: InstanceState| ObservedInstance {
            state,
            ports: vec![ObservedPort { target: 80, protocol: "tcp".into(), host: host.into(), published: 53 }],
            ..Default::default()
        };
        let service = service(&[("127.0.0.1", "53")]);
        let wanted = published((&"web".to_owned(), &service)).remove(0);
        assert!(wanted.is_held_by(&held("0.0.0.0", InstanceState::Running)));
        assert!(wanted.is_held_by(&held("127.0.0.1", InstanceState::Running)));
        assert!(!wanted.is_held_by(&held("10.0.0.1", InstanceState::Running)));
        assert!(!wanted.is_held_by(&held("0.0.0.0", InstanceState::Exited)));
    }
}
