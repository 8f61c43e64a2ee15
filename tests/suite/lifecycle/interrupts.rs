//! Signals while something is under way: the first ends in order, the second at once, the next command goes on from there.

use std::io::{BufRead as _, BufReader};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use super::project::{TestProject, docker};

/// A service that is never healthy and one that waits for it.
const WAITING: &str = "
services:
  slow: {image: 'aictl-lab/tool:1', command: [tool, unready], healthcheck: {test: [CMD, tool, ready], interval: 1s, retries: 99}}
  after: {image: 'aictl-lab/tool:1', depends_on: {slow: {condition: service_healthy}}}
";

/// A process that ignores its stop signal, and a service that stops before it.
const STUBBORN: &str = "
services:
  deaf: {image: 'aictl-lab/tool:1', command: [sleep, '1000'], stop_grace_period: 40s}
  web: {image: 'aictl-lab/tool:1', command: [tool, serve], stop_grace_period: 1s, depends_on: [deaf]}
";

fn send(child: &Child, signal: &str) {
    assert!(Command::new("kill").args([signal, &child.id().to_string()]).status().unwrap().success());
}

fn spawned(stage: &TestProject, args: &str) -> Child {
    stage.aictl_command(args).stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap()
}

/// Reads what a process says until a line holds the words.
fn hears(child: &mut Child, words: &str) {
    let lines = BufReader::new(child.stderr.as_mut().unwrap()).lines();
    let said: Vec<String> = lines.map_while(Result::ok).take_while(|line| !line.contains(words)).collect();
    assert!(child.try_wait().unwrap().is_none(), "it ended without `{words}`: {said:#?}");
}

/// Waits until the second container of a stop is being stopped, which begins after the line about the first.
fn stops_the_second(child: &mut Child) {
    hears(child, "Stopped container");
    std::thread::sleep(Duration::from_millis(500));
}

#[test]
fn the_first_signal_takes_back_what_never_ran_and_its_code_says_which_it_was() {
    for (signal, code) in [("-INT", 130), ("-TERM", 143), ("-HUP", 143)] {
        let Some(stage) = TestProject::new(&format!("signal{}", signal.to_lowercase()), WAITING) else { return };
        let child = spawned(&stage, "start --progress plain");
        stage.eventually("the first service", || stage.containers().contains(&"slow-1 running".to_owned()));
        send(&child, signal);
        let ended = child.wait_with_output().unwrap();
        assert_eq!(ended.status.code(), Some(code), "{signal}:\n{}", String::from_utf8_lossy(&ended.stderr));
        assert_eq!(stage.containers(), ["slow-1 running"], "what was only created is undone");
        assert!(stage.aictl("lock status").code(0).stdout.contains("not locked"));
    }
}

#[test]
fn the_second_ctrl_c_ends_at_once_and_the_next_stop_goes_on() {
    let Some(stage) = TestProject::new("ctrl-c-twice", STUBBORN) else { return };
    stage.aictl("start").code(0);
    let mut child = spawned(&stage, "stop --progress plain");
    stops_the_second(&mut child);
    send(&child, "-INT");
    hears(&mut child, "once more ends at once");
    assert!(child.try_wait().unwrap().is_none(), "what is under way is waited for");
    let pressed = Instant::now();
    send(&child, "-INT");
    assert_eq!(child.wait().unwrap().code(), Some(130));
    assert!(pressed.elapsed() < Duration::from_secs(5), "it waited {:?}", pressed.elapsed());
    stage.aictl("stop -t 1").code(0).says("interrupted; continuing from the state it left behind");
    assert_eq!(stage.containers(), ["deaf-1 exited", "web-1 exited"]);
    assert!(stage.aictl("lock status").code(0).stdout.contains("not locked"));
    assert!(stage.aictl("stop").code(0).stdout.contains("nothing to stop"));
}

