//! A bundle read back: where its parts are, that each is what its name says, and what it holds.
//! Reads the file; returns contents, or the first thing that is wrong. Every byte of the file is covered.
//! Never loads anything: that begins when all of it was verified.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use super::document::{
    BundledFile, BundledImage, Contents, DOCKER_MANIFEST, FORMAT, INDEX, ImageConfig, Index, LAYOUT_VERSION, Manifest,
    OCI_LAYOUT, Omitted, blob_path, bytes, docker_manifest, image_index,
};
use super::entry::{self, BLOCK, END, Section};
use super::store::failed;
use crate::image::{Digest, Digester, ImageError, Reference};
use crate::input_file::{FileKind, Files, OpenFile, ReadAt};
use crate::output_file::Scratch;

/// Magic bytes of gzip.
const GZIP: [u8; 2] = [0x1f, 0x8b];

/// A document that is larger is no document of ours.
const LARGEST_DOCUMENT: u64 = 64 << 20;

/// A bundle whose documents fit together. Its blobs are verified by `verify`.
pub struct Bundle {
    path: PathBuf,
    file: Box<dyn ReadAt>,
    places: BTreeMap<String, (u64, u64)>,
    contents: Contents,
    index: Digest,
    manifests: BTreeMap<Digest, Manifest>,
    layers: BTreeMap<Digest, Vec<Digest>>,
}

impl Bundle {
    /// Opens a bundle and checks everything but the content of layers and files.
    pub fn open(path: &Path, disk: &dyn Files) -> Result<Self, ImageError> {
        // What is no file is not even opened: a named pipe would wait for its other end.
        let OpenFile { content: file, length } = match disk.kind(path).map_err(|e| failed(path, &e))? {
            FileKind::Regular { .. } => disk.open(path).map_err(|e| failed(path, &e))?,
            FileKind::Directory => return Err(not_one(path, "it is a directory")),
            FileKind::Other => return Err(not_one(path, "not a regular file")),
        };
        let OpenFile { content: file, length } = uncompressed(path, OpenFile { content: file, length }, disk)?;
        refuse_another_kind(path, &*file)?;
        let places = scan(&*file, length).map_err(|reason| bad(path, reason))?;
        let raw = Raw { path, file: &*file, places: &places };
        let index_bytes = raw.document(INDEX)?;
        let index: Index = raw.parsed(INDEX, &index_bytes)?;
        let artifact = index.manifests.iter().find(|entry| entry.names_contents());
        let artifact = artifact.ok_or_else(|| bad(path, "no contents listed: not written by aictl"))?;
        let artifact: Manifest = raw.parsed("its contents", &raw.blob(&artifact.digest)?)?;
        let contents_bytes = raw.blob(&artifact.config.digest)?;
        raw.check_format(&contents_bytes)?;
        let contents: Contents = raw.parsed("its contents", &contents_bytes)?;
        let mut manifests = BTreeMap::new();
        let mut layers = BTreeMap::new();
        for image in &contents.images {
            let manifest: Manifest = raw.parsed(&image.reference, &raw.blob(&image.manifest.digest)?)?;
            let config: ImageConfig = raw.parsed(&image.reference, &raw.blob(&image.id)?)?;
            layers.insert(image.id.clone(), config.rootfs.diff_ids);
            manifests.insert(image.manifest.digest.clone(), manifest);
        }
        let index = Digest::of(&index_bytes);
        let bundle = Self { path: path.to_owned(), places, contents, index, manifests, layers, file };
        bundle.check_documents(&index_bytes, &artifact)?;
        bundle.check_blobs()?;
        Ok(bundle)
    }

    /// What it holds.
    pub fn contents(&self) -> &Contents {
        &self.contents
    }

    /// The digest of its index: two bundles with the same index are the same.
    pub fn index(&self) -> &Digest {
        &self.index
    }

    /// Every layer and file it holds or, being a delta itself, knows to be in an earlier one.
    pub fn known(&self) -> BTreeSet<Digest> {
        self.expected().into_keys().collect()
    }

    /// The image of a name, however it is spelled.
    pub fn image(&self, reference: &str) -> Option<&BundledImage> {
        let wanted = reference.parse::<Reference>().ok()?.canonical();
        self.contents.images.iter().find(|i| i.reference.parse::<Reference>().is_ok_and(|r| r.canonical() == wanted))
    }

