//! Point in time: PostgreSQL as it was between two transactions, and what is refused when WAL is missing.

use std::path::PathBuf;
use std::time::Duration;

use serde_json::Value;

use super::Stored;
use super::safety::id;
use crate::support::project::{docker, eventually};

const PHYSICAL: &str = "db: { kind: postgres, databases: [app], physical: true }, cache: {}";

impl Stored {
    /// The clock of the server, in the form of `--at`.
    #[track_caller]
    fn clock(&self) -> String {
        self.sql("select to_char(clock_timestamp() at time zone 'utc', 'YYYY-MM-DD HH24:MI:SS.MS')")
    }

    fn receiver(&self) -> String {
        format!("{}-db-aictl-wal", self.stage.name())
    }

    #[track_caller]
    fn windows(&self) -> Vec<(String, String)> {
        let listed = self.json(&["backup", "list"], 0);
        let sets = listed["sets"].as_array().unwrap().clone();
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        let windows = sets.iter().flat_map(|set| set["windows"].as_array().cloned().unwrap_or_default());
        windows.map(|window| (text(&window["from"]), text(&window["until"]))).collect()
    }
}

#[test]
fn a_database_comes_back_as_it_was_between_two_inserts_a_second_apart() {
    let Some(stored) = Stored::open("backup-pitr") else { return };
    stored.sql("create table events (n int)");
    // Nothing of it without `physical`.
    stored.aictl(&["backup", "create"]).ended(0);
    let refused = stored.aictl(&["--yes", "restore", "--at", "2026-01-01 00:00:00"]).ended(78);
    assert!(
        refused.stderr.contains("no base backup of `db`") && refused.stderr.contains("physical: true"),
        "{refused:?}"
    );
    stored.aictl(&["--yes", "restore", "--at", "noon"]).ended(2);

    stored.write_policy(PHYSICAL);
    let planned = stored.aictl(&["--dry-run", "backup", "create"]).ended(0);
    assert!(planned.stdout.contains(&format!("create container {}", stored.receiver())), "{planned:?}");
    assert!(
        !docker(&["ps", "-a", "--format", "{{.Names}}"]).contains(&stored.receiver()),
        "a dry run made the receiver"
    );
    let first = id(&stored.json(&["backup", "create"], 0), "set");
    assert_eq!(stored.sql("show archive_mode"), "off");
    assert_eq!(stored.sql("select active from pg_replication_slots where slot_name = 'aictl_wal'"), "t");

    stored.sql("insert into events values (1)");
    let between = stored.clock();
    std::thread::sleep(Duration::from_secs(1));
    stored.sql("insert into events values (2)");
    // The WAL up to now is not stored yet.
    let refused = stored.aictl(&["--yes", "restore", "--at", &between]).ended(10);
    assert!(refused.stderr.contains("the backup sets reach"), "{refused:?}");
    let second = stored.json(&["backup", "create"], 0);
    let windows = stored.windows();
    assert_eq!(windows.len(), 2, "{windows:?}");
    assert_eq!(windows[0].1, windows[1].1, "the WAL of the newest set continues that of the one before");
    assert!(stored.aictl(&["backup", "list"]).ended(0).stdout.contains(&windows[1].0));
    stored.json(&["backup", "verify", second["set"].as_str().unwrap()], 0);

    stored.sql("delete from events; create table later (n int)");
    stored.aictl(&["redis", "--service", "cache", "-T", "set", "greeting", "changed"]).ended(0);
    let changed = stored.sql("select count(*) from events");
    let before = "2020-01-01T00:00:00Z";
    let refused = stored.aictl(&["--yes", "restore", "--at", before]).ended(10);
    assert!(refused.stderr.contains(&windows[1].0) && refused.stderr.contains(&windows[0].1), "{refused:?}");
    let refused = stored.aictl(&["--yes", "restore", "--at", &between, "--only", "cache"]).ended(78);
    assert!(refused.stderr.contains("no base backup of `cache`"), "{refused:?}");
    let planned = stored.aictl(&["--dry-run", "restore", "--at", &between]).ended(0);
    assert!(planned.stdout.contains(&format!("of db from backup set {first}")), "{planned:?}");
    assert!(planned.stderr.contains("all other services stay as they are"), "{planned:?}");
    stored.aictl(&["restore", "--at", &between]).ended(5);
    assert_eq!(stored.sql("select count(*) from events"), changed);

    let restored = stored.json(&["--yes", "restore", "--at", &between], 0);
    assert_eq!(stored.sql("select string_agg(n::text, ' ' order by n) from events"), "1", "{restored}");
    assert_eq!(stored.sql("select to_regclass('later') is null"), "t");
    let kept = stored.aictl(&["redis", "--service", "cache", "-T", "get", "greeting"]).ended(0).stdout;
    assert_eq!(kept.trim(), "changed", "{restored}");
    let left = docker(&["ps", "-a", "--format", "{{.Names}}"]);
    assert!(!left.contains(&format!("{}-db-aictl-recovery", stored.stage.name())), "{left}");
    let safety = id(&restored, "safety_set");
    stored.aictl(&["--yes", "restore", "--no-safety-set", &safety]).ended(0);
    assert_eq!(stored.sql("select count(*) from events"), "0");

    // A time with a zone, and the newest base backup.
    stored.sql("insert into events values (3)");
    let later = stored.clock().replace(' ', "T") + "Z";
    std::thread::sleep(Duration::from_secs(1));
    stored.sql("insert into events values (4)");
    stored.json(&["backup", "create", "--only", "db"], 0);
    stored.aictl(&["--yes", "restore", "--no-safety-set", "--at", &later]).ended(0);
    assert_eq!(stored.sql("select string_agg(n::text, ' ' order by n) from events"), "3");

    // The network of a server that was started again is another one: the receiver joins it.
    stored.aictl(&["restart", "db"]).ended(0);
    let active = "select active from pg_replication_slots where slot_name = 'aictl_wal'";
    eventually("the WAL is received again", Duration::from_secs(90), || stored.sql(active) == "t");

    // The receiver goes with the stack, its volume with the data.
    stored.aictl(&["--yes", "stop", "--remove", "-v"]).ended(0);
    assert!(!docker(&["ps", "-a", "--format", "{{.Names}}"]).contains(&stored.receiver()));
    assert!(!docker(&["volume", "ls", "-q"]).contains(&format!("{}_db-aictl-wal", stored.stage.name())));
}

