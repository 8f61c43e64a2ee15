//! What needs no whole stack: flaps, restarts, what is not ready, what cannot be asked, what is misspelt, interruptions.
//! Each on services that start in milliseconds.
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

use super::reports::assert_valid;
use crate::support::project::{Outcome, TestProject, docker, engine_socket, eventually};

pub const SERVICES: &str = "
services:
  api:
    image: aictl-lab/tool:1
    command: [tool, serve, --port, '8000', --text, welcome]
    stop_grace_period: 1s
";

pub fn stage(name: &str, services: &str, checks: &str) -> Option<TestProject> {
    let stage = TestProject::new(name)?;
    stage.write("compose.yaml", services);
    stage.write("aictl.yaml", &format!("environments: {{ dev: {{ compose: [compose.yaml] }} }}\nchecks:\n{checks}"));
    Some(stage)
}

pub fn json(outcome: &Outcome) -> Value {
    serde_json::from_str(&outcome.stdout).unwrap_or_else(|error| panic!("{error}: {outcome:?}"))
}

pub fn check<'r>(report: &'r Value, name: &str) -> &'r Value {
    let checks = report["checks"].as_array().unwrap();
    checks.iter().find(|check| check["name"] == name).unwrap_or_else(|| panic!("no check {name}: {report}"))
}

/// A check that fails and then passes is flaky: the run is green, and every attempt is in every report.
#[test]
fn a_check_that_passed_late_is_flaky_and_shows_its_failures() {
    let checks = "  - { name: door opens, exec: { service: api, command: [sh, -c, 'test -e /dev/shm/door || { touch /dev/shm/door; echo stuck; exit 3; }'] } }\n";
    let Some(stage) = stage("probe-flap", SERVICES, checks) else { return };
    stage.aictl(&["start"]).ended(0);
    let mut command = stage.command(&["smoke-test", "--junit", "junit.xml"]);
    let outcome = Outcome::from(command.env("GITHUB_ACTIONS", "true").output().unwrap()).ended(0);
    for part in
        ["flaky  door opens: passed at attempt 2", "attempt 1: ", "exited with code 3", "::warning title=door opens::"]
    {
        assert!(outcome.stdout.contains(part), "`{part}` is not in:\n{}", outcome.stdout);
    }
    assert!(outcome.stdout.contains("1 passed, 0 failed, 1 flaky"), "{}", outcome.stdout);
    let junit = std::fs::read_to_string(stage.path().join("junit.xml")).unwrap();
    assert!(junit.contains("<flakyFailure message=\"attempt 1: ") && !junit.contains("<failure"), "{junit}");
    assert_valid(&stage.path().join("junit.xml"));
    // One look has no second attempt to hide behind.
    docker(&["exec", &format!("{}-api-1", stage.name()), "rm", "/dev/shm/door"]);
    let report = json(&stage.aictl(&["health", "--output", "json"]).ended(4));
    assert_eq!(check(&report, "door opens")["attempts"].as_array().unwrap().len(), 1);
    stage.aictl(&["health"]).ended(0);
}

/// A service that restarts while it is checked is red although each look found it running.
#[test]
fn a_restart_during_the_checks_is_red() {
    let services = format!(
        "{SERVICES}  crash:\n    image: aictl-lab/tool:1\n    command: [tool, crash, --after, '900']\n    restart: always\n"
    );
    let checks = "  - { name: slow, exec: { service: api, command: [sleep, '2'] } }\n";
    let Some(stage) = stage("probe-restart", &services, checks) else { return };
    stage.aictl(&["start", "api"]).ended(0);
    stage.aictl(&["start", "--detach", "crash"]);
    let report = json(&stage.aictl(&["health", "--output", "json"]).ended(4));
    let found = check(&report, "crash runs");
    assert_eq!(found["verdict"], "failed");
    assert_eq!(check(&report, "api runs")["verdict"], "passed");
}

