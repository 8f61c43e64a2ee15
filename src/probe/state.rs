//! The state of containers: running and healthy, completed, restarted meanwhile.
//! Reads containers now and as they were before the first check; returns words.
//! Never takes a container that just restarted for one that runs well.

use std::borrow::Cow;

use time::OffsetDateTime;

use super::answer::Shown;
use super::seen::Seen;
use super::state_words::described;
use super::{CheckOutcome, ProbeContext, ProbeError};
use crate::plan::{Health, InstanceState, ObservedInstance, may_restart_again, restarts_in_words};
use crate::project::{ExpectedState, StateCheck};
use crate::secret::Redactor;

pub(super) async fn look(
    context: &ProbeContext<'_>,
    check: &StateCheck,
    may_complete: bool,
) -> Result<Seen, ProbeError> {
    let containers = context.containers(&check.service).await?;
    if containers.is_empty() {
        return Err(ProbeError::wrong(format!("service `{}` has no container", check.service)));
    }
    let (mut healthy, mut completed) = (true, true);
    for container in containers.iter().map(Cow::Borrowed) {
        if may_complete && has_completed(&container) {
            continue;
        }
        completed = false;
        let container = asked_when_starting(context, container).await?;
        fault(&container, (context.before(&container.id), context.redactor), check.is).map_or(Ok(()), Err)?;
        healthy &= container.health == Health::Healthy;
    }
    let word = match check.is {
        _ if completed => "completed",
        ExpectedState::Completed => "completed",
        ExpectedState::Running if healthy => "running, healthy",
        ExpectedState::Running => "running",
    };
    let count = if containers.len() > 1 { format!("{} containers ", containers.len()) } else { String::new() };
    Ok(Seen::new(format!("{count}{word}"), None))
}

fn has_completed(container: &ObservedInstance) -> bool {
    container.state == InstanceState::Exited && container.exit_code == Some(0)
}

/// Before the engine's first verdict the container's health test is run here: an interval can be half a minute.
async fn asked_when_starting<'c>(
    context: &ProbeContext<'_>,
    container: Cow<'c, ObservedInstance>,
) -> Result<Cow<'c, ObservedInstance>, ProbeError> {
    if container.health != Health::Starting || !passes_own_test(context, &container).await? {
        return Ok(container);
    }
    Ok(Cow::Owned(ObservedInstance { health: Health::Healthy, ..container.into_owned() }))
}

/// Whether the container's own health test passes now.
pub(super) async fn passes_own_test(
    context: &ProbeContext<'_>,
    container: &ObservedInstance,
) -> Result<bool, ProbeError> {
    let runs = container.state == InstanceState::Running;
    let Some(check) = container.health_check.as_ref().filter(|check| runs && !check.command.is_empty()) else {
        return Ok(false);
    };
    let answer = super::exec::run(context, container, check.command.clone(), Vec::new()).await?;
    Ok(answer.exit_code == Some(0))
}

/// What is wrong with one container.
fn fault(
    now: &ObservedInstance,
    (before, redactor): (Option<&ObservedInstance>, &Redactor),
    expected: ExpectedState,
) -> Option<ProbeError> {
    let wrong = |what: String, for_good| Some(ProbeError::Wrong { what, details: Vec::new(), for_good });
    let name = &now.name;
    if expected == ExpectedState::Completed {
        return if has_completed(now) {
            None
        } else {
            wrong(format!("{name} is {}, not completed", described(now)), false)
        };
    }
    if let Some(restarts) = restarted(now, before) {
        // The count never falls again.
        return wrong(format!("{name} {restarts} while the checks ran"), true);
    }
    if now.state != InstanceState::Running {
        return wrong(format!("{name} is {}", described(now)), false);
    }
    if may_restart_again(now, OffsetDateTime::now_utc()) {
        return wrong(format!("{name} {}", restarts_in_words(now)), false);
    }
    match now.health {
        Health::Unhealthy => {
            let said = now.health_log.as_deref().and_then(|log| Shown::new(redactor, log).excerpt());
            let what = format!("{name} is unhealthy");
            Some(ProbeError::Wrong { what, details: said.into_iter().collect(), for_good: false })
        }
        Health::Starting => wrong(format!("{name} has no health check result yet"), false),
        Health::Healthy | Health::None => None,
    }
}

