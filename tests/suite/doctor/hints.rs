//! Remedies of doctor, each executed in the project that printed it.

use std::os::unix::fs::PermissionsExt as _;
use std::process::Command;

use crate::support::project::{Outcome, TestProject};

/// Runs the advised command that begins like this.
#[track_caller]
fn follow(stage: &TestProject, seen: &Outcome, (beginning, engine): (&str, &str)) -> Outcome {
    let commands = seen.stdout.lines().flat_map(|line| line.split('`').skip(1).step_by(2));
    let command = commands.into_iter().find(|command| command.starts_with(beginning));
    let command = command.unwrap_or_else(|| panic!("no remedy `{beginning} …` in {}", seen.stdout));
    let mut shell = Command::new("sh");
    shell.args(["-c", command]).current_dir(stage.path());
    if !engine.is_empty() {
        shell.env("DOCKER_HOST", engine);
    }
    shell.output().unwrap().into()
}

#[test]
fn a_machine_that_lacks_what_the_project_asks_for() {
    let Some(stage) = TestProject::new("doctor-hints") else { return };
    stage.write("compose.yaml", "services: { a: { image: 'aictl-lab/tool:1' } }\n");
    stage.write(".env", "A=1\n");
    let requirements = "{ minimum: { disk: 900TiB, cpus: 4000 }, on_shortfall: refuse }";
    let project = format!("environments: {{ dev: {{ compose: compose.yaml, requirements: {requirements} }} }}\n");
    stage.write("aictl.yaml", &project);
    let words = ["doctor", "--output", "json"];
    let seen = stage.aictl(&words).ended(4);
    follow(&stage, &seen, ("docker system df", "")).ended(0);
    follow(&stage, &seen, ("chmod 600", "")).ended(0);
    let mode = std::fs::metadata(stage.path().join(".env")).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);

    let mut bound = Command::new("taskset");
    bound.args(["-c", "0", env!("CARGO_BIN_EXE_aictl")]).args(words).current_dir(stage.path());
    let seen: Outcome = bound.output().unwrap().into();
    let shown = follow(&stage, &seen, ("taskset -cp", "")).ended(0);
    assert!(shown.stdout.contains("affinity list"), "{shown:?}");

    let away = "tcp://127.0.0.1:1";
    let seen: Outcome = stage.command(&words).env("DOCKER_HOST", away).output().unwrap().into();
    assert!(follow(&stage, &seen, ("echo $DOCKER_HOST", away)).ended(0).stdout.contains(away));
    follow(&stage, &seen, ("docker context ls", away)).ended(0);
}
