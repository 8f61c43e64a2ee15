//! Backups that a deploy takes first.

use serde_json::Value;

use super::{PROJECT, STACK, Stored, exists};
use crate::support::project::{Outcome, docker};

#[test]
fn a_deploy_takes_a_backup_first_and_stops_where_that_fails() {
    let Some(stored) = Stored::open("backup-deploy") else { return };
    let stage = &stored.stage;
    let project = PROJECT.replace("env_file: .env }", "env_file: .env, deploy: { backup: true } }");
    stage.write("aictl.yaml", &project);
    stage.write("compose.yaml", &STACK.replace("'yes'", "'yes', --databases, '20'"));
    let planned = stored.aictl(&["plan"]).ended(0);
    let place = |what: &str| planned.stdout.find(what).unwrap_or_else(|| panic!("{what}: {planned:?}"));
    assert!(place("dump postgres databases of db") < place("create container"), "{planned:?}");
    assert!(!exists(&stage.path().join("sets")), "a plan created the repository");

    let deployed = stored.json(&["deploy"], 0);
    let shown = stored.json(&["show"], 0);
    let backup = &shown["release"]["backup"];
    assert!(backup["repository"].as_str().is_some_and(|path| path.ends_with("/sets")), "{shown}");
    let listed = stored.json(&["backup", "list"], 0);
    assert_eq!(
        (&listed["sets"][0]["set"], &listed["sets"][0]["tags"][0]),
        (&backup["set"], &"deploy".into()),
        "{listed}"
    );
    assert_eq!(listed["sets"][0]["complete"], true, "{deployed}");
    assert_eq!(stored.status()["newest_set"], backup["set"], "status knows it");
    stored.aictl(&["deploy"]).ended(0);
    assert_eq!(sets(&stored), 1, "a deploy without changes takes no backup");

    // A database that cannot be dumped.
    stage.write("aictl.yaml", &project.replace("[app]", "[app, missing]"));
    stage.write("compose.yaml", &STACK.replace("'yes'", "'yes', --databases, '21'"));
    let before = containers(&stored);
    let failed = stored.aictl(&["deploy"]).ended(20);
    assert!(failed.stderr.contains("missing"), "{failed:?}");
    assert_eq!(containers(&stored), before, "nothing was changed");
    let listed = stored.json(&["show"], 0);
    assert_eq!(listed["release"]["backup"], Value::Null, "a set that is incomplete is none: {listed}");
}

#[track_caller]
fn sets(stored: &Stored) -> usize {
    stored.json(&["backup", "list"], 0)["sets"].as_array().map_or(0, Vec::len)
}

/// The containers with their ids.
#[track_caller]
fn containers(stored: &Stored) -> Vec<String> {
    let listed = docker(&["ps", "--no-trunc", "--format", "{{.Names}} {{.ID}}"]);
    let mut ours: Vec<String> = listed
        .lines()
        .filter(|line| line.starts_with(stored.stage.name()) && !line.contains("aictl"))
        .map(str::to_owned)
        .collect();
    ours.sort();
    assert_eq!(ours.len(), 3, "{listed}");
    ours
}

/// A service whose health is that its query works.
fn reader(columns: &str) -> String {
    let query = format!("[CMD, psql, -h, db, -U, postgres, -d, app, -c, 'select {columns} from notes limit 1']");
    let reader = format!(
        "  reader:\n    image: aictl-lab/reader:1\n    command: [sh, -c, 'trap \"exit 0\" TERM; while :; do sleep 0.2; done']\n    \
         environment: {{ PGPASSWORD: '${{DB_PASSWORD:?}}' }}\n    stop_grace_period: 2s\n    \
         healthcheck: {{ test: {query}, interval: 1s, retries: 10 }}\nvolumes:"
    );
    STACK.replace("volumes: {", &format!("{reader} {{"))
}

#[test]
fn a_rollback_with_data_brings_the_rows_back_that_a_migration_dropped() {
    let Some(stored) = Stored::open("backup-rollback") else { return };
    let stage = &stored.stage;
    let before = stored.state();
    // By its own name the image is no database to aictl.
    docker(&["tag", "aictl/postgres:15", "aictl-lab/reader:1"]);
    let project = PROJECT.replace("env_file: .env }", "env_file: .env, deploy: { backup: true } }");
    stage.write("aictl.yaml", &project);
    stage.write("compose.yaml", &reader("n, text"));
    stored.aictl(&["deploy"]).ended(0);
    let task = "\ntasks: { migrate: { service: reader, command: [psql, -h, db, -U, postgres, -d, app, -c, 'alter table notes drop column text'] } }\n";
    let migrating = project.replace("backup: true }", "backup: true, migrate: true }") + task;
    stage.write("aictl.yaml", &migrating);
    stage.write("compose.yaml", &reader("n"));
    let refused = stored.aictl(&["deploy"]).ended(1);
    assert!(refused.stderr.contains("drops column notes.text"), "{refused:?}");
    stored.aictl(&["deploy", "--allow-incompatible-migration"]).ended(0);
    let set = stored.json(&["show"], 0)["release"]["backup"]["set"].as_str().unwrap().to_owned();
    stored.sql("insert into notes values (90000)");
    let count = || stored.sql("select count(*) from notes");

    // Nothing happens before the very set can be opened, and before it is meant.
    let planned = stored.aictl(&["--dry-run", "rollback", "--with-data"]).ended(0);
    let place = |what: &str| planned.stdout.find(what).unwrap_or_else(|| panic!("{what}: {planned:?}"));
    let restore = format!("restore postgres databases of db from backup set {set}");
    assert!(
        place("complete backup set") < place(&restore) && place(&restore) < place("create container"),
        "{planned:?}"
    );
    let asked = stored.aictl(&["rollback", "--with-data"]).ended(5);
    assert!(asked.stderr.contains(&format!("replaced with backup set {set}")), "{asked:?}");
    let mut command = stage.command(&["--yes", "rollback", "--with-data"]);
    Outcome::from(command.env("BACKUP_PASSWORD", "wrong").output().unwrap()).ended(12);
    std::fs::rename(stage.path().join("sets"), stage.path().join("away")).unwrap();
    stored.aictl(&["--yes", "rollback", "--with-data"]).ended(10);
    std::fs::rename(stage.path().join("away"), stage.path().join("sets")).unwrap();
    assert_eq!((count(), sets(&stored)), ("5001".to_owned(), 2), "nothing was changed");

    let back = stored.json(&["--yes", "rollback", "--with-data"], 0);
    assert_eq!(stored.state(), before, "{back}");
    let container = format!("{}-reader-1", stage.name());
    let runs = docker(&["inspect", "--format", "{{.State.Health.Status}} {{.Config.Healthcheck.Test}}", &container]);
    assert!(runs.starts_with("healthy") && runs.contains("select n, text from"), "{runs}");
    let shown = stored.json(&["show"], 0);
    let safety = shown["release"]["backup"]["set"].as_str().unwrap().to_owned();
    let listed = stored.json(&["backup", "list"], 0);
    assert_eq!((&listed["sets"][0]["set"], &listed["sets"][0]["tags"][0]), (&safety.clone().into(), &"safety".into()));
    stored.aictl(&["--yes", "backup", "restore", &safety, "--only", "db"]).ended(0);
    assert_eq!(count(), "5001", "the data before is in the safety set");
    let present = shown["number"].to_string();
    let refused = stored.aictl(&["rollback", "--to", &present, "--with-data"]).ended(1);
    assert!(refused.stderr.contains("no deploy after it"), "{refused:?}");
}
