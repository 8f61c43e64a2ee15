//! Writing: streams become content of the repository, and a snapshot refers to it once all files of a part are whole.

use std::io::{self, Read};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use rustic_core::repofile::{Metadata, Node, NodeType, SnapshotFile, Tree};
use rustic_core::{BackupOptions, FileType, ParentOptions, ReadSource, ReadSourceEntry, RusticResult, TreeId};
use sha2::{Digest, Sha256};

use super::blocking::run_blocking;
use super::error::{BackupError, failed};
use super::pack::{BlobKind, NewBlob};
use super::repository::Repository;
use super::sealed::hash;
use super::set::{PartFile, SetId};
use crate::target::{ByteStream, bridge};

/// Permission bits of files and directories in snapshots.
const FILE_MODE: u32 = 0o600;
const DIRECTORY_MODE: u32 = 0o700 | (1 << 31);

/// A stream that was stored; no snapshot refers to it yet.
#[derive(Debug, Clone)]
pub struct StoredFile {
    /// Name, length and digest.
    pub file: PartFile,
    /// Bytes it added to the repository.
    pub added: u64,
    /// The tree that holds it alone.
    tree: TreeId,
}

/// A snapshot to be written.
pub struct PartSnapshot<'a> {
    /// The directory of its files: the part's name; none for the manifest.
    pub directory: Option<&'a str>,
    /// The set.
    pub set: &'a SetId,
    /// Host name.
    pub host: &'a str,
    /// User name.
    pub user: &'a str,
    /// Seconds since 1970.
    pub time: i64,
}

impl Repository {
    /// Stores a stream. The caller must know that it was whole before a snapshot refers to it.
    pub async fn store(&self, name: &str, stream: ByteStream) -> Result<StoredFile, BackupError> {
        let (repository, name) = (self.clone(), name.to_owned());
        bridge::read_owned(stream, move |reader| repository.archive(name, reader)).await?
    }

    fn archive(&self, name: String, reader: Box<dyn Read + Send>) -> Result<StoredFile, BackupError> {
        let progress = Arc::new(Mutex::new(Progress::default()));
        let reader = Hashing { reader, progress: progress.clone() };
        let source = OneStream { path: PathBuf::from(&name), reader: Mutex::new(Some(reader)) };
        let repository =
            self.rustic_without_snapshots()?.to_indexed_ids().map_err(|error| self.damaged_index(&error))?;
        let options = BackupOptions::default().no_scan(true).parent_opts(ParentOptions::default().force(true));
        let paths = [PathBuf::from(&name)];
        let archived = repository.archive(&options, &source, SnapshotFile::default(), &paths);
        let progress = progress.lock().unwrap_or_else(PoisonError::into_inner);
        // rustic leaves a file out that could not be read, and goes on.
        if let Some(reason) = &progress.failure {
            return Err(BackupError::Dump { what: name, reason: reason.clone() });
        }
        let snapshot = archived.map_err(failed("write to the repository"))?;
        if !progress.ended {
            return Err(BackupError::Dump { what: name, reason: "it was not read to its end".to_owned() });
        }
        let sha256 = hex::encode(progress.hash.clone().finalize());
        let file = PartFile { name, bytes: progress.bytes, sha256, of: String::new(), mode: None };
        let added = snapshot.summary.map_or(0, |summary| summary.data_added_packed);
        Ok(StoredFile { file, added, tree: snapshot.tree })
    }

    /// Writes a snapshot of stored files, and returns its id.
    pub async fn commit(&self, part: PartSnapshot<'_>, files: Vec<StoredFile>) -> Result<String, BackupError> {
        let snapshot = snapshot(&part)?;
        let (repository, directory, time) = (self.clone(), part.directory.map(str::to_owned), part.time);
        run_blocking(move || repository.write_snapshot(snapshot, (directory, time), &files)).await
    }

    fn write_snapshot(
        &self,
        mut snapshot: SnapshotFile,
        (directory, time): (Option<String>, i64),
        files: &[StoredFile],
    ) -> Result<String, BackupError> {
        let repository = self.rustic()?.to_indexed_ids().map_err(|error| self.damaged_index(&error))?;
        let mut nodes = Vec::new();
        for stored in files {
            let tree = repository.get_tree(&stored.tree).map_err(failed("read back what was written"))?;
            let node = tree.nodes.into_iter().next();
            let node = node.filter(|node| node.content.is_some());
            let lost = || BackupError::Dump { what: stored.file.name.clone(), reason: "it was not stored".to_owned() };
            // A node without its size is restored by restic as an empty file.
            let meta = metadata(FILE_MODE, time, stored.file.bytes);
            nodes.push(Node { meta, ..node.ok_or_else(lost)? });
        }
        nodes.sort_by(|a, b| a.name.cmp(&b.name));
        let mut trees = Vec::new();
        let mut root = serialized(&Tree { nodes }, &mut trees)?;
        if let Some(directory) = &directory {
            let mut node = Node::new_node(directory.as_ref(), NodeType::Dir, metadata(DIRECTORY_MODE, time, 0));
            node.subtree = Some(root);
            root = serialized(&Tree { nodes: vec![node] }, &mut trees)?;
        }
        self.write_trees(&trees)?;
        snapshot.tree = root;
        let text = serde_json::to_vec(&snapshot).map_err(not_json)?;
        Ok(self.put(FileType::Snapshot, &text)?.to_hex().to_string())
    }

