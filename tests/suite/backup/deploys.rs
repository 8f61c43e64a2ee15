//! Backups that a deploy takes first.

use serde_json::Value;

use super::{PROJECT, STACK, Stored, exists};

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
    let listed = crate::support::project::docker(&["ps", "--no-trunc", "--format", "{{.Names}} {{.ID}}"]);
    let mut ours: Vec<String> = listed
        .lines()
        .filter(|line| line.starts_with(stored.stage.name()) && !line.contains("aictl"))
        .map(str::to_owned)
        .collect();
    ours.sort();
    assert_eq!(ours.len(), 3, "{listed}");
    ours
}
