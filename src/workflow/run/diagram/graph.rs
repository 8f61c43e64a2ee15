//! The stack as a graph: services with their state, what each waits for, and the networks they meet on.
//! Reads the loaded stack and what was found; returns the graph every drawing is made from.
//! Never draws.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::compose::model::{Condition, Service, ServicePort, Stack};
use crate::plan::{Health, InstanceState, Observed, ObservedInstance};
use crate::session::report::Tone;

/// Services, networks and how they hang together.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub(super) struct Graph {
    /// Project name.
    pub(super) project: String,
    /// Services by name.
    pub(super) services: Vec<Node>,
    /// Networks by name; unused ones are left out.
    pub(super) networks: Vec<NetworkNode>,
    /// Why the states are unknown.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) state_unknown: Option<String>,
}

/// A service.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub(super) struct Node {
    /// Name.
    pub(super) name: String,
    /// How its containers are; the worst of several.
    pub(super) state: State,
    /// Published ports: `127.0.0.1:8000->80`, `53->53/udp`.
    pub(super) ports: Vec<String>,
    /// Names of its networks.
    pub(super) networks: Vec<String>,
    /// What it waits for.
    pub(super) depends_on: Vec<Edge>,
}

/// Waiting for a service.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub(super) struct Edge {
    /// The service waited for.
    pub(super) service: String,
    /// What of it is waited for.
    pub(super) condition: Condition,
}

/// A network.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub(super) struct NetworkNode {
    /// Name.
    pub(super) name: String,
    /// No way out.
    pub(super) internal: bool,
    /// Not made by this project.
    pub(super) external: bool,
}

/// How a service is, from well to broken.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum State {
    #[default]
    Unknown,
    Healthy,
    Running,
    Ended,
    Missing,
    Stopped,
    Starting,
    Unhealthy,
    Failed,
}

impl State {
    pub(super) const fn word(self) -> &'static str {
        match self {
            Self::Unknown => "unknown",
            Self::Healthy => "healthy",
            Self::Running => "running",
            Self::Ended => "ended",
            Self::Missing => "missing",
            Self::Stopped => "stopped",
            Self::Starting => "starting",
            Self::Unhealthy => "unhealthy",
            Self::Failed => "failed",
        }
    }

    pub(super) const fn tone(self) -> Tone {
        match self {
            Self::Healthy | Self::Running => Tone::Good,
            Self::Unknown | Self::Ended => Tone::Dim,
            Self::Missing | Self::Stopped | Self::Starting => Tone::Warn,
            Self::Unhealthy | Self::Failed => Tone::Bad,
        }
    }

    fn of(container: &ObservedInstance) -> Self {
        match (container.state, container.health, container.exit_code) {
            (InstanceState::Running, Health::Healthy, _) => Self::Healthy,
            (InstanceState::Running, Health::None, _) => Self::Running,
            (InstanceState::Running, Health::Starting, _) => Self::Starting,
            (InstanceState::Running, Health::Unhealthy, _) => Self::Unhealthy,
            (InstanceState::Exited, _, Some(0)) => Self::Ended,
            (InstanceState::Created | InstanceState::Paused | InstanceState::Removing, ..) => Self::Stopped,
            (InstanceState::Exited | InstanceState::Dead | InstanceState::Restarting, ..) => Self::Failed,
        }
    }
}

impl Graph {
    /// The graph of the enabled services; without an observation their states are unknown.
    pub(super) fn new(stack: &Stack, observed: Result<Observed, String>) -> Self {
        let (observed, state_unknown) = match observed {
            Ok(observed) => (Some(observed), None),
            Err(why) => (None, Some(why)),
        };
        let services: Vec<Node> =
            stack.services.iter().map(|(name, service)| node(name, service, observed.as_ref())).collect();
        let is_joined = |name: &&String| services.iter().any(|service| service.networks.contains(name));
        let joined: BTreeMap<&String, _> = stack.networks.iter().filter(|(name, _)| is_joined(name)).collect();
        let networks = joined.into_iter().map(|(name, network)| NetworkNode {
            name: name.clone(),
            internal: network.internal,
            external: network.external,
        });
        Self { project: stack.name.clone(), networks: networks.collect(), services, state_unknown }
    }

    /// Place of a service in `services`.
    pub(super) fn index(&self, service: &str) -> Option<usize> {
        self.services.iter().position(|node| node.name == service)
    }

    /// Places of the services a service waits for; what is not drawn is left out.
    pub(super) fn waits_for(&self, service: usize) -> Vec<(usize, Condition)> {
        let edges = self.services[service].depends_on.iter();
        edges.filter_map(|edge| Some((self.index(&edge.service)?, edge.condition))).collect()
    }
}

impl NetworkNode {
    /// `backend (internal)`.
    pub(super) fn label(&self) -> String {
        match (self.internal, self.external) {
            (true, _) => format!("{} (internal)", self.name),
            (false, true) => format!("{} (external)", self.name),
            (false, false) => self.name.clone(),
        }
    }
}

fn node(name: &str, service: &Service, observed: Option<&Observed>) -> Node {
    let edge = |(service, dependency): (&String, &crate::compose::model::Dependency)| Edge {
        service: service.clone(),
        condition: dependency.condition,
    };
    Node {
        name: name.to_owned(),
        state: observed.map_or(State::Unknown, |observed| state(name, observed)),
        ports: service.ports.iter().map(port).collect(),
        networks: service.networks.keys().cloned().collect(),
        depends_on: service.depends_on.iter().map(edge).collect(),
    }
}

fn state(service: &str, observed: &Observed) -> State {
    let own = observed.instances.iter().filter(|container| container.service == service && !container.one_off);
    own.map(State::of).max().unwrap_or(State::Missing)
}

fn port(port: &ServicePort) -> String {
    let host = match port.host_ip.as_str() {
        "" | "0.0.0.0" => String::new(),
        host if host.contains(':') => format!("[{host}]:"),
        host => format!("{host}:"),
    };
    let published = if port.published.is_empty() { "any" } else { &port.published };
    let protocol = if matches!(port.protocol.as_str(), "" | "tcp") { "" } else { &format!("/{}", port.protocol) };
    format!("{host}{published}->{}{protocol}", port.target)
}
