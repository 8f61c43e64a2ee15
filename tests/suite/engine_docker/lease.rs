//! Holders of the lease that were killed, on the real engine.

use std::process::Command;

use aictl::release::{LeaseOwner, LeaseVerdict, Record, RecordPhase};

use crate::engine_contract::lab::Lab;

/// An owner on this machine whose process ended.
fn killed() -> LeaseOwner {
    let mut process = Command::new("true").spawn().unwrap();
    process.wait().unwrap();
    let read = |path: &str| std::fs::read_to_string(path).unwrap().trim().to_owned();
    LeaseOwner {
        user: "test".into(),
        host: read("/proc/sys/kernel/hostname"),
        boot_id: read("/proc/sys/kernel/random/boot_id"),
        pid: process.id(),
        pid_namespace: aictl::host::pid_namespace(),
        operation: "start".into(),
        version: "0".into(),
        ..LeaseOwner::default()
    }
}

fn docker(arguments: &[&str]) -> String {
    let output = Command::new("docker").args(arguments).output().unwrap();
    assert!(output.status.success(), "docker {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

#[tokio::test]
async fn the_lease_of_a_killed_process_is_taken_over_at_once_and_its_history_stays() {
    let Some(lab) = Lab::docker("taken-over").await else { return };
    let dead = lab.target.acquire(&lab.project, &killed()).await.unwrap();
    let record = Record {
        sequence: 1,
        phase: RecordPhase::Pending,
        operation: "start".into(),
        environment: None,
        time: "2026-01-01T00:00:00Z".into(),
        owner: killed(),
        steps: vec![],
        error: vec![],
        evidence: vec![],
        release: None,
        restore_unfinished: false,
    };
    lab.target.record(&dead, &record).await.unwrap();
    lab.target.renew(&dead).await.unwrap();
    let observed = lab.target.observe_lease(&lab.project).await.unwrap().unwrap();
    assert_eq!(observed.verdict, LeaseVerdict::Dead);
    let began = std::time::Instant::now();
    let lease = lab.target.acquire(&lab.project, &lab.owner(2)).await.unwrap();
    assert!(began.elapsed() < LeaseVerdict::TIME_TO_LIVE, "it waited {:?}", began.elapsed());
    assert_eq!(lease.taken_over.as_ref().map(|owner| owner.operation.as_str()), Some("start"));
    assert!(lab.target.renew(&dead).await.is_err());
    assert_eq!(lab.target.load_records(&lab.project).await, Ok(vec![record]));
    lab.target.release(lease).await.unwrap();
    lab.clean().await;
}

#[tokio::test]
async fn a_holder_that_died_before_saying_who_it_is_holds_for_the_time_to_live_only() {
    let Some(lab) = Lab::docker("silent").await else { return };
    let lease = lab.target.acquire(&lab.project, &lab.owner(1)).await.unwrap();
    lab.target.release(lease).await.unwrap();
    // Killed right after the name was taken: the file still says that the last holder gave it back.
    let (free, held) = (format!("{}-aictl-state", lab.project), format!("{}-aictl-lock", lab.project));
    docker(&["rename", &free, &held]);
    let observed = lab.target.observe_lease(&lab.project).await.unwrap().unwrap();
    assert_eq!((observed.verdict, observed.owner), (LeaseVerdict::Unknown, None));
    let lease = lab.target.acquire(&lab.project, &lab.owner(2)).await.unwrap();
    lab.target.renew(&lease).await.unwrap();
    lab.target.release(lease).await.unwrap();
    lab.clean().await;
}

#[tokio::test]
async fn a_holder_that_died_while_giving_the_lease_back_leaves_a_lease_that_can_be_taken() {
    let Some(lab) = Lab::docker("half-removed").await else { return };
    let lease = lab.target.acquire(&lab.project, &lab.owner(1)).await.unwrap();
    lab.target.renew(&lease).await.unwrap();
    // Killed in the middle of a takeover: the old lock is gone, the new one not yet made, the volume is there.
    docker(&["rm", "-f", &lease.id]);
    assert_eq!(lab.target.observe_lease(&lab.project).await, Ok(None));
    let lease = lab.target.acquire(&lab.project, &lab.owner(2)).await.unwrap();
    assert_eq!(lease.taken_over, None);
    lab.target.release(lease).await.unwrap();
    lab.clean().await;
}

#[tokio::test]
async fn the_state_runs_without_rights_and_is_no_container_of_compose() {
    let Some(lab) = Lab::docker("rights").await else { return };
    let lease = lab.target.acquire(&lab.project, &lab.owner(1)).await.unwrap();
    lab.target.renew(&lease).await.unwrap();
    let format = "{{.State.Running}} {{.HostConfig.NetworkMode}} {{.HostConfig.ReadonlyRootfs}} {{.HostConfig.CapDrop}} {{json .Config.Labels}}";
    let shown = docker(&["inspect", "--format", format, &lease.id]);
    assert!(shown.starts_with("true none true [ALL]"), "{shown}");
    assert!(!shown.contains("com.docker.compose"), "{shown}");
    lab.target.release(lease).await.unwrap();
    assert_eq!(lab.observe().await.instances, []);
    lab.clean().await;
}
