//! Converts the engine's description of a container to an `ObservedInstance`.
//! Reads the JSON of inspect, only the fields that are needed; returns plain data.
//! Never fails on a word it does not know: engines differ in age.

use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

use serde::Deserialize;

use crate::plan::labels;
use crate::plan::{
    DockerContainer, EngineInfo, Health, HealthCheck, InstanceState, ObservedInstance, ObservedMount, ObservedPort,
};

/// The engine's `start_interval` of a health check that sets none.
const USUAL_START_INTERVAL: Duration = Duration::from_secs(5);

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Inspected {
    id: String,
    name: String,
    created: String,
    #[serde(default)]
    path: String,
    args: Option<Vec<String>>,
    image: String,
    #[serde(default)]
    restart_count: u64,
    state: State,
    config: Config,
    host_config: Option<HostConfig>,
    mounts: Option<Vec<Mount>>,
    network_settings: Option<NetworkSettings>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct State {
    #[serde(default)]
    status: String,
    #[serde(rename = "OOMKilled", default)]
    oom_killed: bool,
    #[serde(default)]
    exit_code: i64,
    #[serde(default)]
    error: String,
    #[serde(default)]
    started_at: String,
    #[serde(default)]
    finished_at: String,
    health: Option<HealthState>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct HealthState {
    #[serde(default)]
    status: String,
    log: Option<Vec<HealthRun>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct HealthRun {
    #[serde(default)]
    exit_code: i64,
    #[serde(default)]
    output: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Config {
    #[serde(default)]
    image: String,
    #[serde(default)]
    tty: bool,
    labels: Option<BTreeMap<String, String>>,
    healthcheck: Option<Healthcheck>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Healthcheck {
    test: Option<Vec<String>>,
    #[serde(default)]
    interval: i64,
    #[serde(default)]
    start_period: i64,
    #[serde(default)]
    start_interval: i64,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct HostConfig {
    #[serde(default)]
    network_mode: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Mount {
    #[serde(rename = "Type", default)]
    kind: String,
    #[serde(default)]
    name: String,
    #[serde(default)]
    source: String,
    #[serde(default)]
    destination: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct NetworkSettings {
    ports: Option<HashMap<String, Option<Vec<Binding>>>>,
    networks: Option<BTreeMap<String, Option<Endpoint>>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Binding {
    #[serde(default)]
    pub(super) host_ip: String,
    #[serde(default)]
    pub(super) host_port: String,
}

#[derive(Deserialize)]
struct Endpoint {
    #[serde(rename = "NetworkID", default)]
    network: String,
    #[serde(rename = "IPAddress", default)]
    address: String,
}

/// The engine's word for a container's state.
pub(super) fn container_state(word: &str) -> InstanceState {
    match word {
        "running" => InstanceState::Running,
        "paused" => InstanceState::Paused,
        "restarting" => InstanceState::Restarting,
        "removing" => InstanceState::Removing,
        "exited" | "stopped" => InstanceState::Exited,
        "dead" => InstanceState::Dead,
        _ => InstanceState::Created,
    }
}

/// The engine's word for a health verdict.
pub(super) fn health(word: &str) -> Health {
    match word {
        "starting" => Health::Starting,
        "healthy" => Health::Healthy,
        "unhealthy" => Health::Unhealthy,
        _ => Health::None,
    }
}

impl Inspected {
    pub(super) fn observed(self, engine: &EngineInfo) -> ObservedInstance {
        let state = container_state(&self.state.status);
        let ended = matches!(state, InstanceState::Exited | InstanceState::Dead | InstanceState::Restarting);
        let labels = self.config.labels.unwrap_or_default();
        let settings = self.network_settings.unwrap_or(NetworkSettings { ports: None, networks: None });
        let command: Vec<String> = std::iter::once(self.path).chain(self.args.unwrap_or_default()).collect();
        // The engine keeps the last verdict of a container that ended.
        let verdict = self.state.health.filter(|_| state.is_up());
        ObservedInstance {
            name: self.name.trim_start_matches('/').to_owned(),
            service: labels.get(labels::SERVICE).cloned().unwrap_or_default(),
            number: labels.get(labels::CONTAINER_NUMBER).and_then(|n| n.parse().ok()).unwrap_or_default(),
            one_off: labels.get(labels::ONE_OFF).is_some_and(|word| word.eq_ignore_ascii_case("true")),
            image: self.config.image,
            state,
            health: verdict.as_ref().map_or(Health::None, |h| health(&h.status)),
            health_log: verdict.and_then(last_failure),
            exit_code: ended.then_some(self.state.exit_code),
            oom_killed: self.state.oom_killed,
            error: Some(self.state.error).filter(|text| !text.is_empty()),
            restarts: self.restart_count,
            created_at: self.created,
            started_at: moment(self.state.started_at),
            finished_at: moment(self.state.finished_at),
            ports: ports(settings.ports.unwrap_or_default()),
            health_check: self.config.healthcheck.and_then(|check| check.observed(engine)),
            docker: DockerContainer {
                config_hash: labels.get(labels::CONFIG_HASH).cloned(),
                image_id: self.image,
                command: command.join(" "),
                networks: networks(settings.networks.unwrap_or_default()),
                network_mode: self.host_config.map(|h| h.network_mode).unwrap_or_default(),
                mounts: self.mounts.unwrap_or_default().into_iter().map(Mount::observed).collect(),
                tty: self.config.tty,
            },
            id: self.id,
            labels,
        }
    }
}

impl Healthcheck {
    fn observed(self, engine: &EngineInfo) -> Option<HealthCheck> {
        let mut check = HealthCheck::of_test(&self.test?, u64::try_from(self.interval).unwrap_or_default())?;
        if self.start_period > 0 && engine.api_at_least(1, 44) {
            let given = u64::try_from(self.start_interval).ok().filter(|given| *given > 0);
            check.start_interval = given.map_or(USUAL_START_INTERVAL, Duration::from_nanos);
        }
        Some(check)
    }
}

impl Mount {
    fn observed(self) -> ObservedMount {
        let source = if self.kind == "volume" { self.name } else { self.source };
        ObservedMount { kind: self.kind, source, target: self.destination }
    }
}

/// Go's zero time means never.
fn moment(text: String) -> Option<String> {
    Some(text).filter(|t| !t.is_empty() && !t.starts_with("0001-"))
}

fn last_failure(state: HealthState) -> Option<String> {
    let last = state.log?.pop()?;
    (last.exit_code != 0).then(|| last.output.trim().to_owned())
}

fn ports(found: HashMap<String, Option<Vec<Binding>>>) -> Vec<ObservedPort> {
    let mut ports = Vec::new();
    for (inside, bindings) in found {
        let (target, protocol) = inside.split_once('/').unwrap_or((&inside, "tcp"));
        let port = ObservedPort {
            target: target.parse().unwrap_or_default(),
            protocol: protocol.to_owned(),
            ..ObservedPort::default()
        };
        match bindings.filter(|b| !b.is_empty()) {
            None => ports.push(port),
            Some(bindings) => ports.extend(bindings.into_iter().map(|binding| ObservedPort {
                host: binding.host_ip,
                published: binding.host_port.parse().unwrap_or_default(),
                ..port.clone()
            })),
        }
    }
    ports.sort();
    ports
}

fn networks(found: BTreeMap<String, Option<Endpoint>>) -> BTreeMap<String, (String, String)> {
    found
        .into_iter()
        .map(|(name, endpoint)| (name, endpoint.map_or_else(Default::default, |e| (e.network, e.address))))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn observed(extra: serde_json::Value) -> ObservedInstance {
        let mut value = serde_json::json!({
            "Id": "abc", "Name": "/a-api-1", "Created": "2026-01-01T00:00:00Z", "Path": "sh", "Args": ["-c", "x"],
            "Image": "sha256:1", "State": {"Status": "running", "FinishedAt": "0001-01-01T00:00:00Z"},
            "Config": {"Image": "api", "Labels": {labels::SERVICE: "api", labels::CONTAINER_NUMBER: "2", labels::ONE_OFF: "False"}},
        });
        for (key, part) in extra.as_object().unwrap() {
            value[key] = part.clone();
        }
        serde_json::from_value::<Inspected>(value).unwrap().observed(&EngineInfo::default())
    }

    #[test]
    fn a_running_container_has_no_exit_code_and_never_ended() {
        let container = observed(serde_json::json!({}));
        assert_eq!((container.name.as_str(), container.service.as_str(), container.number), ("a-api-1", "api", 2));
        assert_eq!((container.exit_code, container.finished_at, container.one_off), (None, None, false));
        assert_eq!(container.docker.command, "sh -c x");
    }

    #[test]
    fn an_ended_container_says_how() {
        let container = observed(serde_json::json!({"State": {"Status": "exited", "ExitCode": 3, "OOMKilled": true}}));
        assert_eq!(
            (container.state, container.exit_code, container.oom_killed),
            (InstanceState::Exited, Some(3), true)
        );
    }

    #[test]
    fn the_last_failing_health_check_is_kept_and_a_passing_one_is_not() {
        let state = |code: i64| {
            serde_json::json!({"State": {"Status": "running",
                "Health": {"Status": "unhealthy", "Log": [{"ExitCode": code, "Output": "refused\n"}]}}})
        };
        assert_eq!(observed(state(1)).health_log.as_deref(), Some("refused"));
        assert_eq!(observed(state(0)).health_log, None);
    }

    #[test]
    fn a_start_period_has_an_interval_of_its_own_on_engines_that_know_it() {
        let seconds = |api: &str, start_period: u64, start_interval: u64| {
            let check: Healthcheck = serde_json::from_value(serde_json::json!({"Test": ["CMD", "true"],
                "Interval": 300_000_000, "StartPeriod": start_period, "StartInterval": start_interval}))
            .unwrap();
            let engine = EngineInfo { api_version: api.to_owned(), ..EngineInfo::default() };
            check.observed(&engine).unwrap().start_interval.as_secs_f32()
        };
        assert_eq!(seconds("1.44", 1, 0), 5.0);
        assert_eq!(seconds("1.44", 1, 2_000_000_000), 2.0);
        assert_eq!(seconds("1.44", 0, 2_000_000_000), 0.3);
        assert_eq!(seconds("1.41", 1, 2_000_000_000), 0.3);
    }

    #[test]
    fn published_and_exposed_ports_are_told_apart() {
        let container = observed(serde_json::json!({"NetworkSettings": {"Ports": {
            "80/tcp": [{"HostIp": "0.0.0.0", "HostPort": "8080"}], "53/udp": null}}}));
        let shown: Vec<_> = container.ports.iter().map(|p| (p.target, p.protocol.as_str(), p.published)).collect();
        assert_eq!(shown, [(53, "udp", 0), (80, "tcp", 8080)]);
    }
}
