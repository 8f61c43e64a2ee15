//! The assistant's full environment on the real engine: every service healthy, hardened, watched, searchable and checked.
use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::assistant::{Assistant, PASSWORD};
use crate::support::project::{docker, eventually};

const SERVICES: [&str; 14] = [
    "alertmanager",
    "api",
    "elasticsearch",
    "frontend",
    "grafana",
    "kibana",
    "logstash",
    "node-exporter",
    "postgres",
    "postgres-exporter",
    "prometheus",
    "qdrant",
    "redis",
    "redis-exporter",
];

/// Ready within the two minutes that its users were promised.
const PROMISED: Duration = Duration::from_secs(120);

/// What the engine says of a service's container.
fn inspected(assistant: &Assistant, service: &str) -> Value {
    let container = format!("{}-{service}-1", assistant.stage.name());
    let text = docker(&["container", "inspect", "--format", "{{json .}}", &container]);
    serde_json::from_str(&text).unwrap()
}

/// What a container has that it should not, or the reverse.
fn soft(service: &str, container: &Value) -> Vec<String> {
    let host = |key: &str| &container["HostConfig"][key];
    let user = container["Config"]["User"].as_str().unwrap_or_default();
    let rules = [
        ("no way to more rights", host("SecurityOpt").to_string().contains("no-new-privileges:true")),
        ("all capabilities dropped", host("CapDrop") == &json!(["ALL"]) && host("CapAdd").is_null()),
        ("a root that is not written", host("ReadonlyRootfs") == true),
        ("no privileged mode", host("Privileged") == false),
        ("a tmpfs", host("Tmpfs").as_object().is_some_and(|mounts| !mounts.is_empty())),
        ("a user that is not root", !["", "0", "root", "0:0"].contains(&user)),
        ("a memory limit", host("Memory").as_u64() > Some(0)),
        ("a cpu limit", host("NanoCpus").as_u64() > Some(0)),
        ("an end to its logs", host("LogConfig")["Config"]["max-size"] == "10m"),
    ];
    rules.iter().filter(|(_, kept)| !kept).map(|(rule, _)| format!("{service} lacks {rule}")).collect()
}

/// `job state` of every target of Prometheus.
fn targets(assistant: &Assistant) -> Vec<String> {
    let found = assistant.ask(assistant.prometheus, "GET", "/api/v1/targets", &[]).json();
    let word = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let mut all: Vec<String> = found["data"]["activeTargets"]
        .as_array()
        .into_iter()
        .flatten()
        .map(|target| format!("{} {}", word(&target["labels"]["job"]), word(&target["health"])))
        .collect();
    all.sort();
    all
}

fn grafana(assistant: &Assistant, path: &str) -> Value {
    let login = format!("admin:{PASSWORD}");
    assistant.ask(assistant.grafana, "GET", path, &["-u", &login]).json()
}

fn found(assistant: &Assistant, kind: &str, question: &str) -> String {
    let answer = assistant.get(&format!("/api/search?kind={kind}&q={question}"));
    assert_eq!(answer.status, 200, "{kind}: {}", answer.body);
    answer.body
}

#[test]
fn example_full_is_healthy_hardened_watched_and_leaves_nothing() {
    let Some(assistant) = Assistant::new("example-full", "full") else { return };
    let stage = &assistant.stage;
    assistant.aictl(&["build"]).ended(0);

    let begun = Instant::now();
    assistant.aictl(&["start"]).ended(0);
    assert!(begun.elapsed() < PROMISED, "ready after {:?}", begun.elapsed());
    let mut names: Vec<String> =
        stage.containers().keys().map(|name| name.trim_start_matches('/').to_owned()).collect();
    names.sort();
    assert_eq!(names, SERVICES.map(|service| format!("{}-{service}-1", stage.name())));
    for service in SERVICES {
        let found = soft(service, &inspected(&assistant, service));
        assert!(found.is_empty(), "{found:?}");
        eventually(&format!("{service} is healthy to the engine"), Duration::from_secs(60), || {
            inspected(&assistant, service)["State"]["Health"]["Status"] == "healthy"
        });
    }
    watched(&assistant);
    searchable(&assistant);
    well(&assistant);
    reachable(&assistant);
    broken(&assistant);

    assistant.aictl(&["stop", "--remove", "-v"]).ended(0);
    assert_eq!(stage.everything(), Vec::<String>::new());
}

/// Prometheus reaches every target and knows the rules; Grafana has its source and its dashboard.
#[track_caller]
fn watched(assistant: &Assistant) {
    let wanted = ["alertmanager up", "api up", "node up", "postgres up", "prometheus up", "redis up"];
    eventually("every target is up", Duration::from_secs(40), || targets(assistant) == wanted);
    let rules = assistant.ask(assistant.prometheus, "GET", "/api/v1/rules", &[]);
    assert!(rules.body.contains("ApiMissing") && rules.body.contains("HighErrorRate"), "{}", rules.body);
    assert_eq!(grafana(assistant, "/api/search")[0]["uid"], "ai-assistant-overview");
    let up = grafana(assistant, "/api/datasources/proxy/uid/prometheus/api/v1/query?query=pg_up");
    assert_eq!(up["data"]["result"][0]["value"][1], "1", "{up}");
    let stranger = assistant.ask(assistant.grafana, "GET", "/api/datasources", &[]);
    assert_eq!(stranger.status, 401, "{}", stranger.body);
}

