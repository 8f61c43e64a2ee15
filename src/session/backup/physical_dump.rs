//! Stores a base backup and the received WAL of a server beside its dumps.

use super::parts::ServicePart;
use super::receiver::receiver;
use crate::backup::physical::{self, FACT, Physical, Received};
use crate::backup::{BackupError, LoadedSet, Repository, StoredFile};
use crate::plan::ObservedInstance;
use crate::target::Target;

/// Where it is stored, and what the newest complete set of the service has.
pub(super) struct PhysicalDump<'a> {
    pub(super) target: &'a dyn Target,
    pub(super) repository: &'a Repository,
    pub(super) project: &'a str,
    pub(super) set: &'a str,
    pub(super) previous: Option<(String, Physical)>,
}

/// What was stored.
pub(super) struct StoredPhysical {
    pub(super) files: Vec<StoredFile>,
    pub(super) fact: (String, String),
    pub(super) warnings: Vec<String>,
}

impl PhysicalDump<'_> {
    pub(super) async fn store(
        self,
        (service, container): (&ServicePart, &ObservedInstance),
    ) -> Result<StoredPhysical, BackupError> {
        let received = Received {
            server: service.inside(self.target, &container.id),
            receiver: receiver(self.target, (self.project, &service.service)),
            previous: self.previous,
        };
        let stored = store(self.repository, &received).await;
        // What was made for the set goes, whatever came of it: it fills the disk that the WAL needs.
        let set = Some(self.set).filter(|_| stored.is_ok());
        let tidied = physical::tidy(&received.receiver, set).await;
        let mut stored = stored?;
        stored.warnings.extend(tidied.err().map(|error| format!("a base backup stays beside the WAL: {error}")));
        Ok(stored)
    }
}

async fn store(repository: &Repository, received: &Received<'_>) -> Result<StoredPhysical, BackupError> {
    physical::prepare(received).await?;
    // What a create that was killed left behind.
    physical::tidy(&received.receiver, None).await?;
    let (base, archive) = physical::base(received).await?;
    let mut files = vec![repository.store(&archive.name, archive.stream).await?];
    let (physical, warnings, archive) = physical::wal(received, base).await?;
    files.push(repository.store(&archive.name, archive.stream).await?);
    let text = serde_json::to_string(&physical);
    let text = text.map_err(|error| received.server.failed(format!("its WAL cannot be described: {error}")))?;
    Ok(StoredPhysical { files, fact: (FACT.to_owned(), text), warnings })
}

/// The newest complete set that has a base backup of a service.
pub fn newest_physical(sets: &[LoadedSet], service: &str) -> Option<(String, Physical)> {
    let complete = sets.iter().rev().filter(|set| set.is_complete());
    complete
        .filter_map(|set| set.manifest.as_ref())
        .find_map(|manifest| Some((manifest.set.clone(), physical::physical_in(manifest, service)?)))
}
