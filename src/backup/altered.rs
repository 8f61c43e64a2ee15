//! Packs that were found altered. Reading all packs before each backup would take too long: whoever finds one leaves a note in
//! the repository, `altered/PACK`, and nothing new is stored until the pack is whole again or gone. restic ignores the folder.

use std::collections::{BTreeMap, BTreeSet};
use std::io;

use super::blocking::run_blocking;
use super::damage::Damage;
use super::error::BackupError;
use super::file_check::pack_path;
use super::repository::Repository;
use super::store::Store;

/// The folder of notes.
const ALTERED: &str = "altered";

/// The packs among damaged files, by their id.
pub fn damaged_packs(damage: &[Damage]) -> BTreeSet<String> {
    let packs = damage.iter().filter_map(|damage| damage.what.strip_prefix("data/"));
    packs.filter_map(|pack| pack.rsplit('/').next()).map(str::to_owned).collect()
}

/// What is wrong with a pack.
pub(super) enum PackProblem {
    /// It is not there.
    Missing,
    /// It is not what was written, or cannot be read.
    Altered(String),
}

impl PackProblem {
    pub(super) fn say(&self) -> &str {
        match self {
            Self::Missing => "it is missing",
            Self::Altered(problem) => problem,
        }
    }
}

/// What is wrong with a pack; none for one that is what was written.
pub(super) fn pack_problem(store: &dyn Store, pack: &str) -> Option<PackProblem> {
    match store.digest(&pack_path(pack)) {
        Ok((_, sha256)) if sha256 == pack => None,
        Ok(_) => Some(PackProblem::Altered("its content differs from what was written".to_owned())),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Some(PackProblem::Missing),
        Err(error) => Some(PackProblem::Altered(error.to_string())),
    }
}

impl Repository {
    /// Leaves a note of each pack that is there and altered.
    pub async fn note_altered(&self, packs: BTreeSet<String>) -> Result<(), BackupError> {
        let repository = self.clone();
        run_blocking(move || {
            let noted: BTreeSet<String> = repository.noted()?.into_iter().collect();
            for pack in packs.difference(&noted) {
                repository.store.write(&format!("{ALTERED}/{pack}"), b"").map_err(unnoted)?;
            }
            Ok(())
        })
        .await
    }

    /// Removes the notes of packs that are whole again or gone.
    pub async fn forget_whole(&self) -> Result<(), BackupError> {
        let repository = self.clone();
        run_blocking(move || {
            let still = repository.altered()?;
            for pack in repository.noted()?.into_iter().filter(|pack| !still.contains_key(pack)) {
                repository.store.remove(&format!("{ALTERED}/{pack}")).map_err(unnoted)?;
            }
            Ok(())
        })
        .await
    }

    /// The packs with a note that are still altered, and what is wrong with each.
    pub(super) fn altered(&self) -> Result<BTreeMap<String, String>, BackupError> {
        let mut altered = BTreeMap::new();
        for pack in self.noted()? {
            match pack_problem(&*self.store, &pack) {
                Some(PackProblem::Altered(problem)) => drop(altered.insert(pack, problem)),
                // What the index says of it decides.
                Some(PackProblem::Missing) | None => {}
            }
        }
        Ok(altered)
    }

    fn noted(&self) -> Result<Vec<String>, BackupError> {
        let entries = self.store.entries(ALTERED).map_err(unnoted)?;
        let is_pack = |name: &String| name.len() == 64 && name.bytes().all(|byte| byte.is_ascii_hexdigit());
        Ok(entries.into_iter().map(|entry| entry.name).filter(is_pack).collect())
    }
}

fn unnoted(error: io::Error) -> BackupError {
    BackupError::Repository { doing: "note altered packs in the repository", reason: error.to_string() }
}
