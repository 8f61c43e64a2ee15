//! Elasticsearch 7.10.2: documents, search, and a snapshot that brings them back.
use serde_json::{Value, json};

use super::{printed, stage, user};
use crate::support::project::TestProject;

fn ask(stage: &TestProject, method: &str, path: &str, body: &Value) -> Value {
    let address = format!("http://127.0.0.1:9200{path}");
    let body = body.to_string();
    let mut words = vec!["curl", "-sS", "--max-time", "30", "-X", method, "-H", "Content-Type: application/json"];
    if body != "null" {
        words.extend(["-d", &body]);
    }
    words.push(&address);
    serde_json::from_str(&printed(stage, "elasticsearch", &words)).unwrap()
}

#[test]
fn elasticsearch_searches_and_a_snapshot_brings_back_what_was_deleted() {
    let services = r#"
  elasticsearch:
    <<: *hardened
    image: aictl/elasticsearch:7.10.2
    environment:
      discovery.type: single-node
      # The quick compiler alone: half of the time on a processor.
      ES_JAVA_OPTS: -Xms256m -Xmx256m -XX:TieredStopAtLevel=1
      path.repo: /usr/share/elasticsearch/data/snapshots
      xpack.security.enabled: "false"
    volumes: ["data:/usr/share/elasticsearch/data"]
    tmpfs: [/tmp, /usr/share/elasticsearch/logs]
    healthcheck: { test: [CMD-SHELL, "curl -fsS 'http://127.0.0.1:9200/_cluster/health?wait_for_status=yellow&timeout=1s'"], interval: 30s, start_period: 90s }
volumes: { data: {} }
"#;
    let Some(stage) = stage("recipes-elasticsearch", services) else { return };
    stage.aictl(&["start"]).ended(0);
    assert_eq!(user(&stage, "elasticsearch"), "elasticsearch");
    let get = |path: &str| ask(&stage, "GET", path, &Value::Null);
    assert_eq!(get("/")["version"]["number"], "7.10.2");
    ask(&stage, "PUT", "/notes/_doc/1?refresh=true", &json!({ "text": "parental leave lasts fourteen weeks" }));
    let hits = || get("/notes/_search?q=text:fourteen&ignore_unavailable=true")["hits"]["total"]["value"].clone();
    assert_eq!(hits(), 1);

    let settings = json!({ "type": "fs", "settings": { "location": "nightly" } });
    assert_eq!(ask(&stage, "PUT", "/_snapshot/nightly", &settings)["acknowledged"], true);
    let taken = ask(&stage, "PUT", "/_snapshot/nightly/one?wait_for_completion=true", &json!({ "indices": "notes" }));
    assert_eq!(taken["snapshot"]["state"], "SUCCESS", "{taken}");
    assert_eq!(ask(&stage, "DELETE", "/notes", &Value::Null)["acknowledged"], true);
    assert_eq!(hits(), 0);
    let back = ask(&stage, "POST", "/_snapshot/nightly/one/_restore?wait_for_completion=true", &json!({}));
    assert_eq!(back["snapshot"]["shards"]["failed"], 0, "{back}");
    assert_eq!(hits(), 1);

    stage.aictl(&["start", "--force-recreate"]).ended(0);
    assert_eq!(hits(), 1, "the volume keeps it");
}
