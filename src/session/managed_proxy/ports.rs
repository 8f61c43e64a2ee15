//! Which published ports a managed proxy takes over: HTTP ports of services that can run twice, or those of the routes.

use std::collections::{BTreeMap, BTreeSet};

use crate::compose::model::{Service, ServicePort, Stack};
use crate::plan::blue_green::obstacle;
use crate::project::{Listener, Route};

/// Ports of containers that are known to speak something else than HTTP.
const NOT_HTTP: &[u32] = &[
    21, 22, 23, 25, 53, 110, 143, 389, 465, 587, 636, 993, 995, 1433, 1521, 1883, 2181, 2379, 2380, 3306, 4222, 5432,
    5433, 5671, 5672, 6334, 6379, 6380, 6432, 7687, 8883, 9042, 9092, 9300, 11211, 27017, 50051,
];

/// Words of image names of services that speak something else than HTTP.
const NOT_HTTP_IMAGES: &[&str] = &[
    "cassandra",
    "etcd",
    "kafka",
    "keydb",
    "mariadb",
    "memcached",
    "mongo",
    "mongodb",
    "mosquitto",
    "mysql",
    "nats",
    "percona",
    "pgbouncer",
    "pgvector",
    "postgis",
    "postgres",
    "postgresql",
    "rabbitmq",
    "redis",
    "scylla",
    "timescaledb",
    "valkey",
    "zookeeper",
];

/// Words of image names that say it only works for such a service, and may well speak HTTP.
const COMPANIONS: &[&str] = &["admin", "commander", "exporter", "express", "gateway", "insight", "rest", "ui", "webui"];

/// Words of image names of reverse proxies.
const PROXIES: &[&str] = &["apache", "caddy", "envoy", "haproxy", "httpd", "nginx", "openresty", "swag", "traefik"];

/// Ports of TLS, which nginx would have to speak itself.
const TLS: &[u32] = &[443, 8443];

/// A port that moves to the proxy.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Moved {
    /// The service it was published by.
    pub(super) service: String,
    /// Address of the host, empty for all.
    pub(super) host: String,
    /// Port of the host, and the one the proxy listens on.
    pub(super) port: u16,
}

/// The ports of a stack as a managed proxy sees them.
#[derive(Debug, Default)]
pub(super) struct Found {
    /// The ports it takes over.
    pub(super) moved: BTreeSet<Moved>,
    /// Without routes in the project file: where each of them leads.
    pub(super) listeners: Vec<Listener>,
    /// Services that keep their ports, with the reason.
    pub(super) kept: BTreeMap<String, String>,
}

/// All HTTP ports of all services that can run twice.
pub(super) fn derived(stack: &Stack) -> Found {
    let mut found = Found::default();
    for (name, service) in stack.services.iter().filter(|(_, service)| service.provider.is_none()) {
        match listeners(stack, (name, service)).and_then(|new| free(&found, new)) {
            Ok(new) => {
                found.moved.extend(new.iter().map(|(moved, _)| moved.clone()));
                let of_port = new.into_iter().map(|(_, listener)| (listener.listen, listener));
                found.listeners.extend(of_port.collect::<BTreeMap<u16, Listener>>().into_values());
            }
            Err(reason) => drop(found.kept.insert(name.clone(), reason)),
        }
    }
    found
}

/// The listeners of a service, or why it keeps its ports.
fn listeners(stack: &Stack, (name, service): (&str, &Service)) -> Result<Vec<(Moved, Listener)>, String> {
    if service.ports.is_empty() {
        return Err("it publishes no port".to_owned());
    }
    if !service.profiles.is_empty() {
        return Err("it belongs to a profile".to_owned());
    }
    let image = service.image_or_default(&stack.name, name);
    if speaks_no_http(&image) {
        return Err(format!("{image} is not an HTTP service"));
    }
    if service.scale() != 1 {
        return Err(format!("it has {} replicas", service.scale()));
    }
    if let Some(obstacle) = obstacle(stack, name, service) {
        return Err(obstacle);
    }
    let listener = |port: &ServicePort| {
        let (moved, target) = single(name, port)?;
        http(port)?;
        Ok((moved.clone(), Listener { listen: moved.port, service: name.to_owned(), port: target }))
    };
    service.ports.iter().map(listener).collect()
}

