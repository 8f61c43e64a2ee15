//! Executes hints in the situation that prints them: the command is taken from the output and resolves the problem or
//! shows it.

mod alone;
mod releases;
mod working;

use std::process::Command;

use super::project::{Ran, TestProject, docker};

/// The commands in what was printed as hints or, where there are none, anywhere.
fn advised(ran: &Ran) -> Vec<String> {
    let hints: Vec<&str> = ran.stderr.lines().skip_while(|line| !line.starts_with("hint: ")).collect();
    let all: Vec<&str> = ran.stderr.lines().chain(ran.stdout.lines()).collect();
    let lines = if hints.is_empty() { all } else { hints };
    lines.iter().flat_map(|line| line.split('`').skip(1).step_by(2).map(str::to_owned).collect::<Vec<_>>()).collect()
}

/// The advised command that begins like this, with its placeholders filled in.
#[track_caller]
fn command(ran: &Ran, beginning: &str, places: &[(&str, &str)]) -> String {
    let all = advised(ran);
    let found = all.iter().find(|command| command.starts_with(beginning));
    let found = found.unwrap_or_else(|| panic!("no hint `{beginning} …` in {all:?}:\n{}{}", ran.stderr, ran.stdout));
    places.iter().fold(found.clone(), |command, (place, word)| command.replace(place, word))
}

/// Runs the advised command that begins like this.
#[track_caller]
fn follow(stage: &TestProject, ran: &Ran, beginning: &str) -> Ran {
    follow_with(stage, ran, beginning, &[])
}

/// The same with its placeholders filled in.
#[track_caller]
fn follow_with(stage: &TestProject, ran: &Ran, beginning: &str, places: &[(&str, &str)]) -> Ran {
    let command = command(ran, beginning, places);
    match command.strip_prefix("aictl ") {
        Some(words) => stage.aictl(words),
        None => Ran::of(&Command::new("sh").args(["-c", &command]).current_dir(stage.path("")).output().unwrap()),
    }
}

const LONG: &str = "image: 'aictl-lab/tool:1', command: [sleep, '600'], stop_grace_period: 0s";

fn one(name: &str, more: &str) -> String {
    format!("services: {{ {name}: {{ {LONG}, {more} }} }}\n")
}

#[test]
fn clean_with_data() {
    let compose = format!("{}volumes: {{ data: {{}} }}\n", one("a", "volumes: ['data:/d']"));
    let Some(stage) = TestProject::new("hint-clean", &compose) else { return };
    stage.aictl("start --no-wait").code(0);
    stage.aictl("stop --remove").code(0);
    stage.write("compose.yaml", &one("a", ""));
    let refused = stage.aictl("clean --data --yes").code(5);
    assert!(!refused.stderr.contains("add `--yes`"), "{}", refused.stderr);
    follow(&stage, &refused, "aictl clean").code(0);
    assert!(!stage.resources().iter().any(|name| name == "P_data"), "{:?}", stage.resources());
}

#[test]
fn a_name_that_another_container_has() {
    let name = format!("clash-{}", std::process::id());
    let compose = one("a", &format!("container_name: {name}"));
    let Some(first) = TestProject::new("hint-first", &compose) else { return };
    let Some(second) = TestProject::new("hint-second", &compose) else { return };
    first.aictl("start --no-wait").code(0);
    let refused = second.aictl("start --no-wait");
    assert!(refused.code == 1 && refused.stderr.contains(&format!("project `{}`", first.project)), "{refused:?}");
    follow(&second, &refused, "docker rm").code(0);
    second.aictl("start --no-wait").code(0);
}

#[test]
fn a_port_that_an_orphan_holds() {
    let Some(stage) = TestProject::new("hint-orphan", &one("a", "ports: ['127.0.0.1:18471:80']")) else { return };
    stage.aictl("start --no-wait").code(0);
    stage.write("compose.yaml", &one("b", "ports: ['127.0.0.1:18471:80']"));
    let refused = stage.aictl("start --no-wait").code(1);
    assert!(!refused.stderr.contains("ss -ltnp"), "{}", refused.stderr);
    follow(&stage, &refused, "aictl start --remove-orphans").code(0);
    assert_eq!(stage.containers(), ["b-1 running"]);
}

