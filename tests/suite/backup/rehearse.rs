//! Rehearsals of a deploy on a real set: what fails on the data, on the old code or by a lock is told apart, and production
//! notices nothing.

use std::process::Stdio;
use std::time::Duration;

use serde_json::Value;

use super::{PASSWORD, PROJECT, STACK, Stored};
use crate::support::project::{docker, eventually};

/// A service whose health is that its query works.
fn stack(columns: &str, round: u32) -> String {
    let query = format!("[CMD, psql, -h, db, -U, postgres, -d, app, -qAtc, 'select {columns} from notes limit 1']");
    let reader = format!(
        "  reader:\n    image: aictl-lab/rehearsed:1\n    command: [sh, -c, 'trap \"exit 0\" TERM; while :; do sleep 0.2; done']\n    \
         environment: {{ PGPASSWORD: '${{DB_PASSWORD:?}}', ROUND: '{round}' }}\n    stop_grace_period: 1s\n    \
         healthcheck: {{ test: {query}, interval: 1s, retries: 5 }}\nvolumes:"
    );
    STACK.replace("volumes: {", &format!("{reader} {{"))
}

/// A migration that runs these statements as one transaction.
fn project(policy: &str, sql: &str) -> String {
    let words = format!("[psql, -h, db, -U, postgres, -d, app, -v, ON_ERROR_STOP=1, -qc, \"{sql}\"]");
    let deploy = format!("env_file: .env, deploy: {{ migrate: true, timeout: 20s{policy} }} }}");
    format!(
        "{}tasks: {{ migrate: {{ service: reader, command: {words} }} }}\n",
        PROJECT.replace("env_file: .env }", &deploy)
    )
}

const REQUIRED: &str = ", rehearse: required";

struct Rehearsed {
    stored: Stored,
}

impl Rehearsed {
    /// A release that serves, and a set of its data that is proven.
    fn open(name: &str) -> Option<Self> {
        let stored = Stored::open(name)?;
        // By its own name the image is no database to aictl.
        docker(&["tag", "aictl/postgres:15", "aictl-lab/rehearsed:1"]);
        let rehearsed = Self { stored };
        rehearsed.write("select 1", ("n, text", 1), "");
        rehearsed.stored.aictl(&["deploy"]).ended(0);
        rehearsed.stored.sql("insert into notes values (5001, null)");
        Some(rehearsed)
    }

    fn prove(&self) {
        self.stored.aictl(&["backup", "create"]).ended(0);
        self.stored.aictl(&["backup", "drill"]).ended(0);
    }

    fn write(&self, sql: &str, (columns, round): (&str, u32), policy: &str) {
        self.stored.stage.write("aictl.yaml", &project(policy, sql));
        self.stored.stage.write("compose.yaml", &stack(columns, round));
    }

    /// What a client of production could notice: rows, schema, containers and volumes.
    #[track_caller]
    fn production(&self) -> Vec<String> {
        let name = self.stored.stage.name();
        let containers = docker(&["ps", "--no-trunc", "--format", "{{.Names}} {{.ID}}"]);
        let mut seen: Vec<String> =
            containers.lines().filter(|line| line.starts_with(name)).map(str::to_owned).collect();
        seen.retain(|line| !line.contains("aictl"));
        let volumes = docker(&["volume", "ls", "-q"]);
        seen.extend(volumes.lines().filter(|line| line.starts_with(&format!("{name}_"))).map(str::to_owned));
        seen.sort();
        let rows = "select md5(string_agg(n || coalesce(text, '-'), ',' order by n)) from notes";
        seen.push(self.stored.sql(rows));
        let columns = "select string_agg(column_name || is_nullable, ' ') from information_schema.columns where table_name = 'notes'";
        seen.push(self.stored.sql(columns));
        seen.push(self.stored.sql("select system_identifier from pg_control_system()"));
        seen
    }

    fn scratch(&self) -> Vec<String> {
        let filter = format!("label=com.docker.compose.project={}-aictl-drill", self.stored.stage.name());
        let containers = docker(&["ps", "-aq", "--filter", &filter]);
        let networks = docker(&["network", "ls", "-q", "--filter", &filter]);
        containers.lines().chain(networks.lines()).map(str::to_owned).collect()
    }

    #[track_caller]
    fn fails(&self, verdict: &str) -> Value {
        let before = self.production();
        let report = self.stored.json(&["deploy", "--rehearse"], 4);
        assert_eq!(report["verdict"], verdict, "{report}");
        assert_eq!(self.production(), before, "production was touched");
        assert_eq!(self.scratch(), Vec::<String>::new());
        report
    }
}

