//! The machine is gone: a stack with PostgreSQL, Redis, Elasticsearch and Qdrant comes back from nothing but its repository
//! with every row, key, document and vector, equal by digests that this test computes itself.

use std::os::unix::fs::PermissionsExt as _;

use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::PASSWORD;
use super::vectors::Http;
use crate::support::project::{Outcome, TestProject, docker, free_port};

const SECRETS: &str =
    "DB_PASSWORD=db-s3cret-0123456789\nCACHE_PASSWORD=cache-s3cret-0123456789\nKEY=key-s3cret-0123456789\n";
const SERVICES: &str = "\
services:
  cache:
    image: aictl/redis:7
    command: [redis-server, --appendonly, 'yes', --requirepass, '${CACHE_PASSWORD:?}']
    volumes: ['cache:/data']
  db:
    image: aictl/postgres:15
    environment: { POSTGRES_PASSWORD: '${DB_PASSWORD:?}', POSTGRES_DB: app }
    volumes: ['db:/var/lib/postgresql/data']
    healthcheck: { test: [CMD, pg_isready, -h, 127.0.0.1, -U, postgres], interval: 1s, retries: 60 }
  search:
    image: aictl/elasticsearch:7.10.2
    environment: { discovery.type: single-node, ES_JAVA_OPTS: '-Xms256m -Xmx256m', cluster.routing.allocation.disk.threshold_enabled: 'false', path.repo: /usr/share/elasticsearch/data/snapshots }
    ports: ['127.0.0.1:SEARCH:9200']
    volumes: ['search:/usr/share/elasticsearch/data']
    healthcheck: { test: [CMD, curl, -fs, 'http://127.0.0.1:9200/_cluster/health?wait_for_status=yellow&timeout=1s'], interval: 1s, retries: 120 }
  vectors:
    image: aictl/qdrant-standin:1
    environment: { QDRANT__SERVICE__API_KEY: '${KEY:?}' }
    ports: ['127.0.0.1:VECTORS:6333']
    volumes: ['vectors:/qdrant/storage']
    healthcheck: { test: [CMD, bash, -c, 'exec 3<>/dev/tcp/127.0.0.1/6333'], interval: 1s, retries: 60 }
volumes: { cache: {}, db: {}, search: {}, vectors: {} }
";

struct Stack {
    stage: TestProject,
    /// The project below the stage; empty before the machine is gone.
    home: String,
    search: Http,
    vectors: Http,
}

impl Stack {
    fn new(name: &str) -> Option<Self> {
        let stage = TestProject::new(name)?;
        let search = Http { port: free_port(), login: Vec::new() };
        let key = "api-key: key-s3cret-0123456789".to_owned();
        let vectors = Http { port: free_port(), login: vec!["-H".to_owned(), key] };
        let stack = Self { stage, home: String::new(), search, vectors };
        stack.checkout();
        stack.stage.write(".env", SECRETS);
        Some(stack)
    }

    /// The files that are under version control.
    fn checkout(&self) {
        let services = SERVICES
            .replace("SEARCH", &self.search.port.to_string())
            .replace("VECTORS", &self.vectors.port.to_string());
        self.stage.write("compose.yaml", &services);
        self.stage.write("aictl.yaml", "backup: { repository: sets, password: { env: BACKUP_PASSWORD } }\n");
    }

    #[track_caller]
    fn aictl(&self, words: &[&str], code: i32) -> Outcome {
        let mut command = self.stage.command(words);
        let command = command.env("BACKUP_PASSWORD", PASSWORD).current_dir(self.stage.path().join(&self.home));
        let ran: Outcome = command.output().unwrap().into();
        for line in SECRETS.lines().chain([PASSWORD]) {
            let secret = line.rsplit('=').next().unwrap();
            assert!(!format!("{}{}", ran.stdout, ran.stderr).contains(secret), "{ran:?}");
        }
        ran.ended(code)
    }

    #[track_caller]
    fn redis(&self, words: &[&str]) -> String {
        self.aictl(&[&["redis", "--service", "cache", "-T"], words].concat(), 0).stdout.trim().to_owned()
    }

    #[track_caller]
    fn sql(&self, sql: &str) -> String {
        self.aictl(&["db", "--service", "db", "-T", "-qAtc", sql], 0).stdout
    }

