//! Docker contexts that an environment names.

use std::fs;
use std::path::Path;

use sha2::{Digest as _, Sha256};

use crate::support::project::{Outcome, TestProject, docker, free_port};

const COMPOSE: &str = "
services:
  web: { image: aictl-lab/tool:1, command: [sleep, '600'], init: true, volumes: ['data:/data'] }
volumes: { data: {} }
";

/// Writes a context as `docker context create` does.
pub fn write_context(config: &Path, name: &str, host: &str) {
    let id = hex::encode(Sha256::digest(name.as_bytes()));
    let folder = config.join("contexts/meta").join(id);
    fs::create_dir_all(&folder).unwrap();
    let endpoint = format!(r#"{{"docker":{{"Host":"{host}","SkipTLSVerify":false}}}}"#);
    fs::write(folder.join("meta.json"), format!(r#"{{"Name":"{name}","Metadata":{{}},"Endpoints":{endpoint}}}"#))
        .unwrap();
}

/// A stack that runs on the lab's engine in the environment `dev`, and two contexts: `here`, and `away` where nobody
/// answers, which the environment `prod` names.
fn two_contexts(name: &str) -> Option<TestProject> {
    let stage = TestProject::new(name)?;
    stage.write("compose.yaml", COMPOSE);
    stage.write(
        "aictl.yaml",
        "default_environment: dev
environments:
  dev: { compose: compose.yaml }
  prod: { compose: compose.yaml, target: { docker: { context: away } } }
  near: { compose: compose.yaml, target: { docker: { context: here } } }
  lost: { compose: compose.yaml, target: { docker: { context: awai } } }
",
    );
    let config = stage.path().join("docker");
    write_context(&config, "away", &format!("tcp://127.0.0.1:{}", free_port()));
    write_context(&config, "here", &here());
    stage.aictl(&["start"]).ended(0);
    Some(stage)
}

fn here() -> String {
    std::env::var("DOCKER_HOST").ok().filter(|host| !host.is_empty()).unwrap_or("unix:///var/run/docker.sock".into())
}

/// With the two contexts, as the operator's shell has them.
fn with_contexts(stage: &TestProject, words: &[&str]) -> Outcome {
    stage.command(words).env("DOCKER_CONFIG", stage.path().join("docker")).output().unwrap().into()
}

/// Every verb that changes something.
const CHANGES: [&[&str]; 7] = [
    &["stop", "--remove", "-v"],
    &["stop"],
    &["start"],
    &["restart"],
    &["kill"],
    &["clean", "--data", "--yes"],
    &["exec", "web", "true"],
];

#[test]
fn verbs_on_a_context_do_not_touch_the_local_engine() {
    let Some(stage) = two_contexts("context-away") else { return };
    let before = (stage.containers(), stage.everything());
    assert_eq!(before.0.len(), 1, "{before:?}");
    for words in CHANGES {
        let outcome = with_contexts(&stage, &[&["--env", "prod"], words].concat());
        let own = if words[0] == "exec" { 125 } else { 9 };
        let said = outcome.ended(own).stderr;
        assert!(said.contains("tcp://127.0.0.1:"), "{words:?}: {said}");
        assert_eq!((stage.containers(), stage.everything()), before, "{words:?}");
    }
    for words in CHANGES {
        let outcome = with_contexts(&stage, &[&["--env", "lost"], words].concat());
        let own = if words[0] == "exec" { 125 } else { 78 };
        let said = outcome.ended(own).stderr;
        let place = "aictl.yaml:6:63: environments.lost.target.docker.context: `context awai`: ";
        assert!(said.contains(place) && said.contains("did you mean `away`?"), "{words:?}: {said}");
        assert_eq!((stage.containers(), stage.everything()), before, "{words:?}");
    }
}

#[test]
fn what_aictl_yaml_names_goes_before_the_shell_and_says_so() {
    let Some(stage) = two_contexts("context-first") else { return };
    let before = stage.containers();
    let config = stage.path().join("docker");
    let mut stop = stage.command(&["--env", "prod", "stop", "--remove", "-v"]);
    let variables = [("DOCKER_HOST", here()), ("DOCKER_CONTEXT", "here".to_owned())];
    let said = Outcome::from(stop.env("DOCKER_CONFIG", &config).envs(variables).output().unwrap()).ended(9).stderr;
    for variable in ["DOCKER_HOST", "DOCKER_CONTEXT"] {
        let told = format!("{variable} is not used: environment `prod` of aictl.yaml names its engine");
        assert!(said.contains(&told), "{said}");
    }
    assert_eq!(stage.containers(), before);
    // The other way round: the shell leads to nowhere, the environment to the engine.
    let mut status = stage.command(&["--env", "near", "status"]);
    let nowhere = format!("tcp://127.0.0.1:{}", free_port());
    let outcome = status.env("DOCKER_CONFIG", &config).env("DOCKER_HOST", nowhere).output().unwrap();
    assert!(Outcome::from(outcome).ended(0).stdout.contains("web"));
}

#[test]
fn without_a_target_the_shell_decides_as_for_the_docker_cli() {
    let Some(stage) = two_contexts("context-shell") else { return };
    let config = stage.path().join("docker");
    let ended = |code: i32, variables: &[(&str, &str)]| {
        let mut command = stage.command(&["status", "--all-resources"]);
        command.env_remove("DOCKER_HOST").env("DOCKER_CONFIG", &config).envs(variables.iter().copied());
        Outcome::from(command.output().unwrap()).ended(code);
    };
    let here = here();
    ended(0, &[("DOCKER_CONTEXT", "here")]);
    ended(9, &[("DOCKER_CONTEXT", "away")]);
    ended(78, &[("DOCKER_CONTEXT", "awayy")]);
    ended(0, &[("DOCKER_CONTEXT", "away"), ("DOCKER_HOST", &here)]);
    fs::write(config.join("config.json"), r#"{"currentContext":"away"}"#).unwrap();
    ended(9, &[]);
    ended(0, &[("DOCKER_CONTEXT", "here")]);
    assert_eq!(docker(&["ps", "-q", "--filter", &format!("name={}-web-1", stage.name())]).lines().count(), 1);
}
