//! The lease on the real engine: one operation at a time, dead owners, and prune.

use super::project::{TestProject, docker};

const SLOW: &str = "
services:
  slow:
    image: aictl-lab/tool:1
    command: [tool, serve, --ready-after, '6000']
    healthcheck: {test: [CMD, tool, ready], interval: 500ms, start_period: 60s}
";

fn held(stage: &TestProject) -> bool {
    let lock = stage.aictl("lock status --output json").code(0).json();
    lock["lock"]["verdict"] == "alive"
}

#[test]
fn of_two_starts_at_once_one_starts_and_the_other_is_told_who_holds_the_lock() {
    let Some(stage) = TestProject::new("two", SLOW) else { return };
    let mut first = stage.spawn("start");
    stage.eventually("the lock", || held(&stage));
    stage.aictl("start").code(11).says("`start` by");
    stage.aictl("lock break").code(11).says("seems to be alive");
    let status = stage.aictl("status --output json").code(0).json();
    assert_eq!(status["lock"]["owner"]["operation"], "start");
    assert!(first.wait().unwrap().success());
    assert!(!held(&stage));
}

#[test]
fn ten_starts_at_once_make_each_container_once() {
    let compose = "services: {a: {image: 'aictl-lab/tool:1', command: [tool, serve]}}";
    let Some(stage) = TestProject::new("ten", compose) else { return };
    let mut all: Vec<_> = (0..10).map(|_| stage.spawn("start")).collect();
    let codes: Vec<_> = all.iter_mut().map(|c| c.wait().unwrap().code().unwrap()).collect();
    assert!(codes.contains(&0) && codes.iter().all(|c| [0, 11].contains(c)), "{codes:?}");
    assert_eq!(stage.containers(), ["a-1 running"]);
}

#[test]
fn a_killed_start_leaves_a_lock_that_the_next_start_takes_over_and_finishes() {
    let Some(stage) = TestProject::new("dead-lock", SLOW) else { return };
    let mut first = stage.spawn("start");
    stage.eventually("the lock", || held(&stage));
    first.kill().unwrap();
    first.wait().unwrap();
    let lock = stage.aictl("lock status --output json").code(0).json();
    assert_eq!(lock["lock"]["verdict"], "dead", "its process is known to be gone: {lock}");
    stage.aictl("start").code(0).says("was interrupted");
    assert_eq!(stage.containers(), ["slow-1 running"]);
    assert!(stage.aictl("lock status").code(0).stdout.contains("not locked"));
}

#[test]
fn lock_break_removes_a_dead_lock_and_finds_none_afterwards() {
    let Some(stage) = TestProject::new("break", SLOW) else { return };
    let mut first = stage.spawn("start");
    stage.eventually("the lock", || held(&stage));
    first.kill().unwrap();
    first.wait().unwrap();
    stage.aictl("lock break").code(0);
    stage.aictl("lock break").code(10).says("not locked");
}

/// Prunes only this test's engine objects: a prune takes what no running container uses, whoever made it, so the test
/// runs alone in an engine that other tests share only when it is asked to.
#[test]
fn prune_beside_a_running_stack_loses_neither_history_nor_a_held_lock() {
    let Some(stage) = TestProject::new("prune", SLOW) else { return };
    let mut first = stage.spawn("start");
    stage.eventually("the lock", || held(&stage));
    stage.eventually("a running container", || stage.containers() == ["slow-1 running"]);
    prune(&stage);
    assert!(held(&stage), "the lock survives");
    assert!(first.wait().unwrap().success(), "the holder goes on");
    prune(&stage);
    let volume = docker(&["volume", "ls", "-q", "--filter", &format!("name={}_aictl", stage.project)]);
    assert_eq!(volume, format!("{}_aictl", stage.project));
    assert_eq!(records(&stage), ["000001-done.json", "000001-pending.json"]);
    stage.aictl("start --force-recreate").code(0);
    assert_eq!(records(&stage).len(), 4, "the history goes on");
}

/// What `docker system prune -af --volumes` would take of this project, and only of it: other tests' stopped
/// containers and the lab's images must survive.
fn prune(stage: &TestProject) {
    for label in ["com.docker.compose.project", "io.aictl.project"] {
        let filter = format!("label={label}={}", stage.project);
        docker(&["container", "prune", "-f", "--filter", &filter]);
        docker(&["network", "prune", "-f", "--filter", &filter]);
        docker(&["volume", "prune", "-f", "--filter", &filter]);
    }
}

fn records(stage: &TestProject) -> Vec<String> {
    stage.records().into_iter().map(|(name, _)| name).collect()
}
