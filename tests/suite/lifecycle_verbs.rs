//! The verbs for looking into and working with a running stack: logs, exec, run, cp, port, top, clean.
//! Each test starts a small project and drives the binary as a person or a script would.
//! Never leaves anything of its project behind.
use std::io::Write;
use std::process::Stdio;

use crate::support::project::{Outcome, TestProject};

const STACK: &str = r#"
services:
  web:
    image: aictl-lab/tool:1
    command: [tool, lines, "5", --every, "20"]
    stop_grace_period: 1s
    environment: { GREETING: hello }
    scale: 2
"#;

fn started(name: &str) -> Option<TestProject> {
    let stage = TestProject::new(name)?;
    stage.write("compose.yaml", STACK);
    stage.aictl(&["start"]).ended(0);
    Some(stage)
}

/// The output of a command that is fed with bytes.
fn fed(stage: &TestProject, words: &[&str], input: &[u8]) -> Vec<u8> {
    let mut child = stage.command(words).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let input = input.to_vec();
    let feeding = std::thread::spawn(move || stdin.write_all(&input).unwrap());
    let output = child.wait_with_output().unwrap();
    feeding.join().unwrap();
    assert!(output.status.success());
    output.stdout
}

#[test]
fn logs_of_several_containers_come_in_the_order_of_time() {
    let Some(stage) = started("verbs-logs") else { return };
    let shown = stage.aictl(&["logs", "--timestamps", "--no-log-prefix"]).ended(0).stdout;
    let times: Vec<&str> = shown.lines().filter_map(|line| line.split(' ').next()).collect();
    assert_eq!(times.len(), 10, "{shown}");
    assert!(times.is_sorted(), "{shown}");
    let last = stage.aictl(&["logs", "-n", "1", "--index", "2", "web"]).ended(0).stdout;
    assert_eq!(last, "web-2  | line 5\n");
}

#[test]
fn exit_codes_and_bytes_of_a_process_pass_through() {
    let Some(stage) = started("verbs-pass") else { return };
    stage.aictl(&["exec", "web", "sh", "-c", "exit 9"]).ended(9);
    stage.aictl(&["run", "web", "sh", "-c", "exit 42"]).ended(42);
    stage.aictl(&["exec", "wep", "true"]).ended(10);
    stage.aictl(&["run", "wep"]).ended(10);
    for words in [["run", "web", "nosuch"], ["run", "web", "/no/such"]] {
        stage.aictl(&words).ended(127);
    }
    stage.aictl(&["run", "web", "/etc"]).ended(126);
    let bytes: Vec<u8> = (0..200_000_u32).flat_map(u32::to_le_bytes).collect();
    assert_eq!(fed(&stage, &["exec", "web", "cat"], &bytes), bytes);
    assert_eq!(fed(&stage, &["run", "web", "cat"], &bytes), bytes);
    assert_eq!(stage.containers().len(), 2, "no one-off is left");
}

#[test]
fn output_that_cannot_be_written_is_no_reader_that_went_away() {
    let Some(stage) = started("verbs-full") else { return };
    let full = || std::fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
    for words in [&["exec", "web", "tool", "lines", "100000"][..], &["run", "--rm", "web", "tool", "lines", "100000"]] {
        let ended: Outcome = stage.command(words).stdout(full()).output().unwrap().into();
        assert!(ended.ended(125).stderr.contains("No space left on device"), "{words:?}");
    }
    let ended: Outcome = stage.command(&["status"]).stdout(full()).output().unwrap().into();
    assert!(ended.ended(1).stderr.contains("the command completed, but its output"));
}

#[test]
fn a_directory_copied_in_comes_out_as_it_was() {
    let Some(stage) = started("verbs-cp") else { return };
    stage.write("tree/sub/a", "one");
    stage.aictl(&["cp", "tree", "web:/tmp/new"]).ended(0);
    stage.aictl(&["exec", "--index", "2", "web", "cat", "/tmp/new/sub/a"]).ended(0);
    stage.aictl(&["cp", "web:/tmp/new/.", "back"]).ended(0);
    assert_eq!(std::fs::read_to_string(stage.path().join("back/sub/a")).unwrap(), "one");
    stage.aictl(&["cp", "web:/nowhere", "x"]).ended(10);
}

#[test]
fn clean_asks_and_keeps_what_runs() {
    let Some(stage) = started("verbs-clean") else { return };
    stage.aictl(&["run", "--no-rm", "web", "true"]).ended(0);
    assert_eq!(stage.containers().len(), 3);
    stage.aictl(&["clean"]).ended(5);
    assert_eq!(stage.containers().len(), 3, "nothing goes without a yes");
    stage.aictl(&["clean", "--yes"]).ended(0);
    assert_eq!(stage.containers().len(), 2);
}

#[test]
fn a_wrong_command_line_is_2_in_the_form_that_was_asked_for() {
    let said = |words: &[&str]| -> Outcome {
        std::process::Command::new(env!("CARGO_BIN_EXE_aictl")).args(words).output().unwrap().into()
    };
    let text = said(&["strat"]).ended(2);
    assert!(text.stderr.starts_with("error: unrecognized subcommand 'strat'"), "{text:?}");
    for words in [&["--output", "json", "strat"][..], &["strat", "--output=json"]] {
        let json = said(words).ended(2);
        let error: serde_json::Value = serde_json::from_str(&json.stderr).unwrap_or_else(|e| panic!("{e}: {json:?}"));
        assert_eq!(error["error"], "unrecognized subcommand 'strat'");
        assert_eq!((&error["kind"], &error["exit_code"]), (&"usage".into(), &2.into()));
        assert!(error["hints"][0].as_str().unwrap().contains("'start'"), "{error}");
    }
    // Behind `--` stands another program's command line.
    let other = said(&["run", "--nosuch", "--", "--output", "json"]).ended(2);
    assert!(other.stderr.starts_with("error: unexpected argument '--nosuch'"), "{other:?}");
}
