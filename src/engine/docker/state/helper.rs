//! The helper containers of a project: finding, creating, starting, removing them, and the files in their volume.
//! Reads container lists and tar archives; returns what is there.
//! Never decides who may hold the lock.

use std::collections::BTreeMap;
use std::io::Read;

use bollard::query_parameters::{RemoveContainerOptionsBuilder, StartContainerOptions};
use futures_util::TryStreamExt;
use serde::Deserialize;
use serde_json::json;

use super::image::{IMAGE, PROGRAM, STATE};
use super::{FOLDER, ROLE, held_name, volume_name};
use crate::engine::docker::DockerEngine;
use crate::engine::docker::confined::confined;
use crate::engine::docker::connection::Connection;
use crate::engine::docker::query::encoded;
use crate::engine::docker::{copy, error_mapping};
use crate::plan::labels::AICTL_PROJECT;
use crate::target::TargetError;

/// Bytes of a project's records that are read: thousands of operations come to less.
const MOST: usize = 256 * 1024 * 1024;
/// Role of a container for reading the state volume.
const READER: &str = "reader";

/// A helper container as found.
#[derive(Debug, Clone)]
pub(super) struct Helper {
    pub(super) id: String,
    pub(super) held: bool,
    pub(super) running: bool,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Listed {
    id: String,
    names: Option<Vec<String>>,
    #[serde(default)]
    state: String,
}

impl DockerEngine {
    /// The helpers of a project; usually none or one, two for a moment after a takeover.
    pub(super) async fn helpers(&self, project: &str) -> Result<Vec<Helper>, TargetError> {
        let labels = [format!("{AICTL_PROJECT}={project}"), format!("{ROLE}=state")];
        let listed = list(&self.connection, &json!({ "label": labels })).await?;
        let held = format!("/{}", held_name(project));
        let helper = |found: Listed| Helper {
            held: found.names.is_some_and(|names| names.contains(&held)),
            running: found.state == "running",
            id: found.id,
        };
        // One that is being removed can neither be written to nor renamed.
        let usable = listed.into_iter().filter(|found| !matches!(found.state.as_str(), "removing" | "dead"));
        Ok(usable.map(helper).collect())
    }

    /// Any container that mounts the state volume, for reading when the helper is gone.
    pub(super) async fn any_with_volume(&self, project: &str) -> Result<Option<String>, TargetError> {
        let listed = list(&self.connection, &json!({ "volume": [volume_name(project)] })).await?;
        Ok(listed.into_iter().next().map(|container| container.id))
    }

