//! The assistant on a stage: a copy of the example with ports and secrets of its own, and a client for it.
//! Reads the example; returns answers as status, headers and body.
//! Never touches the example's own folder.
use std::fs;
use std::path::Path;
use std::process::Command;

use serde_json::{Value, json};

use crate::support::project::{Outcome, TestProject, free_port};

/// A password with everything that shells, URLs and Compose files trip over.
pub(super) const PASSWORD: &str = r#"p$a"w\x%2f@:/?#&"#;

pub(super) struct Assistant {
    pub(super) stage: TestProject,
    environment: &'static str,
    pub(super) api: u16,
    pub(super) page: u16,
    pub(super) prometheus: u16,
    pub(super) grafana: u16,
    pub(super) kibana: u16,
    pub(super) alertmanager: u16,
}

/// An answer of the api.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) headers: String,
    pub(super) body: String,
}

impl Answer {
    #[track_caller]
    pub(super) fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error}: {} {}", self.status, self.body))
    }
}

impl Assistant {
    pub(super) fn new(name: &str, environment: &'static str) -> Option<Self> {
        let stage = TestProject::new(name)?;
        copy(&super::root().join("examples/ai-assistant"), stage.path());
        let ports: [u16; 6] = std::array::from_fn(|_| free_port());
        let [api, page, prometheus, grafana, kibana, alertmanager] = ports;
        let assistant = Self { stage, environment, api, page, prometheus, grafana, kibana, alertmanager };
        assistant.stage.write(".env", &assistant.env_file());
        Some(assistant)
    }

    fn env_file(&self) -> String {
        let mut text = String::new();
        for name in
            ["POSTGRES_PASSWORD", "APP_DB_PASSWORD", "MONITOR_DB_PASSWORD", "ADMIN_PASSWORD", "GRAFANA_ADMIN_PASSWORD"]
        {
            text.push_str(&format!("{name}='{PASSWORD}'\n"));
        }
        for name in ["SECRET_KEY", "JWT_SECRET_KEY", "QDRANT_API_KEY", "ELASTICSEARCH_PASSWORD"] {
            text.push_str(&format!("{name}={name}-0123456789-0123456789-0123456789\n"));
        }
        let ports = [
            ("API_PORT", self.api),
            ("FRONTEND_PORT", self.page),
            ("PROMETHEUS_PORT", self.prometheus),
            ("GRAFANA_PORT", self.grafana),
            ("KIBANA_PORT", self.kibana),
            ("ALERTMANAGER_PORT", self.alertmanager),
        ];
        text.extend(ports.map(|(name, port)| format!("{name}={port}\n")));
        text
    }

    pub(super) fn aictl(&self, words: &[&str]) -> Outcome {
        let mut all = vec!["--env", self.environment];
        all.extend_from_slice(words);
        self.stage.aictl(&all)
    }

    /// A request to a port of this machine; status 0 when nobody answered.
    pub(super) fn ask(&self, port: u16, method: &str, path: &str, more: &[&str]) -> Answer {
        let mut command = Command::new("curl");
        command.args(["-sS", "--max-time", "20", "-i", "-X", method]).args(more);
        let outcome: Outcome = command.arg(format!("http://127.0.0.1:{port}{path}")).output().unwrap().into();
        let (headers, body) = outcome.stdout.split_once("\r\n\r\n").unwrap_or((&outcome.stdout, ""));
        let status = headers.split_whitespace().nth(1).and_then(|code| code.parse().ok()).unwrap_or(0);
        Answer { status, headers: headers.to_lowercase(), body: body.to_owned() }
    }

    pub(super) fn get(&self, path: &str) -> Answer {
        self.ask(self.page, "GET", path, &[])
    }

    pub(super) fn ready(&self) -> Answer {
        self.ask(self.api, "GET", "/ready", &[])
    }

    pub(super) fn post(&self, path: &str, body: &Value, token: Option<&str>) -> Answer {
        let body = body.to_string();
        let bearer = format!("Authorization: Bearer {}", token.unwrap_or_default());
        let mut more = vec!["-H", "Content-Type: application/json", "-d", &body];
        if token.is_some() {
            more.extend(["-H", &bearer]);
        }
        self.ask(self.page, "POST", path, &more)
    }

    /// Logs the admin in; the token.
    #[track_caller]
    pub(super) fn login(&self) -> String {
        let answer = self.post("/api/auth/login", &json!({ "email": "admin@example.com", "password": PASSWORD }), None);
        assert_eq!(answer.status, 200, "{}", answer.body);
        answer.json()["access_token"].as_str().unwrap().to_owned()
    }

    /// Migrated, with an admin.
    #[track_caller]
    pub(super) fn prepare(&self) {
        self.aictl(&["migrate"]).ended(0);
        self.aictl(&["run", "admin-user"]).ended(0);
    }
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap().map(Result::unwrap) {
        let target = to.join(entry.file_name());
        // The chart is a link to that of the repository.
        if entry.path().is_dir() {
            copy(&entry.path(), &target);
        } else if entry.file_name() != ".env" {
            fs::copy(entry.path(), target).unwrap();
        }
    }
}
