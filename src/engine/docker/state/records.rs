//! The records of a project: one file each in the state volume, appended and never changed.
//! Reads and writes `releases/000012-pending.json`; returns records in the order they were made.
//! Never writes without the lease's own helper, so that a lost lease cannot write.

use std::collections::BTreeMap;

use super::helper::{self, Entry};
use super::{FOLDER as STATE, volume_name};
use crate::engine::docker::DockerEngine;
use crate::engine::docker::copy;
use crate::release::{FORMAT, Lease, Record, RecordError, RecordPhase, StateDocument};
use crate::target::TargetError;

const FOLDER: &str = "releases";

/// The stored configuration of a release: it holds secrets, the records do not.
fn configuration_file(revision: u32) -> String {
    format!("configurations/{revision:06}.json")
}

/// A link that says how the last operation ended, to be seen without reading the records. It leads nowhere.
const LAST: &str = "last";

/// A record as it is written.
pub(super) struct Written {
    path: String,
    bytes: Vec<u8>,
    last: String,
}

impl Written {
    pub(super) fn of(record: &Record) -> Result<Self, TargetError> {
        let bytes = record.encode().map_err(|e| TargetError::Broken {
            operation: format!("recording {}", record.operation),
            message: e.to_string(),
        })?;
        // A bake that was continued may have ended after later operations: its number is not the last one.
        let is_continued = record.release.as_ref().is_some_and(|release| release.switched.is_some());
        let word = match (is_continued, record.restore_unfinished) {
            (true, _) => RecordPhase::Baking.word(),
            // Whoever comes next must read the records.
            (false, true) => RecordPhase::Interrupted.word(),
            (false, false) => record.phase.word(),
        };
        let last = format!("{FORMAT}-{:06}-{word}", record.sequence);
        Ok(Self { path: format!("{FOLDER}/{}", record.file_name()), bytes, last })
    }

    /// The file and the link. Torn between the two, a link that lags behind repeats the number of an operation that had
    /// not started, or says `pending`, which is no end.
    pub(super) fn entries(&self) -> [Entry<'_>; 2] {
        [Entry::File(&self.path, &self.bytes), Entry::Link(LAST, &self.last)]
    }
}

/// What our own helper no longer takes, it no longer takes because it is gone.
pub(super) fn lost_if_gone(error: TargetError, lease: &Lease) -> TargetError {
    match error {
        TargetError::NotFound { .. } => TargetError::LeaseLost { project: lease.project.clone() },
        other => other,
    }
}

/// The number in what the link says, when it says that the operation ended.
fn ended(link: &str) -> Option<u32> {
    let mut parts = link.rsplit('/').next()?.splitn(3, '-');
    let (format, sequence, phase) = (parts.next()?, parts.next()?, parts.next()?);
    let over = phase == RecordPhase::Done.word() || phase == RecordPhase::Failed.word();
    if format == FORMAT.to_string() && over { sequence.parse().ok() } else { None }
}

impl DockerEngine {
    pub(in crate::engine::docker) async fn append(&self, lease: &Lease, record: &Record) -> Result<(), TargetError> {
        self.write_held(lease, &Written::of(record)?.entries()).await
    }

    /// The number of the last operation, when it is plain that it ended.
    pub(in crate::engine::docker) async fn last_end(&self, lease: &Lease) -> Result<Option<u32>, TargetError> {
        let link = copy::link_target(&self.connection, &lease.id, &format!("{STATE}/{LAST}")).await;
        Ok(link.map_err(|e| lost_if_gone(e, lease))?.as_deref().and_then(ended))
    }

    /// Files of the project's state at a path, through whatever container mounts its volume.
    async fn read_state(&self, project: &str, path: &str) -> Result<BTreeMap<String, Vec<u8>>, TargetError> {
        let helper = match self.helpers(project).await?.into_iter().next() {
            Some(helper) => Some(helper.id),
            None => self.any_with_volume(project).await?,
        };
        match helper {
            Some(helper) => helper::read(&self.connection, &helper, path).await,
            // The stack was removed; only the volume is left.
            None if self.state_exists(project, true).await? => {
                let engine = self.for_reader().await?;
                let reader = engine.create_reader(project).await?;
                let read = helper::read(&engine.connection, &reader, path).await;
                engine.remove_helper(&reader).await?;
                read
            }
            None => Ok(BTreeMap::new()),
        }
    }