    /// Creates a helper under a name; `None` when the name is taken.
    pub(super) async fn create_helper(&self, project: &str, name: &str) -> Result<Option<String>, TargetError> {
        let connection = &self.connection;
        let labels = BTreeMap::from([(AICTL_PROJECT, project), (ROLE, "state")]);
        let doing = format!("creating the state volume of {project}");
        let volume = json!({ "Name": volume_name(project), "Labels": labels });
        connection.post("/volumes/create", &volume, &doing).await?;
        let mut body = container(project, &labels);
        let path = format!("/containers/create?name={}", encoded(name));
        let answer = match connection.post(&path, &body, &doing).await {
            Err(TargetError::NotFound { kind: "image", .. }) => {
                body["Image"] = STATE.import(connection, &self.engine_info().await?.architecture).await?.into();
                connection.post(&path, &body, &doing).await
            }
            answer => answer,
        };
        match answer {
            Ok(bytes) => {
                let created = serde_json::from_slice::<serde_json::Value>(&bytes).ok();
                let id = created.as_ref().and_then(|created| created["Id"].as_str()).map(str::to_owned);
                let message = "the engine's answer names no container".to_owned();
                id.map(Some).ok_or(TargetError::Broken { operation: doing, message })
            }
            Err(TargetError::Refused { status: 409, .. }) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Creates a container for reading the state volume. It never runs and is not a lock. The caller removes it; a
    /// leftover of a killed process is removed first.
    pub(super) async fn create_reader(&self, project: &str) -> Result<String, TargetError> {
        self.remove_readers(project).await?;
        let connection = &self.connection;
        let labels = BTreeMap::from([(AICTL_PROJECT, project), (ROLE, READER)]);
        let body = container(project, &labels);
        let doing = format!("reading the state volume of {project}");
        let answer = match connection.post("/containers/create", &body, &doing).await {
            Err(TargetError::NotFound { kind: "image", .. }) => {
                STATE.import(connection, &self.engine_info().await?.architecture).await?;
                connection.post("/containers/create", &body, &doing).await
            }
            answer => answer,
        };
        let created: serde_json::Value = serde_json::from_slice(&answer?).unwrap_or_default();
        let id = created["Id"].as_str().map(str::to_owned);
        id.ok_or_else(|| TargetError::Broken {
            operation: doing,
            message: "the engine returned no container id".to_owned(),
        })
    }

    /// Removes leftover containers for reading the project's state.
    pub(super) async fn remove_readers(&self, project: &str) -> Result<(), TargetError> {
        let labels = [format!("{AICTL_PROJECT}={project}"), format!("{ROLE}={READER}")];
        for reader in list(&self.connection, &json!({ "label": labels })).await? {
            self.remove_helper(&reader.id).await?;
        }
        Ok(())
    }

    /// Removes exactly this helper; gone already is fine.
    pub(super) async fn remove_helper(&self, id: &str) -> Result<(), TargetError> {
        let options = RemoveContainerOptionsBuilder::default().force(true).build();
        let Err(error) = self.connection.api.remove_container(id, Some(options)).await else { return Ok(()) };
        match error_mapping::map(&self.connection, "removing a lock", error) {
            TargetError::NotFound { .. } => Ok(()),
            // Another contender is removing it just now.
            TargetError::Refused { status: 409, .. } => Ok(()),
            other => Err(other),
        }
    }
}

/// A container that can do nothing but be there.
fn container(project: &str, labels: &BTreeMap<&str, &str>) -> serde_json::Value {
    json!({
        "Image": IMAGE,
        "Entrypoint": [PROGRAM],
        "Labels": labels,
        // A process without a handler for it, as number one of its namespace, ignores SIGTERM.
        "StopSignal": "SIGKILL",
        "NetworkDisabled": true,
        "HostConfig": confined((32, 8), json!({
            "Binds": [format!("{}:{FOLDER}", volume_name(project))],
            "NetworkMode": "none",
            "RestartPolicy": { "Name": "unless-stopped" },
        })),
    })
}

/// Starts a helper; that it cannot run (a foreign architecture, a forbidding engine) only weakens it against prune.
pub(super) async fn start(connection: &Connection, id: &str) {
    let _ = connection.api.start_container(id, None::<StartContainerOptions>).await;
}

async fn list(connection: &Connection, filters: &serde_json::Value) -> Result<Vec<Listed>, TargetError> {
    let path = format!("/containers/json?all=1&filters={}", encoded(&filters.to_string()));
    connection.get(&path, "reading the project state").await
}

/// What is written below the state folder.
#[derive(Debug, Clone, Copy)]
pub(super) enum Entry<'a> {
    /// A file: path and bytes.
    File(&'a str, &'a [u8]),
    /// A symbolic link: path and what it says.
    Link(&'a str, &'a str),
}

/// Writes below the state folder in one request, in this order. `NotFound` when the helper is gone.
pub(super) async fn write(connection: &Connection, id: &str, entries: &[Entry<'_>]) -> Result<(), TargetError> {
    let mut archive = copy::Archive::default();
    for entry in entries {
        match *entry {
            Entry::File(path, bytes) => {
                if let Some((directory, _)) = path.rsplit_once('/') {
                    archive.directory(directory, 0o700)?;
                }
                archive.file(path, bytes, copy::FileAccess::of_root(0o600))?;
            }
            Entry::Link(path, target) => archive.link(path, target)?,
        }
    }
    copy::put(connection, id, FOLDER, archive.finish()?).await
}

/// The files at a path below the state folder: name → bytes. Empty when there is none.
pub(super) async fn read(
    connection: &Connection,
    id: &str,
    path: &str,
) -> Result<BTreeMap<String, Vec<u8>>, TargetError> {
    let collected = copy::get(connection, id, &format!("{FOLDER}/{path}")).try_fold(Vec::new(), |mut bytes, chunk| {
        bytes.extend_from_slice(&chunk);
        let small = (bytes.len() <= MOST).then_some(bytes);
        std::future::ready(small.ok_or_else(|| too_large(path)))
    });
    let bytes = match collected.await {
        Ok(bytes) => bytes,
        Err(TargetError::NotFound { kind: "path", .. }) => return Ok(BTreeMap::new()),
        Err(error) => return Err(error),
    };
    unpack(&bytes)
        .map_err(|e| TargetError::Broken { operation: "reading the project state".to_owned(), message: e.to_string() })
}

fn too_large(path: &str) -> TargetError {
    TargetError::Broken {
        operation: "reading the project state".to_owned(),
        message: format!("{path} is damaged: it is larger than {} MiB", MOST / 1024 / 1024),
    }
}

fn unpack(bytes: &[u8]) -> std::io::Result<BTreeMap<String, Vec<u8>>> {
    let mut files = BTreeMap::new();
    for entry in tar::Archive::new(bytes).entries()? {
        let mut entry = entry?;
        if !entry.header().entry_type().is_file() {
            continue;
        }
        let name = entry.path()?.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        let mut content = Vec::new();
        entry.read_to_end(&mut content)?;
        files.insert(name, content);
    }
    Ok(files)
}
