//! The reports of one run: text in a pipe, JSON, JUnit against its schema, GitHub's annotations and job summary.
//! Reads what aictl wrote; a password that an answer quoted is in none of it.
use std::path::Path;
use std::process::Command;

use super::shop::{CACHE_PASSWORD, DATABASE_PASSWORD, Shop};
use crate::support::project::{Outcome, skip};

/// Holds a JUnit report against the schema.
#[track_caller]
pub(super) fn assert_valid(report: &Path) {
    let schema = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/junit.xsd");
    let Ok(judged) = Command::new("xmllint").args(["--noout", "--schema"]).arg(schema).arg(report).output() else {
        return skip("smoke-test --junit", "xmllint is not installed");
    };
    Outcome::from(judged).ended(0);
}

/// The database is gone and an answer quotes passwords.
pub(super) fn of_a_broken_stack(shop: &Shop) {
    shop.docker("stop", "postgres");
    let leak = format!("echo 'cannot log in with {DATABASE_PASSWORD} or {CACHE_PASSWORD}' >/dev/shm/www/health");
    shop.inside("api", &leak);
    let red = ["api is well", "orders are there"];
    let outcome = told(shop);
    let summary = read(shop, "summary.md");
    let junit = read(shop, "junit.xml");
    assert_valid(&shop.stage.path().join("junit.xml"));
    for text in [&outcome.stdout, &summary, &junit] {
        assert!(red.iter().all(|name| text.contains(name)), "{text}");
        assert!(text.contains("possible cause: postgres"), "{text}");
    }
    let verbose = shop.tested(&["--verbose"]).ended(4);
    assert!(verbose.stdout.contains("request: GET http://api:8000/health"), "{}", verbose.stdout);
    assert!(verbose.stdout.contains("cannot log in with [redacted]"), "{}", verbose.stdout);
    let json = shop.tested(&["--output", "json", "--verbose"]).ended(4);
    for text in [outcome.stdout, outcome.stderr, summary, junit, verbose.stdout, verbose.stderr, json.stdout] {
        assert!(!text.contains(DATABASE_PASSWORD) && !text.contains(CACHE_PASSWORD), "{text}");
    }
}

/// A run as one of GitHub's, in a pipe.
fn told(shop: &Shop) -> Outcome {
    let words = ["smoke-test", "--retries", "0", "--junit", "junit.xml"];
    let mut command = shop.stage.command(&words);
    command.env("GITHUB_ACTIONS", "true").env("GITHUB_STEP_SUMMARY", "summary.md");
    let outcome = Outcome::from(command.output().unwrap()).ended(4);
    let annotations: Vec<&str> = outcome.stdout.lines().filter(|line| line.starts_with("::error title=")).collect();
    assert!(annotations.iter().any(|line| line.starts_with("::error title=postgres runs::")), "{annotations:?}");
    let wide = outcome.stdout.lines().filter(|line| !line.starts_with("::")).find(|line| line.chars().count() > 80);
    assert_eq!(wide, None, "a line is wider than a terminal");
    assert!(!outcome.stdout.contains('\u{1b}'), "colour in a pipe");
    outcome
}

fn read(shop: &Shop, file: &str) -> String {
    std::fs::read_to_string(shop.stage.path().join(file)).unwrap()
}
