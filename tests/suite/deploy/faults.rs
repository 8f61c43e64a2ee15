//! What goes wrong with a new release on the real engine: the exit code, what serves meanwhile, and the evidence in `show`.

use std::process::{Child, Command, Stdio};
use std::time::Duration;

use super::load::Load;
use super::real::{COMPOSE, PROJECT_FILE, Shop};
use crate::support::project::{docker, eventually};

const DATABASE: &str = r#"
  db:
    image: aictl/postgres:15
    environment: { POSTGRES_PASSWORD: SECRET }
    stop_grace_period: 1s
    healthcheck: { test: [CMD, pg_isready, -h, 127.0.0.1, -U, postgres], interval: 1s, retries: 30 }
"#;

const MIGRATION: &str = r#"
import os, psycopg

if os.environ["ROUND"] == "no-migration":
    print("the column is there already")
    raise SystemExit(9)
with psycopg.connect("host=db user=postgres password=" + os.environ["PASSWORD"]) as database:
    database.execute("CREATE TABLE IF NOT EXISTS orders (id int)")
    database.execute("ALTER TABLE orders ADD COLUMN IF NOT EXISTS note text")
"#;

/// The command and the health check of the app.
const COMMAND: &str = "[python3, /app/app.py]";
const HEALTH: &str = r#"[CMD, bash, -c, "</dev/tcp/127.0.0.1/8000"]"#;

struct Faults {
    shop: Shop,
    compose: String,
    project_file: String,
}

impl Faults {
    fn new() -> Option<Self> {
        let compose = COMPOSE.replace("\nvolumes:", &format!("{DATABASE}volumes:")).replace(
            "    restart: unless-stopped\n    healthcheck:",
            "    restart: unless-stopped\n    depends_on: { db: { condition: service_healthy } }\n    healthcheck:",
        );
        let compose = compose.replace(":80\"]", ":80\", \"127.0.0.1::443\"]");
        let deploy = "drain: 1s, timeout: 60s, migrate: true, lock_timeout: 1s";
        let tasks = "tasks: { migrate: { service: api, command: [python3, /app/migrate.py] } }\n";
        let project_file = format!("{tasks}{}", PROJECT_FILE.replace("drain: 60s", deploy));
        let shop = Shop::of("deploy-faults", &project_file, &compose)?;
        shop.project.write("app/migrate.py", MIGRATION);
        let compose = std::fs::read_to_string(shop.project.path().join("compose.yaml")).unwrap();
        Some(Self { shop, compose, project_file })
    }

    /// A deploy of changed files fails, and `show` has the evidence; the files are as before afterwards.
    #[track_caller]
    fn fails(&self, file: &str, (old, new): (&str, &str), (round, code): (&str, i32), evidence: &[&str]) {
        let text = if file == "compose.yaml" { &self.compose } else { &self.project_file };
        assert!(text.contains(old), "{old}: {text}");
        self.shop.project.write(file, &text.replace(old, new));
        let said = self.shop.deploy(round, code);
        self.shop.project.write(file, text);
        let shown = self.shop.project.aictl(&["show"]).ended(0).stdout;
        for part in evidence {
            assert!(shown.contains(part), "{part}: {shown}\n{said}");
        }
        let still = said.contains("the previous release still serves");
        assert!(code != 20 || still, "{said}");
    }

    /// Another client that keeps the table.
    fn blocker(&self) -> Child {
        let locking = "BEGIN; LOCK TABLE orders IN ACCESS SHARE MODE; SELECT pg_sleep(60)";
        let words = self.psql(locking);
        let blocker = Command::new("docker").args(words).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        let held = "SELECT count(*) FROM pg_locks WHERE relation = 'orders'::regclass";
        eventually("the table is locked", Duration::from_secs(10), || self.query(held).trim() != "0");
        blocker
    }

    fn psql(&self, query: &str) -> Vec<String> {
        let db = format!("{}-db-1", self.shop.project.name());
        ["exec", &db, "psql", "-U", "postgres", "-qAt", "-c", query].map(str::to_owned).into()
    }

    fn query(&self, query: &str) -> String {
        docker(&self.psql(query).iter().map(String::as_str).collect::<Vec<_>>())
    }
}

#[test]
fn whatever_is_wrong_with_a_release_the_previous_one_serves_and_the_reason_is_kept() {
    let Some(faults) = Faults::new() else { return };
    let shop = &faults.shop;
    shop.deploy("one", 0);
    let load = Load::start(shop.port, 2, 0);
    let crashing = r#"[python3, -c, "print('no model file'); raise SystemExit(3)"]"#;
    faults.fails("compose.yaml", (COMMAND, crashing), ("two", 20), &["crash loop", "no model file"]);
    let sick = r#"[CMD, bash, -c, "echo the index is empty; false"]"#;
    let soon = format!("{sick}\n      retries: 2");
    faults.fails("compose.yaml", (HEALTH, &soon), ("two", 20), &["unhealthy", "the index is empty"]);
    let same = ("drain", "drain");
    faults.fails("aictl.yaml", same, ("no-migration", 20), &["ended with exit code 9", "the column is there already"]);
    let mut blocker = faults.blocker();
    faults.fails("aictl.yaml", same, ("two", 20), &["canceling statement due to lock timeout"]);
    faults.query("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query LIKE '%pg_sleep%' AND pid <> pg_backend_pid()");
    let _ = blocker.wait();
    let absent = ("image: aictl/python-fastapi:3.11", "image: 127.0.0.1:9/absent:1");
    faults.fails("compose.yaml", absent, ("two", 20), &["127.0.0.1:9/absent:1", "refused"]);
    let proxy = "proxy: { service: nginx, ";
    let no_file = format!("{proxy}tls: {{ files: {{ certificate: /absent.pem, key: /absent.key }} }}, ");
    faults.fails("aictl.yaml", (proxy, &no_file), ("one", 20), &["cannot load certificate", "/absent.pem"]);
    let seen = load.end();
    assert_eq!((seen.failed, seen.rounds.iter().map(String::as_str).collect::<Vec<_>>()), (Vec::new(), vec!["one"]));
    shop.deploy("two", 0);
    assert_eq!(shop.served().as_deref(), Some("two"));
    let history = shop.project.aictl(&["history"]).ended(0).stdout;
    assert_eq!(history.matches(" failed ").count(), 6, "{history}");
}
