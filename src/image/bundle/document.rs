//! The documents of a bundle: OCI's descriptors, manifests and index, Docker's manifest.json, and the list of contents.
//! Reads the contents; returns each document's bytes, the same bytes for the same contents.
//! Never holds a time: two bundles of the same things are one file.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::image::{Digest, Reference};

/// The format this aictl writes, and the newest it reads.
pub const FORMAT: u32 = 1;

pub(super) const OCI_LAYOUT: &str = "oci-layout";
pub(super) const INDEX: &str = "index.json";
pub(super) const DOCKER_MANIFEST: &str = "manifest.json";
pub(super) const LAYOUT_VERSION: &[u8] = b"{\"imageLayoutVersion\":\"1.0.0\"}";

const IMAGE_INDEX: &str = "application/vnd.oci.image.index.v1+json";
const IMAGE_MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
const IMAGE_CONFIG: &str = "application/vnd.oci.image.config.v1+json";
const LAYER: &str = "application/vnd.oci.image.layer.v1.tar";
const LAYER_GZIP: &str = "application/vnd.oci.image.layer.v1.tar+gzip";
const CONTENTS: &str = "application/vnd.aictl.bundle.v1+json";
const FILE: &str = "application/octet-stream";
const TITLE: &str = "org.opencontainers.image.title";
const EXECUTABLE: &str = "io.aictl.executable";

/// A blob by digest and size.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Omitted {
    /// Its digest.
    pub digest: Digest,
    /// Its bytes.
    pub size: u64,
}

/// One image of a bundle.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BundledImage {
    /// Its name, with the tag written out.
    pub reference: String,
    /// The digest of its configuration: the image's id on an engine.
    pub id: Digest,
    /// The OCI manifest.
    pub manifest: Omitted,
    /// `amd64`, `arm64`, …
    pub architecture: String,
    /// `linux`.
    pub os: String,
}

/// One file of a bundle.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BundledFile {
    /// Path below the folder it is written to, with `/`.
    pub path: String,
    /// Whether it is a program.
    pub executable: bool,
    /// Content.
    pub digest: Digest,
    /// Bytes.
    pub size: u64,
}

/// What a bundle holds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Contents {
    /// See `FORMAT`.
    pub format: u32,
    /// The aictl that wrote it.
    pub aictl: String,
    /// The project.
    pub project: String,
    /// Its environment, if it has any.
    pub environment: Option<String>,
    /// Images by reference.
    pub images: Vec<BundledImage>,
    /// Files by path.
    pub files: Vec<BundledFile>,
    /// The index of the bundle this one continues.
    pub since: Option<Digest>,
    /// Blobs that bundle holds and this one leaves out.
    pub omitted: Vec<Omitted>,
}

