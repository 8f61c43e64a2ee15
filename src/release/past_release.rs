//! Which releases are good, which one a rollback goes to, and which are no longer kept.

use super::operation_status::OperationStatus;
use super::revision::{Release, ReleaseCause, ReleaseStatus};

/// Good releases that are always kept for a rollback.
const ALWAYS_KEPT: usize = 2;

/// A release of the history.
#[derive(Debug, Clone, PartialEq)]
pub struct PastRelease {
    /// Its revision: the number of the operation that made it.
    pub revision: u32,
    /// Its status.
    pub status: ReleaseStatus,
    /// The release.
    pub release: Release,
}

/// Releases by number with the status of their operations, oldest first.
pub(super) fn judged(operations: impl Iterator<Item = (u32, OperationStatus, Release)>) -> Vec<PastRelease> {
    let mut found: Vec<PastRelease> = operations
        .map(|(revision, status, release)| PastRelease { revision, status: of_operation(status, &release), release })
        .collect();
    let mut next: Option<ReleaseCause> = None;
    let serves = |past: &&mut PastRelease| matches!(past.status, ReleaseStatus::Deployed | ReleaseStatus::Baking);
    for past in found.iter_mut().rev().filter(serves) {
        past.status = match next {
            None => past.status,
            Some(ReleaseCause::Rollback { to }) if to != past.revision => ReleaseStatus::RolledBack,
            Some(_) => ReleaseStatus::Superseded,
        };
        next = Some(past.release.cause);
    }
    found
}

fn of_operation(status: OperationStatus, release: &Release) -> ReleaseStatus {
    match status {
        OperationStatus::Done => ReleaseStatus::Deployed,
        OperationStatus::Failed | OperationStatus::Interrupted if release.serves => ReleaseStatus::Deployed,
        OperationStatus::Failed => ReleaseStatus::Failed,
        OperationStatus::Running => ReleaseStatus::Running,
        OperationStatus::Baking => ReleaseStatus::Baking,
        OperationStatus::Interrupted => ReleaseStatus::Interrupted,
    }
}

/// A release that a rollback passes over.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Skipped {
    /// Its revision.
    pub revision: u32,
    /// Why: `failed`.
    pub why: &'static str,
}

/// Where a rollback without a revision goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fallback {
    /// The revision; none where there is no good release to go to.
    pub revision: Option<u32>,
    /// Newer releases that were passed over.
    pub skipped: Vec<Skipped>,
}

/// The last good release before the newest attempt. An attempt that failed left that release serving, so that
/// `deploy || rollback` changes nothing then.
pub fn fallback(releases: &[PastRelease]) -> Fallback {
    let mut skipped = Vec::new();
    let mut newest = true;
    for past in releases.iter().rev() {
        let why = match past.status {
            ReleaseStatus::Deployed | ReleaseStatus::Baking if newest => "it is being rolled back",
            ReleaseStatus::Deployed | ReleaseStatus::Baking | ReleaseStatus::Superseded => {
                return Fallback { revision: Some(past.revision), skipped };
            }
            ReleaseStatus::Failed => "it failed",
            ReleaseStatus::RolledBack => "it was rolled back",
            ReleaseStatus::Interrupted => "it was interrupted",
            ReleaseStatus::Running => "it is still running",
        };
        // A rollback that did not get through is made again, and not what is rolled back.
        let repeated = matches!(past.release.cause, ReleaseCause::Rollback { .. })
            && matches!(past.status, ReleaseStatus::Failed | ReleaseStatus::Interrupted);
        newest &= repeated;
        skipped.push(Skipped { revision: past.revision, why });
    }
    Fallback { revision: None, skipped }
}

