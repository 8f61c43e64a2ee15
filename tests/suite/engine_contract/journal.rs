//! Contract of `Journal`.

use aictl::release::{OperationKind, Record, RecordPhase, StateDocument, StepOutcome};
use aictl::target::TargetError;

use super::contract;
use super::lab::Lab;

contract!(
    records_come_back_in_order,
    documents_are_replaced_as_a_whole_and_only_by_the_holder_of_the_lease,
    a_lost_lease_cannot_record,
    finishing_records_how_it_ended_and_frees_the_lease,
    a_lost_lease_cannot_finish,
);

pub fn record(sequence: u32, phase: RecordPhase) -> Record {
    Record {
        sequence,
        phase,
        operation: "start".into(),
        environment: None,
        time: format!("2026-01-01T00:00:{sequence:02}Z"),
        owner: Default::default(),
        steps: vec![aictl::release::StepRecord {
            operation: OperationKind::CreateContainer,
            subject: "container a-api-1".into(),
            service: Some("api".into()),
            task: None,
            cause: "it does not exist".into(),
            outcome: StepOutcome::Planned,
            duration_ms: None,
        }],
        error: vec![],
        evidence: vec![],
        release: None,
        restore_unfinished: false,
    }
}

async fn records_come_back_in_order(lab: &Lab) {
    assert_eq!(lab.target.load_records(&lab.project).await, Ok(vec![]));
    let lease = lab.target.acquire(&lab.project, &lab.owner(1)).await.unwrap();
    let written = [
        record(1, RecordPhase::Pending),
        record(1, RecordPhase::Done),
        record(2, RecordPhase::Pending),
        record(2, RecordPhase::Failed),
    ];
    for record in &written {
        lab.target.record(&lease, record).await.unwrap();
    }
    lab.target.release(lease).await.unwrap();
    assert_eq!(lab.target.load_records(&lab.project).await, Ok(written.to_vec()));
}

async fn documents_are_replaced_as_a_whole_and_only_by_the_holder_of_the_lease(lab: &Lab) {
    let load = |document| lab.target.load_document(&lab.project, document);
    assert_eq!(load(StateDocument::Backups).await, Ok(None));
    let lease = lab.target.acquire(&lab.project, &lab.owner(1)).await.unwrap();
    for bytes in [&b"the first, longer one"[..], b"the second"] {
        lab.target.store_document(&lease, StateDocument::Backups, bytes).await.unwrap();
    }
    assert_eq!(load(StateDocument::Backups).await, Ok(Some(b"the second".to_vec())));
    assert_eq!(load(StateDocument::Rehearsal).await, Ok(None));
    let observed = lab.target.observe_lease(&lab.project).await.unwrap().unwrap();
    lab.target.break_lease(&observed).await.unwrap();
    let refused = lab.target.store_document(&lease, StateDocument::Backups, b"the third").await;
    assert_eq!(refused, Err(TargetError::LeaseLost { project: lab.project.clone() }));
    assert_eq!(load(StateDocument::Backups).await, Ok(Some(b"the second".to_vec())));
}

async fn a_lost_lease_cannot_record(lab: &Lab) {
    let lease = lab.target.acquire(&lab.project, &lab.owner(1)).await.unwrap();
    lab.target.record(&lease, &record(1, RecordPhase::Pending)).await.unwrap();
    let observed = lab.target.observe_lease(&lab.project).await.unwrap().unwrap();
    lab.target.break_lease(&observed).await.unwrap();
    let refused = lab.target.record(&lease, &record(1, RecordPhase::Done)).await;
    assert_eq!(refused, Err(TargetError::LeaseLost { project: lab.project.clone() }));
    assert_eq!(lab.target.load_records(&lab.project).await, Ok(vec![record(1, RecordPhase::Pending)]));
}

async fn finishing_records_how_it_ended_and_frees_the_lease(lab: &Lab) {
    let lease = lab.target.acquire(&lab.project, &lab.owner(1)).await.unwrap();
    lab.target.record(&lease, &record(1, RecordPhase::Pending)).await.unwrap();
    lab.target.finish(lease, &record(1, RecordPhase::Done)).await.unwrap();
    assert_eq!(lab.target.observe_lease(&lab.project).await, Ok(None));
    let written = vec![record(1, RecordPhase::Pending), record(1, RecordPhase::Done)];
    assert_eq!(lab.target.load_records(&lab.project).await, Ok(written));
    let lease = lab.target.acquire(&lab.project, &lab.owner(2)).await.unwrap();
    let last = lab.target.last_ended(&lease).await.unwrap();
    assert!(matches!(last, None | Some(1)), "`last_ended` must be the last operation or unknown: {last:?}");
    lab.target.release(lease).await.unwrap();
}

async fn a_lost_lease_cannot_finish(lab: &Lab) {
    let lease = lab.target.acquire(&lab.project, &lab.owner(1)).await.unwrap();
    let observed = lab.target.observe_lease(&lab.project).await.unwrap().unwrap();
    lab.target.break_lease(&observed).await.unwrap();
    let refused = lab.target.finish(lease, &record(1, RecordPhase::Done)).await;
    assert_eq!(refused, Err(TargetError::LeaseLost { project: lab.project.clone() }));
    assert_eq!(lab.target.load_records(&lab.project).await, Ok(vec![]));
}
