//! kill -9 at many moments of start and stop: the next command goes on from whatever was left.

use std::time::{Duration, Instant};

use super::stage::Stage;

const STACK: &str = "
services:
  db:
    image: aictl-lab/tool:1
    command: [tool, serve, --ready-after, '200']
    healthcheck: {test: [CMD, tool, ready], interval: 500ms}
    volumes: [data:/data]
  api:
    image: aictl-lab/tool:1
    command: [tool, serve]
    environment: {ROUND: \"${ROUND}\"}
    depends_on: {db: {condition: service_healthy}}
volumes: {data: {}}
";

/// Runs a command and kills it after a while; returns whether it ended by itself before.
fn kill_after(stage: &Stage, args: &str, round: u64, after: Duration) -> bool {
    let mut command = stage.aictl_command(args);
    command.env("ROUND", round.to_string()).stdout(std::process::Stdio::null()).stderr(std::process::Stdio::null());
    let mut child = command.spawn().unwrap();
    let deadline = Instant::now() + after;
    while Instant::now() < deadline {
        if child.try_wait().unwrap().is_some() {
            return true;
        }
        std::thread::sleep(Duration::from_millis(2));
    }
    child.kill().unwrap();
    child.wait().unwrap();
    false
}

fn start(stage: &Stage, round: u64) {
    let output = stage.aictl_command("start").env("ROUND", round.to_string()).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

fn whole(stage: &Stage) {
    assert_eq!(stage.containers(), ["api-1 running", "db-1 running"]);
    let status = stage.aictl("status --output json").code(0).json();
    assert!(status["lock"].is_null(), "{status}");
}

#[test]
fn a_first_start_killed_at_any_moment_is_finished_by_the_next() {
    let Some(stage) = Stage::new("kill-start", STACK) else { return };
    let mut after = 10;
    while !kill_after(&stage, "start", 0, Duration::from_millis(after)) {
        start(&stage, 0);
        whole(&stage);
        let output = stage.aictl_command("stop --remove -v -t 1").env("ROUND", "0").output().unwrap();
        assert!(output.status.success());
        assert_eq!(stage.leftovers(), Vec::<String>::new(), "killed after {after} ms");
        after += 60 + after / 5;
        assert!(after < 60_000, "start never ended");
    }
}

#[test]
fn a_replacement_killed_at_any_moment_leaves_or_gets_back_a_serving_container() {
    let Some(stage) = Stage::new("kill-replace", STACK) else { return };
    start(&stage, 0);
    let mut after = 20;
    for round in 1.. {
        let ended = kill_after(&stage, "start", round, Duration::from_millis(after));
        start(&stage, round);
        whole(&stage);
        if ended {
            break;
        }
        after += 50 + after / 5;
        assert!(after < 60_000, "start never ended");
    }
}

#[test]
fn a_stop_killed_at_any_moment_is_finished_by_the_next() {
    let Some(stage) = Stage::new("kill-stop", STACK) else { return };
    let mut after = 5;
    loop {
        start(&stage, 0);
        let ended = kill_after(&stage, "stop --remove -v -t 1", 0, Duration::from_millis(after));
        let output = stage.aictl_command("stop --remove -v -t 1").env("ROUND", "0").output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        assert_eq!(stage.leftovers(), Vec::<String>::new(), "killed after {after} ms");
        if ended {
            break;
        }
        after += 60 + after / 4;
        assert!(after < 60_000, "stop never ended");
    }
}
