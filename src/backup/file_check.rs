//! The files of a repository one by one: each snapshot and index file is read by itself, so that one that is damaged is named
//! and keeps nobody from the others; and whether the packs that the index names are there.

use std::collections::{BTreeMap, BTreeSet};

use rustic_core::repofile::{IndexFile, SnapshotFile};
use rustic_core::{FileType, Id, RepairIndexOptions};
use serde::de::DeserializeOwned;

use super::damage::{Damage, FoundSnapshots};
use super::error::{BackupError, failed, reason_of};
use super::read::{LoadedSet, tree_id};
use super::repository::{IndexedRustic, Repository};
use super::sealed::hash;
use super::set::SnapshotFacts;

use super::blocking::run_blocking;

/// The first byte of a compressed file.
const COMPRESSED: u8 = 2;

/// What the index says of the packs, compared with those that are there.
#[derive(Debug, Default)]
pub(super) struct IndexCheck {
    /// Index files that cannot be read.
    pub(super) damage: Vec<Damage>,
    /// Packs that it names and that are missing or cut.
    pub(super) lost: BTreeMap<String, String>,
    /// Number of packs that it does not name.
    pub(super) unnamed: usize,
}

impl IndexCheck {
    /// What is wrong, file by file.
    pub(super) fn findings(&self) -> Vec<Damage> {
        let lost = self.lost.iter().map(|(pack, problem)| Damage::new(pack_path(pack), problem.clone()));
        self.damage.iter().cloned().chain(lost).collect()
    }
}

/// Where a pack is.
pub(super) fn pack_path(pack: &str) -> String {
    format!("data/{}/{pack}", pack.get(..2).unwrap_or_default())
}

impl Repository {
    /// An encrypted JSON file; what is wrong with it, where it cannot be read.
    fn read_json<T: DeserializeOwned>(&self, kind: FileType, id: &Id) -> Result<T, String> {
        let bytes = self.files.read_full(kind, id).map_err(|error| reason_of(&error))?;
        if bytes.is_empty() {
            return Err("it is empty".to_owned());
        }
        if Id::new(hash(&bytes)) != *id {
            return Err("its content differs from what was written".to_owned());
        }
        let text = self.sealer.open(&bytes).ok_or("it is not of this repository")?;
        let text = match text.split_first() {
            Some((&COMPRESSED, compressed)) => {
                zstd::stream::decode_all(compressed).map_err(|error| error.to_string())?
            }
            _ => text,
        };
        serde_json::from_slice(&text).map_err(|error| error.to_string())
    }

    /// Every file of a kind that can be read, with its id, and what is wrong with the others.
    pub(super) fn each<T: DeserializeOwned>(
        &self,
        (kind, folder): (FileType, &str),
        mut take: impl FnMut(&Id, T),
    ) -> Result<Vec<Damage>, BackupError> {
        let mut damage = Vec::new();
        for (id, _) in self.files.list_with_size(kind).map_err(failed("list the repository"))? {
            match self.read_json(kind, &id) {
                Ok(file) => take(&id, file),
                Err(problem) => damage.push(Damage::new(format!("{folder}/{}", &*id.to_hex()), problem)),
            }
        }
        damage.sort();
        Ok(damage)
    }

    /// The snapshots that can be read, and the others.
    pub(super) fn snapshots(&self) -> Result<FoundSnapshots, BackupError> {
        let mut snapshots = Vec::new();
        let damage = self.each((FileType::Snapshot, "snapshots"), |id, snapshot: SnapshotFile| {
            snapshots.push(SnapshotFacts {
                id: id.to_hex().to_string(),
                time: snapshot.time.timestamp().as_second(),
                tags: snapshot.tags.iter().cloned().collect(),
                tree: snapshot.tree.into_inner().to_hex().to_string(),
            });
        })?;
        Ok(FoundSnapshots { snapshots, damage })
    }

    /// Compares the index with the packs that are there.
    pub(super) fn check_index(&self) -> Result<IndexCheck, BackupError> {
        let mut named: BTreeMap<String, u32> = BTreeMap::new();
        let damage = self.each((FileType::Index, "index"), |_, index: IndexFile| {
            named.extend(index.packs.iter().map(|pack| (pack.id.to_hex().to_string(), pack.pack_size())));
        })?;
        let packs = self.files.list_with_size(FileType::Pack).map_err(failed("list the repository"))?;
        let there: BTreeMap<String, u32> =
            packs.into_iter().map(|(id, size)| (id.to_hex().to_string(), size)).collect();
        let problem = |(pack, size): (&String, &u32)| match there.get(pack) {
            None => Some((pack.clone(), "it is missing".to_owned())),
            Some(found) if found != size => Some((pack.clone(), format!("it has {found} bytes, {size} were written"))),
            Some(_) => None,
        };
        let lost = named.iter().filter_map(problem).collect();
        Ok(IndexCheck { damage, lost, unnamed: there.keys().filter(|pack| !named.contains_key(*pack)).count() })
    }

