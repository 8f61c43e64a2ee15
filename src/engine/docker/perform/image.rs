//! Removing images.
//! Reads a reference; returns once the engine let go of it.
//! Never forces: an image a container uses stays.

use bollard::query_parameters::RemoveImageOptionsBuilder;

use super::super::connection::Connection;
use super::super::failure;
use super::done;
use crate::plan::Outcome;
use crate::target::TargetError;

pub(super) async fn remove(connection: &Connection, image: &str) -> Result<Outcome, TargetError> {
    let options = RemoveImageOptionsBuilder::default().build();
    let Err(error) = connection.api.remove_image(image, Some(options), None).await else { return Ok(done()) };
    match failure::map(connection, &format!("removing image {image}"), error) {
        TargetError::NotFound { .. } => Ok(done()),
        other => Err(other),
    }
}
