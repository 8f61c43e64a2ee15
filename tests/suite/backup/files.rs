//! Files of other tools, restored in place of a database: as old scripts wrote them, cut, and with what must not run.

use std::io::Write as _;

use super::Stored;
use super::safety::{change, id};

/// Dumps made without aictl's backups.
struct Dumps {
    archive: Vec<u8>,
    sql: Vec<u8>,
    rdb: Vec<u8>,
}

impl Dumps {
    fn of(stored: &Stored) -> Self {
        let printed = |words: &[&str]| {
            let output = stored.stage.command(words).output().unwrap();
            assert!(output.status.success(), "{words:?}: {output:?}");
            output.stdout
        };
        stored.aictl(&["redis", "--service", "cache", "-T", "save"]).ended(0);
        Self {
            archive: printed(&["exec", "-T", "db", "pg_dump", "-U", "postgres", "-Fc", "app"]),
            sql: printed(&["exec", "-T", "db", "pg_dump", "-U", "postgres", "app"]),
            rdb: printed(&["exec", "-T", "cache", "cat", "/data/dump.rdb"]),
        }
    }
}

fn write(stored: &Stored, name: &str, bytes: &[u8]) {
    std::fs::write(stored.stage.path().join(name), bytes).unwrap();
}

fn zipped(bytes: &[u8]) -> Vec<u8> {
    let mut out = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    out.write_all(bytes).unwrap();
    out.finish().unwrap()
}

#[test]
fn files_of_old_scripts_take_the_place_of_a_database() {
    let Some(stored) = Stored::open("backup-files") else { return };
    let (before, dumps) = (stored.state(), Dumps::of(&stored));
    stored.json(&["backup", "create"], 0);
    for (name, bytes) in
        [("app.dump", dumps.archive.clone()), ("app.sql", dumps.sql.clone()), ("app.sql.gz", zipped(&dumps.sql))]
    {
        write(&stored, name, &bytes);
        change(&stored);
        let changed = stored.state();
        let planned = stored.aictl(&["--dry-run", "restore", name]).ended(0);
        assert!(planned.stdout.contains(&format!("restore database app of db from {name}")), "{planned:?}");
        assert_eq!(stored.state(), changed, "{name}: a dry run changed something");
        let restored = stored.json(&["--yes", "restore", name], 0);
        assert_eq!(restored["file"], name, "{restored}");
        let now = stored.state();
        assert_eq!((&now[..2], &now[2..]), (&before[..2], &changed[2..]), "{name}");
        stored.json(&["--yes", "backup", "restore", "--no-safety-set", &id(&restored, "safety_set")], 0);
        assert_eq!(stored.state(), changed, "{name}: the safety set");
    }
    write(&stored, "dump.rdb", &dumps.rdb);
    let changed = stored.state();
    stored.json(&["--yes", "restore", "./dump.rdb"], 0);
    assert_eq!(stored.state()[3..5], before[3..5]);
    assert_eq!(stored.state()[..3], changed[..3]);
    let sql = "create table elsewhere (n int);\n";
    write(&stored, "other.sql", sql.as_bytes());
    stored.json(&["--yes", "restore", "other.sql", "--database", "brand-new"], 0);
    assert_eq!(stored.sql("select count(*) from pg_database where datname = 'brand-new'"), "1");
    no_traces(&stored);
}

#[test]
fn files_that_are_cut_or_run_something_replace_nothing() {
    let Some(stored) = Stored::open("backup-cutfiles") else { return };
    let dumps = Dumps::of(&stored);
    stored.json(&["backup", "create"], 0);
    change(&stored);
    let state = stored.state();
    let half = |bytes: &[u8]| bytes[..bytes.len() / 2].to_vec();
    let failing = [dumps.sql.as_slice(), b"select 1 / 0;\n-- PostgreSQL database dump complete\n"].concat();
    for (name, bytes, said) in [
        ("cut.dump", half(&dumps.archive), "pg_restore"),
        ("cut.sql", half(&dumps.sql), "truncated"),
        ("cut.sql.gz", half(&zipped(&dumps.sql)), "cut.sql.gz: "),
        ("cut.rdb", half(&dumps.rdb), "exit code"),
        ("shell.sql", b"select 1;\n\\! touch /tmp/aictl-ran\n".to_vec(), "`\\!`"),
        ("all.sql", b"--\n-- PostgreSQL database cluster dump\n--\n".to_vec(), "pg_dumpall"),
        ("failing.sql", failing, "division by zero"),
        ("empty.sql", Vec::new(), "empty"),
        ("ends.sql", b"create table a (i int);\ncommit;\nalter role reader superuser;\n".to_vec(), "`COMMIT`"),
        ("program.sql", b"copy (select 1) to program $$touch /tmp/aictl-ran$$;\n".to_vec(), "`COPY`"),
    ] {
        write(&stored, name, &bytes);
        let failed = stored.aictl(&["--yes", "restore", name]).ended(1);
        assert!(failed.stderr.contains(said), "{name}: {failed:?}");
        assert_eq!(stored.state(), state, "{name}");
    }
    no_traces(&stored);
    // Several services and databases are not guessed.
    write(&stored, "app.sql", &dumps.sql);
    let refused = stored.aictl(&["--yes", "restore", "app.sql", "--only", "cache"]).ended(2);
    assert!(refused.stderr.contains("not a postgres service"), "{refused:?}");
    stored.aictl(&["--yes", "restore", "app.sql", "--repository", "sets", "--into", "new"]).ended(2);
    stored.write_policy("cache: {}, db: { databases: [app, postgres] }");
    let refused = stored.aictl(&["--yes", "restore", "app.sql"]).ended(2);
    assert!(refused.stderr.contains("--database NAME"), "{refused:?}");
    assert_eq!(stored.state(), state);
}

#[track_caller]
fn no_traces(stored: &Stored) {
    let left = stored.sql("select count(*) from pg_database where datname like '%aictl%'");
    assert_eq!(left, "0", "databases of a restore are left");
    stored.aictl(&["exec", "-T", "db", "test", "-e", "/tmp/aictl-ran"]).ended(1);
    stored.aictl(&["exec", "-T", "cache", "sh", "-c", "! ls -a /data | grep -q aictl"]).ended(0);
}
