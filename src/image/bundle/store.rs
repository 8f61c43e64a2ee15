//! The blobs of a bundle that is being written: each a file named by its digest, beside where the bundle will be.
//! Reads content once; returns its digest and size.
//! Never keeps content in memory, and leaves nothing behind when it is dropped.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, Read, Write};
use std::path::Path;

use super::document::Omitted;
use crate::image::{Digest, Digester, ImageError};
use crate::output_file::{OutputFile, Scratch};

/// Bytes moved at once.
const CHUNK: usize = 256 * 1024;

/// Where the blobs of an archive go while it is read.
pub(super) trait Blobs {
    /// Takes content to its end.
    fn put(&mut self, content: &mut dyn Read) -> Result<Omitted, ImageError>;
}

/// Keeps no blob: only their digests and sizes are of interest.
pub(super) struct DigestsOnly;

impl Blobs for DigestsOnly {
    fn put(&mut self, content: &mut dyn Read) -> Result<Omitted, ImageError> {
        let invalid = |e: io::Error| ImageError::BadArchive { reason: e.to_string() };
        let (digest, size) = copied(content, &mut io::sink()).map_err(invalid)?;
        Ok(Omitted { digest, size })
    }
}

impl Blobs for BlobStore {
    fn put(&mut self, content: &mut dyn Read) -> Result<Omitted, ImageError> {
        Self::put(self, content)
    }
}

/// Blobs on disk.
pub struct BlobStore {
    folder: Scratch,
    blobs: BTreeMap<Digest, u64>,
    earlier: BTreeSet<Digest>,
    omitted: BTreeMap<Digest, u64>,
}

impl BlobStore {
    /// An empty store near the bundle that will be written. `earlier` names what need not be kept.
    pub fn new(bundle: &OutputFile, earlier: BTreeSet<Digest>) -> Result<Self, ImageError> {
        Ok(Self { folder: bundle.scratch()?, blobs: BTreeMap::new(), earlier, omitted: BTreeMap::new() })
    }

    /// Takes content to its end. What the earlier bundle has is not kept.
    pub fn put(&mut self, content: &mut dyn Read) -> Result<Omitted, ImageError> {
        let incoming = |e: io::Error| failed(&self.folder.at("incoming"), &e);
        let mut file = self.folder.create("incoming").map_err(incoming)?;
        let (digest, size) = copied(content, &mut file).map_err(incoming)?;
        if self.earlier.contains(&digest) {
            self.omitted.insert(digest.clone(), size);
        } else {
            self.folder.rename("incoming", digest.hex()).map_err(|e| failed(&self.folder.at(digest.hex()), &e))?;
            self.blobs.insert(digest.clone(), size);
        }
        Ok(Omitted { digest, size })
    }

    /// Takes a document, which every bundle holds itself.
    pub fn put_document(&mut self, bytes: &[u8]) -> Result<Omitted, ImageError> {
        let digest = Digest::of(bytes);
        let written = self.folder.create(digest.hex()).and_then(|mut file| file.write_all(bytes));
        written.map_err(|e| failed(&self.folder.at(digest.hex()), &e))?;
        self.blobs.insert(digest.clone(), bytes.len() as u64);
        Ok(Omitted { digest, size: bytes.len() as u64 })
    }

    /// The kept blobs in the order of their digests.
    pub(super) fn blobs(&self) -> impl Iterator<Item = (&Digest, u64)> {
        self.blobs.iter().map(|(digest, size)| (digest, *size))
    }

    /// Forgets kept blobs nothing refers to.
    pub(super) fn keep_only(&mut self, wanted: &BTreeSet<Digest>) {
        self.blobs.retain(|digest, _| wanted.contains(digest));
        self.omitted.retain(|digest, _| wanted.contains(digest));
    }

    /// What was left out.
    pub(super) fn omitted(&self) -> Vec<Omitted> {
        self.omitted.iter().map(|(digest, size)| Omitted { digest: digest.clone(), size: *size }).collect()
    }

    /// A kept blob's content.
    pub(super) fn open(&self, digest: &Digest) -> io::Result<impl Read> {
        self.folder.open(digest.hex())
    }
}

fn copied(content: &mut dyn Read, file: &mut dyn Write) -> io::Result<(Digest, u64)> {
    let mut digester = Digester::default();
    let mut buffer = vec![0; CHUNK];
    loop {
        let read = content.read(&mut buffer)?;
        if read == 0 {
            break;
        }
        digester.take(&buffer[..read]);
        file.write_all(&buffer[..read])?;
    }
    let size = digester.size();
    Ok((digester.finish(), size))
}

/// A full disk is distinguished from other failures.
pub(super) fn failed(path: &Path, error: &io::Error) -> ImageError {
    let path = path.display().to_string();
    match error.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => ImageError::DiskFull { path },
        _ => ImageError::File { path, reason: error.to_string() },
    }
}
