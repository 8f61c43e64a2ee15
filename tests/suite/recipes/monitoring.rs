//! Prometheus, Alertmanager and the exporters, with a real database and a real cache behind them.
use std::time::Duration;

use serde_json::Value;

use super::{inside, printed, stage};
use crate::support::project::{TestProject, eventually};

const SERVICES: &str = r#"
  postgres:
    <<: *hardened
    image: aictl/postgres:15
    user: postgres
    environment: { POSTGRES_PASSWORD: x }
    tmpfs: [/tmp, /run/postgresql, "/var/lib/postgresql/data:uid=999,gid=999,mode=0700"]
    healthcheck: { test: [CMD, pg_isready, -q, -h, 127.0.0.1], interval: 30s, start_period: 60s }
  redis:
    <<: *hardened
    image: aictl/redis:7
    user: redis
    command: [redis-server, --requirepass, x]
    tmpfs: ["/data:uid=999,gid=999"]
  postgres-exporter:
    <<: *hardened
    image: aictl/postgres-exporter:0
    environment: { DATA_SOURCE_URI: "postgres:5432/postgres?sslmode=disable", DATA_SOURCE_USER: postgres, DATA_SOURCE_PASS: x }
    healthcheck: { test: [CMD, wget, -q, -O, /dev/null, "http://127.0.0.1:9187/"], interval: 30s, start_period: 30s }
    depends_on: { postgres: { condition: service_healthy } }
  redis-exporter:
    <<: *hardened
    image: aictl/redis-exporter:1
    environment: { REDIS_ADDR: "redis://redis:6379", REDIS_PASSWORD: x }
    healthcheck: { test: [CMD, wget, -q, -O, /dev/null, "http://127.0.0.1:9121/"], interval: 30s, start_period: 30s }
  node-exporter:
    <<: *hardened
    image: aictl/node-exporter:1
    command: [--path.rootfs=/host]
    volumes: ["/:/host:ro"]
    healthcheck: { test: [CMD, wget, -q, -O, /dev/null, "http://127.0.0.1:9100/"], interval: 30s, start_period: 30s }
  alertmanager:
    <<: *hardened
    image: aictl/alertmanager:0
    tmpfs: ["/alertmanager:uid=65534"]
    healthcheck: { test: [CMD, wget, -q, -O, /dev/null, "http://127.0.0.1:9093/-/ready"], interval: 30s, start_period: 30s }
  prometheus:
    <<: *hardened
    image: aictl/prometheus:2
    volumes: ["./prometheus.yml:/etc/prometheus/prometheus.yml:ro", "./rules.yml:/etc/prometheus/rules.yml:ro"]
    tmpfs: ["/prometheus:uid=65534"]
    healthcheck: { test: [CMD, wget, -q, -O, /dev/null, "http://127.0.0.1:9090/-/ready"], interval: 30s, start_period: 30s }
"#;

const PROMETHEUS: &str = r"
global: { scrape_interval: 2s, scrape_timeout: 2s, evaluation_interval: 1s }
rule_files: [/etc/prometheus/rules.yml]
alerting: { alertmanagers: [{ static_configs: [{ targets: [alertmanager:9093] }] }] }
scrape_configs:
  - { job_name: postgres, static_configs: [{ targets: [postgres-exporter:9187] }] }
  - { job_name: redis, static_configs: [{ targets: [redis-exporter:9121] }] }
  - { job_name: node, static_configs: [{ targets: [node-exporter:9100] }] }
  - { job_name: alertmanager, static_configs: [{ targets: [alertmanager:9093] }] }
";

const RULES: &str = "groups: [{ name: data, rules: [{ alert: RedisGone, expr: redis_up == 0 }] }]\n";

/// Values of what a query gives, as words.
fn query(stage: &TestProject, expression: &str) -> Vec<String> {
    let address = format!("http://127.0.0.1:9090/api/v1/query?query={}", expression.replace(' ', "%20"));
    let answer: Value =
        serde_json::from_str(&printed(stage, "prometheus", &["wget", "-q", "-O", "-", &address])).unwrap();
    let series = answer["data"]["result"].as_array().cloned().unwrap_or_default();
    series.iter().map(|one| one["value"][1].as_str().unwrap().to_owned()).collect()
}

#[test]
fn exporters_measure_real_services_and_an_alert_of_a_loaded_rule_arrives() {
    let Some(stage) = stage("recipes-monitoring", SERVICES) else { return };
    stage.write("prometheus.yml", PROMETHEUS);
    stage.write("rules.yml", RULES);
    stage.aictl(&["start"]).ended(0);
    eventually("every target is up", Duration::from_secs(30), || query(&stage, "up") == ["1"; 4]);
    for metric in ["pg_up", "redis_up"] {
        eventually(&format!("{metric} is 1"), Duration::from_secs(30), || query(&stage, metric) == ["1"]);
    }
    assert_eq!(query(&stage, "pg_settings_max_connections"), ["100"]);
    assert!(!query(&stage, "redis_memory_used_bytes > 0").is_empty());
    assert!(!query(&stage, "node_memory_MemTotal_bytes > 0").is_empty());

    let checked = |file: &str| inside(&stage, "prometheus", &["promtool", "check", "config", file]);
    assert!(checked("/etc/prometheus/prometheus.yml").ended(0).stdout.contains("1 rules found"));
    assert_ne!(checked("/etc/prometheus/rules.yml").code, 0, "a rule file is no configuration");
    let rules = printed(&stage, "prometheus", &["wget", "-q", "-O", "-", "http://127.0.0.1:9090/api/v1/rules"]);
    assert!(rules.contains("RedisGone") && rules.contains("inactive"), "{rules}");

    stage.aictl(&["stop", "redis"]).ended(0);
    eventually("redis_up is 0", Duration::from_secs(30), || query(&stage, "redis_up") == ["0"]);
    eventually("Alertmanager has the alert", Duration::from_secs(30), || {
        let alerts = ["amtool", "--alertmanager.url=http://127.0.0.1:9093", "alert", "query", "-o", "simple"];
        printed(&stage, "alertmanager", &alerts).contains("RedisGone")
    });
}
