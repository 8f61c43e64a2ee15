//! Removing and naming images.
//! Reads a reference; returns once the engine let go of it.
//! Never forces: an image a container uses stays.

use bollard::query_parameters::{RemoveImageOptionsBuilder, TagImageOptionsBuilder};

use super::done;
use crate::engine::docker::connection::Connection;
use crate::engine::docker::error_mapping;
use crate::plan::Outcome;
use crate::target::TargetError;

pub(super) async fn remove(connection: &Connection, image: &str) -> Result<Outcome, TargetError> {
    let options = RemoveImageOptionsBuilder::default().build();
    let Err(error) = connection.api.remove_image(image, Some(options), None).await else { return Ok(done()) };
    match error_mapping::map(connection, &format!("removing image {image}"), error) {
        TargetError::NotFound { .. } => Ok(done()),
        other => Err(other),
    }
}

/// Gives an image one more name.
pub(super) async fn tag(connection: &Connection, image: &str, name: &str) -> Result<(), TargetError> {
    let after_path = name.rfind('/').map_or(0, |at| at + 1);
    let (repository, tag) = match name[after_path..].rfind(':') {
        Some(colon) => (&name[..after_path + colon], &name[after_path + colon + 1..]),
        None => (name, "latest"),
    };
    let options = TagImageOptionsBuilder::default().repo(repository).tag(tag).build();
    let tagged = connection.api.tag_image(image, Some(options)).await;
    tagged.map_err(|e| error_mapping::map(connection, &format!("tagging {name}"), e))
}
