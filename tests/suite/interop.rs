//! aictl and the real Docker Compose on the same stack: neither recreates what the other made.
use crate::stage::Stage;

const STACK: &str = r#"
services:
  db:
    image: aictl-lab/tool:1
    command: [tool, serve, --ready-after, "100"]
    healthcheck: { test: [CMD, tool, ready], interval: 1s, timeout: 5s, retries: 20 }
    volumes: ["data:/data"]
    networks: { back: { aliases: [database] } }
    environment: { PASSWORD: "a$$b", EMPTY: "" }
    labels: { team: "data" }
  api:
    image: aictl-lab/tool:1
    command: [tool, serve, --port, "8080", --text, hello]
    depends_on: { db: { condition: service_healthy } }
    healthcheck: { test: [CMD, tool, ready], interval: 1s, timeout: 5s, retries: 20 }
    networks: [front, back]
    ports: ["127.0.0.1::8080"]
    read_only: true
    tmpfs: [/run]
    cap_drop: [ALL]
    security_opt: ["no-new-privileges:true"]
    deploy: { replicas: 2, resources: { limits: { cpus: "0.5", memory: 64M } } }
    logging: { driver: json-file, options: { max-size: 1m } }
    ulimits: { nofile: { soft: 1024, hard: 2048 } }
    extra_hosts: ["host.example:10.0.0.1"]
    configs: [{ source: greeting, target: /etc/greeting }]
    secrets: [token]
  once:
    image: aictl-lab/tool:1
    command: [tool, exit, "0"]
    networks: [back]
configs: { greeting: { file: ./greeting.txt } }
secrets: { token: { file: ./token.txt } }
networks: { front: {}, back: { internal: true, driver_opts: { com.docker.network.driver.mtu: "1400" } } }
volumes: { data: { labels: { keep: "yes" } } }
"#;

fn stage(name: &str) -> Option<Stage> {
    let stage = Stage::with(name, STACK)?;
    stage.write("greeting.txt", "hello\n");
    stage.write("token.txt", "s3cr3t\n");
    Some(stage)
}

/// Names with ids only: the one-shot is started again by both tools, which recreates nothing.
fn identities(stage: &Stage) -> Vec<(String, String)> {
    let of = |(name, rest): (String, String)| (name, rest.split(' ').next().unwrap_or_default().to_owned());
    stage.containers().into_iter().map(of).collect()
}

#[test]
fn compose_recreates_nothing_that_aictl_started() {
    let Some(stage) = stage("interop-ours") else { return };
    stage.aictl(&["start"]).ended(0);
    let before = identities(&stage);
    assert_eq!(before.len(), 4, "{before:?}");
    stage.compose(&["up", "-d"]).ended(0);
    assert_eq!(identities(&stage), before);
}

#[test]
fn aictl_touches_nothing_that_compose_started() {
    let Some(stage) = stage("interop-theirs") else { return };
    stage.compose(&["up", "-d"]).ended(0);
    let before = identities(&stage);
    assert_eq!(before.len(), 4, "{before:?}");
    stage.aictl(&["start"]).ended(0);
    assert_eq!(identities(&stage), before);
}

#[test]
fn compose_lists_reads_and_removes_what_aictl_started() {
    let Some(stage) = stage("interop-verbs") else { return };
    stage.aictl(&["start"]).ended(0);
    let listed = stage.compose(&["ps", "-a", "--format", "{{.Service}}"]).ended(0).stdout;
    let mut services: Vec<&str> = listed.split_whitespace().collect();
    services.sort_unstable();
    assert_eq!(services, ["api", "api", "db", "once"]);
    assert!(stage.compose(&["logs", "--no-color", "once"]).ended(0).stdout.contains("ending with 0"));
    assert_eq!(stage.compose(&["exec", "-T", "api", "cat", "/etc/greeting"]).ended(0).stdout, "hello\n");
    stage.compose(&["down", "-v"]).ended(0);
    assert!(stage.containers().is_empty());
}

#[test]
fn aictl_shows_and_removes_what_compose_started() {
    let Some(stage) = stage("interop-removes") else { return };
    stage.compose(&["up", "-d"]).ended(0);
    let status = stage.aictl(&["status"]).ended(0).stdout;
    for service in ["api", "db"] {
        assert!(status.lines().any(|line| line.contains(service) && line.contains("healthy")), "{status}");
    }
    stage.aictl(&["stop", "--remove", "-v"]).ended(0);
    assert_eq!(stage.everything(), Vec::<String>::new());
}

#[test]
fn a_changed_service_alone_is_recreated_by_whoever_comes_next() {
    let Some(stage) = stage("interop-changed") else { return };
    stage.aictl(&["start"]).ended(0);
    let before = identities(&stage);
    stage.write("compose.yaml", &STACK.replace("team: \"data\"", "team: \"storage\""));
    stage.compose(&["up", "-d"]).ended(0);
    let after = identities(&stage);
    let changed: Vec<&str> = after
        .iter()
        .filter(|entry| !before.contains(entry))
        .map(|(name, _)| name.rsplit('-').nth(1).unwrap())
        .collect();
    assert_eq!(changed, ["db"]);
    stage.aictl(&["start"]).ended(0);
    assert_eq!(identities(&stage), after);
}