    /// Writes a snapshot whose tree is there already.
    pub(super) fn write_marker(&self, snapshot: &SnapshotFile) -> Result<(), BackupError> {
        let text = serde_json::to_vec(snapshot).map_err(not_json)?;
        self.put(FileType::Snapshot, &text).map(drop)
    }

    /// Writes trees as a pack of their own, and the index that names them.
    fn write_trees(&self, trees: &[(TreeId, Vec<u8>)]) -> Result<(), BackupError> {
        let io = |error: io::Error| BackupError::Repository { doing: "encrypt", reason: error.to_string() };
        let mut blobs = Vec::new();
        for (_, text) in trees {
            let sealed = self.sealer.seal(text).map_err(io)?;
            blobs.push(NewBlob { kind: BlobKind::Tree, id: hash(text), sealed, uncompressed: None });
        }
        self.write_pack(&blobs)
    }
}

/// A snapshot of a tree that is there, with these tags besides those of its set.
pub(super) fn marker(
    part: &PartSnapshot<'_>,
    (tree, tags): (TreeId, Vec<String>),
) -> Result<SnapshotFile, BackupError> {
    let mut snapshot = snapshot(part)?;
    snapshot.tree = tree;
    snapshot.tags = Default::default();
    part.set.tags(false).into_iter().chain(tags).for_each(|tag| snapshot.tags.add(tag));
    Ok(snapshot)
}

/// A snapshot without its tree.
fn snapshot(part: &PartSnapshot<'_>) -> Result<SnapshotFile, BackupError> {
    let time = rustic_core::jiff::Timestamp::from_second(part.time);
    let wrong = |error: rustic_core::jiff::Error| BackupError::Repository {
        doing: "read the clock",
        reason: error.to_string(),
    };
    let mut snapshot = SnapshotFile {
        time: time.map_err(wrong)?.to_zoned(rustic_core::jiff::tz::TimeZone::UTC),
        program_version: format!("aictl {}", env!("CARGO_PKG_VERSION")),
        hostname: part.host.to_owned(),
        username: part.user.to_owned(),
        ..Default::default()
    };
    snapshot.paths.add(format!("/{}", part.directory.unwrap_or(super::set::MANIFEST)));
    part.set.tags(part.directory.is_none()).into_iter().for_each(|tag| snapshot.tags.add(tag));
    Ok(snapshot)
}

fn metadata(mode: u32, time: i64, size: u64) -> Metadata {
    let time = rustic_core::jiff::Timestamp::from_second(time).ok();
    Metadata { mode: Some(mode), mtime: time, atime: time, ctime: time, size, links: 1, ..Metadata::default() }
}

fn serialized(tree: &Tree, trees: &mut Vec<(TreeId, Vec<u8>)>) -> Result<TreeId, BackupError> {
    let (text, id) = tree
        .serialize()
        .map_err(|error| BackupError::Repository { doing: "write a tree", reason: error.to_string() })?;
    trees.push((id, text));
    Ok(id)
}

fn not_json(error: serde_json::Error) -> BackupError {
    BackupError::Repository { doing: "write a snapshot", reason: error.to_string() }
}

/// What is known of a stream so far.
#[derive(Default)]
struct Progress {
    hash: Sha256,
    bytes: u64,
    ended: bool,
    failure: Option<String>,
}

/// A reader that notes length, digest and how it ended.
struct Hashing {
    reader: Box<dyn Read + Send>,
    progress: Arc<Mutex<Progress>>,
}

impl Read for Hashing {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.reader.read(buffer);
        let mut progress = self.progress.lock().unwrap_or_else(PoisonError::into_inner);
        match &read {
            Ok(0) => progress.ended |= !buffer.is_empty(),
            Ok(count) => {
                progress.bytes += *count as u64;
                progress.hash.update(&buffer[..*count]);
            }
            Err(error) => progress.failure = Some(error.to_string()),
        }
        read
    }
}

/// One file that is read once.
struct OneStream {
    path: PathBuf,
    reader: Mutex<Option<Hashing>>,
}

impl ReadSource for OneStream {
    type Open = Hashing;
    type Iter = std::option::IntoIter<RusticResult<ReadSourceEntry<Hashing>>>;

    fn size(&self) -> RusticResult<Option<u64>> {
        Ok(None)
    }

    fn entries(&self) -> Self::Iter {
        let reader = self.reader.lock().unwrap_or_else(PoisonError::into_inner).take();
        let name = self.path.file_name().unwrap_or_default();
        let entry = reader.map(|reader| {
            let node = Node::new_node(name, NodeType::File, Metadata::default());
            Ok(ReadSourceEntry { path: self.path.clone(), node, open: Some(reader) })
        });
        entry.into_iter()
    }
}