    /// Reads every blob of the given images, and with `files` those of files; what is not as its name says is refused.
    /// `told` is called with the bytes read so far.
    pub fn verify(&self, images: &[&BundledImage], files: bool, told: &mut dyn FnMut(u64)) -> Result<(), ImageError> {
        let mut wanted: BTreeSet<&Digest> = images.iter().flat_map(|image| self.blobs_of(image)).collect();
        if files {
            wanted.extend(self.contents.files.iter().map(|file| &file.digest));
        }
        let mut read = 0;
        for digest in wanted {
            let Some((at, size)) = self.places.get(&blob_path(digest)) else { continue };
            let mut digester = Digester::default();
            let mut section = Section::new(&*self.file, *at, *size);
            let mut buffer = vec![0; 1 << 18];
            loop {
                let count = section.read(&mut buffer).map_err(|e| failed(&self.path, &e))?;
                if count == 0 {
                    break;
                }
                digester.take(&buffer[..count]);
                read += count as u64;
                told(read);
            }
            if digester.finish() != *digest {
                return Err(bad(&self.path, format!("content of {} is corrupt", blob_path(digest))));
            }
        }
        Ok(())
    }

    /// Bytes of all blobs it holds.
    pub fn size(&self) -> u64 {
        self.places.values().map(|(_, size)| size).sum()
    }

    /// The layers an engine must have because this bundle leaves them out. `present` are the layers of the engine's
    /// images, each from the lowest up: a layer counts only on top of the same ones.
    pub fn missing(&self, images: &[&BundledImage], present: &[Vec<String>]) -> Vec<Digest> {
        let omitted: BTreeSet<&Digest> = self.contents.omitted.iter().map(|blob| &blob.digest).collect();
        let mut missing = Vec::new();
        for image in images {
            let Some(manifest) = self.manifests.get(&image.manifest.digest) else { continue };
            let layers: Vec<String> = self.layers[&image.id].iter().map(Digest::to_string).collect();
            for (index, layer) in manifest.layers.iter().enumerate() {
                let there = || present.iter().any(|other| other.get(..=index) == layers.get(..=index));
                if omitted.contains(&layer.digest) && !missing.contains(&layer.digest) && !there() {
                    missing.push(layer.digest.clone());
                }
            }
        }
        missing
    }

    /// Writes some of the images in the format of `docker load`: the containerd image store reads `index.json` and uses the
    /// digests of manifests as ids, other engines read `manifest.json`.
    pub fn write_archive(&self, images: &[&BundledImage], out: &mut dyn Write) -> io::Result<()> {
        let index = bytes(&image_index(images));
        for (name, bytes) in [(OCI_LAYOUT, LAYOUT_VERSION), (INDEX, &index[..])] {
            entry::write(out, name, bytes.len() as u64, &mut &*bytes)?;
        }
        let manifests = images.iter().map(|image| &image.manifest.digest);
        let blobs: BTreeSet<&Digest> = images.iter().flat_map(|image| self.blobs_of(image)).chain(manifests).collect();
        for digest in blobs {
            let name = blob_path(digest);
            if let Some((at, size)) = self.places.get(&name) {
                entry::write(out, &name, *size, &mut Section::new(&*self.file, *at, *size))?;
            }
        }
        let listed = docker_manifest(&self.with_manifests(images));
        entry::write(out, DOCKER_MANIFEST, listed.len() as u64, &mut &listed[..])?;
        entry::finish(out)
    }

    /// Whether it holds the content of a file, or leaves it to an earlier bundle.
    pub fn has_file(&self, file: &BundledFile) -> bool {
        self.places.contains_key(&blob_path(&file.digest))
    }

    /// Copies one file's content out; false when this bundle leaves it out.
    pub fn write_file(&self, file: &BundledFile, out: &mut dyn Write) -> io::Result<bool> {
        let Some((at, size)) = self.places.get(&blob_path(&file.digest)) else { return Ok(false) };
        io::copy(&mut Section::new(&*self.file, *at, *size), out)?;
        Ok(true)
    }

    fn with_manifests<'a>(&'a self, images: &[&'a BundledImage]) -> Vec<(&'a BundledImage, &'a Manifest)> {
        let found = images.iter().filter_map(|image| Some((*image, self.manifests.get(&image.manifest.digest)?)));
        found.collect()
    }

    /// Configuration and layers of an image.
    fn blobs_of<'a>(&'a self, image: &'a BundledImage) -> impl Iterator<Item = &'a Digest> {
        let layers = self.manifests.get(&image.manifest.digest).into_iter().flat_map(|m| &m.layers);
        layers.map(|layer| &layer.digest).chain([&image.id])
    }