/// What is not ready is waited for, until the deadline and no longer.
#[test]
fn what_is_not_ready_is_waited_for_until_the_deadline() {
    let service = |delay: u32| {
        format!(
            "{SERVICES}  slow:\n    image: aictl-lab/tool:1\n    command: [tool, serve, --ready-after, '{delay}']\n    \
             healthcheck: {{ test: [CMD, tool, ready], interval: 30s, start_period: 60s }}\n    stop_grace_period: 1s\n"
        )
    };
    let Some(stage) = stage("probe-ready", &service(3000), "  - { name: api listens, tcp: 'api:8000' }\n") else {
        return;
    };
    stage.aictl(&["start", "api"]).ended(0);
    start_without_waiting(&stage);
    let report = json(&stage.aictl(&["smoke-test", "--output", "json"]).ended(0));
    assert_eq!(check(&report, "slow runs")["verdict"], "passed");
    assert_eq!(report["flaky"], 0, "waiting is no flap: {report}");

    stage.write("compose.yaml", &service(600_000));
    start_without_waiting(&stage);
    let began = Instant::now();
    let words = ["smoke-test", "--timeout", "3s", "--junit", "junit.xml", "--output", "json"];
    let report = json(&stage.aictl(&words).ended(3));
    assert!(began.elapsed() < Duration::from_secs(8), "{:?}", began.elapsed());
    assert!(report["not_ready"][0].as_str().unwrap().contains("slow-1"), "{report}");
    assert_eq!(check(&report, "api listens")["verdict"], "passed", "the others are looked at all the same");
    assert_valid(&stage.path().join("junit.xml"));
    let junit = std::fs::read_to_string(stage.path().join("junit.xml")).unwrap();
    assert!(junit.contains("classname=\"readiness\"") && junit.contains("type=\"not ready\""), "{junit}");
}

/// As often as was asked for and no oftener, each attempt in each report, as XML that every reader takes whatever was said.
#[test]
fn a_check_that_always_fails_is_tried_as_often_as_asked_or_until_the_deadline() {
    let said = r"printf '\\001\\014\\033[31mred\\033[0m\\177 <tag> ]]> & \\377 end\\n'; exit 3";
    let checks = format!("  - {{ name: never, exec: {{ service: api, command: [sh, -c, \"{said}\"] }} }}\n");
    let Some(stage) = stage("probe-never", SERVICES, &checks) else { return };
    stage.aictl(&["start"]).ended(0);
    let words = ["smoke-test", "--retries", "2", "--junit", "junit.xml", "--output", "json"];
    let report = json(&stage.aictl(&words).ended(4));
    let attempts = check(&report, "never")["attempts"].as_array().unwrap();
    assert_eq!(attempts.len(), 3, "{report}");
    assert!(
        attempts.iter().all(|attempt| attempt["passed"] == false && attempt.to_string().contains("<tag>")),
        "{report}"
    );
    assert_eq!((&report["failed"], &report["flaky"]), (&Value::from(1), &Value::from(0)));
    assert_valid(&stage.path().join("junit.xml"));
    let junit = std::fs::read_to_string(stage.path().join("junit.xml")).unwrap();
    assert_eq!((junit.matches("<rerunFailure ").count(), junit.matches("<failure ").count()), (2, 1), "{junit}");
    assert!(junit.contains("red") && junit.contains("&lt;tag&gt;") && junit.contains(" end"), "{junit}");
    let allowed = |c: char| !c.is_control() || c == '\n';
    assert!(junit.chars().all(allowed), "{junit:?}");

    let began = Instant::now();
    let report = json(&stage.aictl(&["smoke-test", "--timeout", "4s", "--output", "json"]).ended(4));
    let attempts = check(&report, "never")["attempts"].as_array().unwrap().len();
    assert!((3..=5).contains(&attempts), "pauses of 0.5, 1 and 2 seconds fit into 4: {report}");
    assert!(began.elapsed() < Duration::from_secs(6), "{:?}", began.elapsed());
}

/// The service starts; nobody waits for its health.
fn start_without_waiting(stage: &TestProject) {
    let mut starting = stage.command(&["start", "slow", "--timeout", "1s"]);
    let _ = starting.output().unwrap();
    let name = format!("{}-slow-1", stage.name());
    let up = || !docker(&["ps", "-q", "--filter", &format!("name={name}")]).trim().is_empty();
    if !up() {
        docker(&["start", &name]);
    }
    eventually("the slow service runs", Duration::from_secs(10), up);
}