#[test]
fn what_fails_on_the_data_the_old_code_or_by_a_lock_is_told_apart_and_only_a_good_release_is_deployed() {
    let Some(rehearsed) = Rehearsed::open("backup-rehearse") else { return };
    let stored = &rehearsed.stored;
    rehearsed.write("alter table notes alter column text set not null", ("n, text", 2), REQUIRED);
    let unproven = stored.aictl(&["deploy", "--rehearse"]).ended(78);
    assert!(unproven.stderr.contains("no proven backup set") && unproven.stderr.contains("aictl backup drill"));
    rehearsed.prove();
    let refused = stored.aictl(&["deploy"]).ended(4);
    assert!(refused.stderr.contains("was not rehearsed") && refused.stderr.contains("aictl deploy --rehearse"));
    let before = rehearsed.production();
    let planned = stored.aictl(&["--dry-run", "deploy", "--rehearse"]).ended(0);
    assert!(planned.stderr.contains("would be rehearsed on backup set"), "{planned:?}");
    assert_eq!((rehearsed.production(), rehearsed.scratch()), (before, Vec::new()));

    let report = rehearsed.fails("migration-failed");
    let said = report["problems"].to_string();
    assert!(said.contains("contains null values"), "{said}");
    let refused = stored.aictl(&["deploy"]).ended(4);
    assert!(refused.stderr.contains("a migration fails on the data"), "{refused:?}");
    let planned = stored.aictl(&["plan"]).ended(0);
    assert!(planned.stdout.contains("a migration fails on the data"), "{planned:?}");

    rehearsed.write("alter table notes drop column text", ("n", 3), REQUIRED);
    let report = rehearsed.fails("old-code-failed");
    let checks = report["checks"].as_array().unwrap();
    let of = |code: &str| checks.iter().filter(|c| c["code"] == code).map(|c| c["passed"] == true).collect::<Vec<_>>();
    assert!(!of("before").is_empty() && !of("before").contains(&false), "{report}");
    assert!(!of("new").is_empty() && !of("new").contains(&false), "{report}");
    assert!(of("old").contains(&false), "{report}");

    rehearsed.write("lock table notes in access exclusive mode; select pg_sleep(6.5)", ("n, text", 4), REQUIRED);
    let report = rehearsed.fails("long-lock");
    let lock = &report["migrations"][0]["locks"][0];
    assert_eq!((&lock["table"], &report["lock_limit_ms"]), (&"public.notes".into(), &5000.into()), "{report}");
    assert!(lock["ms"].as_u64().is_some_and(|ms| (5500..9000).contains(&ms)), "{report}");

    rehearsed.write("select 1", ("missing", 5), REQUIRED);
    rehearsed.fails("new-code-failed");

    let good = "alter table notes add column size int; alter table notes add column stamp timestamptz default clock_timestamp(); update notes set size = 1 where n < 100";
    rehearsed.write(good, ("n, text, size", 6), REQUIRED);
    let deployed = stored.json(&["deploy", "--rehearse"], 0);
    let report = &deployed["rehearsal"];
    assert_eq!((&report["verdict"], &report["problems"]), (&"passed".into(), &serde_json::json!([])), "{deployed}");
    let table = &report["migrations"][0]["tables"][0];
    assert_eq!((&table["table"], &table["updated"]), (&"public.notes".into(), &99.into()), "{deployed}");
    assert_eq!(table["rewritten"], 5001, "{deployed}");
    assert!(report["migrations"][0]["bytes_before"].as_u64() > Some(1 << 20), "{deployed}");
    assert_eq!(stored.sql("select count(size) from notes"), "99");
    assert_eq!(rehearsed.scratch(), Vec::<String>::new());
    stored.aictl(&["deploy"]).ended(0);
}

#[test]
fn a_rehearsal_that_was_killed_or_interrupted_leaves_nothing_that_the_next_does_not_remove() {
    let Some(rehearsed) = Rehearsed::open("backup-rehearse-killed") else { return };
    rehearsed.prove();
    let stored = &rehearsed.stored;
    rehearsed.write("select pg_sleep(20)", ("n, text", 2), REQUIRED);
    let before = rehearsed.production();
    let begun = || {
        let mut command = stored.stage.command(&["deploy", "--rehearse"]);
        command.env("BACKUP_PASSWORD", PASSWORD).stdout(Stdio::null()).stderr(Stdio::null());
        let child = command.spawn().unwrap();
        let task = format!("name={}-aictl-drill-reader-task", stored.stage.name());
        let runs = || !docker(&["ps", "-q", "--filter", &task]).trim().is_empty();
        eventually("the migration runs", Duration::from_secs(120), runs);
        child
    };
    let mut child = begun();
    let pid = rustix::process::Pid::from_child(&child);
    rustix::process::kill_process(pid, rustix::process::Signal::INT).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(130));
    assert_eq!((rehearsed.scratch(), rehearsed.production()), (Vec::new(), before.clone()));

    let mut child = begun();
    stored.aictl(&["backup", "drill"]).ended(11);
    child.kill().unwrap();
    child.wait().unwrap();
    assert!(!rehearsed.scratch().is_empty());
    let drilled = stored.aictl(&["backup", "drill"]).ended(0);
    assert!(drilled.stderr.contains("of an earlier drill"), "{drilled:?}");
    assert_eq!((rehearsed.scratch(), rehearsed.production()), (Vec::new(), before));
    stored.aictl(&["deploy"]).ended(4);
}