    /// index.json, manifest.json and the artifact are exactly what the contents give.
    fn check_documents(&self, index: &[u8], artifact: &Manifest) -> Result<(), ImageError> {
        let raw = Raw { path: &self.path, file: &*self.file, places: &self.places };
        let images: Vec<&BundledImage> = self.contents.images.iter().collect();
        let same = [
            (OCI_LAYOUT, raw.document(OCI_LAYOUT)? == LAYOUT_VERSION),
            (INDEX, index == bytes(&self.contents.index()) && *artifact == self.contents.artifact()),
            (DOCKER_MANIFEST, raw.document(DOCKER_MANIFEST)? == docker_manifest(&self.with_manifests(&images))),
        ];
        match same.iter().find(|(_, same)| !same) {
            Some((name, _)) => Err(bad(&self.path, format!("{name} is corrupt"))),
            None => Ok(()),
        }
    }

    /// Every blob something refers to, with its size.
    fn expected(&self) -> BTreeMap<Digest, u64> {
        let mut expected = BTreeMap::new();
        for image in &self.contents.images {
            expected.insert(image.manifest.digest.clone(), image.manifest.size);
            if let Some(manifest) = self.manifests.get(&image.manifest.digest) {
                expected.insert(manifest.config.digest.clone(), manifest.config.size);
                expected.extend(manifest.layers.iter().map(|layer| (layer.digest.clone(), layer.size)));
            }
        }
        expected.extend(self.contents.files.iter().map(|file| (file.digest.clone(), file.size)));
        expected
    }

    /// All of it is there, with the right sizes, and nothing else.
    fn check_blobs(&self) -> Result<(), ImageError> {
        let mut expected = self.expected();
        for Omitted { digest, .. } in &self.contents.omitted {
            expected.remove(digest);
        }
        for document in [bytes(&self.contents), bytes(&self.contents.artifact())] {
            expected.insert(Digest::of(&document), document.len() as u64);
        }
        for (digest, size) in &expected {
            let name = blob_path(digest);
            match self.places.get(&name) {
                Some((_, found)) if found == size => {}
                Some((_, found)) => return Err(bad(&self.path, format!("{name} has {found} bytes instead of {size}"))),
                None => return Err(bad(&self.path, format!("{name} is missing"))),
            }
        }
        if self.places.len() != expected.len() + 3 {
            return Err(bad(&self.path, "unreferenced entries"));
        }
        Ok(())
    }
}

/// Decompresses a gzipped bundle into a temporary file.
fn uncompressed(path: &Path, found: OpenFile, disk: &dyn Files) -> Result<OpenFile, ImageError> {
    let mut begin = Vec::new();
    Section::new(&*found.content, 0, 2).read_to_end(&mut begin).map_err(|e| failed(path, &e))?;
    if begin != GZIP {
        return Ok(found);
    }
    let scratch = Scratch::temporary("aictl-bundle-")?;
    let place = scratch.at("bundle.tar");
    let mut unpacked = scratch.create("bundle.tar").map_err(|e| failed(&place, &e))?;
    let whole = Section::new(&*found.content, 0, found.length);
    let mut packed = flate2::read::MultiGzDecoder::new(io::BufReader::new(whole));
    let mut chunk = vec![0; 1 << 18];
    loop {
        let count = packed.read(&mut chunk).map_err(|e| bad(path, format!("damaged gzip data: {e}")))?;
        if count == 0 {
            break;
        }
        unpacked.write_all(&chunk[..count]).map_err(|e| failed(&place, &e))?;
    }
    // The open file can be read after its name is removed.
    disk.open(&place).map_err(|e| failed(&place, &e))
}

fn bad(path: &Path, reason: impl Into<String>) -> ImageError {
    ImageError::BadBundle { file: path.display().to_string(), reason: reason.into() }
}

fn not_one(path: &Path, reason: &str) -> ImageError {
    ImageError::NoBundle { file: path.display().to_string(), reason: reason.to_owned() }
}

/// A file that never was a bundle is not called a damaged one. What is cut off within its first block still begins as
/// every bundle does.
fn refuse_another_kind(path: &Path, file: &dyn ReadAt) -> Result<(), ImageError> {
    let mut begin = Vec::new();
    Section::new(file, 0, BLOCK).read_to_end(&mut begin).map_err(|e| failed(path, &e))?;
    if begin.is_empty() {
        return Err(bad(path, "the file is empty"));
    }
    let first = entry::header(OCI_LAYOUT, LAYOUT_VERSION.len() as u64).map_err(|e| failed(path, &e))?;
    if first.as_bytes().starts_with(&begin) {
        return Ok(());
    }
    let Ok(block) = <[u8; BLOCK as usize]>::try_from(begin) else { return Err(not_one(path, "not a tar archive")) };
    let named = block.starts_with(OCI_LAYOUT.as_bytes());
    let mut header = tar::Header::new_ustar();
    header.as_mut_bytes().copy_from_slice(&block);
    if header.as_ustar().is_none() && header.as_gnu().is_none() && !named {
        return Err(not_one(path, "not a tar archive"));
    }
    let told = header.cksum().ok();
    header.set_cksum();
    // One whose header has the right checksum is another archive; any other was a bundle and is altered.
    if told.is_some() && told == header.cksum().ok() {
        return Err(not_one(path, "a tar archive of another kind"));
    }
    Ok(())
}

