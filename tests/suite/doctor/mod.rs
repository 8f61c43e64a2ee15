//! `aictl doctor` on the real machine and against engines that say odd things of themselves.
//! Each test brings one condition about and sees exactly the finding it is for.
//! Never changes the machine: a small disk is one in memory, an odd engine answers on a socket of its own.

mod hints;
mod odd_engine;

use std::net::TcpListener;
use std::path::Path;
use std::process::Command;

use odd_engine::OddEngine;
use serde_json::Value;

use crate::support::project::{Outcome, TestProject, docker, free_port, skip};

const PUBLISHING: &str = r#"
services:
  web:
    image: aictl-lab/tool:1
    command: [tool, lines, "1"]
    ports: ["127.0.0.1:PORT:80"]
"#;

fn doctor(folder: &Path, engine: Option<&str>, words: &[&str]) -> Outcome {
    let mut command = Command::new(env!("CARGO_BIN_EXE_aictl"));
    command.args(["doctor"]).args(words).current_dir(folder);
    if let Some(engine) = engine {
        command.env("DOCKER_HOST", engine);
    }
    command.output().unwrap().into()
}

fn findings(outcome: &Outcome) -> Vec<Value> {
    let report: Value = serde_json::from_str(&outcome.stdout).unwrap_or_else(|e| panic!("{e}: {outcome:?}"));
    report["findings"].as_array().unwrap().clone()
}

#[track_caller]
fn one(outcome: &Outcome, check: &str, at: &str) -> Value {
    let all = findings(outcome);
    let found = all.iter().find(|f| f["check"] == check && f["looked_at"].as_str().unwrap().contains(at));
    found.unwrap_or_else(|| panic!("no {check} {at} in {all:#?}")).clone()
}

/// What is to be done about it, in words that hold a command.
#[track_caller]
fn remedy(finding: &Value) -> &str {
    assert_eq!(finding["verdict"], "failed", "{finding}");
    let remedy = finding["remedy"].as_str().unwrap_or_default();
    assert!(remedy.matches('`').count() >= 2, "{finding}");
    remedy
}

#[test]
fn a_port_somebody_holds_fails_and_names_the_process() {
    let Some(stage) = TestProject::new("doctor-port") else { return };
    let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let port = listener.local_addr().unwrap().port().to_string();
    stage.write("compose.yaml", &PUBLISHING.replace("PORT", &port));
    let taken = stage.aictl(&["doctor", "--output", "json"]).ended(4);
    let finding = one(&taken, "port", &port);
    let me = format!("(pid {})", std::process::id());
    assert!(finding["found"].as_str().unwrap().contains(&me), "{finding}");
    let kill = format!("kill {}`), or publish another port", std::process::id());
    assert!(remedy(&finding).starts_with("stop it (`") && remedy(&finding).ends_with(&kill), "{finding}");
    drop(listener);
    let free = stage.aictl(&["doctor", "--output", "json"]);
    assert_eq!(one(&free, "port", &port)["verdict"], "ok");
}

#[test]
fn our_own_container_may_hold_the_port_and_anothers_is_named() {
    let Some(ours) = TestProject::new("doctor-ours") else { return };
    let Some(other) = TestProject::new("doctor-other") else { return };
    let port = free_port().to_string();
    let waiting = PUBLISHING.replace("PORT", &port).replace("lines, \"1\"", "serve, --ready-after, \"0\"");
    ours.write("compose.yaml", &waiting);
    other.write("compose.yaml", &waiting);
    ours.aictl(&["start", "--no-wait"]).ended(0);
    let mine = ours.aictl(&["doctor", "--output", "json"]);
    let finding = one(&mine, "port", &port);
    assert_eq!(finding["verdict"], "ok", "{finding}");
    let theirs = other.aictl(&["doctor", "--output", "json"]).ended(4);
    let finding = one(&theirs, "port", &port);
    let name = docker(&["ps", "--filter", &format!("publish={port}"), "--format", "{{.Names}}"]);
    assert!(finding["found"].as_str().unwrap().contains(name.trim()), "{finding}");
    assert!(remedy(&finding).contains(&format!("`docker stop {}`", name.trim())), "{finding}");
}

