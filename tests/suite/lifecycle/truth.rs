//! Exit codes, tables, plans and errors agree with the containers: crash loops, one-shots, containers in every state,
//! and what errors and timeouts name.

use std::io::{BufRead as _, BufReader, Read as _};
use std::process::Stdio;
use std::time::{Duration, Instant};

use serde_json::json;

use super::project::{Ran, TestProject, docker};
use super::relay::Relay;

/// A service without a health check that runs this script.
fn service(name: &str, script: &str, more: &str) -> String {
    format!("  {name}: {{ image: 'aictl-lab/tool:1', command: [sh, -c, '{script}'], stop_grace_period: 0s, {more} }}\n")
}

fn stack(services: &[String]) -> String {
    format!("services:\n{}", services.concat())
}

#[track_caller]
fn fails(ran: &Ran, words: &str) {
    let all = format!("{}{}", ran.stdout, ran.stderr);
    assert!(ran.code != 0 && all.contains(words), "code {}, `{words}` wanted:\n{all}", ran.code);
}

/// Crashes one second after each start, four seconds after, and at once.
#[test]
fn a_crash_loop_is_red_in_every_verb() {
    for (name, script) in [("soon", "sleep 1; exit 3"), ("late", "sleep 4; exit 3"), ("once", "exit 3")] {
        let compose = stack(&[service("a", script, "restart: always")]);
        let Some(stage) = TestProject::new(&format!("loop-{name}"), &compose) else { return };
        fails(&stage.aictl("start"), "service `a` is in a crash loop: restarted 2 times");
        fails(&stage.aictl("start"), "service `a`");
        fails(&stage.aictl("smoke-test --timeout 20"), "restarted");
        let status = stage.aictl("status").code(3);
        assert!(status.stdout.contains("restart"), "{}", status.stdout);
        let json = stage.aictl("status --output json").code(3).json();
        assert!(json["services"][0]["fault"].as_str().unwrap().contains("restarted"), "{json}");
        stage.aictl("wait a --timeout 20").code(3);
    }
}

#[test]
fn a_container_that_exits_within_five_seconds_fails_the_start() {
    for (name, script) in [("half", "sleep 0.5; exit 3"), ("three", "sleep 3; exit 3")] {
        let Some(stage) = TestProject::new(&format!("dies-{name}"), &stack(&[service("a", script, "")])) else {
            return;
        };
        fails(&stage.aictl("start"), "service `a` exited with code 3");
        fails(&stage.aictl("status"), "exited 3");
    }
}

#[test]
fn a_one_shot_that_nobody_waits_for_is_green_everywhere() {
    let services = [service("seed", "true", ""), service("a", "sleep 600", "")];
    let Some(stage) = TestProject::new("one-shot", &stack(&services)) else { return };
    stage.aictl("start").code(0);
    let checked = stage.aictl("smoke-test").code(0);
    assert!(checked.stdout.contains("seed runs: completed"), "{}", checked.stdout);
    stage.aictl("status").code(0);
    // One that was stopped has not completed.
    docker(&["stop", "-t", "0", &format!("{}-a-1", stage.project)]);
    fails(&stage.aictl("status"), "exited 137");
}

#[test]
fn after_a_start_nothing_is_planned_and_what_was_healthy_is_healthy() {
    let check = "healthcheck: { test: [CMD, 'true'], interval: 60s }";
    let Some(stage) = TestProject::new("seen-health", &stack(&[service("a", "sleep 600", check)])) else { return };
    stage.aictl("start").code(0);
    let began = Instant::now();
    stage.aictl("plan --exit-code").code(0);
    let status = stage.aictl("status --output json").code(0).json();
    assert_eq!(status["services"][0]["health"], "healthy", "{status}");
    // Seen once is enough: the second start neither waits nor runs the check again.
    let again = stage.aictl("start --output json").code(0);
    let report = again.json();
    assert_eq!(
        (&report["steps"], &report["status"]["services"][0]["health"]),
        (&json!([]), &json!("healthy")),
        "{report}"
    );
    assert!(began.elapsed() < Duration::from_secs(30), "before the engine's own first check");
    // A restart outside aictl has not been seen healthy.
    docker(&["restart", "-t", "0", &format!("{}-a-1", stage.project)]);
    let status = stage.aictl("status --output json").code(0).json();
    assert_eq!(status["services"][0]["health"], "starting", "{status}");
}

#[test]
fn whatever_a_start_finds_its_exit_code_and_its_table_agree() {
    let services = [service("a", "sleep 600", ""), service("b", "sleep 600", "")];
    let Some(stage) = TestProject::new("found", &stack(&services)) else { return };
    stage.aictl("start --no-start").code(0);
    assert_eq!(stage.containers(), ["a-1 created", "b-1 created"]);
    fails(&stage.aictl("status"), "created");
    let states: [(&str, &[&str]); 4] =
        [("created", &[]), ("paused", &["pause"]), ("killed", &["kill"]), ("stopped", &["stop", "-t", "0"])];
    for (state, command) in states {
        let container = format!("{}-a-1", stage.project);
        if !command.is_empty() {
            docker(&[command, &[container.as_str()]].concat());
        }
        let report = stage.aictl("start --output json").code(0).json();
        let found: Vec<&str> =
            report["status"]["services"].as_array().unwrap().iter().map(|s| s["state"].as_str().unwrap()).collect();
        assert_eq!(found, ["running", "running"], "{state}");
        stage.aictl("status").code(0);
    }
    let began = Instant::now();
    stage.aictl("start").code(0);
    assert!(began.elapsed() < Duration::from_secs(3), "an unchanged start does not wait: {:?}", began.elapsed());
}

