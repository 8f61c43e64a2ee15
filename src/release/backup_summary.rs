//! What is known of a project's backups, as it is kept beside its records: `status` shows it without the repository and its
//! password. Each verb that looks at the repository replaces it.

use serde::{Deserialize, Serialize};

/// What is known of the backups of a project.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct BackupSummary {
    /// The newest set that has everything.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub newest: Option<KnownSet>,
    /// The newest set that was read back.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub verified: Option<KnownSet>,
    /// The newest set that a drill restored.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub proven: Option<ProvenSet>,
}

impl BackupSummary {
    /// The summary of a document; none where there is none, or it cannot be read.
    pub fn of(document: Option<Vec<u8>>) -> Option<Self> {
        serde_json::from_slice(&document?).ok()
    }
}

/// A set and its age.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct KnownSet {
    /// Its id.
    pub set: String,
    /// When it was taken, in seconds since 1970.
    pub time: i64,
}

/// A set that was restored.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct ProvenSet {
    /// Its id.
    pub set: String,
    /// When it was taken, in seconds since 1970.
    pub time: i64,
    /// How long its restore took, in milliseconds.
    pub restore_ms: Option<u64>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_summary_reads_as_it_was_written_and_what_a_newer_aictl_adds_is_skipped() {
        let summary = BackupSummary {
            newest: Some(KnownSet { set: "b".into(), time: 2 }),
            verified: None,
            proven: Some(ProvenSet { set: "a".into(), time: 1, restore_ms: Some(7) }),
        };
        let text = serde_json::to_string(&summary).unwrap();
        assert_eq!(BackupSummary::of(Some(text.into_bytes())), Some(summary.clone()));
        let newer = r#"{"newest":{"set":"b","time":2,"size":9},"later":true}"#;
        assert_eq!(BackupSummary::of(Some(newer.into())), Some(BackupSummary { proven: None, ..summary }));
        assert_eq!((BackupSummary::of(Some(b"{".to_vec())), BackupSummary::of(None)), (None, None));
    }
}