/// Turns a service's check of its state to a failure when a container of it was restarted since the checks began.
pub async fn restarts(context: &ProbeContext<'_>, outcomes: &mut [CheckOutcome]) -> Result<(), ProbeError> {
    let seen = context.look().await?;
    for container in seen.instances.iter().filter(|container| !container.one_off) {
        let Some(words) = restarted(container, context.before(&container.id)) else { continue };
        let of_state = |outcome: &&mut CheckOutcome| outcome.kind == "state" && outcome.passed();
        let of_service = |outcome: &&mut CheckOutcome| outcome.service.as_ref() == Some(&container.service);
        if let Some(outcome) = outcomes.iter_mut().filter(of_state).find(of_service) {
            outcome.overturn(format!("{} {words} while the checks ran", container.name));
        }
    }
    Ok(())
}

/// How a container was restarted since it was first seen.
pub(super) fn restarted(now: &ObservedInstance, before: Option<&ObservedInstance>) -> Option<String> {
    let before = before?;
    let rise = now.restarts.saturating_sub(before.restarts);
    match rise {
        0 if now.started_at != before.started_at => Some("was restarted".to_owned()),
        0 => None,
        1 => Some("was restarted once by the engine".to_owned()),
        times => Some(format!("was restarted {times} times by the engine")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn container(state: InstanceState, health: Health) -> ObservedInstance {
        let started_at = Some("2026-01-01T00:00:00Z".to_owned());
        ObservedInstance { name: "p-api-1".into(), state, health, started_at, ..Default::default() }
    }

    fn said(now: &ObservedInstance, before: Option<&ObservedInstance>, expected: ExpectedState) -> String {
        fault(now, (before, &Redactor::default()), expected).map_or("fine".to_owned(), |error| error.to_string())
    }

    #[test]
    fn a_container_must_run_be_healthy_and_stay() {
        use InstanceState::{Exited, Paused, Restarting, Running};
        let running = ExpectedState::Running;
        for (state, health, expected) in [
            (Running, Health::None, "fine"),
            (Running, Health::Healthy, "fine"),
            (Running, Health::Unhealthy, "p-api-1 is unhealthy"),
            (Running, Health::Starting, "p-api-1 has no health check result yet"),
            (Paused, Health::Healthy, "p-api-1 is paused"),
            (Restarting, Health::None, "p-api-1 is restarting"),
        ] {
            assert_eq!(said(&container(state, health), None, running), expected);
        }
        let mut ended = container(Exited, Health::None);
        ended.exit_code = Some(3);
        ended.oom_killed = true;
        assert_eq!(said(&ended, None, running), "p-api-1 is exited with 3, out of memory");
    }

    #[test]
    fn a_restart_while_the_checks_ran_is_a_fault_for_good() {
        let before = container(InstanceState::Running, Health::None);
        let mut now = before.clone();
        assert_eq!(said(&now, Some(&before), ExpectedState::Running), "fine");
        now.restarts = 2;
        let error = fault(&now, (Some(&before), &Redactor::default()), ExpectedState::Running).unwrap();
        assert_eq!(error.to_string(), "p-api-1 was restarted 2 times by the engine while the checks ran");
        assert!(error.is_for_good());
        now.restarts = 0;
        now.started_at = Some("2026-01-01T00:01:00Z".to_owned());
        assert_eq!(restarted(&now, Some(&before)).as_deref(), Some("was restarted"));
    }

    #[test]
    fn a_one_shot_must_have_ended_with_zero() {
        let mut container = container(InstanceState::Exited, Health::None);
        container.exit_code = Some(0);
        assert_eq!(said(&container, None, ExpectedState::Completed), "fine");
        container.exit_code = Some(1);
        assert_eq!(said(&container, None, ExpectedState::Completed), "p-api-1 is exited with 1, not completed");
        container.state = InstanceState::Running;
        assert_eq!(said(&container, None, ExpectedState::Completed), "p-api-1 is running, not completed");
    }
}
