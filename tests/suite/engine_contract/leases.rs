//! The lease.

use aictl::release::LeaseVerdict;
use aictl::target::TargetError;

use super::contract;
use super::lab::Lab;

contract!(
    a_free_lease_is_taken_seen_and_given_back,
    a_held_lease_says_who_holds_it,
    of_many_contenders_exactly_one_wins,
    a_broken_lease_is_lost_to_its_holder,
);

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
