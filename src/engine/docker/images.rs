//! The engine's images: looked at one by one or all together, moved out and in as archives.
//! Reads lists and inspections; returns the data of `plan`, or streams.
//! Never decides which images are wanted.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use bytes::Bytes;
use futures_util::stream::{StreamExt, TryStreamExt};
use futures_util::{TryFutureExt, try_join};
use http_body_util::BodyExt;
use hyper::header::CONTENT_TYPE;
use serde::Deserialize;

use super::DockerEngine;
use super::connection::Connection;
use super::credentials;
use super::error_mapping;
use super::json_lines::json_lines;
use super::listing::{PARALLEL, present};
use super::query::encoded;
use crate::image::Digest;
use crate::plan::ObservedImage;
use crate::target::{ByteStream, TargetError};

/// How long to wait for another client's disk usage request.
const MEASURING: Duration = Duration::from_secs(60);

/// Interval between retries.
const MEASURING_AGAIN: Duration = Duration::from_millis(200);

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct InspectedImage {
    id: String,
    repo_tags: Option<Vec<String>>,
    repo_digests: Option<Vec<String>>,
    #[serde(default)]
    created: String,
    #[serde(default)]
    architecture: String,
    #[serde(default)]
    os: String,
    #[serde(default)]
    size: u64,
    #[serde(default)]
    variant: String,
    config: Option<serde_json::Value>,
    #[serde(rename = "RootFS")]
    root: Option<Root>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct ImageConfig {
    volumes: Option<BTreeMap<String, serde_json::Value>>,
    healthcheck: Option<serde_json::Value>,
    labels: Option<BTreeMap<String, String>>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct Root {
    layers: Option<Vec<String>>,
}

/// What images have in common on every kind of engine. Older engines also list settings of the container it was made in.
const CONTENT: [&str; 12] = [
    "User",
    "ExposedPorts",
    "Env",
    "Entrypoint",
    "Cmd",
    "Volumes",
    "WorkingDir",
    "Labels",
    "StopSignal",
    "Healthcheck",
    "OnBuild",
    "Shell",
];

impl InspectedImage {
    /// See `ObservedImage::content`.
    fn content(&self) -> String {
        let is_set = |value: &&serde_json::Value| match value {
            serde_json::Value::Null => false,
            serde_json::Value::String(text) => !text.is_empty(),
            serde_json::Value::Array(items) => !items.is_empty(),
            serde_json::Value::Object(items) => !items.is_empty(),
            _ => true,
        };
        let settings = CONTENT.iter().filter_map(|key| Some((*key, self.config.as_ref()?.get(key).filter(is_set)?)));
        let config: BTreeMap<&str, &serde_json::Value> = settings.collect();
        let layers = self.root.as_ref().and_then(|root| root.layers.as_ref());
        let all = serde_json::json!([self.created, self.architecture, self.variant, self.os, config, layers]);
        Digest::of(all.to_string().as_bytes()).to_string()
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct ListedImage {
    id: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct ListedContainer {
    #[serde(rename = "ImageID", default)]
    image_id: String,
}

/// The engine's own account of its disk.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Usage {
    images: Option<Vec<UsedImage>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct UsedImage {
    id: String,
    #[serde(default)]
    shared_size: i64,
}

/// The engine serves one disk usage request at a time and rejects others.
async fn usage(connection: &Connection) -> Result<Usage, TargetError> {
    let deadline = Instant::now() + MEASURING;
    loop {
        match connection.get("/system/df?type=image", "reading image sizes").await {
            Err(error) if error_mapping::is_measuring(&error) && Instant::now() < deadline => {
                tokio::time::sleep(MEASURING_AGAIN).await;
            }
            answer => return answer,
        }
    }
}

impl DockerEngine {
    /// Every image, with how many containers use it and how much of it other images share.
    pub(super) async fn all_images(&self) -> Result<Vec<ObservedImage>, TargetError> {
        let connection = &self.connection;
        let (listed, containers, usage) = try_join!(
            connection.get::<Vec<ListedImage>>("/images/json", "listing images"),
            connection.get::<Vec<ListedContainer>>("/containers/json?all=1", "listing containers"),
            usage(connection),
        )?;
        let shared: BTreeMap<String, i64> =
            usage.images.unwrap_or_default().into_iter().map(|image| (image.id, image.shared_size)).collect();
        let mut images = inspected(connection, listed).await?;
        for image in &mut images {
            image.containers = containers.iter().filter(|container| container.image_id == image.id).count();
            image.shared = shared.get(&image.id).and_then(|size| u64::try_from(*size).ok()).unwrap_or_default();
        }
        images.sort_by(|a, b| (&a.references, &a.id).cmp(&(&b.references, &b.id)));
        Ok(images)
    }

    /// Every image, without what is costly to count.
    pub(super) async fn images_with_layers(&self) -> Result<Vec<ObservedImage>, TargetError> {
        let listed = self.connection.get::<Vec<ListedImage>>("/images/json", "listing images").await?;
        inspected(&self.connection, listed).await
    }

    /// The engine's archive of images, as `docker save` gives it.
    pub(super) async fn archive_of(&self, references: &[String]) -> Result<ByteStream, TargetError> {
        const DOING: &str = "exporting images";
        let names: Vec<String> = references.iter().map(|name| format!("names={}", encoded(name))).collect();
        let body = self.connection.begin_prepared(&format!("/images/get?{}", names.join("&")), DOING).await?;
        let broken = |e: hyper::Error| TargetError::Broken { operation: DOING.to_owned(), message: e.to_string() };
        Ok(body.into_data_stream().map_err(broken).boxed())
    }

    /// The digest the registry has for a reference; the engine asks it, with the credentials `docker login` stored.
    pub(super) async fn digest_in_registry(&self, reference: &str) -> Result<String, TargetError> {
        let path = format!("/distribution/{}/json", encoded(reference));
        let doing = format!("resolving the digest of {reference}");
        let found = credentials::for_registry(&credentials::registry(reference), &self.environment).await;
        let headers: Vec<_> = found.iter().map(credentials::Credentials::as_header).collect();
        let bytes = self.connection.get_with(&path, &headers, &doing).await?;
        let broken = |message: String| TargetError::Broken { operation: doing.clone(), message };
        let answer: serde_json::Value = serde_json::from_slice(&bytes).map_err(|e| broken(e.to_string()))?;
        let digest = answer["Descriptor"]["digest"].as_str();
        digest.map(str::to_owned).ok_or_else(|| broken("no digest in the response".to_owned()))
    }

    /// Loads an archive as `docker load` does.
    pub(super) async fn load_archive(&self, archive: ByteStream) -> Result<(), TargetError> {
        const DOING: &str = "loading images";
        let chunks = archive.map(|chunk: Result<Bytes, TargetError>| chunk.map_err(std::io::Error::other));
        let headers = [(CONTENT_TYPE, "application/x-tar".to_owned())];
        let body = self
            .connection
            .upload("/images/load?quiet=1", &headers, chunks, DOING)
            .await
            .map_err(error_mapping::cut_off)?;
        let mut lines = json_lines(body, DOING);
        while let Some(line) = lines.try_next().await? {
            let Some(message) = line["errorDetail"]["message"].as_str().or_else(|| line["error"].as_str()) else {
                continue;
            };
            let message = message.to_owned();
            return Err(if error_mapping::is_disk_full(&message) {
                TargetError::DiskFull { operation: DOING.to_owned(), reason: message }
            } else {
                error_mapping::cut_off(TargetError::Refused { operation: DOING.to_owned(), status: 0, message })
            });
        }
        Ok(())
    }
}

async fn inspected(connection: &Connection, listed: Vec<ListedImage>) -> Result<Vec<ObservedImage>, TargetError> {
    let ids: BTreeSet<String> = listed.into_iter().map(|image| image.id).collect();
    let found = futures_util::stream::iter(ids)
        .map(|id| async move { present(image(connection, &id).await) })
        .buffered(PARALLEL)
        .try_collect::<Vec<_>>()
        .await?;
    Ok(found.into_iter().flatten().collect())
}

/// The images of some references that are present.
pub(super) async fn images(
    connection: &Connection,
    references: &[String],
) -> Result<BTreeMap<String, ObservedImage>, TargetError> {
    let unique: BTreeSet<String> = references.iter().cloned().collect();
    let found = futures_util::stream::iter(unique)
        .map(|reference| async move {
            let image = present(image(connection, &reference).await)?;
            Ok::<_, TargetError>(image.map(|image| (reference, image)))
        })
        .buffered(PARALLEL)
        .try_collect::<Vec<_>>()
        .await?;
    Ok(found.into_iter().flatten().collect())
}

/// One image by reference or id.
pub(super) async fn image(connection: &Connection, reference: &str) -> Result<ObservedImage, TargetError> {
    let path = format!("/images/{}/json", encoded(reference));
    let doing = format!("inspecting image {reference}");
    let found: InspectedImage = connection.get(&path, &doing).map_err(|e| image_error(e, reference)).await?;
    let content = found.content();
    let config: ImageConfig = found.config.and_then(|config| serde_json::from_value(config).ok()).unwrap_or_default();
    Ok(ObservedImage {
        content,
        id: found.id,
        references: found.repo_tags.unwrap_or_default(),
        digests: found.repo_digests.unwrap_or_default(),
        size: found.size,
        created_at: found.created,
        architecture: found.architecture,
        os: found.os,
        labels: config.labels.unwrap_or_default(),
        layers: found.root.unwrap_or_default().layers.unwrap_or_default(),
        volumes: config.volumes.unwrap_or_default().into_keys().collect(),
        has_health_check: config.healthcheck.is_some_and(|check| !check.is_null()),
        containers: 0,
        shared: 0,
    })
}

/// An invalid reference is reported as such, a 404 as absence whatever its text.
fn image_error(error: TargetError, reference: &str) -> TargetError {
    match error {
        TargetError::Refused { status: 404, .. } => TargetError::NotFound { kind: "image", name: reference.to_owned() },
        other => other,
    }
}
