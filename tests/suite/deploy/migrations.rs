//! Migrations on the real engine: tried on a copy of the schema, refused where the release before could not go on.

use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use super::real::{COMPOSE, PROJECT_FILE, Shop};
use crate::support::project::{docker, eventually};

const DATABASE: &str = r#"
  db:
    image: aictl/postgres:15
    environment: { POSTGRES_PASSWORD: SECRET }
    volumes: ["db:/var/lib/postgresql/data"]
    stop_grace_period: 5s
    healthcheck: { test: [CMD, pg_isready, -h, 127.0.0.1, -U, postgres], interval: 1s, retries: 60 }
"#;

/// Runs the statements of a file, which is mounted.
const MIGRATE: &str = r#"
import os, psycopg
with psycopg.connect("host=db user=postgres password=" + os.environ["PASSWORD"]) as database:
    database.execute(open("/app/migration.sql").read())
"#;

const BACKUP: &str = "backup: { repository: sets, password: { env: BACKUP_PASSWORD }, include: { db: {} } }\n";

struct Migrated {
    shop: Shop,
}

impl Migrated {
    fn new(name: &str, more: &str) -> Option<Self> {
        let compose = COMPOSE
            .replace("\nvolumes: { aictl_proxy: {} }", &format!("{DATABASE}volumes: {{ aictl_proxy: {{}}, db: {{}} }}"))
            .replace(
                "    restart: unless-stopped\n    healthcheck:",
                "    restart: unless-stopped\n    depends_on: { db: { condition: service_healthy } }\n    healthcheck:",
            );
        let tasks = "tasks: { migrate: { service: api, command: [python3, /app/migrate.py] } }\n";
        let deploy = "drain: 1s, timeout: 60s, migrate: true, lock_timeout: 2s";
        let file = format!("{tasks}{more}{}", PROJECT_FILE.replace("drain: 60s", deploy));
        let shop = Shop::of(name, &file, &compose)?;
        shop.project.write("app/migrate.py", MIGRATE);
        Some(Self { shop })
    }

    #[track_caller]
    fn deploy(&self, (round, sql): (&str, &str), words: &[&str], code: i32) -> String {
        self.shop.project.write("app/migration.sql", sql);
        self.aictl(&[&["deploy"], words].concat(), round, code)
    }

    #[track_caller]
    fn aictl(&self, words: &[&str], round: &str, code: i32) -> String {
        let mut command = self.shop.project.command(words);
        let output = command.env("ROUND", round).env("BACKUP_PASSWORD", "pass-for-a-backup-0123").output().unwrap();
        let said = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        assert_eq!(output.status.code(), Some(code), "{said}");
        said
    }

    fn psql(&self, sql: &str) -> Vec<String> {
        let db = format!("{}-db-1", self.shop.project.name());
        ["exec", &db, "psql", "-U", "postgres", "-qAt", "-c", sql].map(str::to_owned).into()
    }

    fn query(&self, sql: &str) -> String {
        docker(&self.psql(sql).iter().map(String::as_str).collect::<Vec<_>>()).trim().to_owned()
    }

    /// Another client that lets nobody read the table.
    fn blocker(&self) -> Child {
        let words = self.psql("BEGIN; LOCK TABLE orders; SELECT pg_sleep(60)");
        let blocker = Command::new("docker").args(words).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        let held = "SELECT count(*) FROM pg_locks WHERE relation = 'orders'::regclass";
        eventually("the table is locked", Duration::from_secs(10), || self.query(held) != "0");
        blocker
    }

    fn schema(&self) -> String {
        let db = format!("{}-db-1", self.shop.project.name());
        docker(&["exec", &db, "pg_dump", "-U", "postgres", "--schema-only", "--restrict-key=x"])
    }

    fn leave_behind_what_a_killed_trial_does(&self) {
        let project = format!("{}-aictl-trial", self.shop.project.name());
        let host = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap();
        let labels = [
            format!("--label=com.docker.compose.project={project}"),
            "--label=com.docker.compose.service=db".to_owned(),
            "--label=com.docker.compose.container-number=1".to_owned(),
            "--label=com.docker.compose.oneoff=False".to_owned(),
            "--label=com.docker.compose.config-hash=drill".to_owned(),
            format!("--label=io.aictl.drill={}/999999999", host.trim()),
        ];
        let name = format!("--name={project}-db-1");
        let labels = labels.iter().map(String::as_str);
        docker(&["run", "-d", &name].into_iter().chain(labels).chain(["aictl/redis:7"]).collect::<Vec<_>>());
    }

    #[track_caller]
    fn nothing_is_left(&self) {
        let filter = format!("label=com.docker.compose.project={}-aictl-trial", self.shop.project.name());
        assert_eq!(docker(&["ps", "-aq", "--filter", &filter]).trim(), "");
        assert_eq!(docker(&["network", "ls", "-q", "--filter", &filter]).trim(), "");
    }
}

const FIRST: (&str, &str) = ("one", "create table if not exists orders (id int primary key, note text)");
const ADDED: (&str, &str) = ("two", "alter table orders add column if not exists price int");
const DROPPED: (&str, &str) = ("three", "alter table orders drop column if exists note");

