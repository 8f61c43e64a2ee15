//! Backups of a real stack: created, listed, verified, judged by Debian's restic, and restored after everything was lost.

mod altered;
mod content;
mod damaged;
mod deploys;
mod drill;
mod files;
mod machine_gone;
mod point_in_time;
mod questions;
mod rehearse;
mod restic;
mod safety;
mod servers;
mod status;
mod unfinished;
mod vectors;

use std::path::Path;

use serde_json::Value;

use crate::support::project::{Outcome, TestProject};

const STACK: &str = include_str!("compose.yaml");
pub(super) const PROJECT: &str = "\
environments: { dev: { compose: compose.yaml, env_file: .env } }
backup:
  repository: sets
  password: { env: BACKUP_PASSWORD }
  include: { db: { databases: [app] }, cache: {}, files: { kind: volume, stop: true } }
  keep: { last: 1 }
";
const SECRETS: &str = "DB_PASSWORD=db-s3cret-0123456789\nCACHE_PASSWORD=cache-s3cret-0123456789\n";
/// What is kept of the database outside of it.
const AROUND: &str = "select datconnlimit, array(select unnest(datacl)::text order by 1), shobj_description(oid, 'pg_database'), \
    array(select setrole::regrole || ' ' || unnest(setconfig) from pg_db_role_setting where setdatabase = d.oid order by 1) \
    from pg_database d where datname = 'app'";
const PASSWORD: &str = "repository-s3cret-0123456789";

/// A stack whose services hold something.
pub struct Stored {
    pub stage: TestProject,
}

impl Stored {
    pub fn open(name: &str) -> Option<Self> {
        let stage = TestProject::new(name)?;
        stage.write("compose.yaml", STACK);
        stage.write("aictl.yaml", PROJECT);
        stage.write(".env", SECRETS);
        let stored = Self { stage };
        stored.aictl(&["start"]).ended(0);
        stored.sql(
            "create table notes as select n, 'note ' || n as text from generate_series(1, 5000) n; create role reader",
        );
        stored.sql("grant select on notes to reader");
        // What PostgreSQL keeps of a database outside of it.
        for statement in [
            "alter database app connection limit 50",
            "revoke connect on database app from public",
            "grant connect on database app to reader",
            "alter database app set search_path = \"$user\", public, pg_catalog",
            "alter role reader in database app set statement_timeout = '5s'",
            "comment on database app is 'it''s kept'",
        ] {
            stored.sql(statement);
        }
        for (key, value) in [("greeting", "hello"), ("answer", "42")] {
            stored.aictl(&["redis", "--service", "cache", "-T", "set", key, value]).ended(0);
        }
        stored.in_files("mkdir -p /srv/files/a && echo kept >/srv/files/a/note && chmod 640 /srv/files/a/note");
        Some(stored)
    }

    pub fn aictl(&self, words: &[&str]) -> Outcome {
        self.stage.command(words).env("BACKUP_PASSWORD", PASSWORD).output().unwrap().into()
    }

    /// Other services in the backups.
    pub fn write_policy(&self, include: &str) {
        let include = format!("include: {{ {include} }}");
        let lines = PROJECT
            .lines()
            .map(|line| if line.contains("include:") { format!("  {include}") } else { line.to_owned() });
        self.stage.write("aictl.yaml", &lines.collect::<Vec<_>>().join("\n"));
    }

    #[track_caller]
    pub fn json(&self, words: &[&str], code: i32) -> Value {
        let words: Vec<&str> = ["--output", "json"].iter().chain(words).copied().collect();
        let outcome = self.aictl(&words).ended(code);
        for secret in [PASSWORD, "db-s3cret-0123456789", "cache-s3cret-0123456789"] {
            assert!(!format!("{}{}", outcome.stdout, outcome.stderr).contains(secret), "{outcome:?}");
        }
        serde_json::from_str(&outcome.stdout).unwrap_or_else(|error| panic!("{error}: {outcome:?}"))
    }

    #[track_caller]
    pub fn sql(&self, sql: &str) -> String {
        self.aictl(&["db", "-T", "-qAtc", sql]).ended(0).stdout.trim().to_owned()
    }

    #[track_caller]
    pub fn in_files(&self, script: &str) -> String {
        self.aictl(&["exec", "-T", "files", "sh", "-c", script]).ended(0).stdout.trim().to_owned()
    }

    /// A digest of the rows, the keys and the file, with its mode.
    #[track_caller]
    pub fn state(&self) -> Vec<String> {
        let value = |key: &str| {
            self.aictl(&["redis", "--service", "cache", "-T", "get", key]).ended(0).stdout.trim().to_owned()
        };
        vec![
            self.sql("select md5(string_agg(n || text, ',' order by n)) from notes"),
            self.sql("select has_table_privilege('reader', 'notes', 'select')"),
            self.sql(AROUND),
            value("greeting"),
            value("answer"),
            self.in_files("cat /srv/files/a/note; stat -c %a /srv/files/a/note; find /srv/files | sort"),
        ]
    }
}

pub fn exists(path: &Path) -> bool {
    path.symlink_metadata().is_ok()
}

