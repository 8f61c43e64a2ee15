//! Crash loops: a container that the engine restarted is stable again after it has run twice as long as between its
//! restarts so far.

use std::time::Duration;

use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use super::{InstanceState, ObservedInstance};

/// A container that was restarted must run at least this long to be stable.
pub const STABLE_AFTER_RESTART: Duration = Duration::from_secs(10);

/// A container that has run this long is stable in any case: when the engine began to count is not known.
const LONGEST: Duration = Duration::from_secs(60);

/// How long a container must have run since its last restart to be stable; `None` if it was never restarted.
pub fn settles_after(container: &ObservedInstance) -> Option<Duration> {
    let restarts = u32::try_from(container.restarts).unwrap_or(u32::MAX);
    if restarts == 0 {
        return None;
    }
    let began = moment(&container.created_at);
    let last = container.started_at.as_deref().and_then(moment);
    let between = began.zip(last).and_then(|(began, last)| Duration::try_from(last - began).ok());
    let twice = between.map_or(STABLE_AFTER_RESTART, |all| (all / restarts).saturating_mul(2));
    Some(twice.clamp(STABLE_AFTER_RESTART, LONGEST))
}

/// How long its process has run.
pub fn uptime(container: &ObservedInstance, now: OffsetDateTime) -> Option<Duration> {
    let started = container.started_at.as_deref().filter(|_| container.state == InstanceState::Running)?;
    Duration::try_from(now - moment(started)?).ok()
}

/// Whether the container may crash again: it was restarted and has not run long enough since.
pub fn may_restart_again(container: &ObservedInstance, now: OffsetDateTime) -> bool {
    match (container.state, settles_after(container)) {
        (InstanceState::Restarting, _) => true,
        (InstanceState::Running, Some(needed)) => uptime(container, now).is_none_or(|ran| ran < needed),
        _ => false,
    }
}

/// `restarted once since it was started`, `restarted 7 times since it was started, last exit code 3`.
pub fn restarts_in_words(container: &ObservedInstance) -> String {
    let times = match container.restarts {
        0 => return "restarting".to_owned(),
        1 => "once".to_owned(),
        times => format!("{times} times"),
    };
    let code = container.exit_code.filter(|_| container.state == InstanceState::Restarting);
    let code = code.map(|code| format!(", last exit code {code}")).unwrap_or_default();
    format!("restarted {times} since it was started{code}")
}

fn moment(text: &str) -> Option<OffsetDateTime> {
    OffsetDateTime::parse(text, &Rfc3339).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn crashing(restarts: u64, started_at: &str) -> ObservedInstance {
        ObservedInstance {
            state: InstanceState::Running,
            restarts,
            created_at: "2026-01-01T00:00:00Z".into(),
            started_at: Some(started_at.into()),
            ..Default::default()
        }
    }

    #[test]
    fn between_two_crashes_nothing_is_settled_whatever_the_time_between_them() {
        for period in [1u64, 4, 15, 30, 59] {
            let restarts = 7;
            let started = moment("2026-01-01T00:00:00Z").unwrap() + Duration::from_secs(restarts * period);
            let container = crashing(restarts, &started.format(&Rfc3339).unwrap());
            let just_before_the_next = started + Duration::from_secs(period);
            assert!(may_restart_again(&container, just_before_the_next), "{period}");
            let later = started + Duration::from_secs(2 * period).clamp(STABLE_AFTER_RESTART, LONGEST);
            assert!(!may_restart_again(&container, later), "{period}");
        }
    }

    #[test]
    fn restarts_of_long_ago_are_history_and_a_restarting_one_is_not() {
        let now = moment("2026-01-02T00:00:00Z").unwrap();
        assert!(!may_restart_again(&crashing(3, "2026-01-01T00:00:20Z"), now));
        assert!(!may_restart_again(&crashing(0, "2026-01-01T23:59:59Z"), now), "it was never restarted");
        let mut between = crashing(3, "2026-01-01T00:00:20Z");
        between.state = InstanceState::Restarting;
        between.exit_code = Some(3);
        assert!(may_restart_again(&between, now));
        assert_eq!(restarts_in_words(&between), "restarted 3 times since it was started, last exit code 3");
    }
}
