//! The lease and the records.

use aictl::release::{LeaseVerdict, OperationKind, Record, RecordPhase, StepOutcome};
use aictl::target::TargetError;

use super::contract;
use super::lab::Lab;

contract!(
    a_free_lease_is_taken_seen_and_given_back,
    a_held_lease_says_who_holds_it,
    of_many_contenders_exactly_one_wins,
    a_broken_lease_is_lost_to_its_holder,
    records_come_back_in_order,
    a_lost_lease_cannot_record,
    forgotten_state_is_gone,
);

fn record(sequence: u32, phase: RecordPhase) -> Record {
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
            cause: "it does not exist".into(),
            outcome: StepOutcome::Planned,
            duration_ms: None,
        }],
        error: vec![],
        evidence: vec![],
    }
}

async fn a_free_lease_is_taken_seen_and_given_back(lab: &Lab) {
    assert_eq!(lab.target.observe_lease(&lab.project).await, Ok(None));
    for round in 1..=2 {
        let lease = lab.target.acquire(&lab.project, &lab.owner(round)).await.unwrap();
        lab.target.renew(&lease).await.unwrap();
        let observed = lab.target.observe_lease(&lab.project).await.unwrap().unwrap();
        assert_eq!((observed.id.as_str(), observed.verdict), (lease.id.as_str(), LeaseVerdict::Alive));
        assert_eq!(observed.owner, Some(lab.owner(round)));
        lab.target.release(lease).await.unwrap();
        assert_eq!(lab.target.observe_lease(&lab.project).await, Ok(None));
    }
}

async fn a_held_lease_says_who_holds_it(lab: &Lab) {
    let lease = lab.target.acquire(&lab.project, &lab.owner(7)).await.unwrap();
    let error = lab.target.acquire(&lab.project, &lab.owner(8)).await.unwrap_err();
    let TargetError::Locked { holder, .. } = &error else { panic!("{error}") };
    assert_eq!(holder.owner.as_ref().map(|owner| owner.pid), Some(7));
    lab.target.release(lease).await.unwrap();
}

async fn of_many_contenders_exactly_one_wins(lab: &Lab) {
    // Once with nothing there, so that creations race, and once with a free helper, so that renames do.
    for _ in 0..2 {
        let contenders = (0..12).map(|pid| {
            let (target, project, owner) = (lab.target.clone(), lab.project.clone(), lab.owner(pid));
            tokio::spawn(async move { target.acquire(&project, &owner).await })
        });
        let ended = futures_util::future::join_all(contenders.collect::<Vec<_>>()).await;
        let (won, lost): (Vec<_>, Vec<_>) = ended.into_iter().map(Result::unwrap).partition(Result::is_ok);
        assert_eq!(won.len(), 1, "{lost:?}");
        assert!(lost.iter().all(|l| matches!(l, Err(TargetError::Locked { .. }))), "{lost:?}");
        for lease in won.into_iter().flatten() {
            lab.target.renew(&lease).await.unwrap();
            lab.target.release(lease).await.unwrap();
        }
    }
}

async fn a_broken_lease_is_lost_to_its_holder(lab: &Lab) {
    let lease = lab.target.acquire(&lab.project, &lab.owner(1)).await.unwrap();
    let observed = lab.target.observe_lease(&lab.project).await.unwrap().unwrap();
    lab.target.break_lease(&observed).await.unwrap();
    let lost = TargetError::LeaseLost { project: lab.project.clone() };
    assert_eq!(lab.target.renew(&lease).await, Err(lost.clone()));
    let other = lab.target.acquire(&lab.project, &lab.owner(2)).await.unwrap();
    assert_eq!(lab.target.release(lease).await, Err(lost));
    lab.target.renew(&other).await.unwrap();
    lab.target.release(other).await.unwrap();
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

async fn a_lost_lease_cannot_record(lab: &Lab) {
    let lease = lab.target.acquire(&lab.project, &lab.owner(1)).await.unwrap();
    lab.target.record(&lease, &record(1, RecordPhase::Pending)).await.unwrap();
    let observed = lab.target.observe_lease(&lab.project).await.unwrap().unwrap();
    lab.target.break_lease(&observed).await.unwrap();
    let refused = lab.target.record(&lease, &record(1, RecordPhase::Done)).await;
    assert_eq!(refused, Err(TargetError::LeaseLost { project: lab.project.clone() }));
    assert_eq!(lab.target.load_records(&lab.project).await, Ok(vec![record(1, RecordPhase::Pending)]));
}

async fn forgotten_state_is_gone(lab: &Lab) {
    let lease = lab.target.acquire(&lab.project, &lab.owner(1)).await.unwrap();
    lab.target.record(&lease, &record(1, RecordPhase::Done)).await.unwrap();
    lab.target.retire(lease, true).await.unwrap();
    assert_eq!(lab.target.observe_lease(&lab.project).await, Ok(None));
    assert_eq!(lab.target.load_records(&lab.project).await, Ok(vec![]));
}