/// The file and its parts before they mean anything.
struct Raw<'r> {
    path: &'r Path,
    file: &'r dyn ReadAt,
    places: &'r BTreeMap<String, (u64, u64)>,
}

impl Raw<'_> {
    fn document(&self, name: &str) -> Result<Vec<u8>, ImageError> {
        let (at, size) = *self.places.get(name).ok_or_else(|| bad(self.path, format!("{name} is missing")))?;
        if size > LARGEST_DOCUMENT {
            return Err(bad(self.path, format!("{name} has {size} bytes")));
        }
        let mut bytes = Vec::new();
        Section::new(self.file, at, size).read_to_end(&mut bytes).map_err(|e| failed(self.path, &e))?;
        Ok(bytes)
    }

    fn blob(&self, digest: &Digest) -> Result<Vec<u8>, ImageError> {
        let name = blob_path(digest);
        let bytes = self.document(&name)?;
        if Digest::of(&bytes) != *digest {
            return Err(bad(self.path, format!("content of {name} is corrupt")));
        }
        Ok(bytes)
    }

    fn parsed<T: serde::de::DeserializeOwned>(&self, name: &str, bytes: &[u8]) -> Result<T, ImageError> {
        serde_json::from_slice(bytes).map_err(|e| bad(self.path, format!("{name}: {e}")))
    }

    /// A newer format is reported before its unknown fields are.
    fn check_format(&self, contents: &[u8]) -> Result<(), ImageError> {
        #[derive(serde::Deserialize)]
        struct Versioned {
            format: u32,
        }
        let found = self.parsed::<Versioned>("its contents", contents)?.format;
        if found > FORMAT {
            let file = self.path.display().to_string();
            return Err(ImageError::NewerBundle { file, found, supported: FORMAT });
        }
        Ok(())
    }
}

/// Where each part is. The reason of a failure ends a sentence.
fn scan(file: &dyn ReadAt, length: u64) -> Result<BTreeMap<String, (u64, u64)>, String> {
    let mut places = BTreeMap::new();
    let mut at = 0;
    loop {
        let mut block = [0; BLOCK as usize];
        let cut = |_| format!("truncated after {length} bytes");
        file.read_exact_at(&mut block, at).map_err(cut)?;
        if block.iter().all(|byte| *byte == 0) {
            break;
        }
        let (name, size) = checked_header(&block).ok_or_else(|| format!("entry at byte {at} is corrupt"))?;
        let begin = at + BLOCK;
        let end = begin.checked_add(size).and_then(|end| end.checked_add(entry::padding(size)));
        let end =
            end.filter(|end| *end <= length).ok_or_else(|| format!("truncated after {length} bytes, within {name}"))?;
        if !is_zero(file, begin + size, end).map_err(cut)? {
            return Err(format!("end of {name} is corrupt"));
        }
        if places.insert(name.clone(), (begin, size)).is_some() {
            return Err(format!("duplicate entry {name}"));
        }
        at = end;
    }
    if length < at + END {
        return Err(format!("truncated after {length} bytes"));
    }
    if length > at + END || !is_zero(file, at, length).map_err(|e| e.to_string())? {
        return Err("trailing data".to_owned());
    }
    Ok(places)
}

/// A header is taken only when it is the one that would be written for its name and size.
fn checked_header(block: &[u8; BLOCK as usize]) -> Option<(String, u64)> {
    let mut header = tar::Header::new_ustar();
    header.as_mut_bytes().copy_from_slice(block);
    let name = std::str::from_utf8(&header.path_bytes()).ok()?.to_owned();
    let size = header.entry_size().ok()?;
    let again = entry::header(&name, size).ok()?;
    (again.as_bytes() == block).then_some((name, size))
}

fn is_zero(file: &dyn ReadAt, from: u64, to: u64) -> io::Result<bool> {
    let mut bytes = Vec::new();
    Section::new(file, from, to - from).read_to_end(&mut bytes)?;
    Ok(bytes.len() as u64 == to - from && bytes.iter().all(|byte| *byte == 0))
}
