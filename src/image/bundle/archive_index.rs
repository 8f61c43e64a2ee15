//! Reads `index.json` of an image archive: the manifest or index digest that the containerd image store uses as the id of an
//! image. Every document is verified against its digest.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::Deserialize;

use super::document::{INDEX, blob_path};
use crate::image::{Digest, ImageError, Reference};

/// An index may refer to indexes of platforms, which refer to manifests.
const DEPTH: usize = 3;
const IMAGE_NAME: &str = "io.containerd.image.name";

/// An index (`manifests`) or a manifest (`config`, `layers`).
#[derive(Deserialize)]
struct Document {
    manifests: Option<Vec<Named>>,
    config: Option<Named>,
    layers: Option<Vec<Named>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Named {
    digest: String,
    #[serde(default)]
    media_type: String,
    annotations: Option<BTreeMap<String, String>>,
}

/// An entry of `index.json`.
#[derive(Clone)]
struct Listed {
    name: Option<Reference>,
    digest: Digest,
}

/// A manifest whose digest was verified.
struct FoundManifest {
    listed: Listed,
    config: String,
    /// Digest → media type.
    layers: BTreeMap<String, String>,
}

/// The manifests of an archive.
#[derive(Default)]
pub(super) struct ArchiveIndex {
    manifests: Vec<FoundManifest>,
}

impl ArchiveIndex {
    /// Reads the index; archives of engines before 25 have none.
    pub(super) fn of(documents: &BTreeMap<PathBuf, Vec<u8>>) -> Result<Self, ImageError> {
        let Some(bytes) = documents.get(Path::new(INDEX)) else { return Ok(Self::default()) };
        let invalid = |e: serde_json::Error| ImageError::BadArchive { reason: format!("invalid {INDEX}: {e}") };
        let index: Document = serde_json::from_slice(bytes).map_err(invalid)?;
        let mut found = Self::default();
        for entry in index.manifests.into_iter().flatten() {
            let Ok(digest) = entry.digest.parse::<Digest>() else { continue };
            let name = entry.annotations.and_then(|all| all.get(IMAGE_NAME)?.parse().ok());
            let listed = Listed { name, digest };
            found.follow(documents, &listed, &listed.digest, DEPTH);
        }
        Ok(found)
    }

    fn follow(&mut self, documents: &BTreeMap<PathBuf, Vec<u8>>, listed: &Listed, at: &Digest, depth: usize) {
        // Manifests of other platforms are not in the archive.
        let Some(bytes) = documents.get(Path::new(&blob_path(at))) else { return };
        let document = serde_json::from_slice::<Document>(bytes).ok().filter(|_| depth > 0 && Digest::of(bytes) == *at);
        let Some(document) = document else { return };
        for entry in document.manifests.into_iter().flatten() {
            if let Ok(next) = entry.digest.parse() {
                self.follow(documents, listed, &next, depth - 1);
            }
        }
        let Some(config) = document.config else { return };
        let layers = document.layers.into_iter().flatten().map(|layer| (layer.digest, layer.media_type)).collect();
        self.manifests.push(FoundManifest { listed: listed.clone(), config: config.digest, layers });
    }

    /// The digests of the index entries for an image of this name and configuration.
    pub(super) fn ids(&self, name: &str, config: &Digest) -> Vec<Digest> {
        let canonical = name.parse::<Reference>().map(|name| name.canonical()).ok();
        let named = |found: &&FoundManifest| {
            found.listed.name.as_ref().map(Reference::canonical) == canonical && found.config == config.to_string()
        };
        self.manifests.iter().filter(named).map(|found| found.listed.digest.clone()).collect()
    }

    /// The media type of a layer in a manifest with this configuration.
    pub(super) fn media_type(&self, config: &Digest, layer: &Digest) -> Option<&str> {
        let of_config = self.manifests.iter().filter(|found| found.config == config.to_string());
        of_config.filter_map(|found| found.layers.get(&layer.to_string())).map(String::as_str).next()
    }
}
