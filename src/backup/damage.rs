//! What is lost or damaged in a repository, by name.

use serde::Serialize;

use super::set::SnapshotFacts;

/// Something that is lost or damaged.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Damage {
    /// What: a file of the repository, or `SET/PART/FILE`.
    pub what: String,
    /// In which way.
    pub problem: String,
}

impl Damage {
    /// A finding.
    pub fn new(what: impl Into<String>, problem: impl Into<String>) -> Self {
        Self { what: what.into(), problem: problem.into() }
    }
}

/// Snapshots, and those that cannot be read.
#[derive(Debug, Default)]
pub(super) struct FoundSnapshots {
    pub(super) snapshots: Vec<SnapshotFacts>,
    pub(super) damage: Vec<Damage>,
}
