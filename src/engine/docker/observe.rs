//! Seeing what is there: one project, all projects, one container, the engine itself.
//! Reads lists and inspections, as many at once as the engine takes; returns the data of `plan`.
//! Never changes anything.

use std::collections::{BTreeMap, BTreeSet};

use bollard::query_parameters::{EventsOptionsBuilder, WaitContainerOptionsBuilder};
use futures_util::stream::{BoxStream, StreamExt, TryStreamExt};
use futures_util::try_join;
use serde::Deserialize;
use serde_json::json;

use super::DockerEngine;
use super::connection::Connection;
use super::error_mapping;
use super::host_port::HostPort;
use super::inspect::{self, Inspected};
use super::listing::{PARALLEL, present};
use super::query::encoded;
use crate::plan::labels::{CONFIG_FILES, CONFIG_HASH, ONE_OFF, PROJECT, SERVICE};
use crate::plan::{
    Change, ChangeKind, EngineFlavour, EngineHost, EngineInfo, ImageStore, Observed, ObservedInstance, ObservedNetwork,
    ObservedProject, ObservedVolume, Scope,
};
use crate::target::TargetError;

/// How an engine with the containerd image store names the driver of its images.
const CONTAINERD_STORE: &str = "io.containerd.snapshotter.";

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Listed {
    id: String,
    #[serde(default)]
    state: String,
    labels: Option<BTreeMap<String, String>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct ListedNetwork {
    id: String,
    name: String,
    #[serde(default)]
    driver: String,
    labels: Option<BTreeMap<String, String>>,
}

#[derive(Deserialize)]
struct VolumeList {
    #[serde(rename = "Volumes")]
    volumes: Option<Vec<ListedVolume>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct ListedVolume {
    name: String,
    #[serde(default)]
    driver: String,
    labels: Option<BTreeMap<String, String>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Resources {
    #[serde(default)]
    operating_system: String,
    #[serde(default)]
    architecture: String,
    #[serde(rename = "NCPU", default)]
    cpus: u64,
    #[serde(default)]
    mem_total: u64,
    #[serde(default)]
    name: String,
    #[serde(default)]
    kernel_version: String,
    #[serde(default)]
    cgroup_version: String,
    #[serde(default)]
    docker_root_dir: String,
    #[serde(default)]
    system_time: String,
    memory_limit: Option<bool>,
    #[serde(default)]
    security_options: Option<Vec<String>>,
    #[serde(default)]
    driver_status: Option<Vec<Vec<String>>>,
    #[serde(default)]
    index_server_address: String,
    #[serde(default)]
    registry_config: Option<RegistryConfig>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct RegistryConfig {
    #[serde(default)]
    mirrors: Option<Vec<String>>,
}

impl Resources {
    fn host(self) -> EngineHost {
        let flavour = if self.operating_system == "Docker Desktop" || self.name == "docker-desktop" {
            EngineFlavour::DockerDesktop
        } else {
            EngineFlavour::Docker
        };
        let status = self.driver_status.unwrap_or_default();
        let is_containerd = status.iter().flatten().any(|value| value.starts_with(CONTAINERD_STORE));
        let options = self.security_options.unwrap_or_default();
        let mut registries = self.registry_config.and_then(|config| config.mirrors).unwrap_or_default();
        registries.push(self.index_server_address);
        EngineHost {
            flavour,
            rootless: options.iter().any(|option| option == "name=rootless"),
            name: self.name,
            kernel: self.kernel_version,
            cgroup_version: self.cgroup_version,
            data_root: self.docker_root_dir,
            time: self.system_time,
            limits_memory: self.memory_limit.unwrap_or(true),
            image_store: if is_containerd { ImageStore::Containerd } else { ImageStore::Classic },
            registries: registries.into_iter().filter(|url| !url.is_empty()).collect(),
        }
    }
}

impl DockerEngine {
    pub(super) async fn engine_info(&self) -> Result<EngineInfo, TargetError> {
        let found: Resources = self.connection.get("/info", "reading engine information").await?;
        Ok(EngineInfo {
            operating_system: found.operating_system.clone(),
            architecture: found.architecture.clone(),
            cpus: found.cpus,
            memory: found.mem_total,
            host: found.host(),
            ..self.connection.engine.clone()
        })
    }

    pub(super) async fn project(&self, scope: &Scope) -> Result<Observed, TargetError> {
        let connection = &self.connection;
        connection.moments.all_settled().await;
        let (architecture, instances, networks, volumes, images) = try_join!(
            connection.architecture(),
            containers(connection, &scope.project),
            networks(connection, scope),
            volumes(connection, scope),
            super::images::images(connection, &scope.images),
        )?;
        let engine = EngineInfo { architecture, ..connection.engine.clone() };
        let proxy = self.proxy_of(scope, &instances).await?;
        Ok(Observed { engine, instances, networks, volumes, images, proxy, ..Default::default() })
    }

    pub(super) async fn container(&self, container: &str) -> Result<ObservedInstance, TargetError> {
        inspect(&self.connection, container).await
    }

    pub(super) async fn projects(&self) -> Result<Vec<ObservedProject>, TargetError> {
        let mut projects = BTreeMap::<String, ObservedProject>::new();
        for listed in list(&self.connection, &[PROJECT, CONFIG_HASH]).await? {
            let labels = listed.labels.unwrap_or_default();
            let Some(name) = labels.get(PROJECT) else { continue };
            let project = projects.entry(name.clone()).or_default();
            project.name.clone_from(name);
            *project.states.entry(listed.state).or_default() += 1;
            for file in labels.get(CONFIG_FILES).into_iter().flat_map(|files| files.split(',')) {
                if !file.is_empty() && !project.config_files.iter().any(|known| known == file) {
                    project.config_files.push(file.to_owned());
                }
            }
        }
        Ok(projects.into_values().collect())
    }

    pub(super) async fn processes(&self, container: &str) -> Result<(Vec<String>, Vec<Vec<String>>), TargetError> {
        #[derive(Deserialize)]
        #[serde(rename_all = "PascalCase")]
        struct Table {
            titles: Option<Vec<String>>,
            processes: Option<Vec<Vec<String>>>,
        }
        let path = format!("/containers/{}/top", encoded(container));
        let table: Table = self.connection.get(&path, &format!("listing the processes of {container}")).await?;
        Ok((table.titles.unwrap_or_default(), table.processes.unwrap_or_default()))
    }

    /// Waits for the end of a container that may have ended already.
    pub(super) async fn exit_of(&self, container: &str) -> Result<i64, TargetError> {
        let connection = &self.connection;
        let api = connection.patient(std::time::Duration::from_secs(365 * 24 * 3600));
        let options = WaitContainerOptionsBuilder::default().condition("not-running").build();
        match api.wait_container(container, Some(options)).next().await {
            Some(Ok(ended)) => Ok(ended.status_code),
            // bollard takes a code other than 0 for an error.
            Some(Err(bollard::errors::Error::DockerContainerWaitError { code, .. })) => Ok(code),
            Some(Err(error)) => Err(error_mapping::map(connection, &format!("waiting for {container}"), error)),
            None => Ok(self.container(container).await?.exit_code.unwrap_or_default()),
        }
    }

    /// Subscribes first and returns then, so that nothing that happens after the call is missed.
    pub(super) async fn changes(
        &self,
        project: &str,
    ) -> Result<BoxStream<'static, Result<Change, TargetError>>, TargetError> {
        let filters = std::collections::HashMap::from([
            ("type".to_owned(), vec!["container".to_owned()]),
            ("label".to_owned(), vec![format!("{PROJECT}={project}")]),
            ("event".to_owned(), ["start", "die", "destroy", "health_status"].map(str::to_owned).to_vec()),
        ]);
        // The engine answers the request itself only with the first event; `since` covers the gap until then.
        let since = self.connection.engine_now().unix_timestamp().to_string();
        let options = EventsOptionsBuilder::default().filters(&filters).since(&since).build();
        let connection = self.connection.clone();
        let events = connection.patient(std::time::Duration::from_secs(365 * 24 * 3600)).events(Some(options));
        let changes = events.map_err(move |e| error_mapping::map(&connection, "watching", e));
        Ok(changes.try_filter_map(|event| async move { Ok(change(event)) }).boxed())
    }
}

fn change(event: bollard::models::EventMessage) -> Option<Change> {
    let action = event.action?;
    let kind = match action.split_once(": ") {
        Some(("health_status", word)) => ChangeKind::Health(inspect::health(word)),
        _ if action == "start" => ChangeKind::Started,
        _ if action == "die" => ChangeKind::Died,
        _ if action == "destroy" => ChangeKind::Removed,
        _ => return None,
    };
    Some(Change { id: event.actor?.id?, kind })
}

async fn list(connection: &Connection, labels: &[&str]) -> Result<Vec<Listed>, TargetError> {
    let filters = encoded(&json!({ "label": labels }).to_string());
    connection.get(&format!("/containers/json?all=1&filters={filters}"), "listing containers").await
}

pub(super) async fn containers(connection: &Connection, project: &str) -> Result<Vec<ObservedInstance>, TargetError> {
    let listed = list(connection, &[&format!("{PROJECT}={project}")]).await?;
    let found = futures_util::stream::iter(listed)
        .map(|container| async move { present(inspect(connection, &container.id).await) })
        .buffered(PARALLEL)
        .try_collect::<Vec<_>>()
        .await?;
    let mut containers: Vec<_> = found.into_iter().flatten().collect();
    containers.sort_by(|a, b| (&a.service, a.number, &a.name).cmp(&(&b.service, b.number, &b.name)));
    Ok(containers)
}

pub(super) async fn inspect(connection: &Connection, container: &str) -> Result<ObservedInstance, TargetError> {
    let path = format!("/containers/{}/json", encoded(container));
    let found: Inspected = connection.get(&path, &format!("inspecting {container}")).await?;
    Ok(found.observed(&connection.engine))
}

/// One list of all networks: a name filter matches parts of names, and a second request costs more than the rest of it.
async fn networks(connection: &Connection, scope: &Scope) -> Result<Vec<ObservedNetwork>, TargetError> {
    let all: Vec<ListedNetwork> = connection.get("/networks", "listing networks").await?;
    let named: BTreeSet<&str> = scope.networks.iter().map(String::as_str).collect();
    let mut networks: Vec<_> = all
        .into_iter()
        .map(|n| ObservedNetwork { id: n.id, name: n.name, driver: n.driver, labels: n.labels.unwrap_or_default() })
        .filter(|n| {
            n.labels.get(PROJECT) == Some(&scope.project)
                || named.contains(n.name.as_str())
                || named.contains(n.id.as_str())
        })
        .collect();
    networks.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(networks)
}

async fn volumes(connection: &Connection, scope: &Scope) -> Result<Vec<ObservedVolume>, TargetError> {
    let of_project = json!({ "label": [format!("{PROJECT}={}", scope.project)] });
    let by_name = json!({ "name": scope.volumes });
    let (of_project, named) = try_join!(volume_list(connection, of_project), async {
        if scope.volumes.is_empty() { Ok(Vec::new()) } else { volume_list(connection, by_name).await }
    })?;
    let mut volumes = BTreeMap::new();
    // The name filter matches parts of names.
    let named = named.into_iter().filter(|volume| scope.volumes.contains(&volume.name));
    for volume in of_project.into_iter().chain(named) {
        let labels = volume.labels.unwrap_or_default();
        let observed = ObservedVolume { name: volume.name.clone(), labels, driver: volume.driver };
        volumes.insert(volume.name, observed);
    }
    Ok(volumes.into_values().collect())
}

async fn volume_list(connection: &Connection, filters: serde_json::Value) -> Result<Vec<ListedVolume>, TargetError> {
    let path = format!("/volumes?filters={}", encoded(&filters.to_string()));
    let list: VolumeList = connection.get(&path, "listing volumes").await?;
    Ok(list.volumes.unwrap_or_default())
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Summary {
    names: Option<Vec<String>>,
    ports: Option<Vec<SummaryPort>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct SummaryPort {
    #[serde(rename = "IP", default)]
    ip: String,
    #[serde(default)]
    public_port: u16,
    #[serde(rename = "Type", default)]
    kind: String,
}

/// A container linked by another one has more names (`/other/alias`); its own has one slash.
fn own_name(names: Option<Vec<String>>) -> Option<String> {
    names?.into_iter().filter_map(|name| name.strip_prefix('/').map(str::to_owned)).find(|name| !name.contains('/'))
}

/// The containers of a service, one-offs left out.
pub(super) async fn names_of_service(
    connection: &Connection,
    project: &str,
    service: &str,
) -> Result<Vec<String>, TargetError> {
    let labels = [format!("{PROJECT}={project}"), format!("{SERVICE}={service}"), format!("{ONE_OFF}=False")];
    let filters = encoded(&json!({ "label": labels }).to_string());
    let path = format!("/containers/json?all=1&filters={filters}");
    let found: Vec<Summary> = connection.get(&path, &format!("listing containers of {service}")).await?;
    Ok(found.into_iter().filter_map(|container| own_name(container.names)).collect())
}

/// The running container that publishes a host port, on the same address or on all addresses.
pub(super) async fn publisher_of(connection: &Connection, port: &HostPort) -> Result<Option<String>, TargetError> {
    let found: Vec<Summary> = connection.get("/containers/json", "listing containers").await?;
    let everywhere = |address: &str| matches!(address, "" | "0.0.0.0" | "::");
    let meets = |p: &SummaryPort| {
        p.public_port == port.number
            && (p.kind.is_empty() || p.kind == port.protocol)
            && (everywhere(&p.ip) || everywhere(&port.address) || p.ip == port.address)
    };
    let holds = |container: &Summary| container.ports.iter().flatten().any(meets);
    Ok(found.into_iter().find(holds).and_then(|container| own_name(container.names)))
}