#[test]
fn a_migration_that_the_release_before_cannot_survive_is_refused_before_any_effect() {
    let Some(migrated) = Migrated::new("deploy-migrate", "") else { return };
    let shop = &migrated.shop;
    migrated.deploy(FIRST, &[], 0);
    let said = migrated.deploy(ADDED, &[], 0);
    assert!(said.contains("trying migration `migrate` on a copy of the schema"), "{said}");
    let shown = migrated.aictl(&["show"], "two", 0);
    assert!(shown.contains("adds column orders.price; the release before can still run"), "{shown}");
    migrated.nothing_is_left();
    migrated.leave_behind_what_a_killed_trial_does();
    let before = migrated.schema();
    let planned = {
        shop.project.write("app/migration.sql", DROPPED.1);
        migrated.aictl(&["plan"], "three", 0)
    };
    assert!(planned.contains("drops column orders.note"), "{planned}");
    migrated.nothing_is_left();
    let said = migrated.deploy(DROPPED, &[], 1);
    assert!(said.contains("cannot run after migration `migrate`: drops column orders.note"), "{said}");
    assert_eq!((migrated.schema() == before, shop.served().as_deref()), (true, Some("two")));
    let failing = ("four", "select 1 / 0");
    let said = migrated.deploy(failing, &[], 20);
    assert!(said.contains("division by zero") && said.contains("the previous release still serves"), "{said}");
    assert!(migrated.aictl(&["show"], "four", 0).contains("division by zero"));
    let said = migrated.deploy(DROPPED, &["--allow-incompatible-migration"], 78);
    assert!(said.contains("needs a backup"), "{said}");
    assert_eq!(migrated.schema(), before);
    migrated.nothing_is_left();
}

#[test]
fn a_schema_that_another_client_locks_is_not_waited_for() {
    let Some(migrated) = Migrated::new("deploy-migrate-locked", "") else { return };
    migrated.deploy(FIRST, &[], 0);
    let before = migrated.schema();
    let mut blocker = migrated.blocker();
    let began = Instant::now();
    let said = migrated.deploy(ADDED, &[], 1);
    let took = began.elapsed();
    migrated.query("select pg_terminate_backend(pid) from pg_locks where relation = 'orders'::regclass");
    let _ = blocker.wait();
    assert!(said.contains("could not be tried on a copy of the schema") && said.contains("database: none"), "{said}");
    assert!(took < Duration::from_secs(45), "{took:?}");
    assert_eq!(migrated.schema(), before);
    migrated.nothing_is_left();
    migrated.deploy(ADDED, &[], 0);
}

#[test]
fn an_allowed_one_that_fails_on_the_rows_is_gone_back_from_with_the_data() {
    let Some(migrated) = Migrated::new("deploy-migrate-back", BACKUP) else { return };
    let shop = &migrated.shop;
    migrated.deploy(FIRST, &[], 0);
    migrated.query("insert into orders values (1, 'kept')");
    // The copy has no rows that could be in the way.
    let fails = ("two", "alter table orders drop column note; alter table orders add check (id > 1)");
    let said = migrated.deploy(fails, &["--allow-incompatible-migration"], 1);
    assert!(said.contains("aictl rollback --with-data") && !said.contains("still serves"), "{said}");
    assert_eq!(shop.served(), None, "clients get the maintenance page");
    migrated.aictl(&["--yes", "rollback", "--with-data"], "unused", 0);
    migrated.aictl(&["deploy", "--maintenance", "off"], "one", 0);
    eventually("the release before serves", Duration::from_secs(10), || shop.served().as_deref() == Some("one"));
    assert_eq!(migrated.query("select * from orders"), "1|kept");
    migrated.nothing_is_left();
}

#[test]
fn an_allowed_one_runs_behind_the_maintenance_page_after_a_backup_and_the_release_before_is_not_brought_back() {
    let Some(migrated) = Migrated::new("deploy-migrate-allowed", BACKUP) else { return };
    let shop = &migrated.shop;
    migrated.deploy(FIRST, &[], 0);
    let said = migrated.deploy(DROPPED, &["--allow-incompatible-migration"], 0);
    assert!(said.contains("aictl rollback --with-data"), "{said}");
    let shown = migrated.aictl(&["--output", "json", "show"], "three", 0);
    let shown: serde_json::Value = serde_json::from_str(&shown).unwrap();
    let steps: Vec<String> = shown["steps"].as_array().unwrap().iter().map(|s| s["operation"].to_string()).collect();
    let place =
        |kind: &str| steps.iter().position(|step| step.contains(kind)).unwrap_or_else(|| panic!("{kind}: {steps:?}"));
    assert!(
        place("enable-maintenance") < place("run-task") && place("run-task") < place("disable-maintenance"),
        "{steps:?}"
    );
    let release = &shown["release"];
    assert!(release["backup"]["set"].is_string(), "{release}");
    let migration = &release["migrations"][0];
    assert_eq!(
        (&migration["compatible"], &migration["changes"][0]["what"]),
        (&false.into(), &"drops column orders.note".into())
    );
    assert_ne!(migration["before"]["digest"], migration["after"]["digest"], "{migration}");
    eventually("the new release serves", Duration::from_secs(10), || shop.served().as_deref() == Some("three"));
    let before = docker(&["ps", "-q", "--filter", &format!("name={}-", shop.project.name())]);
    let said = migrated.aictl(&["rollback"], "unused", 1);
    assert!(said.contains("drops column orders.note") && said.contains("--with-data"), "{said}");
    assert_eq!(docker(&["ps", "-q", "--filter", &format!("name={}-", shop.project.name())]), before);
    migrated.nothing_is_left();
}