/// One port of the proxy leads to one service.
fn free(found: &Found, new: Vec<(Moved, Listener)>) -> Result<Vec<(Moved, Listener)>, String> {
    for (index, (moved, listener)) in new.iter().enumerate() {
        let earlier = new[..index].iter().map(|(_, listener)| listener).chain(&found.listeners);
        if let Some(other) = earlier.into_iter().find(|other| other.listen == moved.port && *other != listener) {
            return Err(format!("its host port {} also leads to port {} of {}", moved.port, other.port, other.service));
        }
    }
    Ok(new)
}

/// All ports of the services that routes lead to. Each of them must lead somewhere: afterwards all routes are on all ports.
pub(super) fn of_routes(routes: &[Route], stack: &Stack) -> Result<Found, String> {
    let mut found = Found::default();
    let names: BTreeSet<&String> = routes.iter().map(|route| &route.service).collect();
    for (name, service) in names.into_iter().filter_map(|name| Some((name, stack.services.get(name)?))) {
        for port in &service.ports {
            let said = |reason: String| format!("`{name}` cannot be put behind the managed proxy: {reason}");
            let (moved, target) = single(name, port).map_err(said)?;
            if !routes.iter().any(|route| route.service == *name && route.port == target) {
                return Err(said(format!("no route leads to its published port {target}")));
            }
            // The same port of another service leads to the same routes.
            let is_there = found.moved.iter().any(|other| (&other.host, other.port) == (&moved.host, moved.port));
            if !is_there {
                found.moved.insert(moved);
            }
        }
    }
    Ok(found)
}

/// A port of the host that leads to one port of the container.
fn single(service: &str, port: &ServicePort) -> Result<(Moved, u16), String> {
    let ServicePort { target, published, protocol, host_ip, .. } = port;
    if !matches!(protocol.as_str(), "" | "tcp") {
        return Err(format!("its port {target}/{protocol} is not TCP"));
    }
    if published.is_empty() || published == "0" {
        return Err(format!("its port {target} has no fixed port on the host"));
    }
    let both = published.parse::<u16>().ok().zip(u16::try_from(*target).ok());
    let Some((host, target)) = both else {
        return Err(format!("its host ports {published} are a range"));
    };
    Ok((Moved { service: service.to_owned(), host: host_ip.clone(), port: host }, target))
}

/// Whether a port may speak HTTP in the clear.
fn http(port: &ServicePort) -> Result<(), String> {
    let ServicePort { target, published, app_protocol, .. } = port;
    if !matches!(app_protocol.as_str(), "" | "http" | "http1" | "ws") {
        return Err(format!("its port {target} has the application protocol {app_protocol}"));
    }
    let is_tls = |port: u32| TLS.contains(&port);
    if is_tls(*target) || published.parse().is_ok_and(is_tls) {
        return Err(format!("its port {target} is a TLS port"));
    }
    if NOT_HTTP.contains(target) {
        return Err(format!("its port {target} is not an HTTP port"));
    }
    Ok(())
}

fn speaks_no_http(image: &str) -> bool {
    let words = words(image);
    let has = |list: &[&str]| words.iter().any(|word| list.contains(&word.as_str()));
    has(NOT_HTTP_IMAGES) && !has(COMPANIONS)
}

/// Whether an image is a reverse proxy by its name.
pub(super) fn is_proxy(image: &str) -> bool {
    words(image).iter().any(|word| PROXIES.contains(&word.as_str()))
}

/// The words of the last part of an image's repository.
fn words(image: &str) -> Vec<String> {
    let repository = image.split('@').next().unwrap_or(image);
    let last = repository.rsplit('/').next().unwrap_or(repository);
    let name = last.split(':').next().unwrap_or(last).to_ascii_lowercase();
    name.split(['-', '_', '.']).map(str::to_owned).collect()
}
