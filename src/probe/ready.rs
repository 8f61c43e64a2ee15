//! Waits, before the checks, for containers that are starting, restarting or running to completion, and returns those
//! that were not ready by the deadline.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use futures_util::future::join_all;
use time::OffsetDateTime;

use super::{Planned, ProbeContext, ProbeError, state};
use crate::plan::{
    Health, InstanceState, ObservedInstance, Readiness, ReadinessWatch, Sample, Verdict, restarts_in_words, uptime,
};
use crate::project::ExpectedState;

/// Between two looks.
const PAUSE: Duration = Duration::from_millis(500);
/// One run of a container's own health test may take this long.
const TEST: Duration = Duration::from_secs(5);

/// Waits until every container of the checks is ready; returns those that are not at the deadline, in words.
pub async fn await_ready(
    context: &ProbeContext<'_>,
    planned: &[Planned],
    deadline: Instant,
) -> Result<Vec<String>, ProbeError> {
    let began = Instant::now();
    let services = contracts(planned);
    let mut watches: BTreeMap<String, ReadinessWatch> = BTreeMap::new();
    loop {
        let seen = context.look().await?;
        let of_checks = |c: &&ObservedInstance| !c.one_off && services.contains_key(c.service.as_str());
        let containers: Vec<&ObservedInstance> = seen.instances.iter().filter(of_checks).collect();
        let tests = join_all(containers.iter().map(|container| own_test(context, container))).await;
        let mut waiting = Vec::new();
        for (container, probe_passed) in containers.into_iter().zip(tests) {
            let contract = || {
                let readiness = contract(container, services[container.service.as_str()]);
                ReadinessWatch::new(readiness, container.restarts)
            };
            let watch = watches.entry(container.id.clone()).or_insert_with(contract);
            let uptime = uptime(container, OffsetDateTime::now_utc()).or(Some(Duration::ZERO));
            let verdict = watch.see(Sample { container, probe_passed, at: began.elapsed(), uptime });
            if verdict == Verdict::Waiting && changes_by_itself(container.state) {
                waiting.push(format!("{}: {}", container.name, on_its_way(container)));
            }
        }
        if waiting.is_empty() || Instant::now() + PAUSE >= deadline {
            return Ok(waiting);
        }
        tokio::time::sleep(PAUSE).await;
    }
}

/// The services of the checks, and whether they must complete.
fn contracts(planned: &[Planned]) -> BTreeMap<&str, bool> {
    let mut services = BTreeMap::new();
    for plan in planned {
        let Some(service) = plan.service.as_deref() else { continue };
        let completes = plan.check.state.as_ref().is_some_and(|state| state.is == ExpectedState::Completed);
        *services.entry(service).or_default() |= completes;
    }
    services
}

fn contract(container: &ObservedInstance, completes: bool) -> Readiness {
    match (completes, container.health) {
        (true, _) => Readiness::Completed,
        (false, Health::None) => Readiness::Stable { millis: 0 },
        (false, _) => Readiness::Healthy,
    }
}

fn changes_by_itself(state: InstanceState) -> bool {
    matches!(state, InstanceState::Running | InstanceState::Restarting | InstanceState::Removing)
}

fn on_its_way(container: &ObservedInstance) -> String {
    match (container.state, container.health) {
        (InstanceState::Running, Health::Starting) => "its health check has not passed".to_owned(),
        _ if container.restarts > 0 => restarts_in_words(container),
        (state, _) => state.word().to_owned(),
    }
}

/// Runs the health test of a container the engine has no verdict on.
async fn own_test(context: &ProbeContext<'_>, container: &ObservedInstance) -> Option<bool> {
    if container.health != Health::Starting {
        return None;
    }
    let passed = tokio::time::timeout(TEST, state::passes_own_test(context, container)).await;
    Some(matches!(passed, Ok(Ok(true))))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::project::{Check, StateCheck};

    #[test]
    fn a_service_that_must_complete_is_waited_for_to_its_end() {
        let plan = |service: &str, is| {
            let state = Some(StateCheck { service: service.into(), is });
            let check = Check { state, ..Check::default() };
            Planned { service: Some(service.into()), check, ..Planned::default() }
        };
        let planned = [
            plan("seed", ExpectedState::Completed),
            plan("api", ExpectedState::Running),
            Planned { service: Some("seed".into()), ..Planned::default() },
            Planned::default(),
        ];
        assert_eq!(contracts(&planned), [("seed", true), ("api", false)].into());
    }
}
