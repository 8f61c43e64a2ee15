//! Deploys and rollbacks on the real engine, through nginx.

use std::time::Duration;

use super::load::Load;
use crate::support::project::{TestProject, docker, eventually, free_port};

/// A value that must be shown nowhere.
const SECRET: &str = "s3cret-of-the-deploy-test";

const APP: &str = include_str!("app.py");

pub const COMPOSE: &str = r#"
services:
  nginx:
    image: aictl/nginx:1
    ports: ["127.0.0.1:PORT:80"]
    volumes: ["aictl_proxy:/etc/nginx/conf.d"]
    restart: unless-stopped
  api:
    image: aictl/python-fastapi:3.11
    command: [python3, /app/app.py]
    environment: { ROUND: "${ROUND}", PASSWORD: SECRET }
    volumes: ["./app:/app:ro"]
    restart: unless-stopped
    healthcheck:
      test: [CMD, bash, -c, "</dev/tcp/127.0.0.1/8000"]
      interval: 5s
volumes: { aictl_proxy: {} }
"#;

pub const PROJECT_FILE: &str = "
name: shop
environments:
  prod:
    compose: compose.yaml
    proxy: { service: nginx, routes: [{ path: /, service: api, port: 8000 }] }
    deploy: { drain: 60s }
";

pub struct Shop {
    pub project: TestProject,
    pub port: u16,
}

impl Shop {
    pub fn new(name: &str) -> Option<Self> {
        Self::of(name, PROJECT_FILE, COMPOSE)
    }

    /// The app behind a proxy of aictl: without one in the compose file.
    pub fn managed(name: &str) -> Option<Self> {
        let (_, api) = COMPOSE.split_once("  api:\n")?;
        let (api, _) = api.split_once("volumes: {")?;
        let compose = format!("services:\n  api:\n    ports: [\"127.0.0.1:PORT:8000\"]\n{api}");
        Self::of(name, "environments: { prod: { proxy: { managed: true }, deploy: { drain: 60s } } }\n", &compose)
    }

    pub fn of(name: &str, project_file: &str, compose: &str) -> Option<Self> {
        let project = TestProject::new(name)?;
        let port = free_port();
        project.write("aictl.yaml", project_file);
        project.write("app/app.py", APP);
        project.write("compose.yaml", &compose.replace("PORT", &port.to_string()).replace("SECRET", SECRET));
        Some(Self { project, port })
    }

    /// Deploys a version; everything it says is free of secrets.
    pub fn deploy(&self, round: &str, code: i32) -> String {
        let output = self.project.command(&["deploy"]).env("ROUND", round).output().unwrap();
        let said = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        assert_eq!(output.status.code(), Some(code), "{said}");
        assert!(!said.contains(SECRET), "{said}");
        said
    }

    pub fn rollback(&self, words: &[&str]) -> String {
        let words = [&["rollback"], words].concat();
        let outcome = self.project.command(&words).env("ROUND", "unused").output().unwrap();
        assert!(outcome.status.success(), "{}", String::from_utf8_lossy(&outcome.stderr));
        format!("{}{}", String::from_utf8_lossy(&outcome.stdout), String::from_utf8_lossy(&outcome.stderr))
    }

    /// What a client gets, one request on a connection of its own.
    pub fn served(&self) -> Option<String> {
        let seen = {
            let load = Load::start(self.port, 1, 0);
            std::thread::sleep(Duration::from_millis(150));
            load.end()
        };
        seen.rounds.into_iter().next()
    }

    fn image_and_hash(&self) -> String {
        let filter = format!("label=com.docker.compose.project={}", self.project.name());
        let ids = docker(&["ps", "-q", "--filter", &filter, "--filter", "label=com.docker.compose.service=api"]);
        let format = "{{.Image}} {{index .Config.Labels \"com.docker.compose.config-hash\"}}";
        docker(&["inspect", "--format", format, ids.trim()]).trim().to_owned()
    }
}