    /// Fails where new content would be left out because the index says that it is there, or where old content could be
    /// found again by making the index anew. Returns the sets whose content is lost.
    pub async fn check_content(&self) -> Result<Vec<String>, BackupError> {
        let repository = self.clone();
        let check = run_blocking(move || {
            let mut check = repository.check_index()?;
            check.lost.extend(repository.altered()?);
            Ok(check)
        });
        let check = check.await?;
        if let Some(first) = check.damage.first() {
            return Err(BackupError::Index { what: format!("{}: {}", first.what, first.problem) });
        }
        let found = self.sets(None).await?;
        if !check.lost.is_empty() {
            let packs: BTreeSet<String> = check.lost.keys().cloned().collect();
            let affected = self.affected(&found.sets, packs).await?;
            let affected = affected.into_iter().flat_map(|affected| affected.files).collect();
            let packs = check.lost.iter().map(|(pack, problem)| format!("{}: {problem}", pack_path(pack))).collect();
            return Err(BackupError::LostContent { packs, affected });
        }
        let (repository, sets) = (self.clone(), found.sets);
        let lost = run_blocking(move || repository.without_content(&sets)).await?;
        match lost.first() {
            Some(set) if check.unnamed > 0 => {
                let what = format!("it lacks content of backup set {set}, and does not name {} packs", check.unnamed);
                Err(BackupError::Index { what })
            }
            _ => Ok(lost),
        }
    }

    /// The sets of which a snapshot has no tree in the index.
    fn without_content(&self, sets: &[LoadedSet]) -> Result<Vec<String>, BackupError> {
        let indexed = self.indexed()?;
        let has = |snapshot: &SnapshotFacts| tree_id(&snapshot.tree).is_ok_and(|tree| indexed.get_tree(&tree).is_ok());
        let is_lost = |set: &&LoadedSet| !set.found.snapshots.iter().chain(&set.found.manifest).all(&has);
        Ok(sets.iter().filter(is_lost).map(|set| set.found.id.set.clone()).collect())
    }

    /// Makes the index say what is in the packs that are there: index files that cannot be read are removed, packs that are
    /// lost are no longer named, the headers of the others are read, and altered packs are replaced with what is whole in
    /// them. Needs the exclusive lock.
    pub async fn repair_index(&self, altered: BTreeSet<String>) -> Result<Vec<String>, BackupError> {
        let repository = self.clone();
        run_blocking(move || {
            let check = repository.check_index()?;
            let before = repository.packed()?;
            for file in &check.damage {
                let id = file.what.rsplit('/').next().unwrap_or_default();
                let id = id.parse::<Id>().map_err(failed("read the index"))?;
                repository.files.remove(FileType::Index, &id, false).map_err(failed("remove an index file"))?;
            }
            let repair = repository.rustic()?;
            repair.repair_index(&RepairIndexOptions::default(), false).map_err(failed("repair the index"))?;
            let mut done: Vec<String> =
                check.damage.iter().map(|file| format!("removed {}: {}", file.what, file.problem)).collect();
            let lost = check.lost.iter().filter(|(pack, _)| !altered.contains(*pack));
            done.extend(lost.map(|(pack, why)| format!("no longer names {}: {why}", pack_path(pack))));
            if check.unnamed > 0 || !check.damage.is_empty() {
                done.push("read the packs that it did not name".to_owned());
            }
            let mut packed = repository.packed()?;
            // The pieces of a cut pack are known from before.
            packed.extend(before);
            done.extend(repository.replace_packs(&altered, &packed)?);
            Ok(done)
        })
        .await
    }

    /// Whether everything that snapshots refer to is there: packs of the index, trees, content.
    pub async fn check_references(&self) -> Result<Vec<Damage>, BackupError> {
        let repository = self.clone();
        run_blocking(move || {
            let check = repository.check_index()?;
            let mut damage = check.findings();
            let FoundSnapshots { snapshots, damage: unreadable } = repository.snapshots()?;
            damage.extend(unreadable);
            if check.damage.is_empty() {
                let lost = repository.walk(&snapshots)?;
                if !lost.is_empty() && check.unnamed > 0 {
                    damage.push(Damage::new("index", format!("it does not name {} packs", check.unnamed)));
                }
                damage.extend(lost);
            }
            Ok(damage)
        })
        .await
    }

    /// Every tree below the snapshots, each once. rustic's own check ends threads with a panic where a tree is lost.
    fn walk(&self, snapshots: &[SnapshotFacts]) -> Result<Vec<Damage>, BackupError> {
        let indexed = self.indexed()?;
        let mut walk = TreeReader { indexed, seen: BTreeSet::new(), damage: Vec::new() };
        for snapshot in snapshots {
            walk.tree(&format!("snapshots/{}", snapshot.id), &snapshot.tree)?;
        }
        Ok(walk.damage)
    }
}

/// Reads trees below snapshots, each once.
struct TreeReader {
    indexed: IndexedRustic,
    seen: BTreeSet<String>,
    damage: Vec<Damage>,
}

impl TreeReader {
    fn tree(&mut self, subject: &str, root: &str) -> Result<(), BackupError> {
        let mut open = vec![root.to_owned()];
        while let Some(id) = open.pop() {
            if !self.seen.insert(id.clone()) {
                continue;
            }
            let Ok(tree) = self.indexed.get_tree(&tree_id(&id)?) else {
                self.damage
                    .push(Damage::new(subject, format!("its directory {} is lost", id.get(..8).unwrap_or_default())));
                continue;
            };
            for node in tree.nodes {
                open.extend(node.subtree.map(|tree| tree.into_inner().to_hex().to_string()));
                let lost = |id| self.indexed.get_index_entry(id).is_err();
                if node.content.iter().flatten().any(lost) {
                    let name = node.name().to_string_lossy().into_owned();
                    self.damage.push(Damage::new(subject, format!("content of {name} is lost")));
                }
            }
        }
        Ok(())
    }
}
