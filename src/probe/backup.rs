//! The age of the newest backup set, from the summary on the target that `status` shows. What is not recorded fails.

use std::time::Duration;

use super::seen::Seen;
use super::{ProbeContext, ProbeError};
use crate::event::human;
use crate::project::{BackupCheck, RequiredState};
use crate::release::{BackupSummary, KnownSet, StateDocument};

/// How far the clock of the machine that took a set may be ahead.
const SKEW: i64 = 300;

pub(super) async fn look(context: &ProbeContext<'_>, check: &BackupCheck) -> Result<Seen, ProbeError> {
    let summary = BackupSummary::of(context.target.load_document(context.project, StateDocument::Backups).await?);
    judged(check, summary, context.now).map(|age| Seen::new(age, None)).map_err(|what| {
        let details = vec![format!("`{}`, then `aictl status` shows it", check.state.command())];
        // No retry makes a set younger.
        ProbeError::Wrong { what, details, for_good: true }
    })
}

/// The age in words, or what is wrong.
fn judged(check: &BackupCheck, summary: Option<BackupSummary>, now: i64) -> Result<String, String> {
    let state = check.state.word();
    let Some(KnownSet { set, time }) = summary.and_then(|summary| newest(summary, check.state)) else {
        return Err(format!("no {state} backup set is recorded"));
    };
    if time > now.saturating_add(SKEW) {
        return Err(format!("the newest {state} backup set ({set}) was taken in the future; check the clocks"));
    }
    let age = Duration::from_secs(u64::try_from(now.saturating_sub(time)).unwrap_or_default());
    let (words, most) = (human::duration(age), human::duration(check.max_age.0));
    if age > check.max_age.0 {
        return Err(format!("the newest {state} backup set ({set}) is {words} old, more than {most}"));
    }
    Ok(format!("{state} backup set {set} is {words} old"))
}

/// The newest set with at least this state. A restored set was also read back.
fn newest(summary: BackupSummary, state: RequiredState) -> Option<KnownSet> {
    let BackupSummary { newest, verified, proven } = summary;
    let proven = proven.map(|set| KnownSet { set: set.set, time: set.time });
    match state {
        RequiredState::Complete => newest,
        RequiredState::Verified => verified.into_iter().chain(proven).max_by_key(|set| set.time),
        RequiredState::Proven => proven,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::project::Period;
    use crate::release::ProvenSet;

    const HOUR: i64 = 3600;

    fn summary() -> BackupSummary {
        let known = |set: &str, hours: i64| Some(KnownSet { set: set.into(), time: hours * HOUR });
        let proven = Some(ProvenSet { set: "p".into(), time: 0, restore_ms: None });
        BackupSummary { newest: known("n", 20), verified: known("v", 10), proven }
    }

    fn said(state: RequiredState, summary: Option<BackupSummary>, hour: i64) -> String {
        let check = BackupCheck { max_age: Period(Duration::from_secs(5 * 3600)), state };
        judged(&check, summary, hour * HOUR).unwrap_or_else(|wrong| format!("failed: {wrong}"))
    }

    #[test]
    fn the_newest_set_of_the_state_must_not_be_older_than_the_limit() {
        use RequiredState::{Complete, Proven, Verified};
        for (state, hour, expected) in [
            (Complete, 25, "complete backup set n is 5h old"),
            (Complete, 26, "failed: the newest complete backup set (n) is 6h old, more than 5h"),
            (Verified, 12, "verified backup set v is 2h old"),
            (Verified, 21, "failed: the newest verified backup set (v) is 11h old, more than 5h"),
            (Proven, 1, "proven backup set p is 1h old"),
            (Proven, 12, "failed: the newest proven backup set (p) is 12h old, more than 5h"),
            (Complete, 19, "failed: the newest complete backup set (n) was taken in the future; check the clocks"),
        ] {
            assert_eq!(said(state, Some(summary()), hour), expected);
        }
    }

    #[test]
    fn what_is_not_recorded_fails_and_a_proven_set_counts_as_verified() {
        use RequiredState::{Complete, Proven, Verified};
        for state in [Complete, Verified, Proven] {
            let expected = format!("failed: no {} backup set is recorded", state.word());
            assert_eq!(said(state, None, 1), expected);
            assert_eq!(said(state, Some(BackupSummary::default()), 1), expected);
        }
        let earlier = BackupSummary { verified: None, ..summary() };
        assert_eq!(said(Verified, Some(earlier), 1), "verified backup set p is 1h old");
    }
}
