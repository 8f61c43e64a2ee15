//! What is known of a set: taken, verified, proven or damaged. Each finding is a snapshot of the manifest with tags of its own:
//! only added, so that a shared lock is enough, and content that restic knows how to check, copy and remove.

use serde::Serialize;

use super::blocking::run_blocking;
use super::error::BackupError;
use super::read::{LoadedSet, tree_id};
use super::repository::Repository;
use super::set_check::{Finding, SetCheck};
use super::write::{PartSnapshot, marker};

/// The state of a set. A later one is trusted more.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum SetState {
    /// A part is missing.
    Incomplete,
    /// Reading it back, or restoring it in a drill, failed.
    Damaged,
    /// It was written.
    Taken,
    /// All of it was read back and its dumps were decoded.
    Verified,
    /// A drill restored it.
    Proven,
}

impl SetState {
    /// The word for tables.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Incomplete => "incomplete",
            Self::Damaged => "damaged",
            Self::Taken => "taken",
            Self::Verified => "verified",
            Self::Proven => "proven",
        }
    }
}

/// The state and the mark it comes from. Damage takes every earlier mark away.
fn judge(marks: &[SetCheck]) -> (SetState, Option<SetCheck>) {
    let damaged = marks.iter().filter(|mark| mark.finding == Finding::Damaged).max_by_key(|mark| mark.at_ms);
    let counts = |mark: &&SetCheck| damaged.is_none_or(|damaged| damaged.at_ms < mark.at_ms);
    let proven = marks.iter().filter(counts).filter(|mark| matches!(mark.finding, Finding::Proven { .. }));
    let verified = marks.iter().filter(counts).filter(|mark| mark.finding == Finding::Verified);
    if let Some(mark) = proven.max_by_key(|mark| mark.at_ms) {
        return (SetState::Proven, Some(*mark));
    }
    if let Some(mark) = verified.max_by_key(|mark| mark.at_ms) {
        return (SetState::Verified, Some(*mark));
    }
    match damaged {
        Some(mark) => (SetState::Damaged, Some(*mark)),
        None => (SetState::Taken, None),
    }
}

impl LoadedSet {
    /// Its state.
    pub fn state(&self) -> SetState {
        match (&self.manifest, &self.found.manifest) {
            // It was complete once.
            (None, Some(_)) => SetState::Damaged,
            _ if self.is_complete() => judge(&self.found.marks).0,
            _ => SetState::Incomplete,
        }
    }

    /// The finding that its state comes from; none for one that was only taken.
    pub fn mark(&self) -> Option<SetCheck> {
        judge(&self.found.marks).1.filter(|_| self.is_complete())
    }
}

/// The index of the set that is restored unless one is named: the newest proven one, else the newest verified one, else the
/// newest complete one. Sets are oldest first; a damaged, partial or safety set is never chosen.
pub fn preferred(sets: &[LoadedSet]) -> Option<usize> {
    let newest = |state: SetState| sets.iter().rposition(|set| set.is_default() && set.state() == state);
    newest(SetState::Proven).or_else(|| newest(SetState::Verified)).or_else(|| newest(SetState::Taken))
}

impl Repository {
    /// Records a finding beside the set. Host and user are for the snapshot.
    pub async fn mark(&self, set: &LoadedSet, mark: SetCheck, (host, user): (&str, &str)) -> Result<(), BackupError> {
        let lost = || BackupError::BadSet { set: set.found.id.set.clone(), reason: "it is incomplete".to_owned() };
        let manifest = set.found.manifest.clone().ok_or_else(lost)?;
        let part = PartSnapshot { directory: None, set: &set.found.id, host, user, time: mark.at_ms / 1000 };
        let snapshot = marker(&part, (tree_id(&manifest.tree)?, mark.tags()))?;
        let repository = self.clone();
        run_blocking(move || repository.write_marker(&snapshot)).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::backup::{FORMAT, FoundSet, Manifest, SetId};

    const PROVEN: Finding = Finding::Proven { took_ms: 7 };

    fn marks(found: &[(Finding, i64)]) -> Vec<SetCheck> {
        found.iter().map(|(finding, at_ms)| SetCheck { finding: *finding, at_ms: *at_ms }).collect()
    }

    #[test]
    fn damage_takes_earlier_marks_away_and_a_later_verification_does_not_make_a_set_proven() {
        for (found, expected) in [
            (&[][..], SetState::Taken),
            (&[(Finding::Verified, 1)], SetState::Verified),
            (&[(PROVEN, 1), (Finding::Verified, 2)], SetState::Proven),
            (&[(PROVEN, 1), (Finding::Damaged, 2)], SetState::Damaged),
            (&[(Finding::Damaged, 2), (Finding::Verified, 2)], SetState::Damaged),
            (&[(PROVEN, 1), (Finding::Damaged, 2), (Finding::Verified, 3)], SetState::Verified),
            (&[(Finding::Verified, 3), (Finding::Damaged, 2), (PROVEN, 4)], SetState::Proven),
        ] {
            assert_eq!(judge(&marks(found)).0, expected, "{found:?}");
        }
    }

    fn set(name: &str, found: &[(Finding, i64)]) -> LoadedSet {
        let id = SetId { set: name.into(), project: "shop".into(), tags: Vec::new() };
        let manifest = Manifest {
            format: FORMAT,
            set: name.into(),
            project: "shop".into(),
            environment: None,
            time: 0,
            skew_ms: 0,
            added_bytes: 0,
            partial: false,
            parts: Vec::new(),
        };
        let found = FoundSet { id, time: 0, snapshots: Vec::new(), manifest: None, marks: marks(found) };
        LoadedSet { found, manifest: Some(manifest) }
    }

    #[test]
    fn the_newest_proven_set_goes_before_newer_ones_that_are_trusted_less() {
        let (proven, verified, taken) = (set("p", &[(PROVEN, 1)]), set("v", &[(Finding::Verified, 1)]), set("t", &[]));
        let damaged = set("d", &[(Finding::Damaged, 1)]);
        let chosen = |sets: &[&LoadedSet]| preferred(&sets.iter().map(|set| (*set).clone()).collect::<Vec<_>>());
        assert_eq!(chosen(&[&proven, &proven, &verified, &taken, &damaged]), Some(1));
        assert_eq!(chosen(&[&verified, &taken, &damaged]), Some(0));
        assert_eq!(chosen(&[&taken, &taken, &damaged]), Some(1));
        assert_eq!(chosen(&[&damaged]), None);
    }
}