#[test]
fn the_second_ctrl_c_of_a_start_ends_at_once_and_the_next_start_goes_on() {
    let Some(stage) = TestProject::new("ctrl-c-start", STUBBORN) else { return };
    stage.aictl("start").code(0);
    stage.write("compose.yaml", &STUBBORN.replace("'1000'", "'2000'"));
    let mut child = spawned(&stage, "start --progress plain");
    // The new one is there; the stop of the old one is under way, for 40 s.
    hears(&mut child, "Created container");
    send(&child, "-INT");
    hears(&mut child, "once more ends at once");
    assert!(child.try_wait().unwrap().is_none(), "what is under way is waited for");
    let pressed = Instant::now();
    send(&child, "-INT");
    assert_eq!(child.wait().unwrap().code(), Some(130));
    assert!(pressed.elapsed() < Duration::from_secs(5), "it waited {:?}", pressed.elapsed());
    assert!(stage.containers().contains(&"deaf-1 running".to_owned()), "{:?}", stage.containers());
    stage.aictl("start -t 1").code(0).says("interrupted; continuing from the state it left behind");
    assert_eq!(stage.containers(), ["deaf-1 running", "web-1 running"]);
    let container = format!("{}-deaf-1", stage.project);
    assert_eq!(docker(&["inspect", "--format", "{{.Config.Cmd}}", &container]), "[sleep 2000]");
    assert!(stage.lock().ends_with("not locked"), "{}", stage.lock());
    assert_eq!(stage.aictl("start --output json").code(0).json()["changed"], false);
    stage.aictl("stop -t 1").code(0);
}

#[test]
fn the_first_ctrl_c_of_a_stop_waits_for_the_container_under_way() {
    let Some(stage) = TestProject::new("ctrl-c-stop", STUBBORN) else { return };
    stage.aictl("start").code(0);
    let mut child = spawned(&stage, "stop --progress plain -t 3 web deaf");
    stops_the_second(&mut child);
    send(&child, "-INT");
    assert_eq!(child.wait().unwrap().code(), Some(130));
    assert_eq!(stage.containers(), ["deaf-1 exited", "web-1 exited"]);
    stage.aictl("start").code(0);
    assert_eq!(stage.containers(), ["deaf-1 running", "web-1 running"]);
    stage.aictl("stop -t 1").code(0);
}

#[test]
fn an_interrupted_exec_says_that_its_command_may_go_on() {
    let Some(stage) = TestProject::new("ctrl-c-exec", STUBBORN) else { return };
    stage.aictl("start web").code(0);
    let child = spawned(&stage, "exec web sleep 777");
    stage.eventually("the command", || stage.aictl("top web").stdout.contains("sleep 777"));
    send(&child, "-INT");
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(130));
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(said.contains("`sleep` may still be running") && said.contains("hint:"), "{said}");
    stage.aictl("stop -t 1").code(0);
}

/// As with docker and Compose: a command that is run gets the signal, and its own code is ours.
#[test]
fn a_run_passes_signals_on_and_ends_with_the_command_s_code() {
    let Some(stage) = TestProject::new("signal-run", STUBBORN) else { return };
    for (signal, code) in [("INT", 41), ("HUP", 42), ("USR1", 43), ("USR2", 44)] {
        let script = format!("trap 'exit {code}' {signal}; touch /tmp/ready; while true; do sleep 0.1; done");
        let mut command = stage.aictl_command("run -T web sh -c");
        let child =
            command.arg(script).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
        let filter = format!("label=com.docker.compose.project={}", stage.project);
        stage.eventually("the trap", || {
            let id = docker(&["ps", "-q", "--filter", &filter, "--filter", "label=com.docker.compose.oneoff=True"]);
            let looks = Command::new("docker").args(["exec", id.trim(), "test", "-e", "/tmp/ready"]).output().unwrap();
            !id.trim().is_empty() && looks.status.success()
        });
        send(&child, &format!("-{signal}"));
        let output = child.wait_with_output().unwrap();
        assert_eq!(output.status.code(), Some(code), "{signal}: {}", String::from_utf8_lossy(&output.stderr));
    }
    stage.aictl("down -t 1").code(0);
}
