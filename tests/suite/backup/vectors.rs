//! Backups of Qdrant: collections with their aliases, restored over other data and drilled; no snapshot stays on the server.

use std::process::Command;

use serde_json::{Value, json};

use super::{PASSWORD, exists};
use crate::support::project::{Outcome, TestProject, docker, free_port};

const KEY: &str = "vectors-s3cret-0123456789";

/// A service with an HTTP port on this machine.
pub struct Http {
    pub port: u16,
    pub login: Vec<String>,
}

impl Http {
    #[track_caller]
    pub fn ask(&self, method: &str, path: &str, body: &Value) -> Value {
        let mut command = Command::new("curl");
        command.args(["-sS", "--max-time", "30", "-X", method, "-H", "Content-Type: application/json"]);
        command.args(&self.login);
        if !body.is_null() {
            command.args(["-d", &body.to_string()]);
        }
        let outcome: Outcome = command.arg(format!("http://127.0.0.1:{}{path}", self.port)).output().unwrap().into();
        let outcome = outcome.ended(0);
        serde_json::from_str(&outcome.stdout).unwrap_or_else(|error| panic!("{method} {path}: {error}: {outcome:?}"))
    }

    /// Fills a collection with points.
    #[track_caller]
    pub fn fill(&self, collection: &str, points: u32, shift: u32) {
        let config = json!({ "vectors": { "size": 4, "distance": "Dot" } });
        self.ask("PUT", &format!("/collections/{collection}"), &config);
        let point =
            |n: u32| json!({ "id": n, "vector": [n + shift, 1, 2, 3], "payload": { "text": format!("note {n}") } });
        let points: Vec<Value> = (1..=points).map(point).collect();
        self.ask("PUT", &format!("/collections/{collection}/points?wait=true"), &json!({ "points": points }));
    }

    /// Every point of a collection as text, and all aliases.
    #[track_caller]
    pub fn vectors(&self, collection: &str) -> (String, String) {
        let asked = json!({ "limit": 10000, "with_payload": true, "with_vector": true });
        let points = self.ask("POST", &format!("/collections/{collection}/points/scroll"), &asked);
        (points["result"].to_string(), self.ask("GET", "/aliases", &Value::Null)["result"].to_string())
    }
}

fn project(name: &str) -> Option<(TestProject, Http)> {
    let stage = TestProject::new(name)?;
    let http = Http { port: free_port(), login: vec!["-H".to_owned(), format!("api-key: {KEY}")] };
    stage.write(
        "compose.yaml",
        &format!(
            "services:\n  vectors:\n    image: aictl/qdrant-standin:1\n    ports: ['127.0.0.1:{}:6333']\n    \
             environment: {{ QDRANT__SERVICE__API_KEY: {KEY} }}\n    volumes: ['vectors:/qdrant/storage']\n    \
             healthcheck: {{ test: [CMD, bash, -c, 'exec 3<>/dev/tcp/127.0.0.1/6333'], interval: 1s, retries: 60 }}\n\
             volumes: {{ vectors: {{}} }}\n",
            http.port
        ),
    );
    stage.write("aictl.yaml", "backup: { repository: sets, password: { env: BACKUP_PASSWORD } }\n");
    Some((stage, http))
}

#[test]
fn collections_come_back_with_their_aliases_and_leave_no_snapshot_on_the_server() {
    let Some((stage, http)) = project("backup-vectors") else { return };
    let aictl = |words: &[&str], code: i32| {
        let ran: Outcome = stage.command(words).env("BACKUP_PASSWORD", PASSWORD).output().unwrap().into();
        assert!(!format!("{ran:?}").contains(KEY), "{ran:?}");
        ran.ended(code)
    };
    aictl(&["start"], 0);
    http.fill("notes", 500, 0);
    http.fill("empty", 0, 0);
    let alias = |collection: &str| json!({ "actions": [{ "create_alias": { "alias_name": "live", "collection_name": collection } }] });
    http.ask("POST", "/collections/aliases", &alias("notes"));
    let before = http.vectors("live");
    let snapshots = || http.ask("GET", "/collections/notes/snapshots", &Value::Null)["result"].clone();
    let own = http.ask("POST", "/collections/notes/snapshots", &json!({}))["result"]["name"].clone();

    let planned = aictl(&["--dry-run", "backup", "create"], 0);
    assert!(planned.stdout.contains("dump qdrant collections of vectors"), "{planned:?}");
    assert!(!exists(&stage.path().join("sets")));
    // What a run left behind that was killed while it asked for a snapshot.
    http.ask("POST", "/collections/notes/snapshots", &json!({}));
    let note = json!({ "made": [], "pending": ["notes", [own]] }).to_string();
    let container = format!("{}-vectors-1", stage.name());
    docker(&["exec", &container, "sh", "-c", "printf %s \"$1\" >/tmp/aictl-backup.json", "sh", &note]);
    aictl(&["backup", "create"], 0);
    assert_eq!(snapshots().as_array().map(Vec::len), Some(1), "the one of the operator alone: {}", snapshots());
    assert_eq!(snapshots()[0]["name"], own);
    aictl(&["backup", "verify"], 0);
    let drilled = aictl(&["backup", "drill"], 0);
    assert!(drilled.stdout.contains("2 counts are those of the backup"), "{drilled:?}");

    // Other points, another alias, and a collection with vectors of another size.
    http.fill("notes", 400, 7);
    http.ask("POST", "/collections/aliases", &alias("empty"));
    http.ask("DELETE", "/collections/empty", &Value::Null);
    http.ask("PUT", "/collections/empty", &json!({ "vectors": { "size": 9, "distance": "Dot" } }));
    let changed = aictl(&["backup", "create"], 0);
    aictl(&["--yes", "backup", "restore", "--only", "vectors"], 0);
    assert_eq!(http.vectors("live"), before, "{changed:?}");
    let collections = http.ask("GET", "/collections", &Value::Null)["result"]["collections"].to_string();
    assert_eq!(collections, r#"[{"name":"empty"},{"name":"notes"}]"#);
    assert_eq!(http.ask("GET", "/collections/empty", &Value::Null)["result"]["config"]["params"]["vectors"]["size"], 4);

    // A restore that fails once collections were replaced: a collection has the name of an alias of the set.
    http.ask("POST", "/collections/aliases", &json!({ "actions": [{ "delete_alias": { "alias_name": "live" } }] }));
    http.fill("live", 3, 0);
    http.fill("notes", 400, 9);
    let (notes, live) = (http.vectors("notes"), http.vectors("live"));
    aictl(&["--yes", "backup", "restore", "--only", "vectors"], 1);
    assert_eq!((http.vectors("notes"), http.vectors("live")), (notes, live), "the state before the restore");
    let collections = http.ask("GET", "/collections", &Value::Null)["result"]["collections"].to_string();
    assert_eq!(collections, r#"[{"name":"empty"},{"name":"live"},{"name":"notes"}]"#);
}