#[test]
fn a_stack_that_was_lost_comes_back_with_every_row_key_and_file() {
    let Some(stored) = Stored::open("backup-story") else { return };
    let stage = &stored.stage;
    let planned = stored.aictl(&["--dry-run", "backup", "create"]).ended(0);
    assert!(planned.stdout.contains("dump postgres databases of db"), "{planned:?}");
    assert!(!exists(&stage.path().join("sets")), "a dry run created the repository");
    stored.aictl(&["backup", "list"]).ended(10);

    let before = stored.state();
    let created = stored.json(&["backup", "create", "--tag", "first"], 0);
    assert_eq!((&created["complete"], &created["left_out"]), (&true.into(), &serde_json::json!([])), "{created}");
    let set = created["set"].as_str().unwrap().to_owned();
    assert_eq!(stored.state(), before, "files runs again, and nothing else was touched");
    let second = stored.json(&["backup", "create"], 0);
    assert!(second["added_bytes"].as_u64() < Some(200_000), "{second}");
    let listed = stored.json(&["backup", "list"], 0);
    assert_eq!(listed["sets"].as_array().map(Vec::len), Some(2), "{listed}");
    assert_eq!((&listed["sets"][1]["set"], &listed["sets"][1]["tags"][0]), (&set.clone().into(), &"first".into()));
    let verified = stored.json(&["backup", "verify", &set], 0);
    assert_eq!((&verified["decoded"], &verified["damage"]), (&true.into(), &serde_json::json!([])), "{verified}");
    stored.json(&["backup", "verify", "--no-decode"], 0);
    let listed = stored.json(&["backup", "list"], 0);
    let states: Vec<&Value> = listed["sets"].as_array().unwrap().iter().map(|set| &set["state"]).collect();
    assert_eq!(states, ["taken", "verified"], "{listed}");
    stage.command(&["backup", "list"]).env("BACKUP_PASSWORD", "wrong").output().map(Outcome::from).unwrap().ended(12);
    restic::judges(&stored, &set);

    // A running stack: nobody is there to be asked, then it is meant.
    stored.sql("delete from notes where n > 10; create table later (n int)");
    stored.aictl(&["redis", "--service", "cache", "-T", "set", "greeting", "changed"]).ended(0);
    stored.in_files("echo changed >/srv/files/a/note; touch /srv/files/later");
    let changed = stored.state();
    stored.aictl(&["backup", "restore", &set]).ended(5);
    stored.aictl(&["--dry-run", "backup", "restore", &set]).ended(0);
    assert_eq!(stored.state(), changed);
    stored.aictl(&["--yes", "restore", "--service", "cache", &set]).ended(0);
    assert_eq!((&stored.state()[3], &stored.state()[0]), (&before[3], &changed[0]));
    stored.aictl(&["--yes", "backup", "restore", &set]).ended(0);
    assert_eq!(stored.state(), before);
    let databases = stored.sql("select string_agg(datname, ' ' order by datname) from pg_database");
    assert_eq!(databases, "app postgres template0 template1");
    stored.aictl(&["restart", "cache"]).ended(0);
    assert_eq!(stored.state(), before, "what was restored is in the append-only files, too");

    // Everything is gone but the repository, its password and a checkout.
    stored.aictl(&["--yes", "stop", "--remove", "-v"]).ended(0);
    std::fs::remove_file(stage.path().join(".env")).unwrap();
    let restored = stored.json(&["restore", &set], 0);
    assert_eq!(restored["files"], serde_json::json!([".env"]), "{restored}");
    assert_eq!(std::fs::read_to_string(stage.path().join(".env")).unwrap(), SECRETS);
    stored.aictl(&["start"]).ended(0);
    assert_eq!(stored.state(), before);

    // A part that fails leaves the others, and a set that is not taken for a whole one.
    stored.aictl(&["stop", "cache"]).ended(0);
    let partial = stored.json(&["backup", "create"], 30);
    assert_eq!(partial["complete"], false, "{partial}");
    let half = partial["set"].as_str().unwrap();
    stored.aictl(&["--yes", "restore", half]).ended(1);
    stored.aictl(&["start"]).ended(0);
    let last = stored.json(&["backup", "create"], 0);
    stored.aictl(&["backup", "prune"]).ended(5);
    let pruned = stored.json(&["--yes", "backup", "prune"], 0);
    assert_eq!(pruned["sets"].as_array().map(Vec::len), Some(9), "{pruned}");
    let listed = stored.json(&["backup", "list"], 0);
    assert_eq!(
        (listed["sets"].as_array().map(Vec::len), &listed["sets"][0]["set"]),
        (Some(2), &last["set"]),
        "{listed}"
    );
    stored.json(&["backup", "verify"], 0);
    restic::checks(&stored);
}

#[test]
fn what_is_not_supported_yet_is_refused_by_name() {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| std::fs::write(folder.path().join(name), text).unwrap();
    write("compose.yaml", "services: { db: { image: 'postgres:15' } }\n");
    for (backup, words, said) in [
        ("repository: 'rest:https://h/b'", "create", "backup.repository: `rest:` repositories"),
        ("repository: 'b2:bucket'", "list", "backup.repository: `b2:` repositories"),
        ("repository: b, keep: { last: 1 }, schedule: '0 3 * * *'", "create", "backup.schedule"),
    ] {
        write("aictl.yaml", &format!("name: refused\nbackup: {{ {backup}, password: {{ env: HOME }} }}\n"));
        let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_aictl"));
        command.arg("backup").args(words.split(' ')).current_dir(folder.path());
        let outcome = Outcome::from(command.output().unwrap()).ended(78);
        assert!(outcome.stderr.contains(&format!("not supported yet: {said}")), "{backup}: {}", outcome.stderr);
    }
    write("aictl.yaml", "name: refused\n");
    let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_aictl"));
    let outcome =
        Outcome::from(command.args(["backup", "list"]).current_dir(folder.path()).output().unwrap()).ended(78);
    assert!(outcome.stderr.contains("aictl.yaml has no `backup`"), "{}", outcome.stderr);
}