#[test]
fn a_version_that_does_not_answer_never_gets_a_client_and_a_rollback_goes_to_the_last_good_one() {
    let Some(shop) = Shop::new("deploy-back") else { return };
    shop.deploy("one", 0);
    let first = shop.image_and_hash();
    shop.deploy("two", 0);
    let second = shop.image_and_hash();
    let load = Load::start(shop.port, 4, 0);
    let said = shop.deploy("broken", 20);
    let seen = load.end();
    assert!(said.contains("HTTP 500") && said.contains("the previous release still serves"), "{said}");
    assert_eq!(seen.failed, Vec::<String>::new());
    assert!(!seen.rounds.contains("broken"), "{:?}", seen.rounds);
    assert_eq!(shop.image_and_hash(), second);
    let said = shop.rollback(&[]);
    assert!(said.contains("release 3 is skipped: it failed") && said.contains("release 2 already serves"), "{said}");
    let load = Load::start(shop.port, 4, 0);
    let said = shop.rollback(&["--to", "1"]);
    let seen = load.end();
    assert!(said.contains("release 4, same as 1"), "{said}");
    assert_eq!(seen.failed, Vec::<String>::new());
    assert_eq!((shop.image_and_hash(), shop.served().as_deref()), (first, Some("one")));
    let history = shop.project.aictl(&["history"]).ended(0).stdout;
    for word in ["deployed", "rolled back", "failed", "superseded"] {
        assert!(history.contains(word), "{history}");
    }
    let shown = shop.project.aictl(&["show", "3"]).ended(0).stdout;
    assert!(shown.contains("HTTP 500") && !shown.contains(SECRET), "{shown}");
    // Compose finds everything as it wants it, or at least as ours; a dry run has no effect.
    let before = shop.project.containers();
    let output = shop.project.command(&["deploy", "--dry-run"]).env("ROUND", "three").output().unwrap();
    assert!(String::from_utf8_lossy(&output.stdout).contains("switch traffic of api to"), "{output:?}");
    assert_eq!(shop.project.containers(), before);
}

/// Until nginx has loaded a new configuration, the earlier one still answers; its answers prove nothing.
#[test]
fn a_route_to_a_port_that_nothing_listens_on_fails_and_the_earlier_routes_come_back() {
    let Some(shop) = Shop::new("deploy-route") else { return };
    shop.deploy("one", 0);
    for port in ["7999", "7998"] {
        shop.project.write("aictl.yaml", &PROJECT_FILE.replace("port: 8000", &format!("port: {port}")));
        let said = shop.deploy("one", 20);
        assert!(said.contains("HTTP 502") && said.contains("the previous release still serves"), "{said}");
        let serves = || shop.served().as_deref() == Some("one");
        eventually("the earlier configuration answers", Duration::from_secs(5), serves);
    }
    let other = "port: 8000 }, { path: /other/, service: api, port: 7999 }";
    shop.project.write("aictl.yaml", &PROJECT_FILE.replace("port: 8000 }", other));
    let said = shop.deploy("two", 20);
    assert!(said.contains("/other/"), "every route is probed: {said}");
    assert_eq!(shop.served().as_deref(), Some("one"));
}

