//! `aictl open` and `aictl monitoring` on the real engine.
//! Looks at the address that is given, at what a desktop's opener gets, and at which containers are touched.
//! Never opens a browser: the opener is a script of the test.

use std::fs;
use std::process::{Command, Stdio};

use serde_json::Value;

use crate::support::project::{Outcome, TestProject, free_port, write_program};

const STACK: &str = r#"
services:
  frontend: &service
    image: aictl-lab/tool:1
    command: [tool, serve, --ready-after, "0"]
    healthcheck: { test: [CMD, tool, ready], interval: 1s, timeout: 5s, retries: 30 }
    ports: ["127.0.0.1:PAGE:8080"]
  db: { <<: *service, ports: ["127.0.0.1:DATA:5432"] }
  prometheus: { <<: *service, ports: [], profiles: [monitoring], depends_on: { db: { condition: service_healthy } } }
  exporter: { <<: *service, ports: [], profiles: [monitoring] }
"#;

fn stack() -> (u16, u16, String) {
    let (page, data) = (free_port(), free_port());
    (page, data, STACK.replace("PAGE", &page.to_string()).replace("DATA", &data.to_string()))
}

/// In a pipe the address is only printed; on a terminal with a display the desktop's opener gets it.
#[test]
fn a_page_is_printed_in_a_pipe_and_opened_on_a_desktop() {
    let Some(stage) = TestProject::new("open") else { return };
    let (page, data, compose) = stack();
    stage.write("compose.yaml", &compose);
    let down = stage.aictl(&["open", "frontend"]).ended(1);
    assert!(down.stderr.contains("`aictl start frontend`"), "{down:?}");
    stage.aictl(&["open"]).ended(10);
    stage.aictl(&["start"]).ended(0);
    let url = format!("http://localhost:{page}");
    assert_eq!(stage.aictl(&["open"]).ended(0).stdout, format!("{url}\n"));
    let json: Value = serde_json::from_str(&stage.aictl(&["open", "--output", "json"]).ended(0).stdout).unwrap();
    assert_eq!(json, serde_json::json!({ "service": "frontend", "url": url, "opened": false }));
    let database = stage.aictl(&["open", "db"]).ended(10);
    assert!(database.stderr.contains("`aictl port db`"), "{database:?}");
    assert_eq!(stage.aictl(&["open", "db", "--port", "5432"]).ended(0).stdout, format!("http://localhost:{data}\n"));
    let wrong = stage.aictl(&["open", "fronted"]).ended(10);
    assert!(wrong.stderr.contains("did you mean `frontend`"), "{wrong:?}");

    fs::create_dir(stage.path().join("bin")).unwrap();
    write_program(&stage.path().join("bin/xdg-open"), "#!/bin/sh\necho \"$@\" >\"$OPENED\"\n");
    let opened = stage.path().join("opened");
    let path = format!("{}:{}", stage.path().join("bin").display(), std::env::var("PATH").unwrap());
    let on_desktop = |mut command: Command| -> Outcome {
        command.env("PATH", &path).env("DISPLAY", ":7").env("OPENED", &opened).output().unwrap().into()
    };
    let on_terminal = |words: &str| {
        let line = format!("{} -p {} open {words}", env!("CARGO_BIN_EXE_aictl"), stage.name());
        let mut command = Command::new("script");
        command.args(["-qec", &line, "/dev/null"]).current_dir(stage.path()).stdin(Stdio::null());
        on_desktop(command)
    };
    assert_eq!(on_desktop(stage.command(&["open", "frontend"])).ended(0).stdout, format!("{url}\n"));
    assert!(!opened.exists(), "a script reads the address, nobody looks at a page");
    on_terminal("frontend --print").ended(0);
    assert!(!opened.exists());
    let shown = on_terminal("frontend").ended(0);
    assert!(shown.stdout.contains(&url), "{shown:?}");
    assert_eq!(fs::read_to_string(&opened).unwrap(), format!("{url}\n"));
}

/// What watches comes and goes; what is watched keeps its container, even where the files changed meanwhile.
#[test]
fn monitoring_starts_and_stops_beside_the_stack() {
    let Some(stage) = TestProject::new("monitoring") else { return };
    let compose = stack().2;
    stage.write("compose.yaml", &compose);
    stage.aictl(&["start"]).ended(0);
    let before = stage.containers();
    assert_eq!(before.len(), 2, "{before:?}");
    let planned = stage.aictl(&["monitoring", "start", "--dry-run"]).ended(0);
    assert!(planned.stdout.contains("prometheus") && !planned.stdout.contains("frontend"), "{planned:?}");
    assert_eq!(stage.containers(), before);

    stage.write("compose.yaml", &compose.replace("  db: { ", "  db: { environment: { A: b }, "));
    stage.aictl(&["monitoring", "start"]).ended(0);
    let watched = stage.containers();
    assert!(before.iter().all(|(name, state)| watched.get(name) == Some(state)), "{before:?} {watched:?}");
    let running = |service: &str| state(&stage, service) == "running";
    assert!(running("prometheus") && running("exporter"));
    let again = stage.aictl(&["monitoring", "start"]).ended(0);
    assert_eq!((stage.containers(), again.stdout.contains("up to date")), (watched, true), "{again:?}");

    stage.aictl(&["monitoring", "stop"]).ended(0);
    assert_eq!((state(&stage, "prometheus"), state(&stage, "db")), ("exited".into(), "running".into()));
    stage.aictl(&["monitoring", "stop", "--remove"]).ended(0);
    assert_eq!(stage.containers(), before);

    // What is waited for and does not run is started.
    stage.aictl(&["stop"]).ended(0);
    stage.aictl(&["monitoring", "start"]).ended(0);
    assert_eq!((state(&stage, "db"), state(&stage, "frontend")), ("running".into(), "exited".into()));
}

#[test]
fn a_stack_that_nothing_watches_says_how_something_would() {
    let Some(stage) = TestProject::new("unwatched") else { return };
    stage.write("compose.yaml", "services: { db: { image: 'postgres:15' } }\n");
    let refused = stage.aictl(&["monitoring", "start"]).ended(10);
    assert!(refused.stderr.contains("profiles: [monitoring]") && refused.stderr.contains("hint:"), "{refused:?}");
}

fn state(stage: &TestProject, service: &str) -> String {
    let outcome = stage.aictl(&["status", "--output", "json"]);
    // 3 where a stopped service counts as failed.
    assert!([0, 3].contains(&outcome.code), "{outcome:?}");
    let status = outcome.stdout;
    let status: Value = serde_json::from_str(&status).unwrap();
    let mut found = status["services"].as_array().unwrap().iter().filter(|s| s["service"] == service);
    found.next().map(|s| s["state"].as_str().unwrap().to_owned()).unwrap_or_default()
}
