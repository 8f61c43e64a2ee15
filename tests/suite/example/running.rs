//! The assistant's simple environment on the real engine, from an empty machine to its removal.
use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use serde_json::Value;

use crate::stage::{Outcome, Stage, eventually, free_port};

/// A password with everything that shells, URLs and Compose files trip over.
const PASSWORD: &str = r#"p$a"w\x%2f@:/?#&"#;

struct Assistant {
    stage: Stage,
    api: u16,
    page: u16,
}

impl Assistant {
    fn new(name: &str) -> Option<Self> {
        let stage = Stage::new(name)?;
        copy(&super::root().join("examples/ai-assistant"), stage.path());
        let (api, page) = (free_port(), free_port());
        let file = super::read(&stage.path().join("aictl.yaml"));
        let moved = file.replace("port: 8000", &format!("port: {api}")).replace("port: 3000", &format!("port: {page}"));
        assert!(
            moved.contains(&api.to_string()) && moved.contains(&page.to_string()),
            "the ports are written otherwise"
        );
        stage.write("aictl.yaml", &moved);
        stage.write(".env", &format!("POSTGRES_PASSWORD='{PASSWORD}'\n"));
        Some(Self { stage, api, page })
    }

    /// Status code and body of a request to the api.
    fn ask(&self, port: u16, method: &str, path: &str, body: Option<&str>) -> (u16, String) {
        let mut command = Command::new("curl");
        command.args(["-sS", "--max-time", "10", "-w", "\n%{http_code}", "-X", method]);
        if let Some(body) = body {
            command.args(["-H", "Content-Type: application/json", "-d", body]);
        }
        let outcome: Outcome = command.arg(format!("http://127.0.0.1:{port}{path}")).output().unwrap().into();
        let (body, code) = outcome.stdout.rsplit_once('\n').unwrap_or(("", "0"));
        (code.parse().unwrap_or(0), body.to_owned())
    }

    fn items(&self) -> String {
        let (code, body) = self.ask(self.page, "GET", "/api/items", None);
        assert_eq!(code, 200, "{body}");
        body
    }
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap().map(Result::unwrap) {
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy(&entry.path(), &target);
        } else if entry.file_name() != ".env" {
            fs::copy(entry.path(), target).unwrap();
        }
    }
}

#[test]
fn example_starts_is_migrated_answers_and_keeps_its_data_until_it_is_removed() {
    let Some(assistant) = Assistant::new("example") else { return };
    let stage = &assistant.stage;

    let started = stage.aictl(&["start"]).ended(0);
    assert!(!started.stderr.contains(PASSWORD) && !started.stdout.contains(PASSWORD), "the password is shown");
    assert_eq!(assistant.ask(assistant.api, "GET", "/health", None).0, 200);
    assert_eq!(assistant.ask(assistant.api, "GET", "/ready", None).0, 503, "nothing migrated it yet");

    stage.aictl(&["migrate"]).ended(0);
    assert_eq!(assistant.ask(assistant.api, "GET", "/ready", None).0, 200);
    assert_eq!(assistant.ask(assistant.page, "GET", "/", None).0, 200);
    let created = assistant.ask(assistant.page, "POST", "/api/items", Some(r#"{"name":"kept"}"#));
    assert_eq!(created.0, 201, "{}", created.1);

    let before = stage.containers();
    stage.aictl(&["start"]).ended(0);
    assert_eq!(stage.containers(), before, "an unchanged start touched something");

    stage.aictl(&["stop"]).ended(0);
    assert_eq!(assistant.ask(assistant.page, "GET", "/", None).0, 0);
    stage.aictl(&["start"]).ended(0);
    assert!(assistant.items().contains("kept"));

    stage.aictl(&["stop", "--remove"]).ended(0);
    assert!(stage.containers().is_empty());
    stage.aictl(&["start"]).ended(0);
    assert!(assistant.items().contains("kept"), "volumes outlive a removal without -v");
    stage.aictl(&["stop", "--remove", "-v"]).ended(0);
    assert_eq!(stage.everything(), Vec::<String>::new());
}

#[test]
fn example_status_says_health_and_urls() {
    let Some(assistant) = Assistant::new("example-status") else { return };
    assistant.stage.aictl(&["start"]).ended(0);
    let status = || assistant.stage.aictl(&["status"]).ended(0).stdout;
    for service in ["api", "frontend", "postgres", "redis"] {
        // The engine asks for itself at its own interval, so its word comes a little after ours.
        eventually("the engine says healthy too", Duration::from_secs(30), || {
            status().lines().any(|line| line.contains(service) && line.contains(" healthy"))
        });
    }
    let text = status();
    assert!(text.contains("UPTIME") && text.contains(&format!(":{}", assistant.page)), "{text}");
    let json = assistant.stage.aictl(&["status", "--output", "json"]).ended(0).stdout;
    let parsed: Value = serde_json::from_str(&json).unwrap_or_else(|error| panic!("{error}: {json}"));
    assert!(parsed.to_string().contains("healthy"), "{json}");
}

#[test]
fn example_returns_after_its_database_was_killed() {
    let Some(assistant) = Assistant::new("example-killed") else { return };
    assistant.stage.aictl(&["start"]).ended(0);
    assistant.stage.aictl(&["migrate"]).ended(0);
    assistant.stage.aictl(&["kill", "postgres"]).ended(0);
    assistant.stage.aictl(&["start"]).ended(0);
    eventually("the api reaches its database again", Duration::from_secs(20), || {
        assistant.ask(assistant.api, "GET", "/ready", None).0 == 200
    });
}
