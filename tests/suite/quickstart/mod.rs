//! `aictl quickstart` on the real engine with images that are there: all the way, and again without a change.
//! Reads exit codes, JSON and the engine's own account; a generated secret must be nowhere but in its env file.
//! The bare machine of `tests/run --full` shows the rest: no engine, no images.
use std::fs;
use std::process::Command;

use serde_json::Value;

use crate::stage::{Outcome, Stage, docker, free_port};

struct Newcomer {
    stage: Stage,
    ports: [u16; 2],
}

impl Newcomer {
    fn new(name: &str) -> Option<Self> {
        Some(Self { stage: Stage::new(name)?, ports: [free_port(), free_port()] })
    }

    fn aictl(&self, words: &[&str]) -> Outcome {
        let mut command: Command = self.stage.command(words);
        command.env("API_PORT", self.ports[0].to_string()).env("FRONTEND_PORT", self.ports[1].to_string());
        command.output().unwrap().into()
    }

    fn quickstart(&self) -> (Outcome, Value) {
        let words = ["--env", "simple", "--yes", "--output", "json", "--timeout", "120s", "quickstart"];
        let outcome = self.aictl(&words).ended(0);
        let report = serde_json::from_str(&outcome.stdout).unwrap();
        (outcome, report)
    }

    /// Values of the env file, each as it is, in base64 and URL-encoded.
    fn canaries(&self) -> Vec<String> {
        let text = fs::read_to_string(self.stage.path().join("ai-assistant/.env")).unwrap();
        let values = text.lines().filter(|line| !line.starts_with('#')).filter_map(|line| line.split_once('='));
        let values: Vec<&str> = values.map(|(_, value)| value).filter(|value| value.len() >= 16).collect();
        assert!(values.len() >= 8, "few secrets were generated:\n{}", text.lines().count());
        values.iter().flat_map(|value| forms(value)).collect()
    }
}

fn forms(value: &str) -> [String; 3] {
    let through = |program: &str, words: &[&str]| -> String {
        let outcome: Outcome = Command::new(program).args(words).output().unwrap().into();
        outcome.ended(0).stdout.trim().trim_end_matches('=').to_owned()
    };
    let base64 = through("sh", &["-c", &format!("printf %s '{value}' | base64 -w0")]);
    let encoded = value.bytes().map(|byte| format!("%{byte:02X}")).collect();
    [value.to_owned(), base64, encoded]
}

fn states(report: &Value) -> Vec<(String, String)> {
    let word = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let steps = report["steps"].as_array().unwrap();
    steps.iter().map(|step| (word(&step["step"]), word(&step["state"]))).collect()
}

/// Everything the engine keeps of the project in words: container configurations aside, which hold what services need.
fn kept_words(stage: &Stage) -> String {
    let helper = format!("{}-aictl-state", stage.name());
    let mut words = docker(&["container", "inspect", &helper]);
    words += &String::from_utf8_lossy(
        &Command::new("docker").args(["cp", &format!("{helper}:/"), "-"]).output().unwrap().stdout,
    );
    for line in docker(&["ps", "-a", "--format", "{{.Names}}", "--filter", &format!("name={}", stage.name())]).lines() {
        let logs: Outcome = Command::new("docker").args(["logs", line]).output().unwrap().into();
        words += &(logs.stdout + &logs.stderr);
    }
    words
}

#[test]
fn quickstart_goes_all_the_way_repeats_nothing_and_shows_no_secret() {
    let Some(newcomer) = Newcomer::new("quickstart") else { return };
    let (first, report) = newcomer.quickstart();
    assert_eq!(report["changed"], true, "{}", first.stdout);
    let steps = states(&report);
    let order = ["init", "secrets", "doctor", "setup", "doctor", "images", "start", "migrate", "admin-user"];
    let names: Vec<&str> = steps.iter().map(|(step, _)| step.as_str()).collect();
    assert_eq!(names[..order.len()], order);
    assert_eq!(steps.last(), Some(&("smoke-test".to_owned(), "passed".to_owned())));
    assert!(report["checks"]["total"].as_u64() > Some(5), "{}", report["checks"]);
    assert_eq!(report["checks"]["failed"], 0);

    let before = newcomer.stage.containers();
    let (second, report) = newcomer.quickstart();
    assert_eq!(report["changed"], false, "{}", second.stdout);
    let changing = states(&report).into_iter().filter(|(_, state)| state == "done").collect::<Vec<_>>();
    assert_eq!(changing, []);
    assert_eq!(newcomer.stage.containers(), before, "a second run touched containers");

    let words = [first.stdout, first.stderr, second.stdout, second.stderr, kept_words(&newcomer.stage)].concat();
    for canary in newcomer.canaries() {
        assert!(!words.contains(&canary), "a secret is shown");
    }
    newcomer.aictl(&["--project-dir", "ai-assistant", "--env", "simple", "stop", "--remove", "-v"]).ended(0);
    assert_eq!(newcomer.stage.everything(), Vec::<String>::new());
}

#[test]
fn a_dry_run_of_quickstart_writes_nothing() {
    let Some(newcomer) = Newcomer::new("quickdry") else { return };
    let planned = newcomer.aictl(&["--dry-run", "quickstart"]).ended(0);
    assert!(planned.stdout.contains("planned"), "{}", planned.stdout);
    assert_eq!(fs::read_dir(newcomer.stage.path()).unwrap().count(), 0);
    assert_eq!(newcomer.stage.everything(), Vec::<String>::new());
}