    fn fill(&self) {
        self.sql(
            "create table notes as select n, md5(n::text) as text from generate_series(1, 20000) n; create role reader",
        );
        self.redis(&["mset", "a", "1", "b", "2"]);
        self.redis(&["rpush", "list", "x", "y", "z"]);
        self.vectors.fill("notes", 800, 0);
        let alias = json!({ "actions": [{ "create_alias": { "alias_name": "live", "collection_name": "notes" } }] });
        self.vectors.ask("POST", "/collections/aliases", &alias);
        let search = &self.search;
        let pipeline = json!({ "processors": [{ "set": { "field": "seen", "value": true } }] });
        search.ask("PUT", "/_ingest/pipeline/mark", &pipeline);
        let template =
            json!({ "index_patterns": ["notes-*"], "template": { "settings": { "number_of_replicas": 0 } } });
        search.ask("PUT", "/_index_template/notes", &template);
        let mapping = json!({ "mappings": { "properties": { "text": { "type": "text" }, "n": { "type": "long" } } } });
        search.ask("PUT", "/notes-1", &mapping);
        search.ask("PUT", "/kept-2", &mapping);
        let line = |n: u32| {
            format!(
                "{}\n{}\n",
                json!({ "index": { "_id": n.to_string() } }),
                json!({ "n": n, "text": format!("note {n}") })
            )
        };
        let bulk: String = (1..=1500).map(line).collect();
        self.stage.write("bulk.ndjson", &bulk);
        let data = format!("@{}", self.stage.path().join("bulk.ndjson").display());
        let mut curl = std::process::Command::new("curl");
        curl.args(["-sSf", "-H", "Content-Type: application/x-ndjson", "--data-binary", &data]);
        let url = format!("http://127.0.0.1:{}/notes-1/_bulk?refresh=true&pipeline=mark", search.port);
        let sent: Outcome = curl.arg(url).output().unwrap().into();
        assert!(sent.ended(0).stdout.contains("\"errors\":false"));
        std::fs::remove_file(self.stage.path().join("bulk.ndjson")).unwrap();
        let filtered = json!({ "actions": [{ "add": { "index": "notes-1", "alias": "odd", "filter": { "term": { "seen": true } } } }] });
        search.ask("POST", "/_aliases", &filtered);
    }

    /// What a restore into a directory refuses or only shows, without a change.
    fn refuses_other_places(&self) {
        let root = self.stage.path();
        let restore = ["restore", "--repository", "sets", "--into"];
        let into = |place: &str, code: i32| self.aictl(&[&restore[..], &[place]].concat(), code);
        let planned = self.aictl(&[&["--dry-run"][..], &restore[..], &["new/home"]].concat(), 0);
        assert!(planned.stdout.contains("file compose.yaml") && planned.stdout.contains("of search"), "{planned:?}");
        std::fs::write(root.join("note"), "mine").unwrap();
        let full = into(".", 1);
        assert!(full.stderr.contains("is not empty"), "{full:?}");
        std::os::unix::fs::symlink(root.join("elsewhere"), root.join("link")).unwrap();
        into("link", 1);
        std::fs::create_dir(root.join("other")).unwrap();
        std::fs::write(root.join("other/.env"), "KEY=other").unwrap();
        into("other", 1);
        assert_eq!(std::fs::read_dir(root.join("other")).unwrap().count(), 1, "nothing else was written");
        self.aictl(&["-p", "nosuch", "restore", "--repository", "sets", "--into", "new"], 10);
        self.aictl(&["restore", "--repository", "nosuch", "--into", "new"], 10);
        std::fs::write(root.join("password"), "wrong\n").unwrap();
        self.aictl(&[&restore[..], &["new", "--password-file", "password"]].concat(), 12);
        self.aictl(&[&restore[..], &["new", "--only", "db"]].concat(), 2);
        for name in ["new", "elsewhere"] {
            assert!(!super::exists(&root.join(name)), "{name} was created");
        }
        assert_eq!(self.stage.everything(), Vec::<String>::new());
    }

    /// A digest of each store.
    fn digests(&self) -> Vec<(&'static str, String)> {
        let digest = |text: String| hex::encode(Sha256::digest(text.as_bytes()));
        let rows =
            self.sql("select n, text from notes order by n") + &self.sql("select rolname from pg_roles order by 1");
        let keys =
            [self.redis(&["mget", "a", "b"]), self.redis(&["lrange", "list", "0", "-1"]), self.redis(&["dbsize"])];
        let found = self.search.ask("GET", "/odd/_search?size=5000&sort=n:asc&_source=true", &Value::Null);
        let hits = found["hits"]["hits"].as_array().unwrap_or_else(|| panic!("{found}"));
        let documents: Vec<String> = hits.iter().map(|hit| format!("{}{}", hit["_id"], hit["_source"])).collect();
        let definition = |path: &str| sorted(&self.search.ask("GET", path, &Value::Null)).to_string();
        let definitions =
            ["/_alias", "/_ingest/pipeline/mark", "/_index_template/notes", "/notes-1/_mapping", "/kept-2/_count"];
        let (points, aliases) = self.vectors.vectors("live");
        vec![
            ("rows", digest(rows)),
            ("keys", digest(keys.join("\n"))),
            ("documents", format!("{} {}", documents.len(), digest(documents.join("\n")))),
            ("definitions", definitions.map(definition).join("\n").replace(",\"skipped\":0", "")),
            ("points", digest(points)),
            ("vector aliases", aliases),
        ]
    }
}

