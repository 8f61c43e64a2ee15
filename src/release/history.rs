//! Groups the records of a project into one entry per operation, oldest first.
//! An operation without a final record counts as running while its owner holds the lock, else as interrupted.

use std::collections::BTreeMap;

use serde::Serialize;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use super::operation_status::OperationStatus;
use super::past_release::{PastRelease, judged};
use super::{
    Evidence, LeaseOwner, LeaseVerdict, ObservedLease, Record, RecordPhase, Release, ReleaseStatus, StepOutcome,
    StepRecord,
};

/// One operation of the project's history.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct PastOperation {
    /// Its number; the first is 1.
    pub number: u32,
    /// The verb.
    pub operation: String,
    /// Environment, when the project has environments.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub environment: Option<String>,
    /// Its status.
    pub status: OperationStatus,
    /// When it started, RFC 3339, UTC.
    pub started: String,
    /// End time; none while it runs or if it was interrupted.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ended: Option<String>,
    /// Duration in seconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub seconds: Option<f64>,
    /// User and process that ran it.
    pub owner: LeaseOwner,
    /// Its steps with their outcomes.
    pub steps: Vec<StepRecord>,
    /// The error and its causes, outermost first.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub error: Vec<String>,
    /// State and logs of failed containers.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub evidence: Vec<Evidence>,
    /// What a deploy or rollback brought up; its revision is `number`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub release: Option<Release>,
    /// Status of the release.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub release_status: Option<ReleaseStatus>,
}

impl PastOperation {
    /// The same without what only machines read.
    #[must_use]
    pub fn without_catalogues(mut self) -> Self {
        let migrations = self.release.iter_mut().flat_map(|release| &mut release.migrations);
        let heads = migrations.flat_map(|migration| [&mut migration.before, &mut migration.after]);
        heads.flatten().for_each(|head| head.catalogue = None);
        self
    }

    fn of(records: &[Record], lease: Option<&ObservedLease>) -> Option<Self> {
        let first = records.first()?;
        use RecordPhase::{Baking, Done, Failed, Interrupted, Pending};
        let of_phase = |phase: RecordPhase| records.iter().rfind(|record| record.phase == phase);
        // One without an error was written by a later process, which does not know how far it came.
        let cut = of_phase(Interrupted).filter(|record| !record.error.is_empty());
        let end = of_phase(Done).or_else(|| of_phase(Failed)).or(cut);
        let (baking, closed) = (of_phase(Baking), of_phase(Interrupted));
        let status = match (end.map(|record| record.phase), baking, closed) {
            (Some(Done), ..) => OperationStatus::Done,
            (Some(Failed), ..) => OperationStatus::Failed,
            (Some(_), ..) => OperationStatus::Interrupted,
            (None, Some(_), _) => OperationStatus::Baking,
            (None, None, None) if is_held(&first.owner, lease) => OperationStatus::Running,
            (None, None, _) => OperationStatus::Interrupted,
        };
        let past = end.or(baking).or_else(|| of_phase(Pending)).unwrap_or(first);
        Some(Self {
            number: first.sequence,
            operation: first.operation.clone(),
            environment: first.environment.clone(),
            status,
            started: first.time.clone(),
            ended: end.map(|record| record.time.clone()),
            seconds: end.and_then(|record| between(&first.time, &record.time)),
            owner: first.owner.clone(),
            steps: past.steps.clone(),
            error: past.error.clone(),
            evidence: past.evidence.clone(),
            release: past.release.as_deref().cloned(),
            release_status: None,
        })
    }

    /// Its status for people: a bake is over when another release took its place.
    pub fn status_in_words(&self) -> OperationStatus {
        match self.status {
            OperationStatus::Baking if self.release_status != Some(ReleaseStatus::Baking) => {
                OperationStatus::Interrupted
            }
            status => status,
        }
    }

    /// What its steps without a recorded outcome are called. Who ended it with Ctrl-C recorded what was done.
    pub fn planned_word(&self) -> &'static str {
        if self.ended.is_some() { StepOutcome::Planned.word() } else { self.status_in_words().planned_word() }
    }

    /// Whether its plan had steps that change something.
    pub fn has_changes(&self) -> bool {
        self.steps.iter().any(|step| !step.operation.is_wait())
    }
}

