//! Runs one check to its verdict: looks, and looks again while there is patience and hope.
//! Reads the check, the scene and the patience; returns the outcome with every attempt.
//! Never begins a look after its deadline, save for a first one that everything gets.

use std::time::{Duration, Instant};

use super::look::look;
use super::{Attempt, CheckOutcome, Planned, ProbeError, Scene, Verdict};

/// How long one look may take unless the check says otherwise.
const LOOK: Duration = Duration::from_secs(5);
/// The pause before the second look; it doubles up to the longest.
const FIRST_PAUSE: Duration = Duration::from_millis(500);
const LONGEST_PAUSE: Duration = Duration::from_secs(4);

/// How often and how long a check may be tried.
#[derive(Debug, Clone, Copy)]
pub struct Patience {
    /// No look begins after this.
    pub deadline: Instant,
    /// Looks after the first one; absent: until the deadline.
    pub retries: Option<u32>,
}

/// Runs a check.
pub async fn run_check(scene: &Scene<'_>, plan: &Planned, patience: Patience) -> CheckOutcome {
    let began = Instant::now();
    let retries = patience.retries.into_iter().chain(plan.check.retries).min();
    let limit = plan.check.timeout.map_or(LOOK, |period| period.0);
    let mut attempts = Vec::new();
    let mut pause = FIRST_PAUSE;
    loop {
        let (attempt, hopeless) = attempt(scene, plan, limit).await;
        let passed = attempt.passed;
        attempts.push(attempt);
        let used_up = retries.is_some_and(|retries| attempts.len() > retries as usize);
        if passed || hopeless || used_up || Instant::now() + pause >= patience.deadline {
            break;
        }
        tokio::time::sleep(pause).await;
        pause = (pause * 2).min(LONGEST_PAUSE);
    }
    CheckOutcome {
        name: plan.check.name.clone(),
        kind: plan.check.way(),
        service: plan.service.clone(),
        asked: plan.asked(),
        source: plan.source(),
        verdict: Verdict::over(&attempts),
        attempts,
        took: began.elapsed(),
    }
}

async fn attempt(scene: &Scene<'_>, plan: &Planned, limit: Duration) -> (Attempt, bool) {
    // The time begins when it is this one's turn.
    let _turn = scene.turn().await;
    let began = Instant::now();
    let seen = tokio::time::timeout(limit, look(scene, plan)).await;
    let late = |_| Err(ProbeError::Late { what: plan.asked(), after: limit });
    let seen = seen.unwrap_or_else(late);
    let took = began.elapsed();
    match seen {
        Ok(seen) => (Attempt { passed: true, early: false, message: seen.message, details: seen.details, took }, false),
        Err(error) => {
            let (message, details) = (error.to_string(), error.details());
            let early = error.is_early();
            (Attempt { passed: false, early, message, details, took }, error.is_for_good())
        }
    }
}
