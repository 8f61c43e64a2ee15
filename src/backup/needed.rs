//! What the files of a set need: the packs with their content and with the directories above them. What is lost, what is read
//! before a restore and which state a set gets all come from here.

use std::collections::{BTreeMap, BTreeSet};

use rustic_core::TreeId;
use rustic_core::repofile::Tree;

use super::altered::pack_problem;
use super::blocking::run_blocking;
use super::damage::Damage;
use super::error::BackupError;
use super::file_check::pack_path;
use super::read::{LoadedSet, tree_id};
use super::repository::{IndexedRustic, Repository};
use super::set::MANIFEST;

/// A set of which files are lost.
#[derive(Debug, Clone)]
pub struct AffectedSet {
    /// The set.
    pub set: LoadedSet,
    /// The files, as `SET/PART/FILE`.
    pub files: Vec<String>,
}

/// Packs that are damaged, and the files that are lost with them.
#[derive(Debug, Clone, Default)]
pub struct LostFiles {
    /// The packs.
    pub packs: Vec<Damage>,
    /// The files, as `SET/PART/FILE`.
    pub files: Vec<String>,
}

impl LostFiles {
    /// Fails where a file of this set is lost.
    pub fn check(self, set: &str) -> Result<(), BackupError> {
        if self.files.is_empty() {
            return Ok(());
        }
        let packs = self.packs.iter().map(|pack| format!("{}: {}", pack.what, pack.problem)).collect();
        Err(BackupError::LostSet { set: set.to_owned(), packs, affected: self.files })
    }
}

/// A file and what it needs.
struct NeededFile {
    name: String,
    /// None where the index does not name some of it, or a directory above it cannot be read.
    packs: Option<BTreeSet<String>>,
}

impl NeededFile {
    fn is_lost(&self, is_bad: impl Fn(&String) -> bool) -> bool {
        self.packs.as_ref().is_none_or(|packs| packs.iter().any(is_bad))
    }
}

impl Repository {
    /// The sets that have files which need one of these packs, or content that the index does not name.
    pub async fn affected(&self, sets: &[LoadedSet], packs: BTreeSet<String>) -> Result<Vec<AffectedSet>, BackupError> {
        let (repository, sets) = (self.clone(), sets.to_vec());
        run_blocking(move || {
            let indexed = repository.indexed()?;
            let mut affected = Vec::new();
            for set in sets {
                let lost = needed(&indexed, &set, |_| true)
                    .into_iter()
                    .filter(|file| file.is_lost(|pack| packs.contains(pack)));
                let files: Vec<String> = lost.map(|file| file.name).collect();
                if !files.is_empty() {
                    affected.push(AffectedSet { set, files });
                }
            }
            Ok(affected)
        })
        .await
    }

    /// Reads every pack that parts of a set need, before anything is replaced with them.
    pub async fn check_needed(&self, set: &LoadedSet, parts: BTreeSet<String>) -> Result<LostFiles, BackupError> {
        let (repository, set) = (self.clone(), set.clone());
        run_blocking(move || {
            let needed = needed(&repository.indexed()?, &set, |part| parts.contains(part));
            let mut bad = BTreeMap::new();
            for pack in needed.iter().filter_map(|file| file.packs.as_ref()).flatten().collect::<BTreeSet<_>>() {
                if let Some(problem) = pack_problem(&*repository.store, pack) {
                    bad.insert(pack.clone(), problem.say().to_owned());
                }
            }
            let lost = needed.iter().filter(|file| file.is_lost(|pack| bad.contains_key(pack)));
            let files = lost.map(|file| file.name.clone()).collect();
            let packs = bad.into_iter().map(|(pack, problem)| Damage::new(pack_path(&pack), problem)).collect();
            Ok(LostFiles { packs, files })
        })
        .await
    }
}

/// The files of the parts of a set, and its manifest.
fn needed(indexed: &IndexedRustic, set: &LoadedSet, is_wanted: impl Fn(&str) -> bool) -> Vec<NeededFile> {
    let id = &set.found.id.set;
    let mut needed = Vec::new();
    if let Some(snapshot) = &set.found.manifest {
        let folder = Folder::read(indexed, &snapshot.tree, None);
        needed
            .push(NeededFile { name: format!("{id}/{MANIFEST}"), packs: packs_of(indexed, folder.as_ref(), MANIFEST) });
    }
    for part in set.manifest.iter().flat_map(|manifest| &manifest.parts).filter(|part| is_wanted(&part.name)) {
        // Without it the set is incomplete, which is said elsewhere.
        let Some(snapshot) = set.found.snapshots.iter().find(|snapshot| snapshot.id == part.snapshot) else { continue };
        let folder = Folder::read(indexed, &snapshot.tree, Some(&part.name));
        needed.extend(part.files.iter().map(|file| NeededFile {
            name: format!("{id}/{}/{}", part.name, file.name),
            packs: packs_of(indexed, folder.as_ref(), &file.name),
        }));
    }
    needed
}

/// A directory, with the packs that it and those above it are in.
struct Folder {
    tree: Tree,
    packs: BTreeSet<String>,
}

impl Folder {
    /// The root of a snapshot, or a directory in it.
    fn read(indexed: &IndexedRustic, root: &str, name: Option<&str>) -> Option<Self> {
        let mut packs = BTreeSet::new();
        let mut read = |id: TreeId| {
            packs.insert(indexed.get_index_entry(&id).ok()?.pack.to_hex().to_string());
            indexed.get_tree(&id).ok()
        };
        let mut tree = read(tree_id(root).ok()?)?;
        if let Some(name) = name {
            let node = tree.nodes.into_iter().find(|node| &*node.name() == name)?;
            tree = read(node.subtree?)?;
        }
        Some(Self { tree, packs })
    }
}

fn packs_of(indexed: &IndexedRustic, folder: Option<&Folder>, name: &str) -> Option<BTreeSet<String>> {
    let folder = folder?;
    let node = folder.tree.nodes.iter().find(|node| &*node.name() == name)?;
    let mut packs = folder.packs.clone();
    for id in node.content.iter().flatten() {
        packs.insert(indexed.get_index_entry(id).ok()?.pack.to_hex().to_string());
    }
    Some(packs)
}
