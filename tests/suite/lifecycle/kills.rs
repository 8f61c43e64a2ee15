//! kill -9 at many moments of start and stop: the next command goes on from whatever was left.

use std::os::unix::process::ExitStatusExt as _;
use std::process::Stdio;
use std::time::{Duration, Instant};

use super::project::TestProject;

const STACK: &str = "
services:
  db:
    image: aictl-lab/tool:1
    command: [tool, serve, --ready-after, '200']
    healthcheck: {test: [CMD, tool, ready], interval: 4s}
    volumes: [data:/data]
  api:
    image: aictl-lab/tool:1
    command: [tool, serve]
    environment: {ROUND: \"${ROUND}\"}
    depends_on: {db: {condition: service_healthy}}
volumes: {data: {}}
";

/// Moments of a command at which it is killed, spread over the time it took without.
const MOMENTS: u32 = 6;
/// A walk through the moments of a command is none when it ends before this many kills hit it.
const HITS: usize = 3;

/// Runs it to its end, and returns the moments at which the next one is killed.
fn moments(run: impl FnOnce()) -> Vec<Duration> {
    let began = Instant::now();
    run();
    let took = began.elapsed();
    (1..=MOMENTS).map(|number| took * number / (MOMENTS + 1)).collect()
}

/// Runs a command and kills it after a while; returns whether that hit it. One that ended before must have done well.
#[track_caller]
fn kill_after(stage: &TestProject, args: &str, round: u64, after: Duration) -> bool {
    let mut command = stage.aictl_command(args);
    command.env("ROUND", round.to_string()).stdout(Stdio::null()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    let deadline = Instant::now() + after;
    while Instant::now() < deadline && child.try_wait().unwrap().is_none() {
        std::thread::sleep(Duration::from_millis(2));
    }
    child.kill().unwrap();
    let ended = child.wait_with_output().unwrap();
    let hit = ended.status.signal() == Some(9);
    assert!(hit || ended.status.success(), "{}: {}", ended.status, String::from_utf8_lossy(&ended.stderr));
    hit
}

fn start(stage: &TestProject, round: u64) {
    let output = stage.aictl_command("start").env("ROUND", round.to_string()).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

fn whole(stage: &TestProject) {
    assert_eq!(stage.containers(), ["api-1 running", "db-1 running"]);
    let status = stage.aictl("status --output json").code(0).json();
    assert!(status["lock"].is_null(), "{status}");
}

#[track_caller]
fn remove(stage: &TestProject, what: &str) {
    let output = stage.aictl_command("stop --remove -v -t 1").env("ROUND", "0").output().unwrap();
    assert!(output.status.success(), "{what}: {}", String::from_utf8_lossy(&output.stderr));
    assert_eq!(stage.leftovers(), Vec::<String>::new(), "{what}");
}

#[test]
fn a_first_start_killed_at_any_moment_is_finished_by_the_next() {
    let Some(stage) = TestProject::new("kill-start", STACK) else { return };
    let moments = moments(|| start(&stage, 0));
    whole(&stage);
    remove(&stage, "not killed");
    let mut hits = 0;
    for after in moments {
        hits += usize::from(kill_after(&stage, "start", 0, after));
        start(&stage, 0);
        whole(&stage);
        remove(&stage, &format!("killed after {after:?}"));
    }
    assert!(hits >= HITS, "only {hits} kills hit");
}

#[test]
fn a_replacement_killed_at_any_moment_leaves_or_gets_back_a_serving_container() {
    let Some(stage) = TestProject::new("kill-replace", STACK) else { return };
    start(&stage, 0);
    let (mut round, mut hits) = (1, 0);
    for after in moments(|| start(&stage, round)) {
        round += 1;
        hits += usize::from(kill_after(&stage, "start", round, after));
        start(&stage, round);
        whole(&stage);
    }
    assert!(hits >= HITS, "only {hits} kills hit");
}

#[test]
fn a_stop_killed_at_any_moment_is_finished_by_the_next() {
    let Some(stage) = TestProject::new("kill-stop", STACK) else { return };
    start(&stage, 0);
    let mut hits = 0;
    for after in moments(|| remove(&stage, "not killed")) {
        start(&stage, 0);
        hits += usize::from(kill_after(&stage, "stop --remove -v -t 1", 0, after));
        remove(&stage, &format!("killed after {after:?}"));
    }
    assert!(hits >= HITS, "only {hits} kills hit");
}
