//! Verification: every file of the repository is read back and compared with its name, every file of a set with its digest.

use std::collections::BTreeSet;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

use super::comparing::Comparing;
use super::damage::Damage;
use super::error::BackupError;
use super::read::{LoadedSet, tree_id};
use super::repository::{Location, Repository};
use super::write::run_blocking;

/// Directories whose files are named by their digest, and whether they have one directory more.
const FOLDERS: [(&str, bool); 4] = [("keys", false), ("index", false), ("snapshots", false), ("data", true)];

/// Bytes that were read back, and what was wrong with them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct FileCheck {
    /// Number of files.
    pub files: u64,
    /// Their bytes.
    pub bytes: u64,
    /// What is damaged.
    pub damage: Vec<Damage>,
}

impl Location {
    /// Reads every file of the repository and compares it with its name. Needs no password, so that it can say which file
    /// keeps the repository from being opened.
    pub async fn check_files(&self) -> Result<FileCheck, BackupError> {
        let path = self.path.clone();
        run_blocking(move || Ok(check_files(&path))).await
    }
}

fn check_files(root: &Path) -> FileCheck {
    let mut check = FileCheck::default();
    let count = |name: &str| entries(&root.join(name)).len();
    if count("keys") == 0 {
        check.damage.push(Damage::new("keys/", "it holds no key"));
    }
    for (folder, deep) in FOLDERS {
        let below = entries(&root.join(folder));
        let files = if deep { below.iter().flat_map(|folder| entries(folder)).collect() } else { below };
        files.iter().for_each(|path| check.look_at(path, root));
    }
    check
}

fn entries(folder: &Path) -> Vec<PathBuf> {
    let mut found: Vec<PathBuf> =
        std::fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path()).collect();
    found.sort();
    found
}

impl FileCheck {
    fn look_at(&mut self, path: &Path, root: &Path) {
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        // What a writer that was killed left behind has another name.
        if name.len() != 64 || !name.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return;
        }
        let shown = path.strip_prefix(root).unwrap_or(path).display().to_string();
        self.files += 1;
        match digest(path) {
            Ok((bytes, sha256)) => {
                self.bytes += bytes;
                if sha256 != name {
                    self.damage.push(Damage::new(shown, "its content differs from what was written"));
                }
            }
            Err(error) => self.damage.push(Damage::new(shown, error.to_string())),
        }
    }
}

fn digest(path: &Path) -> io::Result<(u64, String)> {
    let mut file = std::fs::File::open(path)?;
    let (mut hash, mut bytes, mut buffer) = (Sha256::new(), 0, vec![0; 256 * 1024]);
    loop {
        match file.read(&mut buffer)? {
            0 => return Ok((bytes, hex::encode(hash.finalize()))),
            count => {
                hash.update(&buffer[..count]);
                bytes += count as u64;
            }
        }
    }
}

impl Repository {
    /// Reads the files of a set back and compares each with what was stored.
    pub async fn check_set(&self, set: &LoadedSet) -> Result<Vec<Damage>, BackupError> {
        let (repository, set) = (self.clone(), set.clone());
        run_blocking(move || {
            let Some(manifest) = &set.manifest else {
                return Ok(vec![Damage::new(set.found.id.set.clone(), "the set is incomplete: it has no manifest")]);
            };
            let mut damage = Vec::new();
            for part in &manifest.parts {
                let subject = |file: &str| format!("{}/{}/{file}", manifest.set, part.name);
                let Some(snapshot) = set.found.snapshots.iter().find(|snapshot| snapshot.id == part.snapshot) else {
                    let problem = format!("its snapshot {} is missing", part.snapshot.get(..8).unwrap_or_default());
                    damage.push(Damage::new(format!("{}/{}", manifest.set, part.name), problem));
                    continue;
                };
                for file in &part.files {
                    let mut sink = io::sink();
                    let mut out = Comparing::new(&mut sink);
                    let path = Path::new(&part.name).join(&file.name);
                    let read = repository.dump(&snapshot.tree, &path, &mut out).map_err(|error| error.to_string());
                    let read = read.and_then(|()| out.finish(file).map_err(|error| error.to_string()));
                    damage.extend(read.err().map(|problem| Damage::new(subject(&file.name), problem)));
                }
            }
            Ok(damage)
        })
        .await
    }

    /// The files of sets that have content in one of these packs, as `SET/PART/FILE`.
    pub async fn affected(&self, sets: &[LoadedSet], packs: BTreeSet<String>) -> Result<Vec<String>, BackupError> {
        let (repository, sets) = (self.clone(), sets.to_vec());
        run_blocking(move || repository.files_in(&sets, &packs)).await
    }

    fn files_in(&self, sets: &[LoadedSet], packs: &BTreeSet<String>) -> Result<Vec<String>, BackupError> {
        let indexed = self.indexed()?;
        let mut affected = Vec::new();
        for set in sets {
            for (part, file) in
                set.manifest.iter().flat_map(|m| &m.parts).flat_map(|p| p.files.iter().map(move |f| (p, f)))
            {
                let Some(snapshot) = set.found.snapshots.iter().find(|snapshot| snapshot.id == part.snapshot) else {
                    continue;
                };
                let path = Path::new(&part.name).join(&file.name);
                let node = indexed.node_from_path(tree_id(&snapshot.tree)?, &path);
                // A file whose directory is lost is lost with it.
                let is_lost = node.map_or(true, |node| {
                    let packed = |id| indexed.get_index_entry(id).map(|entry| entry.pack.to_hex().to_string());
                    node.content.iter().flatten().any(|id| packed(id).map_or(true, |pack| packs.contains(&pack)))
                });
                if is_lost {
                    affected.push(format!("{}/{}/{}", set.found.id.set, part.name, file.name));
                }
            }
        }
        Ok(affected)
    }
}
