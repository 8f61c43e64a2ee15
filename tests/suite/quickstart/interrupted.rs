//! kill -9 and Ctrl-C in the middle: the next quickstart goes on from what is there, and leaves nothing of the dead one.
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use super::small::{self, goes_on_at};
use crate::support::project::{Outcome, TestProject, docker, eventually};

fn begun(stage: &TestProject) -> Child {
    let mut command = stage.command(&small::QUICKSTART);
    // The classic builder runs its steps in containers that can be seen.
    command.env("DOCKER_BUILDKIT", "0");
    command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap()
}

/// Waits for the moment and kills it there; it must not have ended before.
#[track_caller]
fn kill_when(mut child: Child, what: &str, moment: impl FnMut() -> bool) {
    eventually(what, Duration::from_secs(40), moment);
    assert!(child.try_wait().unwrap().is_none(), "it had ended already");
    child.kill().unwrap();
    assert_eq!(child.wait().unwrap().code(), None);
}

/// An interruption is no trouble: nothing is to be mended, and the hint is what was typed.
#[test]
fn ctrl_c_is_told_with_the_command_that_goes_on() {
    let Some(stage) = small::stage("quick-interrupted") else { return };
    stage.write("compose.yaml", &small::compose(&[("\"0\"", "\"20000\"")]));
    let mut command = stage.command(&[&["--env", "dev"][..], &small::QUICKSTART].concat());
    let child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    eventually("the container is there", Duration::from_secs(40), || stage.containers().len() == 1);
    let pressed = Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap();
    assert!(pressed.success());
    let outcome = Outcome::from(child.wait_with_output().unwrap()).ended(130);
    let hint = "hint: continue with `aictl --env dev quickstart`\n";
    assert!(outcome.stderr.contains(hint), "{}", outcome.stderr);
}

/// Containers whose command has these words.
fn running(words: &str) -> usize {
    let commands = docker(&["ps", "-a", "--no-trunc", "--format", "{{.Command}}"]);
    commands.lines().filter(|command| command.contains(words)).count()
}

#[test]
fn a_quickstart_killed_while_an_image_is_built_builds_it_again() {
    let Some(stage) = small::stage("quick-killed-build") else { return };
    let image = format!("{}-web", stage.name());
    let built = format!("image: {image}\n    build: {{ context: context, network: none }}");
    stage.write("compose.yaml", &small::compose(&[("image: aictl-lab/tool:1", &built)]));
    let mark = format!("sleep 3 && echo {}", stage.name());
    stage.write("context/Dockerfile", &format!("FROM aictl-lab/tool:1\nRUN {mark}\n"));
    kill_when(begun(&stage), "the image is being built", || running(&mark) > 0);
    assert_eq!(docker(&["image", "ls", "-q", &image]), "");
    assert!(stage.containers().is_empty());
    goes_on_at(&stage, &["secrets"]);
    eventually("nothing of the dead build is left", Duration::from_secs(10), || running(&mark) == 0);
}

#[test]
fn a_quickstart_killed_while_the_stack_starts_goes_on_from_it() {
    let Some(stage) = small::stage("quick-killed-start") else { return };
    stage.write("compose.yaml", &small::compose(&[("\"0\"", "\"4000\"")]));
    let up = || stage.containers().len() == 1;
    kill_when(begun(&stage), "the container is there", up);
    let before = stage.containers();
    goes_on_at(&stage, &["secrets", "images"]);
    let id = |containers: &std::collections::BTreeMap<String, String>| {
        let states: Vec<String> =
            containers.values().map(|state| state.split(' ').next().unwrap().to_owned()).collect();
        states
    };
    assert_eq!(id(&stage.containers()), id(&before), "the container that was there is the one that runs");
}
