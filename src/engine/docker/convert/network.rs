//! Networks and ports of a container.
//! Reads a spec's attachments and the service's settings for each; returns endpoint settings and port maps.
//! Never looks a network up.

use std::net::IpAddr;

use serde_json::{Map, Value, json};

use super::Surroundings;
use super::body::Body;
use super::surroundings::refused;
use crate::compose::model::{Service, ServiceNetwork};
use crate::compose::short_form::port::exposed;
use crate::plan::{ContainerSpec, EngineInfo, NetworkAttachment};
use crate::target::TargetError;

/// The driver option that names the interface inside the container.
const INTERFACE_NAME: &str = "com.docker.network.endpoint.ifname";

/// The resolved mode, else the first network, else none at all.
pub(super) fn network_mode(spec: &ContainerSpec) -> String {
    let first = || spec.networks.first().map_or("none", |attachment| &attachment.network);
    spec.network_mode.as_deref().unwrap_or_else(first).to_owned()
}

/// The DNS servers, which must be addresses: engines of today accept anything, and a container then resolves nothing.
pub(super) fn dns_servers(spec: &ContainerSpec) -> Result<&[String], TargetError> {
    // `fe80::1%eth0` names an interface too.
    let is_address = |text: &&String| text.split('%').next().is_some_and(|text| text.parse::<IpAddr>().is_ok());
    match spec.service.dns.iter().find(|text| !is_address(text)) {
        Some(text) => Err(refused(spec, format!("invalid DNS address `{text}`"))),
        None => Ok(&spec.service.dns),
    }
}

/// From API 1.44 on all networks travel in the request; before, only the first, and the others are attached one by one.
pub(super) fn networking(spec: &ContainerSpec, around: &Surroundings<'_>) -> Option<Value> {
    if spec.network_mode.is_some() || spec.networks.is_empty() {
        return None;
    }
    let count = if around.engine.api_at_least(1, 44) { spec.networks.len() } else { 1 };
    let endpoints: Map<String, Value> = spec.networks[..count]
        .iter()
        .map(|attachment| (attachment.network.clone(), endpoint(spec, attachment, around)))
        .collect();
    Some(json!({ "EndpointsConfig": endpoints }))
}

/// The settings of one attachment.
pub(in crate::engine::docker) fn endpoint(
    spec: &ContainerSpec,
    attachment: &NetworkAttachment,
    around: &Surroundings<'_>,
) -> Value {
    let mut body = Body::default();
    body.list("Aliases", &attachment.aliases);
    body.list("Links", around.links);
    let first = spec.networks.first().is_some_and(|first| first.network == attachment.network);
    let mut mac = if first { spec.service.mac_address.as_str() } else { "" };
    if let Some(Some(config)) = spec.service.networks.get(&attachment.key) {
        settings(config, around.engine, &mut body);
        if !config.mac_address.is_empty() {
            mac = &config.mac_address;
        }
    }
    body.text("MacAddress", mac);
    body.finish()
}

fn settings(config: &ServiceNetwork, engine: &EngineInfo, body: &mut Body) {
    let mut addresses = Body::default();
    addresses.text("IPv4Address", &config.ipv4_address);
    addresses.text("IPv6Address", &config.ipv6_address);
    addresses.list("LinkLocalIPs", &config.link_local_ips);
    body.value("IPAMConfig", addresses.finish());
    body.text("IPAddress", &config.ipv4_address);
    let mut options = config.driver_opts.clone();
    if !config.interface_name.is_empty() {
        options.insert(INTERFACE_NAME.to_owned(), config.interface_name.clone());
    }
    body.map("DriverOpts", &options);
    if engine.api_at_least(1, 48) {
        body.number("GwPriority", config.gw_priority);
    }
}

/// Before API 1.44 a container has one MAC address, on its first network.
pub(super) fn container_mac(spec: &ContainerSpec, engine: &EngineInfo) -> Result<Option<String>, TargetError> {
    if engine.api_at_least(1, 44) {
        return Ok(None);
    }
    let configured = |key: &str| {
        let config = spec.service.networks.get(key)?.as_ref()?;
        Some(config.mac_address.clone()).filter(|mac| !mac.is_empty())
    };
    if spec.networks.iter().filter(|n| configured(&n.key).is_some()).count() > 1 {
        return Err(TargetError::Unsupported {
            feature: "a MAC address on more than one network".to_owned(),
            needed: "1.44".to_owned(),
            found: engine.api_version.clone(),
        });
    }
    let first = spec.networks.first().and_then(|n| configured(&n.key));
    Ok(first.or_else(|| Some(spec.service.mac_address.clone()).filter(|mac| !mac.is_empty())))
}

pub(super) fn exposed_ports(service: &Service) -> Value {
    let mut ports = Map::new();
    for exposed in service.expose.iter().filter_map(|text| exposed(text)) {
        ports.extend(exposed.ports().map(|port| (format!("{port}/{}", exposed.protocol), json!({}))));
    }
    for port in &service.ports {
        ports.insert(format!("{}/{}", port.target, protocol(&port.protocol)), json!({}));
    }
    Value::Object(ports)
}

pub(super) fn port_bindings(service: &Service) -> Value {
    let mut bindings = Map::<String, Value>::new();
    for port in &service.ports {
        let entry =
            bindings.entry(format!("{}/{}", port.target, protocol(&port.protocol))).or_insert_with(|| json!([]));
        if let Value::Array(list) = entry {
            list.push(json!({ "HostIp": port.host_ip, "HostPort": port.published }));
        }
    }
    Value::Object(bindings)
}

fn protocol(word: &str) -> &str {
    if word.is_empty() { "tcp" } else { word }
}
