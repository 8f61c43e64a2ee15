//! What an engine exports (`docker save`) taken apart: configurations, layers, names.
//! Reads the archive as it streams in; returns the images as a bundle lists them, their blobs in the store.
//! Never trusts the archive: a layer that is not what the image's configuration says is refused.

use std::collections::BTreeMap;
use std::io::Read;
use std::path::{Component, Path, PathBuf};

use super::archive_index::ArchiveIndex;
use super::document::{
    BundledImage, DOCKER_MANIFEST, DockerImage, ImageConfig, Manifest, Omitted, bytes, image_manifest,
};
use super::store::{BlobStore, Blobs};
use crate::image::{Digest, ImageError, Reference};

/// Documents are smaller, layers usually not.
const DOCUMENT: u64 = 1 << 20;

/// The archive's entries by path.
#[derive(Default)]
pub(super) struct Parts {
    pub(super) documents: BTreeMap<PathBuf, Vec<u8>>,
    blobs: BTreeMap<PathBuf, Omitted>,
    links: BTreeMap<PathBuf, PathBuf>,
}

/// An image of an archive whose layers are what its configuration says.
pub(super) struct CheckedImage {
    pub(super) config: Vec<u8>,
    pub(super) parsed: ImageConfig,
    /// Each layer from the lowest up, and whether it is compressed.
    pub(super) layers: Vec<(Omitted, bool)>,
}

/// An image of an archive.
pub struct TakenImage {
    /// Its entry in a bundle.
    pub image: BundledImage,
    /// The ids it may have on an engine: the digest of its configuration, or with the containerd image store that of its
    /// manifest or index.
    pub ids: Vec<Digest>,
}

/// Takes an engine's archive apart. The images are those the archive names, one for each name, in their order.
pub fn take_archive(archive: &mut dyn Read, store: &mut BlobStore) -> Result<Vec<TakenImage>, ImageError> {
    let mut parts = gather(archive, store)?;
    let index = ArchiveIndex::of(&parts.documents)?;
    let mut images = Vec::new();
    for image in parts.listed()? {
        images.extend(take_image(&image, (&mut parts, &index), store)?);
    }
    images.sort_by(|a, b| a.image.reference.cmp(&b.image.reference));
    Ok(images)
}

pub(super) fn bad(reason: impl Into<String>) -> ImageError {
    ImageError::BadArchive { reason: reason.into() }
}

impl Parts {
    /// The images that manifest.json lists.
    pub(super) fn listed(&self) -> Result<Vec<DockerImage>, ImageError> {
        let manifest = self.documents.get(Path::new(DOCKER_MANIFEST)).ok_or_else(|| bad("manifest.json is missing"))?;
        serde_json::from_slice(manifest).map_err(|e| bad(format!("invalid manifest.json: {e}")))
    }

    /// Where the content behind a path is.
    pub(super) fn place<'p>(&'p self, path: &'p Path) -> &'p Path {
        self.links.get(path).map_or(path, PathBuf::as_path)
    }

    /// The configuration of an image.
    pub(super) fn config(&self, image: &DockerImage) -> Result<(Vec<u8>, ImageConfig), ImageError> {
        let config = self.documents.get(Path::new(&image.config)).cloned();
        let config = config.ok_or_else(|| bad(format!("the configuration {} is missing", image.config)))?;
        let parsed =
            serde_json::from_slice(&config).map_err(|e| bad(format!("the configuration {}: {e}", image.config)))?;
        Ok((config, parsed))
    }
}

/// Reads the whole archive: documents are kept here, the content of layers goes to the store.
pub(super) fn gather(archive: &mut dyn Read, store: &mut dyn Blobs) -> Result<Parts, ImageError> {
    let mut parts = Parts::default();
    let mut archive = tar::Archive::new(archive);
    for entry in archive.entries().map_err(|e| bad(e.to_string()))? {
        let mut entry = entry.map_err(|e| bad(e.to_string()))?;
        let path = entry.path().map_err(|e| bad(e.to_string()))?.into_owned();
        match entry.header().entry_type() {
            // Engines before 25 write a layer once and link to it from every other image that has it.
            tar::EntryType::Symlink => {
                let target = entry.link_name().ok().flatten().unwrap_or_default().into_owned();
                parts.links.insert(path.clone(), resolved(&path, &target));
            }
            tar::EntryType::Regular | tar::EntryType::Continuous => {
                let layer = path.file_name().is_some_and(|name| name == "layer.tar");
                if !layer && entry.size() <= DOCUMENT {
                    let mut bytes = Vec::new();
                    entry.read_to_end(&mut bytes).map_err(|e| bad(e.to_string()))?;
                    parts.documents.insert(path, bytes);
                } else {
                    parts.blobs.insert(path, store.put(&mut entry)?);
                }
            }
            _ => {}
        }
    }
    Ok(parts)
}

