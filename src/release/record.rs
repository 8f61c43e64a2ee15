//! One record of the project's history: a file `000012-pending.json` with format version, length and checksum.
//! Reads bytes and returns records; torn files are recognised, newer formats are rejected.
//! Never touches a disk or an engine.

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::step::any_format;
use super::{Evidence, LeaseOwner, Release, StepRecord};

/// The newest record format this binary writes and reads.
pub const FORMAT: u32 = 5;

/// What a record says about its operation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum RecordPhase {
    /// Written before the first effect.
    Pending,
    /// It ended well.
    Done,
    /// It failed; `error` says how.
    Failed,
    /// Requests were switched to a new release, which is watched; the old side is kept.
    Baking,
    /// Ctrl-C ended it, or, without an error, its process died and a later operation noticed.
    Interrupted,
}

impl RecordPhase {
    /// The word used in file names.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Done => "done",
            Self::Failed => "failed",
            Self::Baking => "baking",
            Self::Interrupted => "interrupted",
        }
    }
}

/// One event in the life of a stack.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Record {
    /// Number of the operation; its pending and its final record share it.
    pub sequence: u32,
    /// How far it came.
    pub phase: RecordPhase,
    /// The verb.
    pub operation: String,
    /// Environment, when the project has environments.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub environment: Option<String>,
    /// RFC 3339, UTC.
    pub time: String,
    /// Who did it.
    pub owner: LeaseOwner,
    /// The plan's steps with their outcomes.
    #[serde(default, deserialize_with = "any_format::deserialize")]
    pub steps: Vec<StepRecord>,
    /// The error chain of a failed operation.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub error: Vec<String>,
    /// State and logs of failed containers, collected before anything was undone.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub evidence: Vec<Evidence>,
    /// What a deploy or rollback brings up; its revision is the number of the operation.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub release: Option<Box<Release>>,
    /// Whether a restore from before it is still unfinished.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub restore_unfinished: bool,
}

/// Why bytes are not a record.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RecordError {
    /// Cut off or altered: ignored by readers, the history is shorter.
    #[error("the record is torn: {reason}")]
    Torn { reason: String },
    /// Written by a newer aictl.
    #[error("the record has format {found}, this aictl reads up to {FORMAT}")]
    Newer { found: u32 },
}

#[derive(Serialize, Deserialize)]
struct Header {
    format: u32,
    length: usize,
    sha256: String,
}

impl Record {
    /// `000012-pending.json`.
    pub fn file_name(&self) -> String {
        format!("{:06}-{}.json", self.sequence, self.phase.word())
    }

    /// A header line with format, length and checksum, then the record, each one line of JSON.
    pub fn encode(&self) -> Result<Vec<u8>, RecordError> {
        let body = serde_json::to_vec(self).map_err(|e| torn(&e))?;
        let header = Header { format: FORMAT, length: body.len(), sha256: hex::encode(Sha256::digest(&body)) };
        let mut bytes = serde_json::to_vec(&header).map_err(|e| torn(&e))?;
        bytes.push(b'\n');
        bytes.extend_from_slice(&body);
        bytes.push(b'\n');
        Ok(bytes)
    }

    /// The reverse of `encode`.
    pub fn decode(bytes: &[u8]) -> Result<Self, RecordError> {
        let cut = bytes.iter().position(|b| *b == b'\n').ok_or_else(|| torn(&"no header line"))?;
        let header: Header = serde_json::from_slice(&bytes[..cut]).map_err(|e| torn(&e))?;
        if header.format > FORMAT {
            return Err(RecordError::Newer { found: header.format });
        }
        let body = bytes.get(cut + 1..cut + 1 + header.length).ok_or_else(|| torn(&"shorter than its length says"))?;
        if hex::encode(Sha256::digest(body)) != header.sha256 {
            return Err(torn(&"its checksum differs"));
        }
        serde_json::from_slice(body).map_err(|e| torn(&e))
    }
}

fn torn(reason: &dyn std::fmt::Display) -> RecordError {
    RecordError::Torn { reason: reason.to_string() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::release::{OperationKind, StepOutcome};

    fn record() -> Record {
        Record {
            sequence: 12,
            phase: RecordPhase::Pending,
            operation: "start".into(),
            environment: None,
            time: "2026-01-01T00:00:00Z".into(),
            owner: LeaseOwner::default(),
            steps: vec![StepRecord {
                operation: OperationKind::CreateContainer,
                subject: "container a-api-1".into(),
                service: Some("api".into()),
                task: None,
                cause: "it does not exist".into(),
                outcome: StepOutcome::Planned,
                duration_ms: None,
            }],
            error: vec![],
            evidence: vec![],
            release: None,
            restore_unfinished: false,
        }
    }

    #[test]
    fn a_record_survives_a_round_trip_and_names_its_file() {
        let record = record();
        assert_eq!(Record::decode(&record.encode().unwrap()).unwrap(), record);
        assert_eq!(record.file_name(), "000012-pending.json");
    }

    #[test]
    fn every_cut_and_every_flipped_byte_of_the_body_is_recognised() {
        let bytes = record().encode().unwrap();
        for cut in 0..bytes.len() - 1 {
            assert!(matches!(Record::decode(&bytes[..cut]), Err(RecordError::Torn { .. })), "cut at {cut}");
        }
        let body = bytes.iter().position(|b| *b == b'\n').unwrap() + 1;
        for at in body..bytes.len() - 1 {
            let mut altered = bytes.clone();
            altered[at] ^= 1;
            assert!(Record::decode(&altered).is_err(), "flip at {at}");
        }
    }

    #[test]
    fn a_newer_format_is_refused_and_not_called_torn() {
        let text = String::from_utf8(record().encode().unwrap()).unwrap().replacen("\"format\":5", "\"format\":6", 1);
        assert_eq!(Record::decode(text.as_bytes()), Err(RecordError::Newer { found: 6 }));
    }

    #[test]
    fn steps_of_the_first_format_are_kept_as_text() {
        let first = r#"{"sequence":1,"phase":"done","operation":"start","time":"t","owner":{"user":"","host":"","boot_id":"","pid":1,"operation":"start","version":""},"steps":["create container a-api-1"]}"#;
        let record: Record = serde_json::from_str(first).unwrap();
        assert_eq!(record.steps[0].operation, OperationKind::Unknown);
        assert_eq!(record.steps[0].subject, "create container a-api-1");
    }
}