/// The new version answers with errors while it bakes, and then one dies while a stream keeps the old side open.
#[test]
fn a_version_that_fails_after_the_switch_is_switched_back_from() {
    let Some(shop) = Shop::new("deploy-late") else { return };
    shop.deploy("one", 0);
    shop.project.write("aictl.yaml", &PROJECT_FILE.replace("drain: 60s", "drain: 60s, bake: 20s"));
    // Nothing failed before the switch, so that any rise counts.
    let load = Load::start(shop.port, 2, 0);
    let said = shop.deploy("late-errors", 20);
    assert!(said.contains("the new release failed after the switch: "), "{said}");
    assert!(said.contains("responses were 5xx") && said.contains("the previous release still serves"), "{said}");
    assert_eq!(shop.served().as_deref(), Some("one"));
    let shown = shop.project.aictl(&["show"]).ended(0).stdout;
    assert!(shown.contains("bake") && shown.contains("5xx"), "{shown}");
    let _ = load.end();
    shop.project.write("aictl.yaml", PROJECT_FILE);
    let load = Load::start(shop.port, 2, 4);
    let said = shop.deploy("late-exit", 20);
    assert!(said.contains("the previous release still serves"), "{said}");
    assert!(said.contains("is in a crash loop") || said.contains("exited with code 4"), "{said}");
    eventually("the old side serves", Duration::from_secs(5), || shop.served().as_deref() == Some("one"));
    let _ = load.end();
    shop.project.write("aictl.yaml", &PROJECT_FILE.replace("drain: 60s", "drain: 60s, bake: 2s"));
    let load = Load::start(shop.port, 2, 0);
    let said = shop.deploy("two", 0);
    assert!(said.contains("responses, 0 of them 5xx") && !said.contains("inconclusive"), "{said}");
    let _ = load.end();
    let output = shop.project.command(&["deploy", "--strict"]).env("ROUND", "three").output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(
        output.status.code() == Some(20)
            && said.contains("the bake time is inconclusive: the proxy logged no response"),
        "{said}"
    );
    assert_eq!(shop.served().as_deref(), Some("two"));
}

/// The new version answers its health check and the proxy, and fails a check of aictl.yaml.
#[test]
fn a_healthy_version_that_fails_a_check_gets_no_client_and_leaves_evidence() {
    let Some(shop) = Shop::new("deploy-check") else { return };
    let check =
        "checks: [{ name: api counts, http: 'http://api:8000/', expect: { contains: 'round one' }, retries: 2 }]\n";
    shop.project.write("aictl.yaml", &format!("{PROJECT_FILE}{check}"));
    shop.deploy("one", 0);
    let load = Load::start(shop.port, 4, 0);
    let said = shop.deploy("two", 20);
    let seen = load.end();
    assert!(said.contains("check `api counts` failed") && said.contains("the previous release still serves"), "{said}");
    assert_eq!((seen.failed, seen.rounds.contains("two")), (Vec::new(), false), "{:?}", seen.rounds);
    let shown = shop.project.aictl(&["show"]).ended(0).stdout;
    assert!(shown.contains("GET http://api:8000/") && shown.contains("round two"), "{shown}");
    assert!(!shown.contains(SECRET), "{shown}");
}

#[test]
fn a_saved_plan_is_carried_out_unless_the_engine_changed_and_drift_ends_with_a_start() {
    let Some(shop) = Shop::new("deploy-saved") else { return };
    shop.deploy("1", 0);
    let run = |words: &[&str], code: i32| {
        let outcome = shop.project.command(words).env("ROUND", "2").output().unwrap();
        let said = format!("{}{}", String::from_utf8_lossy(&outcome.stdout), String::from_utf8_lossy(&outcome.stderr));
        assert_eq!(outcome.status.code(), Some(code), "{words:?}: {said}");
        assert!(!said.contains(SECRET), "{said}");
        said
    };
    let said = run(&["plan", "--out", "deploy.plan", "--exit-code"], 6);
    assert!(said.contains("api: environment.ROUND: \"1\" -> \"2\""), "{said}");
    let file = std::fs::read_to_string(shop.project.path().join("deploy.plan")).unwrap();
    assert!(!file.contains(SECRET), "{file}");
    docker(&["rm", "-f", &format!("{}-api-1", shop.project.name())]);
    let before = shop.project.containers();
    let said = run(&["deploy", "--plan", "deploy.plan"], 7);
    assert!(said.contains("is stale") && said.contains("aictl plan --out"), "{said}");
    assert_eq!(shop.project.containers(), before);
    let drift = format!("differs from release 1: api: {}-api-1 is missing", shop.project.name());
    assert!(run(&["status"], 3).contains(&drift));
    assert!(run(&["plan"], 0).contains(&drift));
    run(&["start"], 0);
    let said = run(&["status"], 0);
    assert!(!said.contains("differs from"), "{said}");
    run(&["plan", "--out", "deploy.plan"], 0);
    run(&["deploy", "--plan", "deploy.plan"], 0);
    assert_eq!(shop.served().as_deref(), Some("2"));
    run(&["plan", "--exit-code"], 0);
}
