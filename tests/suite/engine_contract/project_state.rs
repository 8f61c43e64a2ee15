//! The state of a project as a whole.

use aictl::release::RecordPhase;

use super::contract;
use super::journal::record;
use super::lab::Lab;

contract!(forgotten_state_is_gone, state_without_its_history_is_told_from_none,);

async fn forgotten_state_is_gone(lab: &Lab) {
    let lease = lab.target.acquire(&lab.project, &lab.owner(1)).await.unwrap();
    lab.target.record(&lease, &record(1, RecordPhase::Done)).await.unwrap();
    lab.target.retire(lease, true).await.unwrap();
    assert_eq!(lab.target.observe_lease(&lab.project).await, Ok(None));
    assert_eq!(lab.target.load_records(&lab.project).await, Ok(vec![]));
}

async fn state_without_its_history_is_told_from_none(lab: &Lab) {
    let has = async |history| lab.target.has_state(&lab.project, history).await.unwrap();
    assert!(!has(false).await && !has(true).await);
    let lease = lab.target.acquire(&lab.project, &lab.owner(1)).await.unwrap();
    lab.target.record(&lease, &record(1, RecordPhase::Done)).await.unwrap();
    assert!(has(false).await && has(true).await);
    lab.target.prepare_to_retire(&lease).await;
    lab.target.retire(lease, false).await.unwrap();
    assert!(!has(false).await && has(true).await, "the history stays");
    let lease = lab.target.acquire(&lab.project, &lab.owner(2)).await.unwrap();
    lab.target.retire(lease, true).await.unwrap();
    assert!(!has(false).await && !has(true).await);
}
