//! A project of one service that is ready in milliseconds, with a secret, a task and a check: what quickstart goes through.
//! Reads a way to run aictl in it; returns outcomes and holds what follows a mended trouble against the promise.
use serde_json::Value;

use super::{changing, report, states};
use crate::support::project::{Outcome, TestProject};

const COMPOSE: &str = r#"
services:
  web:
    image: aictl-lab/tool:1
    command: [tool, serve, --ready-after, "0"]
    network_mode: none
    environment: { SESSION_SECRET: "${SESSION_SECRET:?is not set}" }
    healthcheck: { test: [CMD, tool, ready], interval: 1s, timeout: 5s, retries: 30 }
    stop_grace_period: 1s
"#;

const PROJECT: &str = r#"
default_environment: dev
environments:
  dev: { compose: [compose.yaml] }
secrets: { SESSION_SECRET: { generate: password, bytes: 24 } }
tasks: { migrate: { service: web, command: [tool, exit, "0"] } }
checks: [{ name: web is ready, exec: { service: web, command: [tool, ready] } }]
"#;

/// A file with some of its words replaced; each of them must be there.
fn with(text: &str, changes: &[(&str, &str)]) -> String {
    changes.iter().fold(text.to_owned(), |text, (old, new)| {
        assert!(text.contains(old), "{old}");
        text.replace(old, new)
    })
}

pub(super) fn compose(changes: &[(&str, &str)]) -> String {
    with(COMPOSE, changes)
}

pub(super) fn project(changes: &[(&str, &str)]) -> String {
    with(PROJECT, changes)
}

/// The project in a folder of its own on the machine's engine.
pub(super) fn stage(name: &str) -> Option<TestProject> {
    let stage = TestProject::new(name)?;
    stage.write("compose.yaml", COMPOSE);
    stage.write("aictl.yaml", PROJECT);
    Some(stage)
}

pub(super) const QUICKSTART: [&str; 4] = ["--yes", "--timeout", "30s", "quickstart"];

pub(super) fn quickstart(stage: &TestProject) -> Outcome {
    stage.aictl(&QUICKSTART)
}

/// What failed says what to do, and that the same command goes on afterwards.
#[track_caller]
pub(super) fn told(outcome: &Outcome, parts: &[&str]) {
    // Findings are wrapped at the width of a terminal.
    let words: Vec<&str> = outcome.stdout.split_whitespace().chain(outcome.stderr.split_whitespace()).collect();
    let said = words.join(" ");
    for part in parts.iter().chain(&["hint: fix the problem, then continue with `aictl quickstart`"]) {
        assert!(said.contains(part), "`{part}` is not in:\n{}\n{}", outcome.stdout, outcome.stderr);
    }
}

/// Mended, the same command ends well and finds these steps done; once more, and nothing is left to do.
#[track_caller]
pub(super) fn goes_on(aictl: &dyn Fn(&[&str]) -> Outcome, done_before: &[&str]) {
    let words = [&["--output", "json"][..], &QUICKSTART].concat();
    let mended: Value = report(&aictl(&words).ended(0));
    let steps = states(&mended);
    for step in done_before {
        let found = steps.iter().find(|(name, _)| name == step).map(|(_, state)| state.as_str());
        assert_eq!(found, Some("unchanged"), "{step}: {mended}");
    }
    assert!(!changing(&mended).is_empty(), "nothing was left to do: {mended}");
    assert_eq!(steps.last(), Some(&("smoke-test".to_owned(), "passed".to_owned())), "{mended}");
    assert_eq!(mended["checks"]["failed"], 0, "{mended}");
    let again = report(&aictl(&words).ended(0));
    assert_eq!((changing(&again), &again["changed"]), (Vec::new(), &Value::Bool(false)), "{again}");
}

/// The same on the stage's own engine.
#[track_caller]
pub(super) fn goes_on_at(stage: &TestProject, done_before: &[&str]) {
    goes_on(&|words| stage.aictl(words), done_before);
}
