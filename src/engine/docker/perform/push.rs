//! Pushing an image to its registry, with the operator's credentials and progress by layer.
//! Reads a reference; returns the digest by which the registry has it.
//! The engine repeats what breaks off by itself, with growing pauses.

use futures_util::TryStreamExt;

use super::Progress;
use super::pull::{Layers, SILENCE, bounded, split};
use crate::engine::docker::json_lines::json_lines;
use crate::engine::docker::query::encoded;
use crate::engine::docker::{DockerEngine, credentials, error_mapping};
use crate::plan::Outcome;
use crate::target::TargetError;

pub(super) async fn push(engine: &DockerEngine, image: &str, progress: Progress<'_>) -> Result<Outcome, TargetError> {
    let doing = format!("pushing {image}");
    let (name, tag) = split(image);
    let path = format!("/images/{name}/push?tag={}", encoded(tag));
    // An engine refuses a push without the header, also to a registry that asks nobody for a name.
    let found = credentials::for_registry(&credentials::registry(image), &engine.environment).await.unwrap_or_default();
    let headers = [found.as_header()];
    let upload = engine.connection.upload(&path, &headers, futures_util::stream::empty(), &doing);
    let body = bounded(SILENCE, &doing, upload).await.map_err(|error| push_error(image, error))?;
    let mut lines = json_lines(body, &doing);
    let mut layers = Layers::pushed();
    let mut digest = None;
    while let Some(line) = bounded(SILENCE, &doing, lines.try_next()).await? {
        if let Some(message) = line["errorDetail"]["message"].as_str().or_else(|| line["error"].as_str()) {
            return Err(message_error(image, message));
        }
        digest = line["aux"]["Digest"].as_str().map(str::to_owned).or(digest);
        layers.tell(&line, progress);
    }
    match digest {
        Some(digest) => Ok(Outcome { detail: Some(digest), ..Outcome::default() }),
        None => Err(TargetError::Broken { operation: doing, message: "the registry did not confirm it".to_owned() }),
    }
}

fn push_error(image: &str, error: TargetError) -> TargetError {
    match error {
        TargetError::Refused { message, .. } => message_error(image, &message),
        other => other,
    }
}

fn message_error(image: &str, message: &str) -> TargetError {
    if error_mapping::is_about_credentials(message) {
        return TargetError::RegistryRefused { image: image.to_owned(), reason: message.to_owned() };
    }
    TargetError::Refused { operation: format!("pushing {image}"), status: 0, message: message.to_owned() }
}