    pub(in crate::engine::docker) async fn keep_configuration(
        &self,
        lease: &Lease,
        revision: u32,
        bytes: &[u8],
    ) -> Result<(), TargetError> {
        self.write_held(lease, &[Entry::File(&configuration_file(revision), bytes)]).await
    }

    pub(in crate::engine::docker) async fn configuration_of(
        &self,
        project: &str,
        revision: u32,
    ) -> Result<Option<Vec<u8>>, TargetError> {
        let found = self.read_state(project, &configuration_file(revision)).await?;
        Ok(found.into_values().next().filter(|bytes| !bytes.is_empty()))
    }

    pub(in crate::engine::docker) async fn keep_document(
        &self,
        lease: &Lease,
        document: StateDocument,
        bytes: &[u8],
    ) -> Result<(), TargetError> {
        self.write_held(lease, &[Entry::File(document.file(), bytes)]).await
    }

    pub(in crate::engine::docker) async fn document_of(
        &self,
        project: &str,
        document: StateDocument,
    ) -> Result<Option<Vec<u8>>, TargetError> {
        Ok(self.read_state(project, document.file()).await?.into_values().next())
    }

    pub(in crate::engine::docker) async fn history(&self, project: &str) -> Result<Vec<Record>, TargetError> {
        let read = self.read_state(project, FOLDER).await?;
        let mut records = Vec::new();
        for bytes in read.into_values() {
            match Record::decode(&bytes) {
                Ok(record) => records.push(record),
                Err(RecordError::Torn { .. }) => {}
                Err(RecordError::Newer { found }) => {
                    return Err(TargetError::NewerState { project: project.to_owned(), found, supported: FORMAT });
                }
            }
        }
        records.sort_by_key(|record| (record.sequence, record.phase != RecordPhase::Pending, record.time.clone()));
        Ok(records)
    }

    /// Ends the process of our own helper, so that it is removed faster. It holds the lock all the same, and files can be
    /// written to it; only a prune would take it now, as it would take the volume when the helper is gone.
    pub(in crate::engine::docker) async fn end_helper(&self, lease: &Lease) {
        let _ = self.background_done(lease).await;
        let options = bollard::query_parameters::KillContainerOptionsBuilder::default().signal("SIGKILL").build();
        // Not running, or gone: `retire` sees to the rest.
        let _ = self.connection.api.kill_container(&lease.id, Some(options)).await;
    }

    /// Removes the helpers; the volume stays unless it is to be forgotten.
    pub(in crate::engine::docker) async fn retire_state(&self, lease: Lease, forget: bool) -> Result<(), TargetError> {
        self.connection.moments.all_settled().await;
        self.background_done(&lease).await?;
        let (ours, others): (Vec<_>, Vec<_>) =
            self.helpers(&lease.project).await?.into_iter().partition(|helper| helper.id == lease.id);
        if !ours.iter().any(|helper| helper.held) {
            return Err(TargetError::LeaseLost { project: lease.project });
        }
        for helper in others {
            self.remove_helper(&helper.id).await?;
        }
        if forget {
            self.remove_readers(&lease.project).await?;
        }
        self.remove_helper(&lease.id).await?;
        if !forget {
            return Ok(());
        }
        let options = bollard::query_parameters::RemoveVolumeOptionsBuilder::default().force(true).build();
        let removed = self.connection.api.remove_volume(&volume_name(&lease.project), Some(options)).await;
        removed
            .map_err(|e| crate::engine::docker::error_mapping::map(&self.connection, "removing the project state", e))
    }

    pub(in crate::engine::docker) async fn state_exists(
        &self,
        project: &str,
        history: bool,
    ) -> Result<bool, TargetError> {
        let runs = !self.helpers(project).await?.is_empty();
        if runs || !history {
            return Ok(runs);
        }
        match self.connection.api.inspect_volume(&volume_name(project)).await {
            Ok(_) => Ok(true),
            Err(error) => {
                match crate::engine::docker::error_mapping::map(&self.connection, "reading the project state", error) {
                    TargetError::NotFound { .. } => Ok(false),
                    error => Err(error),
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_an_end_in_our_format_saves_reading_the_records() {
        let link = |of: &str| format!("/state/{FORMAT}-{of}");
        assert_eq!(ended(&link("000012-done")), Some(12));
        assert_eq!(ended(&link("1000000-failed")), Some(1_000_000));
        let open = ["000012-pending", "000012-interrupted", "000012-baking"].map(link);
        for other in open.iter().map(String::as_str).chain(["/state/2-000012-done", "/state/1", ""]) {
            assert_eq!(ended(other), None, "{other}");
        }
    }
}