#[test]
fn the_machine_is_described_as_the_engine_and_the_kernel_see_it() {
    let Some(stage) = TestProject::new("doctor-machine") else { return };
    stage.write("compose.yaml", &PUBLISHING.replace("PORT", &free_port().to_string()));
    stage.write(".env", "A=1\n");
    let json = stage.aictl(&["doctor", "--output", "json"]);
    assert_eq!(one(&json, "engine", "")["verdict"], "ok");
    let cpus: f64 = docker(&["info", "--format", "{{.NCPU}}"]).trim().parse().unwrap();
    let found = one(&json, "cpus", "")["found"].as_str().unwrap().split(' ').next().unwrap().parse::<f64>().unwrap();
    assert!(found > 0.0 && found <= cpus);
    let root = docker(&["info", "--format", "{{.DockerRootDir}}"]);
    assert!(one(&json, "disk", "engine data")["looked_at"].as_str().unwrap().ends_with(root.trim()));
    let mode = one(&json, "permissions", ".env");
    assert_eq!((mode["verdict"].as_str(), mode["found"].as_str()), (Some("warning"), Some("mode 0644")));
    // Text and JSON tell the same, and no line is wider than a terminal.
    let text = stage.aictl(&["doctor"]);
    assert_eq!(text.code, json.code);
    assert!(text.stdout.lines().all(|line| line.chars().count() <= 80), "{}", text.stdout);
    assert!(text.stdout.contains("chmod 600"), "{}", text.stdout);
}

#[test]
fn a_full_disk_and_one_without_inodes_fail() {
    let Some(stage) = TestProject::new("doctor-disk") else { return };
    let disk = stage.path().join("disk");
    std::fs::create_dir(&disk).unwrap();
    let options = "size=4m,nr_inodes=50";
    let mounted = Command::new("mount").args(["-t", "tmpfs", "-o", options, "tmpfs"]).arg(&disk).output().unwrap();
    if !mounted.status.success() {
        return skip("doctor-disk", "mounting a disk in memory is not allowed here");
    }
    std::fs::write(disk.join("compose.yaml"), PUBLISHING.replace("PORT", "0")).unwrap();
    let outcome = doctor(&disk, None, &["--output", "json"]);
    let unmounted = Command::new("umount").arg(&disk).output().unwrap();
    assert!(unmounted.status.success());
    let outcome = outcome.ended(4);
    // Both name the folder that is full.
    let folder = disk.display().to_string();
    for (check, list) in [("disk", "du -xh --max-depth=2 "), ("inodes", "du -x --inodes --max-depth=2 ")] {
        let finding = one(&outcome, check, "project");
        assert!(remedy(&finding).contains(&format!("{list}{folder} | sort")), "{finding}");
    }
}

#[test]
fn too_little_disk_for_the_engine_and_an_image_for_another_machine_have_their_remedies() {
    let Some(stage) = TestProject::new("doctor-remedies") else { return };
    // No emulator has this name.
    let foreign = "services: { a: { image: 'aictl-lab/tool:1', platform: linux/mips64le } }\n";
    stage.write("compose.yaml", foreign);
    let requirements = "{ minimum: { disk: 900TiB, cpus: 4000 }, on_shortfall: refuse }";
    let project = format!("environments: {{ dev: {{ compose: [compose.yaml], requirements: {requirements} }} }}\n");
    stage.write("aictl.yaml", &project);
    let outcome = stage.aictl(&["doctor", "--output", "json"]).ended(4);
    let platform = one(&outcome, "architecture", "a");
    let own = if cfg!(target_arch = "aarch64") { "aarch64" } else { "x86_64" };
    assert_eq!(platform["found"], format!("the engine is {own}"));
    assert!(remedy(&platform).starts_with(&format!("use an image for {own}, or install an emulator: `")), "{platform}");
    assert!(remedy(&platform).contains("apt-get install -y qemu-user-static"), "{platform}");
    let disk = one(&outcome, "disk", "engine data");
    assert!(remedy(&disk).contains("`docker system df`") && remedy(&disk).contains("`docker image prune`"), "{disk}");
    assert!(remedy(&one(&outcome, "cpus", "processors")).contains("`nproc`") || is_limited(&outcome, "cpus"));
    // Text says the same.
    let text = stage.aictl(&["doctor", "--quiet"]).ended(4).stdout;
    assert!(
        text.contains("-> see disk usage with `docker system df`") && text.contains("-> use an image for "),
        "{text}"
    );
}

/// By a control group or an affinity, which have remedies of their own.
fn is_limited(outcome: &Outcome, check: &str) -> bool {
    one(outcome, check, "")["found"].as_str().unwrap().contains("(by ")
}

