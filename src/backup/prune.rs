//! Removal: sets that are no longer kept, and the content that nothing refers to any more.

use rustic_core::{Id, PruneOptions};

use super::blocking::run_blocking;
use super::error::{BackupError, failed};
use super::read::LoadedSet;
use super::repository::Repository;
use super::verify::check_files;

/// What a removal freed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Freed {
    /// Bytes of content that was removed.
    pub bytes: u64,
}

impl Repository {
    /// Removes a set: its manifest first, so that a set whose removal was cut is incomplete. Needs the exclusive lock.
    pub async fn remove_set(&self, set: &LoadedSet) -> Result<(), BackupError> {
        let (repository, set) = (self.clone(), set.clone());
        run_blocking(move || {
            for snapshot in set.found.manifest.iter().chain(&set.found.snapshots) {
                let id = snapshot.id.parse::<Id>().map_err(failed("read a snapshot"))?;
                repository.remove_snapshot(&id)?;
            }
            Ok(())
        })
        .await
    }

    /// Removes content that no snapshot refers to. Needs the exclusive lock.
    pub async fn prune_content(&self) -> Result<Freed, BackupError> {
        let repository = self.clone();
        run_blocking(move || {
            let rustic = repository.rustic()?;
            // Packs marked for later removal are unknown to restic.
            let options = PruneOptions::default().instant_delete(true);
            let plan = rustic.prune_plan(&options);
            let plan = plan.map_err(|error| repository.blame(failed("plan the removal")(error)))?;
            let size = plan.stats.size_sum();
            let bytes = size.remove + size.repackrm + plan.stats.size_unref;
            let removed = rustic.prune(&options, plan);
            removed.map_err(|error| repository.blame(failed("remove content")(error)))?;
            Ok(Freed { bytes })
        })
        .await
    }

    /// The damaged files that a failure comes from, where there are any.
    fn blame(&self, error: BackupError) -> BackupError {
        let damage = check_files(&*self.store).map(|check| check.damage).unwrap_or_default();
        let files: Vec<String> = damage.iter().map(|file| format!("{}: {}", file.what, file.problem)).collect();
        if files.is_empty() { error } else { BackupError::Damaged { what: files.join(", ") } }
    }
}
