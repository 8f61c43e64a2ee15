//! One image of an engine's archive without the content of its layers, and an archive of only some of its layers.
//! An engine that has the other layers loads it.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use super::archive::{CheckedImage, bad, check_image, gather};
use super::archive_index::ArchiveIndex;
use super::document::{
    DOCKER_MANIFEST, DockerImage, INDEX, ImageConfig, LAYOUT_VERSION, OCI_LAYOUT, blob_path, bytes, image_manifest,
    unnamed_index,
};
use super::entry::{self, BLOCK, END, padding};
use super::store::DigestsOnly;
use crate::image::{Digest, Digester, ImageError};

/// A layer as the archive holds it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SurveyedLayer {
    /// Digest of its uncompressed content.
    pub diff_id: Digest,
    /// Digest of its content in the archive.
    pub digest: Digest,
    /// Its bytes in the archive.
    pub size: u64,
}

/// An image of an archive.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SurveyedImage {
    /// Its layers from the lowest up.
    pub layers: Vec<SurveyedLayer>,
    config: Vec<u8>,
    manifest: Vec<u8>,
    index: Vec<u8>,
    /// The layers by their paths in the archive.
    places: BTreeMap<PathBuf, Digest>,
}

/// Reads an archive once. Of several images the one for this architecture and operating system is taken.
pub fn survey(archive: &mut dyn Read, platform: (&str, &str)) -> Result<SurveyedImage, ImageError> {
    let mut parts = gather(archive, &mut DigestsOnly)?;
    let index = ArchiveIndex::of(&parts.documents)?;
    let listed = parts.listed()?;
    let is_wanted = |image: &&DockerImage| {
        let config = parts.config(image);
        listed.len() == 1 || config.is_ok_and(|(_, config)| (config.architecture.as_str(), config.os()) == platform)
    };
    let image = listed.iter().find(is_wanted);
    let image = image.ok_or_else(|| bad(format!("no image for {}/{}", platform.1, platform.0)))?;
    let checked = check_image(image, (&mut parts, &index), &mut DigestsOnly)?;
    let digests = checked.layers.iter().map(|(layer, _)| layer.digest.clone());
    let paths = image.layers.iter().map(|path| parts.place(Path::new(path)).to_owned());
    let places = paths.zip(digests).collect();
    Ok(SurveyedImage::new(checked, places))
}

impl SurveyedImage {
    fn new(CheckedImage { config, parsed, layers }: CheckedImage, places: BTreeMap<PathBuf, Digest>) -> Self {
        let manifest = bytes(&image_manifest(&config, &layers));
        let index = bytes(&unnamed_index(&manifest, &parsed));
        let ImageConfig { rootfs, .. } = parsed;
        let layer = |((blob, _), diff_id): ((super::document::Omitted, bool), Digest)| SurveyedLayer {
            diff_id,
            digest: blob.digest,
            size: blob.size,
        };
        let layers = layers.into_iter().zip(rootfs.diff_ids).map(layer).collect();
        Self { layers, config, manifest, index, places }
    }

    /// The id of the image on an engine: the digest of its configuration, or where an engine keeps images as registries do,
    /// that of its manifest.
    pub fn ids(&self) -> (Digest, Digest) {
        (Digest::of(&self.config), Digest::of(&self.manifest))
    }

    /// How long the archive with these layers, named by digest, is.
    pub fn archive_size(&self, wanted: &BTreeSet<Digest>) -> u64 {
        let entry = |size: u64| BLOCK + size + padding(size);
        let documents: u64 = self.documents().iter().map(|(_, bytes)| entry(bytes.len() as u64)).sum();
        let sizes: BTreeMap<&Digest, u64> = self.layers.iter().map(|layer| (&layer.digest, layer.size)).collect();
        let layers: u64 = wanted.iter().filter_map(|digest| sizes.get(digest)).map(|size| entry(*size)).sum();
        documents + layers + END
    }

    /// Copies the documents and these layers out of the archive this was read from. The image has no name in it. A layer that
    /// is not what it was is an error before the end.
    pub fn write_archive(
        &self,
        wanted: &BTreeSet<Digest>,
        source: &mut dyn Read,
        out: &mut dyn Write,
    ) -> io::Result<()> {
        for (name, bytes) in self.documents() {
            entry::write(out, &name, bytes.len() as u64, &mut &bytes[..])?;
        }
        let mut left = wanted.clone();
        let mut archive = tar::Archive::new(source);
        for found in archive.entries()? {
            let mut found = found?;
            if left.is_empty() {
                break;
            }
            let Some(digest) = self.places.get(&*found.path()?).cloned() else { continue };
            if found.header().entry_type() == tar::EntryType::Regular && left.remove(&digest) {
                let size = found.size();
                let mut content = Hashing { content: &mut found, digester: Digester::default() };
                entry::write(out, &blob_path(&digest), size, &mut content)?;
                if content.digester.finish() != digest {
                    return Err(io::Error::new(io::ErrorKind::InvalidData, format!("layer {digest} changed")));
                }
            }
        }
        if let Some(absent) = left.first() {
            return Err(io::Error::new(io::ErrorKind::InvalidData, format!("layer {absent} is missing")));
        }
        entry::finish(out)
    }