/// A value whose keys are in order: a server may list indices in any.
fn sorted(value: &Value) -> Value {
    match value {
        Value::Object(map) => {
            let keys: std::collections::BTreeMap<&String, &Value> = map.iter().collect();
            Value::Object(keys.into_iter().map(|(key, value)| (key.clone(), sorted(value))).collect())
        }
        other => other.clone(),
    }
}

#[test]
fn a_stack_comes_back_on_an_empty_engine_with_every_row_key_document_and_vector() {
    let Some(mut stack) = Stack::new("backup-gone") else { return };
    stack.aictl(&["start"], 0);
    stack.fill();
    let before = stack.digests();
    assert!(before[2].1.starts_with("1500 "), "{before:?}");
    // What a run left behind that was killed.
    let location = json!({ "location": "/usr/share/elasticsearch/data/snapshots/aictl-backup" });
    stack.search.ask("PUT", "/_snapshot/aictl-backup", &json!({ "type": "fs", "settings": location }));
    stack.search.ask("PUT", "/_snapshot/aictl-backup/aictl?wait_for_completion=true", &Value::Null);
    let created = stack.aictl(&["backup", "create"], 0);
    assert!(created.stdout.contains("is complete: 5 parts"), "{created:?}");
    let left = stack.search.ask("GET", "/_snapshot", &Value::Null);
    assert_eq!(left, json!({}), "a repository stays");
    stack.aictl(&["backup", "verify"], 0);
    assert_eq!(stack.digests(), before, "a backup changed something");

    // Containers, volumes and the project are gone; only the repository and its password are left.
    stack.aictl(&["--yes", "stop", "--remove", "-v"], 0);
    for name in ["compose.yaml", "aictl.yaml", ".env"] {
        std::fs::remove_file(stack.stage.path().join(name)).unwrap();
    }
    for state in stack.stage.everything() {
        docker(&["volume", "rm", &state]);
    }
    stack.refuses_other_places();
    let begun = std::time::Instant::now();
    let restored = stack.aictl(&["restore", "--repository", "sets", "--into", "new/home"], 0);
    eprintln!("restored within {:.1}s", begun.elapsed().as_secs_f64());
    stack.home = "new/home".to_owned();
    let home = stack.stage.path().join(&stack.home);
    assert!(restored.stderr.contains("change `backup.repository`"), "{restored:?}");
    assert_eq!(std::fs::read_to_string(home.join(".env")).unwrap(), SECRETS);
    let mode = |name: &str| std::fs::metadata(home.join(name)).unwrap().permissions().mode() & 0o077;
    assert_eq!((mode(".env"), mode("compose.yaml") != 0), (0, true));
    std::fs::rename(stack.stage.path().join("sets"), home.join("sets")).unwrap();
    stack.aictl(&["backup", "list"], 0);
    assert_eq!(stack.digests(), before);

    // Over other data.
    stack.search.ask("DELETE", "/notes-1/_doc/7?refresh=true", &Value::Null);
    stack.search.ask("PUT", "/notes-2", &Value::Null);
    let moved = json!({ "actions": [{ "remove": { "index": "notes-1", "alias": "odd" } }, { "add": { "index": "notes-2", "alias": "odd" } }] });
    stack.search.ask("POST", "/_aliases", &moved);
    stack.aictl(&["--yes", "backup", "restore", "--only", "search", "--no-safety-set"], 0);
    stack.search.ask("DELETE", "/notes-2", &Value::Null);
    assert_eq!(stack.digests(), before);
    let names = stack.search.ask("GET", "/_cat/indices?format=json&h=index&s=index&expand_wildcards=all", &Value::Null);
    assert_eq!(names.to_string(), r#"[{"index":"kept-2"},{"index":"notes-1"}]"#);

    // A restore that fails once indices were replaced: an index has the name of an alias of the set.
    let bare = json!({ "actions": [{ "remove": { "index": "notes-1", "alias": "odd" } }] });
    stack.search.ask("POST", "/_aliases", &bare);
    stack.search.ask("DELETE", "/notes-1/_doc/7?refresh=true", &Value::Null);
    stack.search.ask("PUT", "/odd", &Value::Null);
    let count = || stack.search.ask("GET", "/notes-1/_count", &Value::Null)["count"].clone();
    stack.aictl(&["--yes", "backup", "restore", "--only", "search", "--no-safety-set"], 1);
    assert_eq!(count(), 1499, "the state before the restore");
    let written = stack.search.ask("PUT", "/notes-1/_doc/7?refresh=true", &json!({ "n": 7 }));
    assert_eq!(written["result"], "created", "{written}");
    let names = stack.search.ask("GET", "/_cat/indices?format=json&h=index&s=index&expand_wildcards=all", &Value::Null);
    assert_eq!(names.to_string(), r#"[{"index":"kept-2"},{"index":"notes-1"},{"index":"odd"}]"#);
}
