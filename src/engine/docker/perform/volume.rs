//! Creating and removing volumes.
//! Reads the normalised volume; returns its name.
//! Never removes data that was not named.

use std::collections::BTreeMap;

use serde_json::json;

use super::{DeclaredName, created, done};
use crate::compose::hash;
use crate::compose::model::Volume;
use crate::engine::docker::connection::Connection;
use crate::engine::docker::error_mapping;
use crate::plan::{Outcome, labels};
use crate::target::TargetError;

pub(super) async fn create(
    connection: &Connection,
    declared: DeclaredName<'_>,
    volume: &Volume,
) -> Result<Outcome, TargetError> {
    let DeclaredName { project, key, name } = declared;
    let mut labels: BTreeMap<String, String> = volume.labels.clone();
    labels.insert(labels::VOLUME.to_owned(), key.to_owned());
    labels.insert(labels::PROJECT.to_owned(), project.to_owned());
    labels.insert(labels::VERSION.to_owned(), labels::COMPATIBLE_WITH.to_owned());
    labels.insert(labels::CONFIG_HASH.to_owned(), hash::volume_hash(volume));
    let mut body = json!({ "Name": name, "Labels": labels });
    if !volume.driver.is_empty() {
        body["Driver"] = json!(volume.driver);
    }
    if !volume.driver_opts.is_empty() {
        body["DriverOpts"] = json!(volume.driver_opts);
    }
    connection.post("/volumes/create", &body, &format!("creating volume {name}")).await?;
    Ok(created(name.to_owned()))
}

pub(super) async fn remove(connection: &Connection, name: &str) -> Result<Outcome, TargetError> {
    let options = None::<bollard::query_parameters::RemoveVolumeOptions>;
    match connection.api.remove_volume(name, options).await {
        Ok(()) => Ok(done()),
        Err(error) => match error_mapping::map(connection, &format!("removing volume {name}"), error) {
            TargetError::NotFound { .. } => Ok(done()),
            other => Err(other),
        },
    }
}