    /// Everything but the layers. `manifest.json` is for engines that know no OCI layout.
    fn documents(&self) -> Vec<(String, Vec<u8>)> {
        let (config, manifest) = self.ids();
        let listed = DockerImage {
            config: blob_path(&config),
            repo_tags: None,
            layers: self.layers.iter().map(|layer| blob_path(&layer.digest)).collect(),
        };
        vec![
            (OCI_LAYOUT.to_owned(), LAYOUT_VERSION.to_vec()),
            (INDEX.to_owned(), self.index.clone()),
            (DOCKER_MANIFEST.to_owned(), bytes(&vec![listed])),
            (blob_path(&config), self.config.clone()),
            (blob_path(&manifest), self.manifest.clone()),
        ]
    }
}

/// Computes the digest of what is read.
struct Hashing<'r> {
    content: &'r mut dyn Read,
    digester: Digester,
}

impl Read for Hashing<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.content.read(buffer)?;
        self.digester.take(&buffer[..read]);
        Ok(read)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const LOWER: &[u8] = b"the lower layer";
    const UPPER: &[u8] = b"the upper layer, which is longer";

    fn entries(archive: &[u8]) -> BTreeMap<String, Vec<u8>> {
        let mut read = tar::Archive::new(archive);
        let each = read.entries().unwrap().map(|entry| {
            let mut entry = entry.unwrap();
            let mut content = Vec::new();
            entry.read_to_end(&mut content).unwrap();
            (entry.path().unwrap().display().to_string(), content)
        });
        each.collect()
    }

    /// As an engine before 25 saves an image: the documents come last.
    fn saved(upper: &[u8]) -> Vec<u8> {
        let digest = |bytes: &[u8]| Digest::of(bytes).to_string();
        let config =
            json!({ "architecture": "amd64", "os": "linux", "rootfs": { "diff_ids": [digest(LOWER), digest(UPPER)] } });
        let manifest = json!([{ "Config": "c.json", "RepoTags": null, "Layers": ["1/layer.tar", "2/layer.tar"] }]);
        let mut archive = Vec::new();
        let files = [
            ("2/layer.tar", upper.to_vec()),
            ("1/layer.tar", LOWER.to_vec()),
            ("c.json", bytes(&config)),
            (DOCKER_MANIFEST, bytes(&manifest)),
        ];
        for (name, content) in files {
            entry::write(&mut archive, name, content.len() as u64, &mut &content[..]).unwrap();
        }
        entry::finish(&mut archive).unwrap();
        archive
    }

    #[test]
    fn an_archive_holds_the_wanted_layers_and_is_as_long_as_announced() {
        let archive = saved(UPPER);
        let image = survey(&mut &archive[..], ("amd64", "linux")).unwrap();
        assert_eq!(image.layers.iter().map(|layer| layer.size).collect::<Vec<_>>(), [15, 32]);
        let all: BTreeSet<Digest> = image.layers.iter().map(|layer| layer.digest.clone()).collect();
        let upper = BTreeSet::from([Digest::of(UPPER)]);
        for (wanted, expected) in [(&all, 2), (&upper, 1), (&BTreeSet::new(), 0)] {
            let mut out = Vec::new();
            image.write_archive(wanted, &mut &archive[..], &mut out).unwrap();
            assert_eq!(out.len() as u64, image.archive_size(wanted));
            let found = entries(&out);
            let layers = found.values().filter(|content| [LOWER, UPPER].contains(&&content[..])).count();
            assert_eq!((layers, found.len()), (expected, expected + 5), "{:?}", found.keys());
            for (name, content) in found.iter().filter(|(name, _)| name.starts_with("blobs/")) {
                assert_eq!(*name, blob_path(&Digest::of(content)));
            }
        }
    }

    #[test]
    fn a_layer_that_changed_or_vanished_breaks_the_archive() {
        let archive = saved(UPPER);
        let image = survey(&mut &archive[..], ("amd64", "linux")).unwrap();
        let wanted = BTreeSet::from([Digest::of(UPPER)]);
        let changed = saved(b"the upper layer, which is LONGER");
        let other = image.write_archive(&wanted, &mut &changed[..], &mut Vec::new()).unwrap_err();
        assert!(other.to_string().ends_with("changed"), "{other}");
        let mut cut = Vec::new();
        entry::finish(&mut cut).unwrap();
        let gone = image.write_archive(&wanted, &mut &cut[..], &mut Vec::new()).unwrap_err();
        assert!(gone.to_string().ends_with("is missing"), "{gone}");
        assert!(survey(&mut &changed[..], ("amd64", "linux")).is_err(), "a layer that no configuration names");
    }
}
