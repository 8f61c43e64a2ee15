//! Puts a bundle together: documents from the contents, then every blob, into a file that appears whole or not at all.
//! Reads a store; writes through the file it is given.
//! Never overwrites the old file before the new one is complete.

use std::collections::BTreeSet;
use std::io::{self, BufWriter, Write};
use std::path::Path;

use super::document::{
    BundledFile, BundledImage, Contents, DOCKER_MANIFEST, INDEX, LAYOUT_VERSION, Manifest, OCI_LAYOUT, blob_path,
    bytes, docker_manifest,
};
use super::entry;
use super::store::{BlobStore, failed};
use crate::image::{Digest, ImageError};
use crate::output_file::OutputFile;

/// Writes the bundle. `contents` is completed with what the store left out; returns it and the bundle's size.
pub fn write_bundle(
    file: OutputFile,
    mut contents: Contents,
    mut store: BlobStore,
) -> Result<(Contents, u64), ImageError> {
    contents.images.sort_by(|a, b| a.reference.cmp(&b.reference));
    contents.files.sort_by(|a, b| a.path.cmp(&b.path));
    let manifests = load_manifests(&contents.images, &store)?;
    let mut wanted = referenced(&contents.files, &manifests);
    wanted.extend(contents.images.iter().map(|image| image.manifest.digest.clone()));
    store.keep_only(&wanted);
    contents.omitted = store.omitted();
    store.put_document(&bytes(&contents))?;
    store.put_document(&bytes(&contents.artifact()))?;
    let size = file.write_with(|out| assemble(out, (&contents, &manifests), &store))?;
    Ok((contents, size))
}

fn load_manifests(images: &[BundledImage], store: &BlobStore) -> Result<Vec<Manifest>, ImageError> {
    let load = |image: &BundledImage| {
        let file = store.open(&image.manifest.digest).map_err(|e| failed(Path::new(&image.reference), &e))?;
        serde_json::from_reader(io::BufReader::new(file))
            .map_err(|e| ImageError::BadArchive { reason: format!("the manifest of {}: {e}", image.reference) })
    };
    images.iter().map(load).collect()
}

fn referenced(files: &[BundledFile], manifests: &[Manifest]) -> BTreeSet<Digest> {
    let of_files = files.iter().map(|file| &file.digest);
    let of_images = manifests.iter().flat_map(|m| m.layers.iter().map(|l| &l.digest).chain([&m.config.digest]));
    of_files.chain(of_images).cloned().collect()
}

fn assemble(
    file: &mut dyn Write,
    (contents, manifests): (&Contents, &[Manifest]),
    store: &BlobStore,
) -> io::Result<u64> {
    let mut out = Counted { out: BufWriter::with_capacity(1 << 20, file), size: 0 };
    let images: Vec<(&BundledImage, &Manifest)> = contents.images.iter().zip(manifests).collect();
    let documents = [
        (OCI_LAYOUT, LAYOUT_VERSION.to_vec()),
        (INDEX, bytes(&contents.index())),
        (DOCKER_MANIFEST, docker_manifest(&images)),
    ];
    for (name, bytes) in documents {
        entry::write(&mut out, name, bytes.len() as u64, &mut &bytes[..])?;
    }
    for (digest, size) in store.blobs() {
        entry::write(&mut out, &blob_path(digest), size, &mut store.open(digest)?)?;
    }
    entry::finish(&mut out)?;
    out.flush()?;
    Ok(out.size)
}

/// Counts what goes through: a pipe cannot be asked for its length.
struct Counted<W> {
    out: W,
    size: u64,
}

impl<W: Write> Write for Counted<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.out.write(bytes)?;
        self.size += written as u64;
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}