#[test]
fn dumps_are_stored_where_no_base_backup_can_be_taken() {
    let Some(stored) = Stored::open("backup-no-base") else { return };
    let minimal =
        "db:\n    image: aictl/postgres:15\n    command: [postgres, -c, wal_level=minimal, -c, max_wal_senders=0]";
    stored.stage.write("compose.yaml", &super::STACK.replacen("db:\n    image: aictl/postgres:15", minimal, 1));
    stored.aictl(&["start"]).ended(0);
    stored.write_policy(PHYSICAL);
    let before = stored.state();
    let created = stored.json(&["backup", "create"], 30);
    assert_eq!(created["complete"], true, "{created}");
    let reason = created["without_base"][0].as_str().unwrap();
    assert!(reason.contains("wal_level is minimal"), "{reason}");
    assert_eq!(stored.windows(), []);
    stored.sql("delete from notes");
    stored.aictl(&["--yes", "restore", created["set"].as_str().unwrap()]).ended(0);
    assert_eq!(stored.state(), before);
}

#[test]
fn an_interrupted_recovery_replaces_nothing() {
    let Some(stored) = Stored::open("backup-pitr-int") else { return };
    stored.write_policy(PHYSICAL);
    stored.json(&["backup", "create"], 0);
    let time = stored.clock();
    std::thread::sleep(Duration::from_secs(1));
    stored.sql("create table later as select 1 as n");
    stored.json(&["backup", "create"], 0);
    let mut command = stored.stage.command(&["--yes", "restore", "--no-safety-set", "--at", &time]);
    let mut child = command.env("BACKUP_PASSWORD", super::PASSWORD).spawn().unwrap();
    let recovery = format!("{}-db-aictl-recovery", stored.stage.name());
    let names = || docker(&["ps", "-a", "--format", "{{.Names}}"]);
    eventually("it is recovered in a container", Duration::from_secs(60), || names().contains(&recovery));
    let signalled = std::process::Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap();
    assert!(signalled.success());
    assert_eq!(child.wait().unwrap().code(), Some(130));
    assert_eq!(stored.sql("select n from later"), "1", "nothing was replaced");
    assert!(!names().contains(&recovery));
    stored.json(&["backup", "create"], 0);
}