#[test]
fn what_cannot_be_meant_is_told_with_the_nearest_name() {
    let Some(stage) = stage("probe-names", SERVICES, "  - { name: api answers, http: 'http://apy:8000/' }\n") else {
        return;
    };
    let unknown = stage.aictl(&["smoke-test"]).ended(78);
    for part in
        ["aictl.yaml:3:32: checks[0].http", "service `apy` is not defined in the compose files", "did you mean `api`?"]
    {
        assert!(unknown.stderr.contains(part), "`{part}` is not in:\n{}", unknown.stderr);
    }
    stage.write("aictl.yaml", "environments: { dev: { compose: [compose.yaml] } }\n");
    let misspelt = stage.aictl(&["smoke-test", "--check", "api run"]).ended(10);
    assert!(misspelt.stderr.contains("did you mean `api runs`?"), "{}", misspelt.stderr);
    let service = stage.aictl(&["health", "apl"]).ended(10);
    assert!(service.stderr.contains("`api`"), "{}", service.stderr);
    let folder = stage.aictl(&["smoke-test", "--junit", "none/junit.xml"]).ended(1);
    assert!(folder.stderr.contains("mkdir -p "), "{}", folder.stderr);

    stage.write("compose.yaml", "services: { api: { image: aictl-lab/tool:1, scale: 0 } }\n");
    let nothing = stage.aictl(&["smoke-test"]).ended(78);
    assert!(nothing.stderr.contains("no checks to run") && nothing.stderr.contains("hint: "), "{nothing:?}");
    stage.write("compose.yaml", "services: { api: { image: aictl-lab/tool:1, profiles: [extra] } }\n");
    let inactive = stage.aictl(&["smoke-test", "--junit", "junit.xml"]).ended(78);
    assert!(inactive.stderr.contains("services of inactive profiles: api;"), "{}", inactive.stderr);
    let report = stage.path().join("junit.xml");
    super::reports::assert_valid(&report);
    assert!(std::fs::read_to_string(&report).unwrap().contains("no checks to run"));
    let stream = stage.aictl(&["smoke-test", "--junit", "-"]).ended(2);
    assert!(
        stream.stderr.contains("`--junit` requires a file, not `-`") && !stage.path().join("-").exists(),
        "{}",
        stream.stderr
    );
}

#[test]
fn an_engine_out_of_reach_is_no_verdict() {
    let Some(stage) = stage("probe-nowhere", SERVICES, "  - { name: api listens, tcp: 'api:8000' }\n") else { return };
    for verb in ["health", "smoke-test"] {
        let mut command = stage.command(&[verb]);
        Outcome::from(command.env("DOCKER_HOST", "unix:///none/docker.sock").output().unwrap()).ended(9);
    }
    // Nothing was started: red, with what there is to say.
    let report = json(&stage.aictl(&["health", "--output", "json"]).ended(4));
    assert_eq!(check(&report, "api runs")["attempts"][0]["message"], "service `api` has no container");
    let dry = stage.aictl(&["smoke-test", "--dry-run"]).ended(0);
    assert!(dry.stdout.contains("api listens: tcp api:8000"), "{}", dry.stdout);
    assert!(stage.everything().is_empty());
}

/// Where no address is in reach a helper on the network carries the bytes; it is gone afterwards, Ctrl-C or not.
#[test]
fn a_remote_engine_is_reached_through_a_helper_that_is_taken_away_again() {
    let checks = "  - { name: api answers, http: 'http://api:8000/', expect: { contains: welcome } }\n  - { name: never, exec: { service: api, command: ['false'] } }\n";
    let Some(stage) = stage("probe-far", SERVICES, checks) else { return };
    stage.aictl(&["start"]).ended(0);
    let tunnel = tunnel();
    let words = ["smoke-test", "--retries", "0", "--output", "json"];
    let far = Outcome::from(stage.command(&words).env("DOCKER_HOST", &tunnel).output().unwrap()).ended(4);
    assert_eq!(check(&json(&far), "api answers")["verdict"], "passed");
    assert_eq!(helpers(&stage), "", "after the verdict");

    let mut command = stage.command(&["smoke-test", "--timeout", "60s"]);
    command.env("DOCKER_HOST", &tunnel).stdout(Stdio::null()).stderr(Stdio::null());
    let mut child = command.spawn().unwrap();
    eventually("the helper is there", Duration::from_secs(20), || !helpers(&stage).is_empty());
    Outcome::from(Command::new("kill").args(["-INT", &child.id().to_string()]).output().unwrap()).ended(0);
    assert_eq!(child.wait().unwrap().code(), Some(130));
    assert_eq!(helpers(&stage), "", "after an interruption");
}

fn helpers(stage: &TestProject) -> String {
    let label = format!("label=io.aictl.project={}", stage.name());
    docker(&["ps", "-aq", "--filter", &label, "--filter", "label=io.aictl.role=dial"])
}

/// A port of this machine that leads to the engine: its address says nothing of the engine's networks.
fn tunnel() -> String {
    let listener = std::net::TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let address = format!("tcp://{}", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        for near in listener.incoming() {
            let near = near.unwrap();
            let far = std::os::unix::net::UnixStream::connect(engine_socket().unwrap()).unwrap();
            let (mut from, mut to) = (near.try_clone().unwrap(), far.try_clone().unwrap());
            std::thread::spawn(move || {
                let _ = std::io::copy(&mut from, &mut to);
                let _ = to.shutdown(std::net::Shutdown::Write);
            });
            let (mut from, mut to) = (far, near);
            std::thread::spawn(move || {
                let _ = std::io::copy(&mut from, &mut to);
                let _ = to.shutdown(std::net::Shutdown::Write);
            });
        }
    });
    address
}