/// One entry per operation. `lease` is the one that is held now: its owner's operation runs.
pub fn history(records: &[Record], lease: Option<&ObservedLease>) -> Vec<PastOperation> {
    let mut of_number: BTreeMap<u32, Vec<Record>> = BTreeMap::new();
    for record in records {
        of_number.entry(record.sequence).or_default().push(record.clone());
    }
    let newest = of_number.keys().next_back().copied();
    let entry =
        |(number, records): (&u32, &Vec<Record>)| PastOperation::of(records, lease.filter(|_| Some(*number) == newest));
    let mut history: Vec<PastOperation> = of_number.iter().filter_map(entry).collect();
    let statuses: BTreeMap<u32, ReleaseStatus> =
        releases(&history).into_iter().map(|past| (past.revision, past.status)).collect();
    for past in &mut history {
        past.release_status = statuses.get(&past.number).copied();
    }
    history
}

/// The releases of the history, oldest first.
pub fn releases(history: &[PastOperation]) -> Vec<PastRelease> {
    judged(history.iter().filter_map(|past| Some((past.number, past.status, past.release.clone()?))))
}

fn is_held(owner: &LeaseOwner, lease: Option<&ObservedLease>) -> bool {
    lease.is_some_and(|lease| lease.verdict != LeaseVerdict::Dead && lease.owner.as_ref() == Some(owner))
}

/// Seconds between two times; none if one cannot be parsed.
fn between(started: &str, ended: &str) -> Option<f64> {
    let parse = |text: &str| OffsetDateTime::parse(text, &Rfc3339).ok();
    let seconds = (parse(ended)? - parse(started)?).as_seconds_f64();
    (seconds >= 0.0).then_some(seconds)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn owner(pid: u32) -> LeaseOwner {
        LeaseOwner { user: "ops".into(), host: "h".into(), pid, ..Default::default() }
    }

    fn record(sequence: u32, phase: RecordPhase, second: u32) -> Record {
        Record {
            sequence,
            phase,
            operation: "start".into(),
            environment: None,
            time: format!("2026-01-01T00:00:{second:02}Z"),
            owner: owner(sequence),
            steps: Vec::new(),
            error: Vec::new(),
            evidence: Vec::new(),
            release: None,
            restore_unfinished: false,
        }
    }

    fn held(pid: u32, verdict: LeaseVerdict) -> ObservedLease {
        ObservedLease { owner: Some(owner(pid)), verdict, ..Default::default() }
    }

    #[test]
    fn records_of_one_number_are_one_operation() {
        let records = [
            record(1, RecordPhase::Pending, 0),
            record(1, RecordPhase::Done, 3),
            record(2, RecordPhase::Pending, 10),
            record(2, RecordPhase::Failed, 15),
        ];
        let past = history(&records, None);
        assert_eq!(
            past.iter().map(|o| (o.number, o.status)).collect::<Vec<_>>(),
            [(1, OperationStatus::Done), (2, OperationStatus::Failed)]
        );
        assert_eq!((past[0].seconds, past[0].ended.as_deref()), (Some(3.0), Some("2026-01-01T00:00:03Z")));
    }

    #[test]
    fn an_operation_without_an_end_runs_only_while_its_owner_holds_the_lock() {
        let records = [record(7, RecordPhase::Pending, 0)];
        let status = |lease: Option<ObservedLease>| history(&records, lease.as_ref())[0].status;
        assert_eq!(status(None), OperationStatus::Interrupted);
        assert_eq!(status(Some(held(7, LeaseVerdict::Alive))), OperationStatus::Running);
        assert_eq!(status(Some(held(7, LeaseVerdict::Unknown))), OperationStatus::Running);
        assert_eq!(status(Some(held(7, LeaseVerdict::Dead))), OperationStatus::Interrupted);
        assert_eq!(status(Some(held(8, LeaseVerdict::Alive))), OperationStatus::Interrupted);
    }

    #[test]
    fn an_interrupted_operation_keeps_its_plan_and_has_no_end() {
        let step = StepRecord {
            operation: crate::release::OperationKind::CreateContainer,
            subject: "container a-b-1".into(),
            service: None,
            task: None,
            cause: String::new(),
            outcome: crate::release::StepOutcome::Planned,
            duration_ms: None,
        };
        let pending = Record { steps: vec![step], ..record(1, RecordPhase::Pending, 0) };
        let past = history(&[pending, record(1, RecordPhase::Interrupted, 40)], None);
        assert_eq!(
            (past[0].status, past[0].ended.as_deref(), past[0].seconds),
            (OperationStatus::Interrupted, None, None)
        );
        assert_eq!(past[0].steps.len(), 1);
    }
}