impl Stored {
    /// As when the receiver was dead for longer than the server keeps its WAL.
    #[track_caller]
    fn lose_wal(&self) {
        docker(&["rm", "-f", &self.receiver()]);
        for _ in 0..6 {
            self.sql("select pg_logical_emit_message(false, 'aictl', 'lost')");
            self.sql("select pg_switch_wal()");
        }
        let status = "select wal_status from pg_replication_slots where slot_name = 'aictl_wal'";
        eventually("the slot is lost", Duration::from_secs(30), || {
            self.sql("checkpoint");
            self.sql(status) == "lost"
        });
    }
}

#[test]
fn a_gap_in_the_wal_is_told_and_times_within_it_are_refused() {
    let Some(stored) = Stored::open("backup-wal-lost") else { return };
    stored.write_policy(PHYSICAL);
    stored.sql("create table events (n int)");
    stored.sql("alter system set max_slot_wal_keep_size = '16MB'");
    stored.sql("select pg_reload_conf()");
    stored.json(&["backup", "create"], 0);
    assert_eq!(stored.sql("show max_slot_wal_keep_size"), "16MB", "a limit of the operator stays");
    stored.sql("insert into events values (1)");
    let before = stored.clock();
    std::thread::sleep(Duration::from_secs(1));
    // In the WAL only, and of the kind that cannot be compressed much: the largest pack of the set.
    let random = "string_agg(md5(random()::text), '')";
    stored.sql(&format!("select pg_logical_emit_message(true, 'aictl', {random}) from generate_series(1, 600000)"));
    stored.json(&["backup", "create"], 0);
    let largest = largest_pack(&stored);

    stored.lose_wal();
    for verb in ["status", "doctor"] {
        let said = stored.aictl(&[verb]).stderr;
        assert!(said.contains("the WAL of db is not received"), "{verb}: {said}");
    }
    stored.sql("insert into events values (2)");
    let within = stored.clock();
    std::thread::sleep(Duration::from_secs(1));
    let created = stored.aictl(&["backup", "create"]).ended(0);
    assert!(created.stderr.contains("the WAL of db has a gap"), "{created:?}");
    assert!(!stored.aictl(&["status"]).stderr.contains("is not received"));
    let refused = stored.aictl(&["--yes", "restore", "--at", &within]).ended(10);
    let windows = stored.windows();
    assert_eq!(windows.len(), 3, "{windows:?}");
    assert!(refused.stderr.contains(&windows[0].0) && refused.stderr.contains(&windows[1].1), "{refused:?}");
    assert!(windows[1].1 < windows[0].0, "the gap is between them: {windows:?}");

    // The next set has no gap, and continues the one after it.
    let created = stored.aictl(&["backup", "create"]).ended(0);
    assert!(!created.stderr.contains("has a gap"), "{created:?}");
    stored.aictl(&["--yes", "restore", "--no-safety-set", "--at", &before]).ended(0);
    assert_eq!(stored.sql("select string_agg(n::text, ' ' order by n) from events"), "1");

    // WAL that is missing in the repository.
    stored.sql("insert into events values (5)");
    std::fs::remove_file(largest).unwrap();
    let refused = stored.aictl(&["--yes", "restore", "--no-safety-set", "--at", &before]).ended(4);
    assert!(refused.stderr.contains("is lost"), "{refused:?}");
    assert!(refused.stderr.contains("wal.tar"), "{refused:?}");
    assert_eq!(stored.sql("select string_agg(n::text, ' ' order by n) from events"), "1 5");
}

fn largest_pack(stored: &Stored) -> PathBuf {
    let folders = std::fs::read_dir(stored.stage.path().join("sets/data")).unwrap().flatten();
    let packs = folders.flat_map(|folder| std::fs::read_dir(folder.path()).into_iter().flatten().flatten());
    packs.map(|pack| pack.path()).max_by_key(|pack| pack.metadata().unwrap().len()).unwrap()
}
