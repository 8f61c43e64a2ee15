//! Health that a start has seen and the engine has not determined yet: its first check may come half a minute later.

use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use crate::plan::{Health, Observed};
use crate::release::{OperationKind, Record, RecordPhase, StepOutcome, StepRecord};
use crate::target::Target;

/// Counts containers that the last start saw healthy as healthy, until the engine's own first check. Without records the
/// engine's state is kept.
pub async fn count_recorded_health(target: &dyn Target, project: &str, observed: &mut Observed) {
    if observed.instances.iter().any(|container| container.health == Health::Starting) {
        count(&target.load_records(project).await.unwrap_or_default(), observed);
    }
}

fn count(records: &[Record], observed: &mut Observed) {
    let latest = records.iter().rev().filter(|record| record.phase == RecordPhase::Done);
    let awaited: Vec<(&str, &StepRecord)> = latest
        .flat_map(|record| record.steps.iter().map(|step| (record.time.as_str(), step)))
        .filter(|(_, step)| step.operation == OperationKind::AwaitReady && step.outcome == StepOutcome::Done)
        .collect();
    for container in observed.instances.iter_mut().filter(|container| container.health == Health::Starting) {
        let started = container.started_at.as_deref().filter(|_| container.state.is_up()).and_then(moment);
        let is_it = |(time, step): &(&str, &StepRecord)| {
            let after_start = moment(time).zip(started).is_some_and(|(seen, started)| seen >= started);
            after_start && step.service.as_ref() == Some(&container.service)
        };
        if awaited.iter().any(is_it) {
            container.health = Health::Healthy;
        }
    }
}

fn moment(time: &str) -> Option<OffsetDateTime> {
    OffsetDateTime::parse(time, &Rfc3339).ok()
}
