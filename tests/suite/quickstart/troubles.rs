//! What stops a quickstart: each with its exit code, its remedy, nothing half done, and the same command once it is mended.
use std::net::TcpListener;

use super::small::{self, goes_on, goes_on_at, quickstart, told};
use crate::images::Registry;
use crate::own_engine::OwnEngine;
use crate::support::project::{Outcome, TestProject, free_port, write_program};

/// No container was made, and none of the engine's own things either.
#[track_caller]
fn nothing_began(stage: &TestProject) {
    assert_eq!(stage.everything(), Vec::<String>::new());
}

#[test]
fn a_port_that_is_taken_is_named_with_its_holder() {
    let Some(stage) = small::stage("quick-port") else { return };
    let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let port = format!("127.0.0.1:{}", listener.local_addr().unwrap().port());
    stage.write("compose.yaml", &small::compose(&[("network_mode: none", &format!("ports: [\"{port}:80\"]"))]));
    let failed = quickstart(&stage).ended(4);
    let kill = format!("kill {}`", std::process::id());
    told(&failed, &[&format!("port web {port}/tcp: held by"), &kill, "or publish another port"]);
    nothing_began(&stage);
    drop(listener);
    goes_on_at(&stage, &["secrets"]);
}

#[test]
fn memory_and_disk_below_what_the_environment_refuses_are_told_with_what_there_is() {
    let Some(stage) = small::stage("quick-small") else { return };
    let asking = |what: &str| {
        let refused =
            format!("compose: [compose.yaml], requirements: {{ minimum: {{ {what} }}, on_shortfall: refuse }}");
        small::project(&[("compose: [compose.yaml]", &refused)])
    };
    stage.write("aictl.yaml", &asking("memory: 900TiB"));
    told(
        &quickstart(&stage).ended(4),
        &["memory", "required: 900 TiB at least", "use a larger machine (check this one with `free -h`"],
    );
    stage.write("aictl.yaml", &asking("disk: 900TiB"));
    told(&quickstart(&stage).ended(4), &["disk engine data", "required: 900 TiB at least", "`docker system df`"]);
    nothing_began(&stage);
    stage.write("aictl.yaml", &asking("memory: 1MiB, disk: 1MiB"));
    goes_on_at(&stage, &["secrets"]);
}

#[test]
fn a_disk_that_is_nearly_full_stops_it_whatever_is_asked() {
    let Some(engine) = OwnEngine::start("quickstart on a full disk", 300) else { return };
    let project = engine.project(&small::compose(&[]));
    std::fs::write(project.join("aictl.yaml"), small::project(&[])).unwrap();
    let aictl = |words: &[&str]| -> Outcome { engine.aictl(&project, words).output().unwrap().into() };
    let failed = aictl(&small::QUICKSTART).ended(4);
    told(&failed, &["disk engine data", "free of 300 MiB", "remove unused images with `docker image prune`"]);
    assert_eq!(engine.docker(&["ps", "-aq"]).ended(0).stdout, "");
    engine.grow(3000);
    goes_on(&aictl, &["secrets"]);
}

#[test]
fn an_engine_that_is_down_ends_with_its_own_code() {
    let Some(stage) = small::stage("quick-down") else { return };
    let dead = format!("unix://{}/engine.sock", stage.path().display());
    let mut command = stage.command(&small::QUICKSTART);
    let failed = Outcome::from(command.env("DOCKER_HOST", &dead).output().unwrap()).ended(9);
    told(&failed, &[&dead, "only sets this machine up", "DOCKER_HOST"]);
    goes_on_at(&stage, &["secrets"]);
}

#[test]
fn a_registry_and_a_mirror_that_are_dead_are_both_named() {
    let Some(registry) = Registry::open("quick-mirror") else { return };
    let stage = &registry.stage;
    let [dead, mirror] = [free_port(), free_port()].map(|port| format!("127.0.0.1:{port}"));
    let image = format!("{dead}/shop/tool:1");
    stage.write("compose.yaml", &small::compose(&[("aictl-lab/tool:1", &image)]));
    let from = |mirror: &str| {
        let registry = format!("default_environment: dev\nregistry: {{ url: '{dead}', mirrors: ['{mirror}'] }}");
        stage.write("aictl.yaml", &small::project(&[("default_environment: dev", &registry)]));
    };
    from(&mirror);
    let failed = quickstart(stage).ended(1);
    told(&failed, &[&image, &format!("mirror {mirror}/shop/tool:1"), "refused", "hint: "]);
    assert!(stage.containers().is_empty());
    from(&registry.address);
    goes_on_at(stage, &["secrets"]);
    drop_image(stage, &image);
}

