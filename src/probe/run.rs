//! Runs one check with retries until it passes, cannot pass any more or reaches its deadline; an attempt that the
//! deadline cuts is not reported when there was one before it.

use std::future::Future;
use std::time::{Duration, Instant};

use super::probe_once::look;
use super::seen::Seen;
use super::{Attempt, CheckOutcome, Planned, ProbeContext, ProbeError, Verdict};

/// How long one look may take unless the check says otherwise.
const LOOK: Duration = Duration::from_secs(5);
/// The pause before the second look; it doubles up to the longest.
const FIRST_PAUSE: Duration = Duration::from_millis(500);
const LONGEST_PAUSE: Duration = Duration::from_secs(4);

/// How often and how long a check may be tried.
#[derive(Debug, Clone, Copy)]
pub struct RetryPolicy {
    /// Every look ends by then.
    pub deadline: Instant,
    /// Looks after the first one; absent: until the deadline.
    pub retries: Option<u32>,
}

/// Runs a check.
pub async fn run_check(context: &ProbeContext<'_>, plan: &Planned, policy: RetryPolicy) -> CheckOutcome {
    let began = Instant::now();
    let retries = policy.retries.into_iter().chain(plan.check.retries).min();
    let limit = plan.check.timeout.map_or(LOOK, |period| period.0);
    let mut attempts = Vec::new();
    let mut pause = FIRST_PAUSE;
    loop {
        let Ended { attempt, hopeless, cut } =
            attempt(context, plan, LookTimes { limit, deadline: policy.deadline }).await;
        let passed = attempt.passed;
        // A cut attempt only shows that time ran out; the one before it has the reason.
        if !cut || attempts.is_empty() {
            attempts.push(attempt);
        }
        let used_up = retries.is_some_and(|retries| attempts.len() > retries as usize);
        if passed || hopeless || used_up || Instant::now() + pause >= policy.deadline {
            break;
        }
        tokio::time::sleep(pause).await;
        pause = (pause * 2).min(LONGEST_PAUSE);
    }
    CheckOutcome {
        name: plan.check.name.clone(),
        kind: plan.check.way(),
        service: plan.service.clone(),
        asked: plan.asked(context.redactor),
        source: plan.source(),
        verdict: Verdict::over(&attempts),
        attempts,
        took: began.elapsed(),
    }
}

/// One attempt. `hopeless`: a retry cannot help; `cut`: the deadline ended it early.
struct Ended {
    attempt: Attempt,
    hopeless: bool,
    cut: bool,
}

async fn attempt(context: &ProbeContext<'_>, plan: &Planned, times: LookTimes) -> Ended {
    let asked = || plan.asked(context.redactor);
    let Looked { seen, took, cut } = in_time(context.turn(), look(context, plan), times, asked).await;
    context.end_given_up().await;
    match seen {
        Ok(Seen { message, details }) => {
            let attempt = Attempt { passed: true, early: false, message, details, took };
            Ended { attempt, hopeless: false, cut }
        }
        Err(error) => {
            let (message, details) = (error.to_string(), error.details());
            let attempt = Attempt { passed: false, early: error.is_early(), message, details, took };
            Ended { attempt, hopeless: error.is_for_good(), cut }
        }
    }
}

/// Timeout of a single probe, and the overall deadline.
#[derive(Debug, Clone, Copy)]
struct LookTimes {
    limit: Duration,
    deadline: Instant,
}

/// Result and duration of a look. `cut`: the deadline ended it before its own limit.
struct Looked {
    seen: Result<Seen, ProbeError>,
    took: Duration,
    cut: bool,
}

/// Waits for the turn and looks, not longer than one look may take nor beyond the deadline; also says how long it looked.
async fn in_time<T>(
    turn: impl Future<Output = T>,
    look: impl Future<Output = Result<Seen, ProbeError>>,
    LookTimes { limit, deadline }: LookTimes,
    asked: impl Fn() -> String,
) -> Looked {
    let Ok(_turn) = tokio::time::timeout_at(deadline.into(), turn).await else {
        let seen = Err(ProbeError::wrong("no time left before the timeout"));
        return Looked { seen, took: Duration::ZERO, cut: true };
    };
    // The time of a look begins when it is its turn.
    let began = Instant::now();
    let left = deadline.saturating_duration_since(began);
    let (limit, shortened) = (limit.min(left), left < limit);
    let seen = tokio::time::timeout(limit, look).await;
    let cut = shortened && seen.is_err();
    let seen = seen.unwrap_or_else(|_| Err(ProbeError::Late { what: asked(), after: limit }));
    Looked { seen, took: began.elapsed(), cut }
}

#[cfg(test)]
mod tests {
    use std::future::{pending, ready};

    use super::*;

    async fn looked(turn: impl Future<Output = ()>, times: (u64, u64)) -> (String, Duration) {
        let began = Instant::now();
        let times =
            LookTimes { limit: Duration::from_millis(times.0), deadline: began + Duration::from_millis(times.1) };
        let looked = in_time(turn, pending(), times, || "it".to_owned()).await;
        assert_eq!(looked.cut, times.deadline < began + times.limit, "cut by the deadline, not by its own limit");
        (looked.seen.unwrap_err().to_string(), began.elapsed())
    }

    #[tokio::test]
    async fn a_look_ends_at_its_own_limit_or_the_deadline_whichever_is_first() {
        for times in [(5000, 30), (30, 5000)] {
            let (said, took) = looked(ready(()), times).await;
            assert!(said.starts_with("it timed out after "), "{said}");
            assert!(took < Duration::from_secs(3), "{times:?}: {took:?}");
        }
    }

    #[tokio::test]
    async fn who_never_has_a_turn_ends_at_the_deadline_too() {
        let (said, took) = looked(pending(), (5000, 30)).await;
        assert_eq!(said, "no time left before the timeout");
        assert!(took < Duration::from_secs(3), "{took:?}");
    }
}
