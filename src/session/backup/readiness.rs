//! What the settings of a service must be before its data can be dumped or restored; asked before anything is changed.

use super::parts::ServicePart;
use crate::backup::{PartKind, elasticsearch};
use crate::error::Result;
use crate::session::WorkflowError;
use crate::target::Target;

/// A folder that the official image of Elasticsearch can write, and that is on its volume.
const FOLDER: &str = "/usr/share/elasticsearch/data/snapshots";

/// Fails where a running service cannot make snapshots. One that does not run is found out later.
pub async fn check_services(target: &dyn Target, parts: &[ServicePart]) -> Result<()> {
    for part in parts.iter().filter(|part| part.kind == PartKind::Elasticsearch) {
        let Some(container) = part.container.as_ref().filter(|container| container.state.is_up()) else { continue };
        // A server that does not answer yet says nothing about its settings.
        let Ok(found) = elasticsearch::path_repo(&part.http(target, &container.id)).await else { continue };
        if found.is_none() {
            let service = &part.service;
            let message = format!("service `{service}` cannot make snapshots: path.repo is not set");
            let hint = format!("add `path.repo: {FOLDER}` to its `environment`, then run `aictl start {service}`");
            return Err(WorkflowError::Configuration { message, hint: Some(hint) }.into());
        }
    }
    Ok(())
}