/// A descriptor of OCI, in the order its specification lists the fields.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Descriptor {
    pub(super) media_type: String,
    pub(super) digest: Digest,
    pub(super) size: u64,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub(super) annotations: BTreeMap<String, String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) platform: Option<Platform>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) artifact_type: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Platform {
    architecture: String,
    os: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Manifest {
    schema_version: u32,
    media_type: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    artifact_type: Option<String>,
    pub(super) config: Descriptor,
    pub(super) layers: Vec<Descriptor>,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Index {
    schema_version: u32,
    media_type: String,
    pub(super) manifests: Vec<Descriptor>,
}

/// One entry of Docker's manifest.json.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct DockerImage {
    pub(super) config: String,
    #[serde(default)]
    pub(super) repo_tags: Option<Vec<String>>,
    #[serde(default)]
    pub(super) layers: Vec<String>,
}

/// The part of an image's configuration that matters here.
#[derive(Debug, Deserialize)]
pub(super) struct ImageConfig {
    pub(super) architecture: String,
    #[serde(default)]
    pub(super) os: String,
    pub(super) rootfs: RootFs,
}

impl ImageConfig {
    /// Its operating system; older configurations leave it out.
    pub(super) fn os(&self) -> &str {
        if self.os.is_empty() { "linux" } else { &self.os }
    }
}

#[derive(Debug, Deserialize)]
pub(super) struct RootFs {
    #[serde(default)]
    pub(super) diff_ids: Vec<Digest>,
}

pub(super) fn blob_path(digest: &Digest) -> String {
    format!("blobs/sha256/{}", digest.hex())
}

/// A document as bytes. Serialising these types into memory cannot fail.
pub(super) fn bytes<T: Serialize>(document: &T) -> Vec<u8> {
    serde_json::to_vec(document).unwrap_or_default()
}

fn descriptor(media_type: &str, digest: &Digest, size: u64) -> Descriptor {
    Descriptor {
        media_type: media_type.to_owned(),
        digest: digest.clone(),
        size,
        annotations: BTreeMap::new(),
        platform: None,
        artifact_type: None,
    }
}

/// The manifest of an image: its configuration and its layers from the lowest up.
pub(super) fn image_manifest(config: &[u8], layers: &[(Omitted, bool)]) -> Manifest {
    let layer =
        |(blob, gzip): &(Omitted, bool)| descriptor(if *gzip { LAYER_GZIP } else { LAYER }, &blob.digest, blob.size);
    Manifest {
        schema_version: 2,
        media_type: IMAGE_MANIFEST.to_owned(),
        artifact_type: None,
        config: descriptor(IMAGE_CONFIG, &Digest::of(config), config.len() as u64),
        layers: layers.iter().map(layer).collect(),
    }
}

impl Contents {
    /// The manifest that names the contents and the files, as an artifact of OCI.
    pub(super) fn artifact(&self) -> Manifest {
        let own = bytes(self);
        let file = |file: &BundledFile| {
            let mut layer = descriptor(FILE, &file.digest, file.size);
            layer.annotations.insert(TITLE.to_owned(), file.path.clone());
            if file.executable {
                layer.annotations.insert(EXECUTABLE.to_owned(), "true".to_owned());
            }
            layer
        };
        Manifest {
            schema_version: 2,
            media_type: IMAGE_MANIFEST.to_owned(),
            artifact_type: Some(CONTENTS.to_owned()),
            config: descriptor(CONTENTS, &Digest::of(&own), own.len() as u64),
            layers: self.files.iter().map(file).collect(),
        }
    }

    /// The index: one entry for each name of an image, and the artifact.
    pub(super) fn index(&self) -> Index {
        let artifact = bytes(&self.artifact());
        let mut own = descriptor(IMAGE_MANIFEST, &Digest::of(&artifact), artifact.len() as u64);
        own.artifact_type = Some(CONTENTS.to_owned());
        let mut index = image_index(&self.images.iter().collect::<Vec<_>>());
        index.manifests.push(own);
        index
    }
}

/// The index of images: one entry for each name, with the annotations that skopeo and containerd read.
pub(super) fn image_index(images: &[&BundledImage]) -> Index {
    let entry = |image: &&BundledImage| {
        let mut entry = descriptor(IMAGE_MANIFEST, &image.manifest.digest, image.manifest.size);
        let canonical = image.reference.parse::<Reference>().map_or(image.reference.clone(), |r| r.canonical());
        entry.annotations.insert("io.containerd.image.name".to_owned(), canonical);
        entry.annotations.insert("org.opencontainers.image.ref.name".to_owned(), image.reference.clone());
        entry.platform = Some(Platform { architecture: image.architecture.clone(), os: image.os.clone() });
        entry
    };
    let manifests = images.iter().map(entry).collect();
    Index { schema_version: 2, media_type: IMAGE_INDEX.to_owned(), manifests }
}

/// The index of one image that has no name.
pub(super) fn unnamed_index(manifest: &[u8], config: &ImageConfig) -> Index {
    let mut entry = descriptor(IMAGE_MANIFEST, &Digest::of(manifest), manifest.len() as u64);
    entry.platform = Some(Platform { architecture: config.architecture.clone(), os: config.os().to_owned() });
    Index { schema_version: 2, media_type: IMAGE_INDEX.to_owned(), manifests: vec![entry] }
}

impl Descriptor {
    /// Whether it is the manifest that names the contents.
    pub(super) fn names_contents(&self) -> bool {
        self.artifact_type.as_deref() == Some(CONTENTS)
    }
}

/// Docker's manifest.json for some of the images.
pub(super) fn docker_manifest(images: &[(&BundledImage, &Manifest)]) -> Vec<u8> {
    let entry = |(image, manifest): &(&BundledImage, &Manifest)| DockerImage {
        config: blob_path(&image.id),
        repo_tags: Some(vec![image.reference.clone()]),
        layers: manifest.layers.iter().map(|layer| blob_path(&layer.digest)).collect(),
    };
    bytes(&images.iter().map(entry).collect::<Vec<_>>())
}
