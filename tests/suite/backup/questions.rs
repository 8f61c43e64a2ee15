//! Queries and references of aictl.yaml: recorded by a backup, asked of what a drill has restored.

use serde_json::{Value, json};

use super::Stored;
use super::vectors::Http;
use crate::support::project::free_port;

const KEY: &str = "vectors-s3cret-0123456789";

impl Stored {
    /// Writes what a drill asks.
    fn ask(&self, drill: &str) {
        self.write_policy("db: { databases: [app] }, cache: {}, vectors: {}");
        let path = self.stage.path().join("aictl.yaml");
        let text = std::fs::read_to_string(&path).unwrap();
        std::fs::write(path, format!("{}\n  drill:\n{drill}", text.trim_end())).unwrap();
    }
}

/// What a drill says is wrong, by what it is of.
#[track_caller]
fn problems(drilled: &Value) -> Vec<(String, String)> {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let findings = drilled["findings"].as_array().unwrap().iter().filter(|found| !found["problem"].is_null());
    findings.map(|found| (text(&found["what"]), text(&found["problem"]))).collect()
}

#[test]
fn a_drill_compares_queries_and_counts_references_that_lead_nowhere() {
    let Some(stored) = Stored::open("backup-questions") else { return };
    let http = Http { port: free_port(), login: vec!["-H".to_owned(), format!("api-key: {KEY}")] };
    let vectors = format!(
        "  vectors:\n    image: aictl/qdrant-standin:1\n    ports: ['127.0.0.1:{}:6333']\n    \
         environment: {{ QDRANT__SERVICE__API_KEY: {KEY} }}\n    volumes: ['vectors:/qdrant/storage']\n    \
         healthcheck: {{ test: [CMD, bash, -c, 'exec 3<>/dev/tcp/127.0.0.1/6333'], interval: 1s, retries: 60 }}\n",
        http.port
    );
    let stack = super::STACK.replace("volumes: { db:", &format!("{vectors}volumes: {{ vectors: {{}}, db:"));
    stored.stage.write("compose.yaml", &stack);
    stored.aictl(&["start"]).ended(0);
    http.fill("notes", 100, 0);
    stored.sql("create table embedded as select n as id from generate_series(1, 100) n");
    stored.sql("create table answers as select * from (values ('greeting'), ('answer')) a (key)");
    let drill = |allowed: u32| {
        format!(
            "    queries:\n    - {{ name: notes, service: db, database: app, query: 'select count(*) from notes' }}\n    \
             - {{ name: fixed, service: db, database: app, query: 'select max(n) from notes', expect: '5000' }}\n    \
             references:\n    - {{ name: embeddings, from: {{ service: db, database: app, query: 'select id from embedded' }}, \
             to: {{ service: vectors, collection: notes }}, allowed: {allowed} }}\n    \
             - {{ name: cached, from: {{ service: db, database: app, query: 'select key from answers' }}, \
             to: {{ service: cache, prefix: '' }} }}\n"
        )
    };
    stored.ask(&drill(0));
    stored.json(&["backup", "create"], 0);
    let good = stored.json(&["backup", "drill"], 0);
    let text = good["findings"].to_string();
    assert!(text.contains("references embeddings: 0 of 100 dangle"), "{text}");
    assert!(text.contains("references cached: 0 of 2 dangle"), "{text}");

    // Rows of points and keys that are not there.
    stored.sql("insert into embedded select 101; insert into embedded select 102");
    stored.sql("insert into answers values ('none')");
    stored.json(&["backup", "create"], 0);
    let failed = problems(&stored.json(&["backup", "drill"], 4));
    let expected = [
        ("references embeddings: 2 of 102 dangle", "0 allowed; not found in vectors: 101, 102"),
        ("references cached: 1 of 3 dangle", "0 allowed; not found in cache: none"),
    ];
    let expected: Vec<_> = expected.iter().map(|(what, problem)| ((*what).to_owned(), (*problem).to_owned())).collect();
    assert_eq!(failed, expected);
    let states = stored.json(&["backup", "list"], 0);
    assert_eq!(states["sets"][0]["state"], json!("taken"), "it holds what was stored: {states}");

    // Fewer than allowed, another result than the expected one, one that failed, and a query that would write.
    stored.sql("delete from answers where key = 'none'; delete from notes where n = 5000");
    let more = "    - { name: lost, service: db, database: app, query: 'select * from gone' }\n    \
                - { name: writes, service: db, database: app, query: 'delete from notes returning 1' }\n    \
                - { name: ends, service: db, database: app, query: 'select 1; commit; begin read write; delete from notes; commit' }\n    \
                - { name: runs, service: db, database: app, query: 'copy (select 1) to program $$touch /tmp/ran$$' }\n    references:\n";
    stored.ask(&drill(2).replace("    references:\n", more));
    let created = stored.aictl(&["backup", "create"]).ended(0);
    assert!(created.stderr.contains("query lost:"), "{created:?}");
    assert_eq!(stored.sql("select count(*) from notes"), "4999");
    let failed = problems(&stored.json(&["backup", "drill"], 4));
    let names: Vec<&str> = failed.iter().map(|(what, _)| what.as_str()).collect();
    assert_eq!(names, ["query fixed", "query lost", "query writes", "query ends", "query runs"], "{failed:?}");
    stored.aictl(&["exec", "-T", "db", "test", "-e", "/tmp/ran"]).ended(1);
    assert!(failed[1].1.contains("\"gone\" does not exist"), "{failed:?}");
    assert_eq!(failed[0].1, "expected 5000, 4999 restored");
}
