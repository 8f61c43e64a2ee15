//! Verification: every file of the repository is read back and compared with its name, every file of a set with its digest.

use std::io;
use std::path::Path;

use super::blocking::run_blocking;
use super::comparing::Comparing;
use super::damage::Damage;
use super::error::BackupError;
use super::read::LoadedSet;
use super::repository::{Location, Repository};
use super::store::Store;

/// Directories whose files are named by their digest.
const FOLDERS: [&str; 4] = ["keys", "index", "snapshots", "data"];

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
        let location = self.clone();
        run_blocking(move || {
            let unread =
                |error: io::Error| BackupError::Repository { doing: "list the repository", reason: error.to_string() };
            check_files(&*location.store()?).map_err(unread)
        })
        .await
    }
}

pub(super) fn check_files(store: &dyn Store) -> io::Result<FileCheck> {
    let mut check = FileCheck::default();
    for folder in FOLDERS {
        let mut files = store.files(folder)?;
        if folder == "keys" && files.is_empty() {
            check.damage.push(Damage::new("keys/", "it holds no key"));
        }
        files.sort();
        files.iter().for_each(|(path, _)| check.look_at(path, store));
    }
    Ok(check)
}

impl FileCheck {
    fn look_at(&mut self, path: &str, store: &dyn Store) {
        let name = path.rsplit('/').next().unwrap_or_default();
        // What a writer that was killed left behind has another name.
        if name.len() != 64 || !name.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return;
        }
        self.files += 1;
        match store.digest(path) {
            Ok((bytes, sha256)) => {
                self.bytes += bytes;
                if sha256 != name {
                    self.damage.push(Damage::new(path, "its content differs from what was written"));
                }
            }
            Err(error) => self.damage.push(Damage::new(path, error.to_string())),
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
}
