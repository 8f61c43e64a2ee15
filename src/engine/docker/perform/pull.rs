//! Pulling an image, with the operator's credentials and progress by layer.
//! Reads a reference and a platform; returns the image's id and digest.
//! Never pulls all tags: a reference without a tag means `latest`.

use std::collections::BTreeMap;
use std::time::Duration;

use futures_util::TryStreamExt;
use serde_json::Value;

use super::{Progress, created};
use crate::engine::docker::json_lines::json_lines;
use crate::engine::docker::query::encoded;
use crate::engine::docker::{DockerEngine, credentials, error_mapping, images};
use crate::plan::Outcome;
use crate::target::TargetError;

/// A registry that takes longer to say whether it has an image is as good as absent where there are other sources.
pub(super) const FIRST_ANSWER: Duration = Duration::from_secs(20);
/// The same where there is none.
pub(super) const ONLY_ANSWER: Duration = Duration::from_secs(60);
/// The longest a pull may say nothing: a large layer takes long to unpack.
pub(super) const SILENCE: Duration = Duration::from_secs(300);

pub(super) async fn bounded<T>(
    limit: Duration,
    doing: &str,
    work: impl Future<Output = Result<T, TargetError>>,
) -> Result<T, TargetError> {
    let late = |_| TargetError::TimedOut { what: doing.to_owned(), after: limit };
    tokio::time::timeout(limit, work).await.map_err(late)?
}

/// An image that is asked for at one registry.
pub(super) struct PullRequest<'a> {
    pub(super) image: &'a str,
    pub(super) platform: Option<&'a str>,
    /// How long the registry may take to say whether it has it.
    pub(super) timeout: Duration,
}

pub(super) async fn pull(
    engine: &DockerEngine,
    request: &PullRequest<'_>,
    progress: Progress<'_>,
) -> Result<Outcome, TargetError> {
    let image = request.image;
    let doing = format!("pulling {image}");
    let (name, tag) = split(image);
    let mut path = format!("/images/create?fromImage={}&tag={}", encoded(name), encoded(tag));
    if let Some(platform) = request.platform {
        path.push_str(&format!("&platform={}", encoded(platform)));
    }
    let found = credentials::for_registry(&credentials::registry(image), &engine.environment).await;
    let headers: Vec<_> = found.iter().map(credentials::Credentials::as_header).collect();
    let refused = |error| pull_error(image, error);
    let upload = engine.connection.upload(&path, &headers, futures_util::stream::empty(), &doing);
    let body = bounded(request.timeout, &doing, upload).await.map_err(refused)?;
    let mut lines = json_lines(body, &doing);
    let mut layers = Layers::pulled();
    while let Some(line) = bounded(SILENCE, &doing, lines.try_next()).await? {
        if let Some(message) = line["errorDetail"]["message"].as_str().or_else(|| line["error"].as_str()) {
            return Err(message_error(image, message));
        }
        layers.tell(&line, progress);
    }
    let pulled = images::image(&engine.connection, image).await?;
    let digest = pulled.digests.first().and_then(|digest| digest.split_once('@')).map(|(_, digest)| digest.to_owned());
    Ok(Outcome { detail: digest, ..created(pulled.id) })
}

/// Name and tag or digest, as the engine wants them apart.
pub(super) fn split(image: &str) -> (&str, &str) {
    if let Some((name, digest)) = image.split_once('@') {
        return (name, digest);
    }
    let after_path = image.rfind('/').map_or(0, |at| at + 1);
    match image[after_path..].rfind(':') {
        Some(colon) => (&image[..after_path + colon], &image[after_path + colon + 1..]),
        None => (image, "latest"),
    }
}

/// How much of each layer has arrived.
pub(super) struct Layers {
    moving: &'static str,
    complete: &'static str,
    of: BTreeMap<String, (u64, u64)>,
}

impl Layers {
    /// Layers that are fetched.
    pub(super) fn pulled() -> Self {
        Self { moving: "Downloading", complete: "Pull complete", of: BTreeMap::new() }
    }

    /// Layers that are sent.
    pub(super) fn pushed() -> Self {
        Self { moving: "Pushing", complete: "Pushed", of: BTreeMap::new() }
    }

    pub(super) fn tell(&mut self, line: &Value, progress: Progress<'_>) {
        let status = line["status"].as_str().unwrap_or_default();
        if let (Some(id), Some(total)) = (line["id"].as_str(), line["progressDetail"]["total"].as_u64())
            && status == self.moving
        {
            let done = line["progressDetail"]["current"].as_u64().unwrap_or_default();
            self.of.insert(id.to_owned(), (done, total));
        }
        if let Some((done, total)) =
            line["id"].as_str().and_then(|id| self.of.get_mut(id)).filter(|_| status == self.complete)
        {
            *done = *total;
        }
        let (done, total) = self.of.values().fold((0, 0), |sum, layer| (sum.0 + layer.0, sum.1 + layer.1));
        let known = total > 0;
        progress.told(status.to_owned(), (known.then_some(done), known.then_some(total)));
    }
}

fn pull_error(image: &str, error: TargetError) -> TargetError {
    match error {
        TargetError::Refused { message, .. } => message_error(image, &message),
        TargetError::NotFound { name, .. } => {
            TargetError::ImageMissing { image: image.to_owned(), reason: format!("no such image: {name}") }
        }
        other => other,
    }
}

fn message_error(image: &str, message: &str) -> TargetError {
    if error_mapping::is_disk_full(message) {
        return TargetError::DiskFull { operation: format!("pulling {image}"), reason: message.to_owned() };
    }
    let (image, reason) = (image.to_owned(), message.to_owned());
    if error_mapping::is_about_credentials(message) {
        return TargetError::RegistryRefused { image, reason };
    }
    TargetError::ImageMissing { image, reason }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn references_are_taken_apart_where_the_tag_begins() {
        for (image, expected) in [
            ("redis", ("redis", "latest")),
            ("redis:7", ("redis", "7")),
            ("h:5000/a/b", ("h:5000/a/b", "latest")),
            ("h:5000/a/b:1", ("h:5000/a/b", "1")),
            ("a@sha256:0", ("a", "sha256:0")),
        ] {
            assert_eq!(split(image), expected, "{image}");
        }
    }

    #[test]
    fn refused_credentials_are_told_from_missing_images() {
        let refused = message_error("a", "Get https://r/v2/: unauthorized: incorrect username or password");
        assert!(matches!(refused, TargetError::RegistryRefused { .. }));
        let missing =
            message_error("a", "pull access denied for a, repository does not exist or may require 'docker login'");
        assert!(matches!(missing, TargetError::ImageMissing { .. }));
        assert!(matches!(message_error("a", "write: no space left on device"), TargetError::DiskFull { .. }));
    }
}
