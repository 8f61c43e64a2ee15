//! Removing and naming images.
//! Reads a reference; returns once the engine let go of it.
//! Never forces: an image a container uses stays.

use bollard::query_parameters::{RemoveImageOptionsBuilder, TagImageOptionsBuilder};

use super::done;
use crate::engine::docker::connection::Connection;
use crate::engine::docker::{error_mapping, images};
use crate::plan::{Outcome, release_tag};
use crate::target::TargetError;

pub(super) async fn remove(connection: &Connection, image: &str) -> Result<Outcome, TargetError> {
    let options = RemoveImageOptionsBuilder::default().build();
    let Err(error) = connection.api.remove_image(image, Some(options), None).await else { return Ok(done()) };
    match error_mapping::map(connection, &format!("removing image {image}"), error) {
        TargetError::NotFound { .. } => Ok(done()),
        other => Err(other),
    }
}

/// Gives an image a name; without a tag the one that keeps it for rollbacks.
pub(super) async fn name(
    connection: &Connection,
    image: &str,
    repository: &str,
    tag: Option<&str>,
) -> Result<Outcome, TargetError> {
    let tag = match tag {
        Some(tag) => tag.to_owned(),
        None => {
            let found = images::images(connection, &[image.to_owned()]).await?;
            let found =
                found.get(image).ok_or_else(|| TargetError::NotFound { kind: "image", name: image.to_owned() })?;
            release_tag(&found.id)
        }
    };
    self::tag(connection, image, &format!("{repository}:{tag}")).await?;
    Ok(done())
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
