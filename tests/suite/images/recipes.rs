//! Recipes on a second engine without any network: an official name from a recipe, builds that fail and go on.

use std::path::Path;
use std::time::Duration;

use crate::own_engine::OwnEngine;
use crate::support::project::{Outcome, eventually, write_program};

const REDIS: &str = r#"
services:
  cache:
    image: ${REDIS_IMAGE:-redis:7}
    command: [redis-server, --appendonly, "yes"]
    network_mode: none
    healthcheck: { test: [CMD, redis-cli, ping], interval: 1s, timeout: 5s, retries: 30 }
"#;

fn ran(engine: &OwnEngine, project: &Path, words: &[&str]) -> Outcome {
    engine.aictl(project, words).output().unwrap().into()
}

#[test]
fn the_same_compose_file_runs_with_the_official_name_and_with_the_recipes() {
    let Some(engine) = OwnEngine::empty("official names from recipes", 700) else { return };
    engine.take(&["aictl/redis:7"]);
    let project = engine.project(REDIS);
    let started = ran(&engine, &project, &["start"]).ended(0);
    assert!(started.stderr.contains("from recipe redis"), "{}", started.stderr);
    assert!(started.stderr.contains("(not registry docker.io: "), "{}", started.stderr);
    assert!(started.stderr.contains("redis:7 is replaced by aictl/redis:7"), "it says what it is: {}", started.stderr);
    let id = |name: &str| engine.docker(&["image", "inspect", "--format", "{{.Id}}", name]).ended(0).stdout;
    assert_eq!(id("redis:7"), id("aictl/redis:7"));
    assert!(ran(&engine, &project, &["start"]).ended(0).stdout.contains("up to date"));
    std::fs::write(project.join(".env"), "REDIS_IMAGE=aictl/redis:7\n").unwrap();
    ran(&engine, &project, &["start"]).ended(0);
    let inspected = |format: &str| engine.docker(&["inspect", "--format", format, "own-cache-1"]).ended(0).stdout;
    assert_eq!(inspected("{{.Config.Image}}").trim(), "aictl/redis:7");
    // The start may be over before the engine's own first check.
    let status = || inspected("{{.State.Health.Status}}");
    eventually("the cache is healthy", Duration::from_secs(10), || status().trim() == "healthy");
}

/// What a recipe is built from when its mirror answers again: here no network ever does, so packages count as installed.
fn mirror_answers(engine: &OwnEngine) {
    let folder = tempfile::tempdir().unwrap();
    let recipe = "FROM aictl/base:bookworm\nRUN printf '#!/bin/sh\\nexit 0\\n' >/usr/local/sbin/install-packages\n";
    std::fs::write(folder.path().join("Dockerfile"), recipe).unwrap();
    let mut build = std::process::Command::new("docker");
    build.args(["-H", &engine.address(), "build", "--network", "none", "--rm", "--tag", "aictl/base:bookworm"]);
    Outcome::from(build.arg(folder.path()).env("DOCKER_BUILDKIT", "0").output().unwrap()).ended(0);
}

/// A service that sleeps in the recipe's image: what is not installed is not called.
const SLEEPING: &str =
    "services: { cache: { image: 'aictl/redis:7', network_mode: none, init: true, entrypoint: [sleep, '600'] } }\n";

/// The next run builds what the failed one did not, and the one after it nothing.
#[track_caller]
fn goes_on(start: impl Fn() -> Outcome) {
    let mended = start().ended(0);
    assert!(mended.stderr.contains("Built image aictl/redis:7"), "{}", mended.stderr);
    assert!(start().ended(0).stdout.contains("up to date"));
}

#[test]
fn a_recipe_that_cannot_reach_its_mirror_names_it_and_leaves_nothing() {
    let Some(engine) = OwnEngine::empty("mirror down", 700) else { return };
    engine.take(&["aictl/base:bookworm"]);
    let project = engine.project(SLEEPING);
    // The classic builder: BuildKit needs a bridge for any step.
    let start = || Outcome::from(engine.aictl(&project, &["start"]).env("DOCKER_BUILDKIT", "0").output().unwrap());
    let failed = start().ended(1);
    // A source that is an address is a mirror that does not answer; all others are names that do not resolve.
    let told = [
        ("recipe `redis` failed: cannot resolve ", "hint: check name resolution with `getent hosts "),
        ("recipe `redis` failed: package mirror ", "/etc/apt/sources.list"),
    ];
    let says = |words: &str| failed.stderr.contains(words);
    assert!(told.iter().any(|(error, hint)| says(error) && says(hint)), "{}", failed.stderr);
    assert_eq!(engine.docker(&["ps", "-aq", "--filter", "name=own-cache"]).ended(0).stdout, "");
    assert_eq!(engine.docker(&["image", "ls", "-q", "aictl/redis"]).ended(0).stdout, "");
    assert_eq!(engine.half_built(), "");
    mirror_answers(&engine);
    goes_on(start);
}

