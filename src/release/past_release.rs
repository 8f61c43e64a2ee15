//! Which releases are good, which one a rollback goes to, and which are no longer kept.

use std::collections::BTreeSet;

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
        // What a rotation was made from goes the way of the rotation.
        next = match past.release.cause {
            ReleaseCause::Rotate => next.or(Some(ReleaseCause::Rotate)),
            cause => Some(cause),
        };
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

/// The last good release before the newest attempt that brings up something else. An attempt that failed left that release
/// serving, so that `deploy || rollback` changes nothing then.
pub fn fallback(releases: &[PastRelease]) -> Fallback {
    let mut skipped = Vec::new();
    let mut newest = true;
    let mut left: Option<&Release> = None;
    for past in releases.iter().rev() {
        let why = match past.status {
            ReleaseStatus::Deployed | ReleaseStatus::Baking | ReleaseStatus::Superseded if newest => {
                if matches!(past.release.cause, ReleaseCause::Rotate) {
                    skipped.push(Skipped { revision: past.revision, why: "it only rotated secrets" });
                    continue;
                }
                left = Some(&past.release);
                "it is being rolled back"
            }
            ReleaseStatus::Deployed | ReleaseStatus::Baking | ReleaseStatus::Superseded
                if left.is_some_and(|left| left.is_same(&past.release)) =>
            {
                "it is the same"
            }
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

/// Revisions that are kept at most, however often the same releases come and go.
const MOST_KEPT: usize = 20;

/// The revisions whose configuration and images are no longer kept once `next` is good. Releases that bring up the same
/// count once: the newest `keep` different good ones stay, and never fewer than two of them.
pub fn dropped(releases: &[PastRelease], keep: usize, next: &Release) -> Vec<u32> {
    let good = |past: &&PastRelease| {
        use ReleaseStatus::{Baking, Deployed, RolledBack, Superseded};
        matches!(past.status, Baking | Deployed | Superseded | RolledBack)
    };
    let keep = keep.max(ALWAYS_KEPT);
    let newest = || releases.iter().rev().filter(good);
    // What a rollback left behind does not count: of those that may be gone back to, two must stay.
    let restorable = newest().filter(|past| past.status != ReleaseStatus::RolledBack);
    let mut kept = newest_different(restorable, (keep, Some(next)));
    // The image of a release that was rolled back is often the newest the operator has.
    let abandoned = newest_different(newest(), (keep, None));
    let rolled_back = newest().filter(|past| past.status == ReleaseStatus::RolledBack).map(|past| past.revision);
    kept.extend(rolled_back.filter(|revision| abandoned.contains(revision)));
    let gone = gone(releases);
    let going = releases.iter().map(|past| past.revision).filter(|number| !kept.contains(number));
    going.filter(|number| !gone.contains(number)).collect()
}

/// Revisions that were dropped before.
pub fn gone(releases: &[PastRelease]) -> BTreeSet<u32> {
    releases.iter().flat_map(|past| past.release.dropped.iter().copied()).collect()
}

/// The revisions of the newest different releases; `next` is one of them.
fn newest_different<'r>(
    releases: impl Iterator<Item = &'r PastRelease>,
    (most, next): (usize, Option<&'r Release>),
) -> BTreeSet<u32> {
    let mut different: Vec<&Release> = next.into_iter().collect();
    let mut kept = BTreeSet::new();
    for past in releases {
        if kept.len() == MOST_KEPT {
            break;
        }
        let known = different.iter().any(|release| release.is_same(&past.release));
        if !known && different.len() == most {
            continue;
        }
        if !known {
            different.push(&past.release);
        }
        kept.insert(past.revision);
    }
    kept
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::release::{ReleasedService, Side};

    fn past(revision: u32, status: ReleaseStatus) -> PastRelease {
        let service = ReleasedService { fingerprint: revision.to_string(), ..Default::default() };
        let release = Release::new(ReleaseCause::Deploy, None, BTreeMap::from([("api".to_owned(), service)]));
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
        // After a rollback the next one goes further back, past what brings up the same.
        let mut again = [past(1, Superseded), past(2, Superseded), past(3, RolledBack), past(4, Deployed)];
        again[3].release = past(2, Deployed).release;
        let found = fallback(&again);
        assert_eq!((found.revision, found.skipped.last()), (Some(1), Some(&skipped(2, "it is the same"))));
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
        let next = past(9, Deployed).release;
        assert_eq!(dropped(&all, 0, &next), [1, 2, 3, 6]);
        assert_eq!(dropped(&all, 3, &next), [1, 3, 6]);
        let mut later = all.to_vec();
        later[4].release.dropped = vec![1, 3];
        assert_eq!(dropped(&later, 2, &next), [2, 6]);
        // Two rollbacks and deploys later it goes.
        let more = [&all[..5], &[past(6, Superseded), past(7, Deployed)]].concat();
        assert_eq!(dropped(&more, 2, &next), [1, 2, 3, 4, 5, 6]);
    }

    #[test]
    fn releases_that_bring_up_the_same_count_once() {
        use ReleaseStatus::{Deployed, Superseded};
        let same = |revision, status, as_revision| {
            let release = past(as_revision, status).release;
            PastRelease { revision, status, release }
        };
        let all = [past(1, Superseded), past(2, Superseded), same(3, Superseded, 1), same(4, Deployed, 2)];
        // However often two releases take turns, neither is lost, and the third is kept beside them.
        assert_eq!(dropped(&all, 3, &past(1, Deployed).release), Vec::<u32>::new());
        assert_eq!(dropped(&all, 2, &past(1, Deployed).release), Vec::<u32>::new());
        assert_eq!(dropped(&all, 2, &past(5, Deployed).release), [1, 3]);
        let turns: Vec<PastRelease> = (1..=40).map(|revision| same(revision, Superseded, revision % 2)).collect();
        assert_eq!(dropped(&turns, 2, &past(1, Deployed).release).len(), 40 - MOST_KEPT);
    }
}
