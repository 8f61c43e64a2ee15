//! Reading: the sets of a repository, their manifests, and their files as streams.

use std::io;
use std::path::Path;

use rustic_core::{Id, TreeId};

use super::blocking::run_blocking;
use super::comparing::Comparing;
use super::damage::{Damage, FoundSnapshots};
use super::error::{BackupError, failed, reason_of};
use super::repository::{IndexedRustic, Repository};
use super::set::{FORMAT, FoundSet, MANIFEST, Manifest, Part, PartFile, SAFETY, SnapshotFacts, group};
use crate::target::{ByteStream, bridge};

/// The longest manifest that is read.
const LONGEST_MANIFEST: usize = 16 << 20;

/// A set with what its manifest says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LoadedSet {
    /// Its snapshots.
    pub found: FoundSet,
    /// Its manifest; none where the set is incomplete.
    pub manifest: Option<Manifest>,
}

impl LoadedSet {
    /// Whether every part is there.
    pub fn is_complete(&self) -> bool {
        let has = |part: &Part| self.found.snapshots.iter().any(|snapshot| snapshot.id == part.snapshot);
        self.manifest.as_ref().is_some_and(|manifest| manifest.parts.iter().all(has))
    }

    /// Whether it was taken before a restore, to go back to.
    pub fn is_safety(&self) -> bool {
        self.found.id.tags.iter().any(|tag| tag == SAFETY)
    }

    /// Whether it may be chosen unnamed: it is complete, has all services, and is no state that a restore replaced.
    pub fn is_default(&self) -> bool {
        self.is_complete() && !self.is_safety() && self.manifest.as_ref().is_some_and(|manifest| !manifest.partial)
    }
}

/// The sets of a repository.
#[derive(Debug, Clone, Default)]
pub struct FoundSets {
    /// The sets, oldest first.
    pub sets: Vec<LoadedSet>,
    /// Snapshots and manifests that cannot be read: there may be more sets, or more of a set.
    pub unreadable: Vec<Damage>,
}

/// A part of a set with the repository that holds it.
#[derive(Clone, Copy)]
pub struct StoredPart<'a> {
    /// The repository.
    pub repository: &'a Repository,
    /// The set.
    pub set: &'a LoadedSet,
    /// The part.
    pub part: &'a Part,
}

impl StoredPart<'_> {
    /// A file of the part as a stream. It ends with an error where it is not what was stored.
    pub fn file(&self, file: &PartFile) -> Result<ByteStream, BackupError> {
        self.repository.file(self.set, self.part, file)
    }
}

impl Repository {
    /// The sets, oldest first; of one project where that is named. What cannot be read keeps nobody from the others.
    pub async fn sets(&self, project: Option<&str>) -> Result<FoundSets, BackupError> {
        let (repository, project) = (self.clone(), project.map(str::to_owned));
        run_blocking(move || {
            let FoundSnapshots { snapshots, damage: mut unreadable } = repository.snapshots()?;
            let mut found = group(snapshots);
            found.retain(|set| project.as_ref().is_none_or(|project| set.id.project == *project));
            let indexed = repository.indexed()?;
            let mut sets = Vec::new();
            for found in found {
                let read = found.manifest.as_ref().map(|snapshot| manifest(&indexed, snapshot)).transpose();
                let manifest = read.unwrap_or_else(|problem| {
                    unreadable.push(Damage::new(format!("backup set {}", found.id.set), problem));
                    None
                });
                sets.push(LoadedSet { found, manifest });
            }
            Ok(FoundSets { sets, unreadable })
        })
        .await
    }

    /// A file of a part as a stream. It ends with an error where it is not what was stored.
    pub fn file(&self, set: &LoadedSet, part: &Part, file: &PartFile) -> Result<ByteStream, BackupError> {
        let missing = || BackupError::Damaged { what: format!("the snapshot of {} is missing", part.name) };
        let snapshot = set.found.snapshots.iter().find(|snapshot| snapshot.id == part.snapshot).ok_or_else(missing)?;
        let (repository, tree) = (self.clone(), snapshot.tree.clone());
        let path = Path::new(&part.name).join(&file.name);
        let expected = file.clone();
        Ok(bridge::written(move |out| {
            let mut out = Comparing::new(out);
            repository.dump(&tree, &path, &mut out).map_err(|error| io::Error::other(error.to_string()))?;
            out.finish(&expected)
        }))
    }

    pub(super) fn dump(&self, tree: &str, path: &Path, out: &mut dyn io::Write) -> Result<(), BackupError> {
        let indexed = self.indexed()?;
        let damaged = |error: Box<rustic_core::RusticError>| BackupError::Damaged { what: reason_of(&error) };
        let node = indexed.node_from_path(tree_id(tree)?, path).map_err(damaged)?;
        let mut out = out;
        indexed.dump(&node, &mut out).map_err(damaged)
    }
}

/// The manifest of a set; what is wrong with it, where it cannot be read.
fn manifest(indexed: &IndexedRustic, snapshot: &SnapshotFacts) -> Result<Manifest, String> {
    let damaged = |error: Box<rustic_core::RusticError>| format!("its manifest is lost: {}", reason_of(&error));
    let tree = tree_id(&snapshot.tree).map_err(|error| error.to_string())?;
    let node = indexed.node_from_path(tree, Path::new(MANIFEST)).map_err(damaged)?;
    let mut text = Limited(Vec::new());
    indexed.dump(&node, &mut text).map_err(damaged)?;
    let format: u32 = serde_json::from_slice::<serde_json::Value>(&text.0)
        .ok()
        .and_then(|value| value.get("format")?.as_u64()?.try_into().ok())
        .unwrap_or_default();
    if format > FORMAT {
        return Err(format!("its manifest has format {format}; this aictl reads up to {FORMAT}"));
    }
    serde_json::from_slice(&text.0).map_err(|error| format!("its manifest is damaged: {error}"))
}

pub(super) fn tree_id(hex: &str) -> Result<TreeId, BackupError> {
    hex.parse::<Id>().map(TreeId::from).map_err(failed("read a snapshot"))
}

/// Bytes up to a limit.
struct Limited(Vec<u8>);

impl io::Write for Limited {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.0.len() + bytes.len() > LONGEST_MANIFEST {
            return Err(io::ErrorKind::FileTooLarge.into());
        }
        self.0.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
