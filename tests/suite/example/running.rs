//! The assistant's simple environment on the real engine, from an empty machine to its removal.
use std::time::Duration;

use serde_json::{Value, json};

use super::assistant::{Assistant, PASSWORD};
use crate::support::project::{docker, eventually};

fn titles(assistant: &Assistant) -> String {
    let answer = assistant.get("/api/documents");
    assert_eq!(answer.status, 200, "{}", answer.body);
    answer.body
}

#[test]
fn example_starts_is_migrated_answers_and_keeps_its_data_until_it_is_removed() {
    let Some(assistant) = Assistant::new("example", "simple") else { return };
    let stage = &assistant.stage;

    let started = assistant.aictl(&["start", "--build"]).ended(0);
    assert!(!started.stderr.contains(PASSWORD) && !started.stdout.contains(PASSWORD), "the password is shown");
    assert_eq!(assistant.ask(assistant.api, "GET", "/health", &[]).status, 200);
    let unready = assistant.ready();
    assert_eq!(unready.status, 503, "nothing migrated it yet");
    assert_eq!(unready.json()["checks"]["database"]["status"], "not migrated", "{}", unready.body);

    assistant.prepare();
    eventually("every dependency answers", Duration::from_secs(20), || assistant.ready().status == 200);
    assert!(assistant.get("/").body.contains("AI Assistant"));
    let refused = assistant.post("/api/documents", &json!({ "title": "kept" }), None);
    assert_eq!(refused.status, 401, "{}", refused.body);
    let created = assistant.post("/api/documents", &json!({ "title": "kept" }), Some(&assistant.login()));
    assert_eq!(created.status, 201, "{}", created.body);

    let before = stage.containers();
    let again = assistant.aictl(&["start"]).ended(0);
    assert_eq!(stage.containers(), before, "a start without changes modified a container:\n{}", again.stderr);

    assistant.aictl(&["stop"]).ended(0);
    assert_eq!(assistant.get("/").status, 0);
    assistant.aictl(&["start"]).ended(0);
    assert!(titles(&assistant).contains("kept"));

    assistant.aictl(&["stop", "--remove"]).ended(0);
    assert!(stage.containers().is_empty());
    assistant.aictl(&["start"]).ended(0);
    assert!(titles(&assistant).contains("kept"), "volumes outlive a removal without -v");
    // Redis is given a second to answer; on a busy machine it is not always enough.
    eventually("the list is cached", Duration::from_secs(20), || {
        assistant.get("/api/documents").headers.contains("x-cache: hit")
    });
    assistant.aictl(&["stop", "--remove", "-v"]).ended(0);
    assert_eq!(stage.everything(), Vec::<String>::new());
}

#[test]
fn example_status_says_health_and_urls() {
    let Some(assistant) = Assistant::new("example-status", "simple") else { return };
    assistant.aictl(&["start", "--build"]).ended(0);
    let status = || assistant.aictl(&["status"]).ended(0).stdout;
    for service in ["api", "frontend", "postgres", "redis"] {
        // The engine asks for itself at its own interval, so its word comes a little after ours.
        eventually("the engine says healthy too", Duration::from_secs(30), || {
            status().lines().any(|line| line.contains(service) && line.contains(" healthy"))
        });
    }
    let text = status();
    assert!(text.contains("UPTIME") && text.contains(&format!(":{}", assistant.page)), "{text}");
    let json = assistant.aictl(&["status", "--output", "json"]).ended(0).stdout;
    let parsed: Value = serde_json::from_str(&json).unwrap_or_else(|error| panic!("{error}: {json}"));
    let health = |service: &Value| (service["service"].clone(), service["health"].clone());
    let found: Vec<_> = parsed["services"].as_array().unwrap().iter().map(health).collect();
    let wanted = ["api", "frontend", "postgres", "redis"].map(|service| (json!(service), json!("healthy")));
    assert_eq!(found, wanted, "{json}");
}

#[test]
fn example_names_the_dependency_that_is_gone_and_recovers_when_it_is_back() {
    let Some(assistant) = Assistant::new("example-killed", "simple") else { return };
    assistant.aictl(&["start", "--build"]).ended(0);
    assistant.prepare();
    for (service, dependency, other) in [("postgres", "database", "cache"), ("redis", "cache", "database")] {
        assistant.aictl(&["kill", service]).ended(0);
        let unready = assistant.ready();
        assert_eq!(unready.status, 503, "{}", unready.body);
        let checks = &unready.json()["checks"];
        assert_eq!(checks[dependency]["status"], "unreachable", "{checks}");
        assert_eq!(checks[other]["status"], "ok", "{checks}");
        assert_eq!(assistant.ask(assistant.api, "GET", "/health", &[]).status, 200, "the api itself lives");
        assistant.aictl(&["start"]).ended(0);
        eventually("the api reaches it again", Duration::from_secs(20), || assistant.ready().status == 200);
    }
}

#[test]
fn example_api_cannot_change_the_schema_and_its_user_can_be_made_again() {
    let Some(assistant) = Assistant::new("example-rights", "simple") else { return };
    assistant.aictl(&["start", "--build"]).ended(0);
    assistant.prepare();
    let container = format!("{}-api-1", assistant.stage.name());
    let attempt = |statement: &str| {
        let program =
            format!("from app.database import engine; c = engine().connect(); c.exec_driver_sql({statement:?})");
        std::process::Command::new("docker")
            .args(["exec", &container, "python3", "-c", &program])
            .output()
            .unwrap()
            .status
            .success()
    };
    assert!(attempt("SELECT count(*) FROM documents"));
    for forbidden in ["CREATE TABLE x (i int)", "DROP TABLE documents", "CREATE ROLE y", "SELECT * FROM pg_authid"] {
        assert!(!attempt(forbidden), "the api may {forbidden}");
    }
    for _ in 0..2 {
        assistant.aictl(&["run", "app-user"]).ended(0);
    }
    assert_eq!(assistant.ready().status, 200);
    assistant.aictl(&["run", "reset-database"]).ended(0);
    assert_eq!(assistant.ready().status, 200, "migrated again, and the api's rights are there");
    assert_eq!(titles(&assistant), "[]");
    let logs = docker(&["logs", &container]);
    assert!(!logs.contains(PASSWORD), "the password is in the log");
}
