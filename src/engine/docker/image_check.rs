//! Whether an image that was loaded is complete: an engine with the containerd image store reports success even if layers
//! are missing or cannot be unpacked.

use hyper::Method;
use serde::Deserialize;
use serde_json::json;

use super::DockerEngine;
use super::query::encoded;
use crate::target::TargetError;

/// Label of the containers that prove an image can be unpacked; they are never started.
const LABEL: &str = "io.aictl.image-check";

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Found {
    #[serde(rename = "RootFS", default)]
    root: Root,
    manifests: Option<Vec<Manifest>>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct Root {
    layers: Option<Vec<String>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Manifest {
    #[serde(default)]
    available: bool,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Created {
    id: String,
}

impl DockerEngine {
    /// Fails unless the image has these layers, all of them are there, and a container can be made from it.
    pub(super) async fn complete(&self, id: &str, layers: &[String]) -> Result<(), TargetError> {
        let doing = format!("checking image {id}");
        let broken =
            |message: &str| TargetError::Refused { operation: doing.clone(), status: 0, message: message.into() };
        let connection = &self.connection;
        let more = if connection.engine.api_at_least(1, 48) { "?manifests=1" } else { "" };
        let found: Found = connection.get(&format!("/images/{}/json{more}", encoded(id)), &doing).await?;
        if found.root.layers.unwrap_or_default() != layers {
            return Err(broken("its layers differ from the image that was sent"));
        }
        // Only the containerd image store lists manifests; the other one has loaded everything or fails.
        let Some(manifests) = found.manifests else { return self.unpacks_if_containerd(id, &doing).await };
        if !manifests.iter().any(|manifest| manifest.available) {
            return Err(broken("layers are missing"));
        }
        self.unpacks(id, &doing).await
    }

    async fn unpacks_if_containerd(&self, id: &str, doing: &str) -> Result<(), TargetError> {
        match self.engine_info().await?.host.image_store {
            crate::plan::ImageStore::Classic => Ok(()),
            crate::plan::ImageStore::Containerd => self.unpacks(id, doing).await,
        }
    }

    /// Creates and removes a container.
    async fn unpacks(&self, id: &str, doing: &str) -> Result<(), TargetError> {
        let container = json!({
            "Image": id,
            "Entrypoint": ["/aictl"],
            "Labels": { LABEL: "1" },
            "HostConfig": { "NetworkMode": "none" },
        });
        let bytes = self.connection.post("/containers/create", &container, doing).await?;
        let created: Created = serde_json::from_slice(&bytes)
            .map_err(|e| TargetError::Broken { operation: doing.to_owned(), message: e.to_string() })?;
        let path = format!("/containers/{}?force=1&v=1", encoded(&created.id));
        self.connection.begin(Method::DELETE, &path, doing).await.map(drop)
    }
}