#[test]
fn services_are_watched_in_parallel_and_not_with_no_wait() {
    let services: Vec<String> = ["a", "b", "c", "d"].map(|name| service(name, "sleep 600", "")).to_vec();
    let Some(stage) = TestProject::new("watch", &stack(&services)) else { return };
    let timed = |args: &str| {
        let began = Instant::now();
        stage.aictl(args).code(0);
        began.elapsed()
    };
    let waited = timed("start");
    assert!(waited > Duration::from_secs(5), "{waited:?}");
    // One after the other would be twenty seconds more.
    let unwaited = timed("start --force-recreate --no-wait");
    assert!(waited < unwaited + Duration::from_secs(15), "{waited:?}, without waiting {unwaited:?}");
}

#[test]
fn failures_name_what_failed_and_everything_that_is_missing() {
    let third = "n=$$(hostname -i | cut -d. -f4); sleep 1; [ $$n -lt 4 ] && sleep 600; exit 3";
    let Some(stage) = TestProject::new("named", &stack(&[service("a", third, "scale: 3")])) else { return };
    let ran = stage.aictl("start");
    fails(&ran, "-a-");
    assert!(ran.stderr.contains(&format!("container {}-a-", stage.project)), "{}", ran.stderr);

    let external = "networks: { x: { external: true, name: no-net-x }, y: { external: true, name: no-net-y } }\n\
                    volumes: { data: { external: true, name: no-vol } }\n";
    let uses = service("a", "sleep 600", "networks: [x, y], volumes: ['data:/v']");
    stage.write("compose.yaml", &format!("{}{external}", stack(&[uses])));
    let ran = stage.aictl("start").code(78);
    for name in ["no-net-x", "no-net-y", "no-vol"] {
        assert!(ran.stderr.matches(name).count() >= 2, "{name} and how to create it:\n{}", ran.stderr);
    }
    stage.write("compose.yaml", "services: { a: { image: '', ports: ['${TRUTH_PORT}:${TRUTH_INNER}'] } }\n");
    stage.aictl("start").code(78).says("TRUTH_PORT").says("TRUTH_INNER").says("is not set");
}

#[test]
fn a_timeout_reports_the_last_complete_attempt() {
    let check = "healthcheck: { test: [CMD-SHELL, 'echo no database yet; exit 1'], interval: 60s }";
    let Some(stage) = TestProject::new("reason", &stack(&[service("a", "sleep 600", check)])) else { return };
    stage.aictl("start --wait-timeout 3").code(3).says("its health check says: no database yet");
    let loopback = service("a", "exec httpd -f -p 127.0.0.1:8000 -h /", "");
    stage.write("compose.yaml", &stack(&[loopback]));
    stage.write(
        "aictl.yaml",
        "environments: { dev: { compose: [compose.yaml] } }\nchecks: [{ name: page, http: 'http://a:8000/' }]\n",
    );
    stage.aictl("start -t 0").code(0);
    fails(&stage.aictl("smoke-test --timeout 4"), "loopback only");
}

#[test]
fn logs_that_are_followed_end_with_9_when_the_engine_goes_away() {
    let Some(stage) = TestProject::new("gone", &stack(&[service("a", "echo ready; sleep 600", "")])) else { return };
    stage.aictl("start --no-wait").code(0);
    let Some(relay) = Relay::to_engine(&stage.path("engine.sock")) else { return };
    let mut logs = stage.aictl_command("logs -f");
    let mut logs =
        logs.env("DOCKER_HOST", relay.address()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut line = String::new();
    BufReader::new(logs.stdout.as_mut().unwrap()).read_line(&mut line).unwrap();
    assert!(line.contains("ready"), "{line}");
    relay.cut();
    let code = logs.wait().unwrap().code();
    let mut said = String::new();
    logs.stderr.take().unwrap().read_to_string(&mut said).unwrap();
    assert_eq!(code, Some(9), "{said}");
}

/// What the environment requires stops a start; what services require is reported beforehand.
#[test]
fn a_host_that_is_too_small_is_reported_before_anything_is_changed() {
    let lacking = "devices: [/dev/no-such], volumes: ['./missing:/v'], cpus: 4096";
    let Some(stage) = TestProject::new("too-small", &stack(&[service("a", "sleep 600", lacking)])) else { return };
    for verb in ["plan", "doctor"] {
        let ran = stage.aictl(verb);
        let all = format!("{}{}", ran.stdout, ran.stderr);
        for words in ["/dev/no-such", "missing", "4096 CPUs"] {
            assert!(all.contains(words), "{verb} does not report {words}:\n{all}");
        }
    }
    stage.write(
        "aictl.yaml",
        "environments: { dev: { compose: [compose.yaml], requirements: { minimum: { cpus: 4096 }, on_shortfall: refuse } } }\n",
    );
    stage.write("compose.yaml", &stack(&[service("a", "sleep 600", "")]));
    stage.aictl("start").code(4).says("requires 4096 CPUs");
    assert!(stage.containers().is_empty(), "{:?}", stage.containers());
}