/// A link's target, from the archive's root.
fn resolved(link: &Path, target: &Path) -> PathBuf {
    let mut path = link.parent().unwrap_or(Path::new("")).to_owned();
    for part in target.components() {
        match part {
            Component::ParentDir => drop(path.pop()),
            Component::Normal(name) => path.push(name),
            Component::RootDir => path.clear(),
            _ => {}
        }
    }
    path
}

fn take_image(
    image: &DockerImage,
    (parts, index): (&mut Parts, &ArchiveIndex),
    store: &mut BlobStore,
) -> Result<Vec<TakenImage>, ImageError> {
    let CheckedImage { config, parsed, layers } = check_image(image, (parts, index), store)?;
    let id = store.put_document(&config)?;
    let manifest: Manifest = image_manifest(&config, &layers);
    let manifest = store.put_document(&bytes(&manifest))?;
    let os = parsed.os().to_owned();
    let named = |reference: &String| {
        let image = BundledImage {
            reference: reference.parse::<Reference>().map_or(reference.clone(), |r| r.familiar()),
            id: id.digest.clone(),
            manifest: manifest.clone(),
            architecture: parsed.architecture.clone(),
            os: os.clone(),
        };
        let mut ids = index.ids(reference, &id.digest);
        ids.push(id.digest.clone());
        TakenImage { image, ids }
    };
    Ok(image.repo_tags.iter().flatten().map(named).collect())
}

/// The configuration of an image and its layers, which are all there.
pub(super) fn check_image(
    image: &DockerImage,
    (parts, index): (&mut Parts, &ArchiveIndex),
    store: &mut dyn Blobs,
) -> Result<CheckedImage, ImageError> {
    let (config, parsed) = parts.config(image)?;
    let mut layers = Vec::new();
    for path in &image.layers {
        layers.push(layer(Path::new(path), parts, store)?);
    }
    let layers = checked(&parsed, layers, (&Digest::of(&config), index))?;
    Ok(CheckedImage { config, parsed, layers })
}

fn layer(path: &Path, parts: &mut Parts, store: &mut dyn Blobs) -> Result<Omitted, ImageError> {
    let path = parts.place(path).to_owned();
    if let Some(blob) = parts.blobs.get(&path) {
        return Ok(blob.clone());
    }
    let bytes = parts.documents.get(&path).ok_or_else(|| bad(format!("the layer {} is missing", path.display())))?;
    let blob = store.put(&mut &bytes[..])?;
    parts.blobs.insert(path, blob.clone());
    Ok(blob)
}

/// Each layer and whether it is compressed: uncompressed ones match a diff id of the configuration, compressed ones are
/// listed in a manifest of that configuration.
fn checked(
    config: &ImageConfig,
    layers: Vec<Omitted>,
    (id, index): (&Digest, &ArchiveIndex),
) -> Result<Vec<(Omitted, bool)>, ImageError> {
    let wanted: &[Digest] = &config.rootfs.diff_ids;
    if wanted.len() != layers.len() {
        return Err(bad(format!("{id} names {} layers, {} are there", wanted.len(), layers.len())));
    }
    let judge = |(layer, diff): (Omitted, &Digest)| {
        let gzip = layer.digest != *diff;
        match index.media_type(id, &layer.digest) {
            _ if !gzip => Ok((layer, false)),
            Some(kind) if kind.ends_with("gzip") => Ok((layer, true)),
            Some(kind) => Err(bad(format!("a layer of {id} has the unsupported media type {kind}"))),
            None => Err(bad(format!("a layer of {id} matches neither its configuration nor a manifest"))),
        }
    };
    layers.into_iter().zip(wanted).map(judge).collect()
}