#[test]
fn a_failing_step_is_shown_with_its_last_lines() {
    let Some(engine) = OwnEngine::start("recipe failing", 700) else { return };
    // Not what it says: the first step of every recipe fails on it.
    engine.docker(&["tag", "aictl-lab/tool:1", "aictl/base:bookworm"]).ended(0);
    let project = engine.project(SLEEPING);
    let start = || Outcome::from(engine.aictl(&project, &["start"]).env("DOCKER_BUILDKIT", "0").output().unwrap());
    let failed = start().ended(1);
    assert!(failed.stderr.contains("recipe `redis` failed"), "{}", failed.stderr);
    assert!(failed.stderr.contains("groupadd"), "the step that failed is shown: {}", failed.stderr);
    assert!(failed.stderr.contains("aictl images build redis"), "{}", failed.stderr);
    assert_eq!(engine.docker(&["image", "ls", "-q", "aictl/redis"]).ended(0).stdout, "");
    assert_eq!(engine.half_built(), "");
    engine.take(&["aictl/base:bookworm"]);
    mirror_answers(&engine);
    goes_on(start);
}

/// A program of the operator's machine, replaced.
fn program(folder: &Path, name: &str, text: &str) {
    write_program(&folder.join(name), &format!("#!/bin/bash\n{text}\n"));
}

#[test]
fn a_base_image_that_failed_is_built_by_the_next_run_and_then_never_again() {
    let Some(engine) = OwnEngine::empty("base image fails", 60) else { return };
    let project = engine.project("services: {}\n");
    let programs = tempfile::tempdir().unwrap();
    let path = format!("{}:{}", programs.path().display(), std::env::var("PATH").unwrap());
    let built =
        |words: &[&str]| -> Outcome { engine.aictl(&project, words).env("PATH", &path).output().unwrap().into() };
    let build = ["images", "build", "base"];
    program(programs.path(), "mmdebstrap", "echo unpacking; echo 'E: package perl-base is broken' >&2; exit 3");
    let failed = built(&build).ended(1);
    assert!(failed.stderr.contains("E: package perl-base is broken"), "{}", failed.stderr);
    program(
        programs.path(),
        "mmdebstrap",
        "echo 'E: Failed to fetch http://deb.example.org/debian/x.deb' >&2; exit 25",
    );
    let down = built(&build).ended(1);
    assert!(down.stderr.contains("package mirror http://deb.example.org is unreachable"), "{}", down.stderr);
    assert_eq!(engine.docker(&["image", "ls", "-q", "aictl/base"]).ended(0).stdout, "");
    assert_eq!(engine.half_built(), "");
    // The file it makes is the last argument but one.
    program(programs.path(), "mmdebstrap", "echo made >/tmp/made && tar -cf \"${@: -2:1}\" -C /tmp made");
    let dry = built(&["--dry-run", "images", "build", "base"]).ended(0);
    assert!(dry.stdout.contains("build image aictl/base:bookworm"), "{}", dry.stdout);
    assert_eq!(engine.docker(&["image", "ls", "-q", "aictl/base"]).ended(0).stdout, "");
    built(&build).ended(0);
    assert!(built(&build).ended(0).stdout.contains("up to date: aictl/base:bookworm"));
    // Nothing uses it: it goes, and only after it was named.
    let named = built(&["--dry-run", "images", "prune"]).ended(0);
    assert!(named.stdout.contains("remove image aictl/base:bookworm"), "{}", named.stdout);
    assert_ne!(engine.docker(&["image", "ls", "-q", "aictl/base"]).ended(0).stdout, "");
    built(&["images", "prune"]).ended(5);
    built(&["--yes", "images", "prune"]).ended(0);
    assert_eq!(engine.docker(&["image", "ls", "-q", "aictl/base"]).ended(0).stdout, "");
}

#[test]
fn an_image_for_other_machines_is_refused_before_a_container_is_made() {
    let Some(engine) = OwnEngine::empty("wrong architecture", 40) else { return };
    let project = engine.project("services: { a: { image: 'own-arm:1', network_mode: none, command: [x] } }\n");
    engine.load_foreign("own-arm:1");
    let refused = ran(&engine, &project, &["start"]).ended(78);
    assert!(refused.stderr.contains("image own-arm:1 of service `a` is for "), "{}", refused.stderr);
    assert!(refused.stderr.contains("hint: "), "{}", refused.stderr);
    assert_eq!(engine.docker(&["ps", "-aq", "--filter", "name=own-a"]).ended(0).stdout, "");
}