#[test]
fn a_port_that_another_container_holds() {
    let Some(stage) = TestProject::new("hint-port", &one("a", "ports: ['127.0.0.1:18472:80']")) else { return };
    let Some(other) = TestProject::new("hint-holder", &one("a", "ports: ['127.0.0.1:18472:80']")) else { return };
    other.aictl("start --no-wait").code(0);
    let refused = stage.aictl("start --no-wait").code(1);
    follow(&stage, &refused, "docker stop").code(0);
    stage.aictl("start --no-wait").code(0);
}

#[test]
fn an_image_that_is_not_there() {
    let missing = "image: 'aictl-lab/no-such:1', pull_policy: never";
    let Some(stage) = TestProject::new("hint-image", &format!("services: {{ a: {{ {missing} }} }}\n")) else { return };
    let refused = stage.aictl("start --no-wait");
    assert!(refused.code != 0 && !refused.stderr.contains("aictl build"), "nothing is buildable:\n{}", refused.stderr);
    stage.write("Dockerfile", "FROM aictl-lab/tool:1\nCMD [\"sleep\", \"600\"]\n");
    stage.write("compose.yaml", "services: { a: { build: ., stop_grace_period: 0s } }\n");
    let refused = stage.aictl("start --no-wait --no-build");
    assert_ne!(refused.code, 0, "{refused:?}");
    follow(&stage, &refused, "aictl build a").code(0);
    stage.aictl("start --no-wait --no-build").code(0);
}

#[test]
fn external_resources_that_are_missing() {
    let name = format!("hint-ext-{}", std::process::id());
    let external = format!(
        "networks: {{ n: {{ external: true, name: {name} }} }}\n\
                            volumes: {{ data: {{ external: true, name: {name} }} }}\n"
    );
    let compose = format!("{}{external}", one("a", "networks: [n], volumes: ['data:/v']"));
    let Some(stage) = TestProject::new("hint-external", &compose) else { return };
    let refused = stage.aictl("start --no-wait").code(78);
    follow(&stage, &refused, "docker network create").code(0);
    follow(&stage, &refused, "docker volume create").code(0);
    stage.aictl("start --no-wait").code(0);
    stage.aictl("stop --remove").code(0);
    docker(&["network", "rm", &name]);
    docker(&["volume", "rm", &name]);
}

#[test]
fn a_service_that_fails() {
    let command = "command: [sh, -c, 'echo the reason; exit 3']";
    let compose = format!("services: {{ a: {{ image: 'aictl-lab/tool:1', {command} }} }}\n");
    let Some(stage) = TestProject::new("hint-logs", &compose) else { return };
    let failed = stage.aictl("start").code(1);
    let shown = follow(&stage, &failed, "aictl logs").code(0);
    assert!(shown.stdout.contains("the reason"), "{}", shown.stdout);
}

#[test]
fn a_service_that_is_not_running() {
    let Some(stage) = TestProject::new("hint-start", &one("a", "")) else { return };
    let refused = stage.aictl("exec a true").code(125);
    follow(&stage, &refused, "aictl start a").code(0);
    stage.aictl("exec a true").code(0);
    let unknown = stage.aictl("smoke-test --check nope").code(10);
    assert!(follow(&stage, &unknown, "aictl smoke-test --dry-run").code(0).stdout.contains("a runs"));
    let hidden = stage.aictl("open a").code(10);
    follow(&stage, &hidden, "aictl port a").code(0);
}

#[test]
fn files_that_are_wrong() {
    let Some(stage) = TestProject::new("hint-files", "services: { a: { imag: x } }\n") else { return };
    let refused = stage.aictl("start").code(78);
    assert!(follow(&stage, &refused, "aictl config --quiet").code(78).stderr.contains("imag"));
    stage.write("compose.yaml", &one("a", ""));
    follow(&stage, &refused, "aictl config --quiet").code(0);
}