/// The revisions whose configuration and images are no longer kept once another release is good: all but the newest
/// `keep` good ones, and never fewer than two of them.
pub fn dropped(releases: &[PastRelease], keep: usize) -> Vec<u32> {
    let good = |past: &PastRelease| {
        use ReleaseStatus::{Baking, Deployed, RolledBack, Superseded};
        matches!(past.status, Baking | Deployed | Superseded | RolledBack)
    };
    // The release that is about to be good is not in the list yet.
    let earlier = keep.max(ALWAYS_KEPT).saturating_sub(1);
    // What a rollback left behind does not count: of those that may be gone back to, two must stay.
    let restorable = |past: &PastRelease| good(past) && past.status != ReleaseStatus::RolledBack;
    let newest: Vec<u32> = releases.iter().rev().filter(|past| restorable(past)).map(|past| past.revision).collect();
    let kept = &newest[..newest.len().min(earlier)];
    // The image of a release that was rolled back is often the newest the operator has.
    let newest_good = releases.iter().rev().filter(|past| good(past)).take(keep.max(ALWAYS_KEPT));
    let abandoned: Vec<u32> =
        newest_good.filter(|past| past.status == ReleaseStatus::RolledBack).map(|past| past.revision).collect();
    let gone: Vec<u32> = releases.iter().flat_map(|past| past.release.dropped.clone()).collect();
    let going = releases
        .iter()
        .map(|past| past.revision)
        .filter(|number| !kept.contains(number) && !abandoned.contains(number));
    going.filter(|number| !gone.contains(number)).collect()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::release::Side;

    fn past(revision: u32, status: ReleaseStatus) -> PastRelease {
        let release = Release {
            cause: ReleaseCause::Deploy,
            message: None,
            services: BTreeMap::new(),
            serves: false,
            switched: None,
            dropped: vec![],
        };
        PastRelease { revision, status, release }
    }

    fn operation(number: u32, status: OperationStatus, cause: ReleaseCause) -> (u32, OperationStatus, Release) {
        (number, status, Release { cause, ..past(0, ReleaseStatus::Failed).release })
    }

    #[test]
    fn sides_alternate_with_container_numbers() {
        assert_eq!([1, 2, 3, 4].map(Side::of_number), [Side::Blue, Side::Green, Side::Blue, Side::Green]);
        assert_eq!(Side::of_number(Side::Blue.other().number()), Side::Green);
    }

    #[test]
    fn a_later_release_supersedes_and_a_rollback_rolls_back() {
        use OperationStatus::{Done, Failed, Interrupted};
        let history = [
            operation(1, Done, ReleaseCause::Deploy),
            operation(2, Done, ReleaseCause::Deploy),
            operation(3, Failed, ReleaseCause::Deploy),
            operation(4, Done, ReleaseCause::Deploy),
            operation(5, Done, ReleaseCause::Rollback { to: 2 }),
            operation(6, Interrupted, ReleaseCause::Deploy),
        ];
        let statuses: Vec<&str> = judged(history.into_iter()).iter().map(|past| past.status.word()).collect();
        assert_eq!(statuses, ["superseded", "superseded", "failed", "rolled back", "deployed", "interrupted"]);
    }

    #[test]
    fn a_rollback_goes_to_the_last_good_release_before_the_newest_attempt() {
        use ReleaseStatus::{Deployed, Failed, Interrupted, RolledBack, Superseded};
        let skipped = |revision, why| Skipped { revision, why };
        let to = |list: &[ReleaseStatus]| {
            let all: Vec<PastRelease> = (1..).zip(list).map(|(number, status)| past(number, *status)).collect();
            fallback(&all)
        };
        assert_eq!(to(&[Superseded, Deployed]).revision, Some(1));
        // The failed one left 2 serving.
        let found = to(&[Superseded, Deployed, Failed]);
        assert_eq!(found, Fallback { revision: Some(2), skipped: vec![skipped(3, "it failed")] });
        assert_eq!(to(&[Superseded, Deployed, Interrupted, Failed]).revision, Some(2));
        let found = to(&[Superseded, Superseded, RolledBack, Deployed]);
        assert_eq!(found.revision, Some(2));
        assert_eq!(found.skipped, [skipped(4, "it is being rolled back"), skipped(3, "it was rolled back")]);
        assert_eq!(to(&[Failed, Deployed]).revision, None);
        // A rollback that was killed or failed is made again.
        for status in [Interrupted, Failed] {
            let mut repeated = [past(1, Superseded), past(2, Deployed), past(3, status)];
            repeated[2].release.cause = ReleaseCause::Rollback { to: 1 };
            assert_eq!(fallback(&repeated).revision, Some(1), "{status:?}");
        }
        assert_eq!(to(&[]), Fallback { revision: None, skipped: vec![] });
    }

    #[test]
    fn the_last_two_good_releases_are_never_dropped() {
        use ReleaseStatus::{Deployed, Failed, RolledBack, Superseded};
        let all = [
            past(1, Superseded),
            past(2, Superseded),
            past(3, Failed),
            past(4, RolledBack),
            past(5, Deployed),
            past(6, Failed),
        ];
        assert_eq!(dropped(&all, 0), [1, 2, 3, 6]);
        assert_eq!(dropped(&all, 3), [1, 3, 6]);
        let mut later = all.to_vec();
        later[4].release.dropped = vec![1, 3];
        assert_eq!(dropped(&later, 2), [2, 6]);
        // Two rollbacks and deploys later it goes.
        let more = [&all[..5], &[past(6, Superseded), past(7, Deployed)]].concat();
        assert_eq!(dropped(&more, 2), [1, 2, 3, 4, 5, 6]);
    }
}
