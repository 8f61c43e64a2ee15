//! The records of a project: one file each in the state volume, appended and never changed.
//! Reads and writes `releases/000012-pending.json`; returns records in the order they were made.
//! Never writes without the lease's own helper, so that a lost lease cannot write.

use super::super::DockerEngine;
use super::helper;
use super::volume_name;
use crate::release::{FORMAT, Lease, Record, RecordError, RecordPhase};
use crate::target::TargetError;

const FOLDER: &str = "releases";

/// A record as a file of the state: path and bytes.
pub(super) fn encoded_record(record: &Record) -> Result<(String, Vec<u8>), TargetError> {
    let bytes = record.encode().map_err(|e| TargetError::Broken {
        operation: format!("recording {}", record.operation),
        message: e.to_string(),
    })?;
    Ok((format!("{FOLDER}/{}", record.file_name()), bytes))
}

impl DockerEngine {
    pub(in super::super) async fn append(&self, lease: &Lease, record: &Record) -> Result<(), TargetError> {
        let (path, bytes) = encoded_record(record)?;
        self.write_held(lease, &[(&path, &bytes)]).await
    }

    pub(in super::super) async fn history(&self, project: &str) -> Result<Vec<Record>, TargetError> {
        let helper = match self.helpers(project).await?.into_iter().next() {
            Some(helper) => Some(helper.id),
            None => self.any_with_volume(project).await?,
        };
        let Some(helper) = helper else { return Ok(Vec::new()) };
        let mut records = Vec::new();
        for bytes in helper::read(&self.connection, &helper, FOLDER).await?.into_values() {
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

    /// Removes the helpers; the volume stays unless it is to be forgotten.
    pub(in super::super) async fn retire_state(&self, lease: Lease, forget: bool) -> Result<(), TargetError> {
        self.connection.moments.all_settled().await;
        self.background_done(&lease).await?;
        self.still_ours(&lease).await?;
        for helper in self.helpers(&lease.project).await?.iter().filter(|helper| helper.id != lease.id) {
            self.remove_helper(&helper.id).await?;
        }
        self.remove_helper(&lease.id).await?;
        if !forget {
            return Ok(());
        }
        let options = bollard::query_parameters::RemoveVolumeOptionsBuilder::default().force(true).build();
        let removed = self.connection.api.remove_volume(&volume_name(&lease.project), Some(options)).await;
        removed.map_err(|e| super::super::failure::map(&self.connection, "removing the state", e))
    }

    pub(in super::super) async fn state_exists(&self, project: &str) -> Result<bool, TargetError> {
        if !self.helpers(project).await?.is_empty() {
            return Ok(true);
        }
        match self.connection.api.inspect_volume(&volume_name(project)).await {
            Ok(_) => Ok(true),
            Err(error) => match super::super::failure::map(&self.connection, "looking for the state", error) {
                TargetError::NotFound { .. } => Ok(false),
                error => Err(error),
            },
        }
    }
}