/// A document is found by its words, by what it is like, and by the log of its making.
#[track_caller]
fn searchable(assistant: &Assistant) {
    assistant.prepare();
    let body = json!({ "title": "Parental leave", "body": "It lasts fourteen weeks." });
    let created = assistant.post("/api/documents", &body, Some(&assistant.login()));
    assert_eq!(created.status, 201, "{}", created.body);
    assert_eq!(assistant.ready().status, 200);
    for kind in ["text", "vector"] {
        eventually(&format!("{kind} search finds it"), Duration::from_secs(20), || {
            found(assistant, kind, "fourteen+weeks").contains("Parental leave")
        });
    }
    eventually("its request is in the searchable log", Duration::from_secs(40), || {
        assistant
            .ask(assistant.kibana, "GET", "/app/discover?index=logs-*&q=documents", &[])
            .body
            .contains("/api/documents")
    });
}

/// Checks of what aictl knows by its image, besides those of the project and of each service's state.
const KNOWN: [&str; 13] = [
    "alertmanager is ready",
    "elasticsearch cluster is not red",
    "grafana is healthy",
    "kibana is available",
    "logstash answers",
    "node-exporter measures",
    "postgres answers a query over TCP",
    "postgres-exporter reaches its database",
    "prometheus is ready",
    "prometheus rules are loaded",
    "prometheus targets are up",
    "qdrant is ready",
    "redis answers PING",
];

fn tested(assistant: &Assistant, code: i32, manner: &[&str]) -> Value {
    let tested = assistant.aictl(&[&["--output", "json", "smoke-test"], manner].concat()).ended(code);
    serde_json::from_str(&tested.stdout).unwrap_or_else(|error| panic!("{error}: {tested:?}"))
}

fn names(report: &Value, wanted: impl Fn(&Value) -> bool) -> BTreeSet<String> {
    let checks = report["checks"].as_array().unwrap().iter();
    checks.filter(|check| wanted(check)).map(|check| check["name"].as_str().unwrap().to_owned()).collect()
}

/// Every check passes: the known ones, those of the project, and one of each service.
#[track_caller]
fn well(assistant: &Assistant) {
    let report = tested(assistant, 0, &[]);
    let passed = names(&report, |check| check["verdict"] == "passed");
    let services = SERVICES.map(|service| format!("{service} runs"));
    let project =
        ["api reaches what it needs", "page passes requests on", "database is migrated", "alert rules are loaded"];
    let wanted = services.into_iter().chain(KNOWN.iter().chain(&project).map(ToString::to_string));
    let missing: Vec<String> = wanted.filter(|name| !passed.contains(name)).collect();
    assert!(missing.is_empty(), "{missing:?} of {passed:?}");
    assert_eq!((&report["failed"], &report["not_ready"]), (&json!(0), &json!([])), "{report}");
}

/// Every address that status shows answers a browser.
#[track_caller]
fn reachable(assistant: &Assistant) {
    let status = assistant.aictl(&["status", "--output", "json"]).ended(0);
    let status: Value = serde_json::from_str(&status.stdout).unwrap();
    let shown = status["services"].as_array().unwrap().iter().flat_map(|service| service["urls"].as_array().unwrap());
    let mut ports = BTreeSet::new();
    for url in shown.map(|url| url.as_str().unwrap()) {
        let port: u16 = url.strip_prefix("http://localhost:").and_then(|port| port.parse().ok()).expect(url);
        // Who opens the dashboards logs in, and the api has no page at its root.
        let login = format!("admin:{PASSWORD}");
        let more: &[&str] = if port == assistant.grafana { &["-u", &login] } else { &[] };
        let answer = if port == assistant.api { assistant.ready() } else { assistant.ask(port, "GET", "/", more) };
        assert!((200..400).contains(&answer.status), "{url}: {answer:?}");
        ports.insert(port);
    }
    let Assistant { api, page, prometheus, grafana, kibana, alertmanager, .. } = assistant;
    assert_eq!(ports, [*api, *page, *prometheus, *grafana, *kibana, *alertmanager].into());
}

/// Without its search services exactly they, and who cannot do without them, are red.
#[track_caller]
fn broken(assistant: &Assistant) {
    for service in ["elasticsearch", "qdrant"] {
        docker(&["stop", &format!("{}-{service}-1", assistant.stage.name())]);
    }
    let wanted = [
        "api reaches what it needs",
        "elasticsearch cluster is not red",
        "elasticsearch runs",
        "kibana is available",
        "qdrant is ready",
        "qdrant runs",
    ];
    let report = tested(assistant, 4, &["--retries", "0", "--timeout", "30s"]);
    let red = names(&report, |check| check["verdict"] == "failed");
    assert_eq!(red, wanted.map(str::to_owned).into(), "{report}");
    let checks = report["checks"].as_array().unwrap();
    let api = checks.iter().find(|check| check["name"] == "api reaches what it needs").unwrap();
    assert_eq!(api["because_of"], json!(["elasticsearch", "qdrant"]), "{api}");
}

#[test]
fn a_soft_container_is_found() {
    let open =
        json!({ "Config": { "User": "" }, "HostConfig": { "Privileged": true, "CapDrop": ["ALL"], "CapAdd": null } });
    let found = soft("x", &open);
    assert!(found.contains(&"x lacks a user that is not root".to_owned()), "{found:?}");
    assert!(found.contains(&"x lacks no privileged mode".to_owned()), "{found:?}");
    assert!(!found.contains(&"x lacks all capabilities dropped".to_owned()), "{found:?}");
}