#[test]
fn requirements_of_the_environment_decide_and_a_lighter_one_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let project = "name: big\ndefault_environment: prod\nenvironments:\n\
        \x20 prod: { compose: [compose.yaml], requirements: { minimum: { memory: 900TiB }, on_shortfall: refuse } }\n\
        \x20 warned: { compose: [compose.yaml], requirements: { minimum: { memory: 900TiB }, on_shortfall: warn } }\n\
        \x20 simple: { compose: [compose.yaml], requirements: { minimum: { memory: 1MiB } } }\n";
    std::fs::write(folder.path().join("aictl.yaml"), project).unwrap();
    std::fs::write(folder.path().join("compose.yaml"), "services: { a: { image: 'a:1' } }\n").unwrap();
    let engine = OddEngine::start(&[]);
    let refused = doctor(folder.path(), Some(&engine.address), &["--output", "json"]).ended(4);
    let finding = one(&refused, "memory", "memory");
    assert!(remedy(&finding).contains("use a larger machine (check this one with `free -h`)"), "{finding}");
    assert!(
        remedy(&finding).ends_with("or an environment with lower requirements: `aictl start --env simple`"),
        "{finding}"
    );
    let warned = doctor(folder.path(), Some(&engine.address), &["--env", "warned", "--output", "json"]);
    assert_eq!(one(&warned, "memory", "memory")["verdict"], "warning");
    let wrong = doctor(folder.path(), Some(&engine.address), &["--env", "prd"]).ended(78);
    assert!(wrong.stderr.contains("prod"), "{}", wrong.stderr);
}

#[test]
fn no_engine_is_failed_with_a_remedy_and_the_machine_is_still_looked_at() {
    let folder = tempfile::tempdir().unwrap();
    let nowhere = format!("unix://{}/nothing.sock", folder.path().display());
    let down = doctor(folder.path(), Some(&nowhere), &["--output", "json"]).ended(4);
    let engine = one(&down, "engine", "nothing.sock");
    // Whether it is installed here, only this machine knows.
    let remedies = ["`aictl setup`", "`sudo aictl setup`", "`systemctl --user start docker`"];
    assert!(remedies.iter().any(|words| remedy(&engine).contains(words)), "{engine}");
    assert_eq!(one(&down, "memory", "memory")["verdict"], "ok");
    let remote = doctor(folder.path(), Some("tcp://127.0.0.1:1"), &["--output", "json"]).ended(4);
    assert_eq!(one(&remote, "memory", "memory")["verdict"], "not-checked");
    assert!(remedy(&one(&remote, "engine", "")).contains("`echo $DOCKER_HOST`"));
}

#[test]
fn engines_of_other_makers_and_clocks_that_are_off_are_recognised() {
    let folder = tempfile::tempdir().unwrap();
    let report = |said: &[(&str, &str)]| {
        let engine = OddEngine::start(said);
        doctor(folder.path(), Some(&engine.address), &["--output", "json"])
    };
    let desktop = report(&[("OperatingSystem", "\"Docker Desktop\"")]);
    assert!(one(&desktop, "engine", "")["found"].as_str().unwrap().starts_with("Docker Desktop"));
    let disk = one(&desktop, "disk", "engine data");
    assert_eq!(disk["found"], "the engine runs in a virtual machine");
    let rootless = report(&[("SecurityOptions", "[\"name=seccomp\", \"name=rootless\"]")]);
    assert!(one(&rootless, "engine", "")["found"].as_str().unwrap().ends_with("rootless"));
    let late = report(&[("SystemTime", "\"2020-01-01T00:00:00Z\"")]).ended(4);
    let clock = one(&late, "clock", "engine");
    assert!(remedy(&clock).contains("timedatectl set-ntp true`"), "{clock}");
    assert!(clock["found"].as_str().unwrap().ends_with("behind this machine"), "{clock}");
    let odd = report(&[("Architecture", "\"riscv64\"")]);
    assert_eq!(one(&odd, "architecture", "engine")["verdict"], "warning");
}

#[test]
fn files_that_cannot_be_read_yet_are_no_reason_to_stop() {
    let folder = tempfile::tempdir().unwrap();
    let compose = "services: { a: { image: 'a:1', environment: { P: '${PASSWORD:?is not set}' } } }\n";
    std::fs::write(folder.path().join("compose.yaml"), compose).unwrap();
    let engine = OddEngine::start(&[]);
    let outcome = doctor(folder.path(), Some(&engine.address), &["--output", "json"]);
    let finding = one(&outcome, "files", "");
    assert_eq!(finding["verdict"], "warning");
    assert!(finding["found"].as_str().unwrap().contains("PASSWORD"), "{finding}");
}