fn drop_image(stage: &TestProject, image: &str) {
    stage.aictl(&["stop", "--remove"]).ended(0);
    crate::support::project::docker(&["rmi", image]);
}

/// The program that fills the base image, replaced: its mirror is down, then it gives what the test's image has.
#[test]
fn a_recipe_whose_mirror_is_down_is_built_by_the_next_run() {
    let Some(engine) = OwnEngine::start("quickstart without a mirror", 3000) else { return };
    let project = engine.project(&small::compose(&[("aictl-lab/tool:1", "aictl/base:bookworm")]));
    std::fs::write(project.join("aictl.yaml"), small::project(&[])).unwrap();
    let programs = tempfile::tempdir().unwrap();
    let path = format!("{}:{}", programs.path().display(), std::env::var("PATH").unwrap());
    let mmdebstrap = |script: &str| {
        write_program(&programs.path().join("mmdebstrap"), &format!("#!/bin/bash\n{script}\n"));
    };
    let aictl =
        |words: &[&str]| -> Outcome { engine.aictl(&project, words).env("PATH", &path).output().unwrap().into() };
    mmdebstrap("echo 'E: Failed to fetch http://deb.example.org/debian/x.deb' >&2; exit 25");
    let failed = aictl(&small::QUICKSTART).ended(1);
    told(&failed, &["recipe `base` failed: package mirror http://deb.example.org", "/etc/apt/sources.list"]);
    mmdebstrap(
        "echo \"W: Failed to fetch http://deb.example.org/x  Temporary failure resolving 'deb.example.org'\" >&2; exit 25",
    );
    let failed = aictl(&small::QUICKSTART).ended(1);
    told(&failed, &["recipe `base` failed: cannot resolve deb.example.org", "`getent hosts deb.example.org`"]);
    mmdebstrap("echo 'E: package perl-base is broken' >&2; exit 3");
    let failed = aictl(&small::QUICKSTART).ended(1);
    told(&failed, &["recipe `base` failed", "E: package perl-base is broken", "`aictl images build base --verbose`"]);
    assert_eq!(engine.docker(&["image", "ls", "-q", "aictl/base"]).ended(0).stdout, "");
    assert_eq!(engine.half_built(), "");
    mmdebstrap(
        "tool=$(docker create aictl-lab/tool:1) && docker export \"$tool\" >\"${@: -2:1}\" && docker rm \"$tool\"",
    );
    goes_on(&aictl, &["secrets"]);
}

#[test]
fn a_task_that_fails_and_a_check_that_is_red_are_taken_up_again() {
    let Some(stage) = small::stage("quick-task") else { return };
    stage.write("aictl.yaml", &small::project(&[("[tool, exit, \"0\"]", "[tool, exit, \"3\"]")]));
    told(
        &quickstart(&stage).ended(1),
        &["task `migrate` exited with code 3", "hint: run it alone with `aictl run migrate`"],
    );
    let before = stage.containers();
    let red = "[tool, ready]";
    stage.write("aictl.yaml", &small::project(&[(red, "[test, -e, /dev/shm/never]")]));
    let words = [&["--timeout", "3s"][..], &["--yes", "quickstart"]].concat();
    told(&stage.aictl(&words).ended(4), &["smoke-test", "failed", "web is ready:"]);
    stage.write("aictl.yaml", &small::project(&[]));
    let mended = super::report(&stage.aictl(&[&["--output", "json"][..], &small::QUICKSTART].concat()).ended(0));
    let expected =
        ["secrets", "setup", "images", "start", "migrate"].map(|step| (step.to_owned(), "unchanged".to_owned()));
    let unchanged: Vec<_> = super::states(&mended).into_iter().filter(|(_, state)| state == "unchanged").collect();
    assert_eq!((unchanged, &mended["changed"]), (expected.to_vec(), &false.into()), "{mended}");
    assert_eq!(stage.containers(), before, "what was started well is left alone");
}
