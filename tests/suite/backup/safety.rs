//! The way back from a restore: safety sets, single services, checks that fail, and restores that were killed.

use std::process::Stdio;
use std::time::Duration;

use super::{PASSWORD, PROJECT, Stored};
use crate::support::project::{Outcome, eventually};

/// What a set was not taken of.
#[track_caller]
pub fn change(stored: &Stored) {
    stored.sql("delete from notes where n > 10");
    stored.aictl(&["redis", "--service", "cache", "-T", "set", "greeting", "changed"]).ended(0);
    stored.in_files("echo changed >/srv/files/a/note; touch /srv/files/later");
}

#[track_caller]
pub fn id(json: &serde_json::Value, key: &str) -> String {
    json[key].as_str().unwrap_or_else(|| panic!("{json}")).to_owned()
}

#[test]
fn a_restore_takes_a_safety_set_that_brings_the_state_before_back() {
    let Some(stored) = Stored::open("backup-safety") else { return };
    let before = stored.state();
    let set = id(&stored.json(&["backup", "create"], 0), "set");
    change(&stored);
    let changed = stored.state();
    let planned = stored.aictl(&["--dry-run", "backup", "restore"]).ended(0).stdout;
    assert!(planned.contains("safety set before the restore"), "{planned}");

    let restored = stored.json(&["--yes", "backup", "restore"], 0);
    assert_eq!((id(&restored, "set"), stored.state()), (set.clone(), before.clone()));
    let safety = id(&restored, "safety_set");
    let listed = stored.json(&["backup", "list"], 0);
    assert_eq!((&listed["sets"][0]["set"], &listed["sets"][0]["tags"][0]), (&safety.clone().into(), &"safety".into()));
    // The newest set is now the state that was replaced: it is restored by name only.
    let again = stored.json(&["--yes", "backup", "restore", "--no-safety-set"], 0);
    assert_eq!((id(&again, "set"), &again["safety_set"]), (set.clone(), &serde_json::Value::Null));
    stored.json(&["--yes", "backup", "restore", "--no-safety-set", &safety], 0);
    assert_eq!(stored.state(), changed);

    // Single services.
    let refused = stored.aictl(&["backup", "create", "--only", "cach"]).ended(10);
    assert!(refused.stderr.contains("did you mean `cache`?"), "{refused:?}");
    let refused = stored.aictl(&["backup", "restore", "--only", "fils"]).ended(10);
    assert!(refused.stderr.contains("did you mean `files`?"), "{refused:?}");
    let partial = stored.json(&["backup", "create", "--only", "cache", "--only", "files"], 0);
    assert_eq!((&partial["partial"], partial["parts"].as_array().map(Vec::len)), (&true.into(), Some(3)), "{partial}");
    let restored = stored.json(&["--yes", "backup", "restore", "--only", "files"], 0);
    assert_eq!(id(&restored, "set"), set, "a partial set is never the newest one");
    assert_eq!((&stored.state()[5], &stored.state()[3]), (&before[5], &changed[3]));
    let of_safety = stored.json(&["backup", "list"], 0);
    assert_eq!(of_safety["sets"][0]["partial"], true, "{of_safety}");

    // A service that cannot be dumped: nothing is restored, unless that is meant.
    stored.sql("alter system set default_transaction_read_only = off");
    stored.in_files("echo again >/srv/files/a/note");
    stored.write_policy("cache: {}, files: { kind: volume }, db: { databases: [app, missing] }");
    let state = stored.state();
    let failed = stored.aictl(&["--yes", "backup", "restore", &set]).ended(1);
    assert!(failed.stderr.contains("--no-safety-set"), "{failed:?}");
    assert_eq!(stored.state(), state);
    stored.aictl(&["--yes", "backup", "restore", "--no-safety-set", &set]).ended(0);
    assert_eq!(stored.state(), before);
}

#[test]
fn what_was_there_is_back_when_the_checks_fail_after_a_restore() {
    let Some(stored) = Stored::open("backup-checked") else { return };
    stored.aictl(&["redis", "--service", "cache", "-T", "del", "answer"]).ended(0);
    stored.json(&["backup", "create"], 0);
    change(&stored);
    stored.aictl(&["redis", "--service", "cache", "-T", "set", "answer", "42"]).ended(0);
    let check =
        "{ name: answer is there, exec: { service: cache, command: [sh, -c, 'redis-cli get answer | grep -q 42'] } }";
    stored.stage.write("aictl.yaml", &format!("{PROJECT}checks: [ {check} ]\n"));
    let state = stored.state();
    let failed = stored.aictl(&["--yes", "--timeout", "5s", "backup", "restore"]).ended(1);
    assert!(failed.stderr.contains("answer is there"), "{failed:?}");
    assert!(failed.stderr.contains("the state before the restore is back"), "{failed:?}");
    assert_eq!(stored.state(), state);
}

#[test]
fn a_restore_that_was_killed_is_finished_or_taken_back() {
    let Some(stored) = Stored::open("backup-killed") else { return };
    let before = stored.state();
    let set = id(&stored.json(&["backup", "create"], 0), "set");
    for (round, line) in
        ["Dumped postgres", "Completed backup set", "Restored redis", "Restored postgres"].iter().enumerate()
    {
        change(&stored);
        let changed = stored.state();
        killed_after(&stored, &set, line);
        let words = ["--yes", "backup", "restore", &set];
        if round % 2 == 0 {
            let finished = stored.aictl(&words).ended(0);
            assert!(finished.stderr.contains("last restore was interrupted"), "{line}: {finished:?}");
            assert_eq!(stored.state(), before, "{line}");
            continue;
        }
        let planned = stored.aictl(&["--dry-run", "backup", "restore", &set]).ended(0);
        let safety = planned.stderr.split("safety set ").nth(1).and_then(|rest| rest.split(';').next());
        let safety = safety.unwrap_or_else(|| panic!("{line}: {planned:?}")).to_owned();
        stored.aictl(&["--yes", "backup", "restore", &safety]).ended(0);
        assert_eq!(stored.state(), changed, "{line}");
    }
    let kept = stored.in_files("find /srv/files -name '.aictl*'");
    assert_eq!(kept, "", "nothing of the interrupted restores is left");
}

/// Kills a restore as soon as it says a line. The lock of a dead process is taken over.
#[track_caller]
pub fn killed_after(stored: &Stored, set: &str, line: &str) {
    let log = stored.stage.path().join("killed.log");
    let file = std::fs::File::create(&log).unwrap();
    let mut command = stored.stage.command(&["--yes", "backup", "restore", set]);
    let mut child = command.env("BACKUP_PASSWORD", PASSWORD).stdout(Stdio::null()).stderr(file).spawn().unwrap();
    let mut ended = None;
    eventually(line, Duration::from_secs(60), || {
        ended = ended.or(child.try_wait().unwrap());
        ended.is_some() || std::fs::read_to_string(&log).unwrap().contains(line)
    });
    child.kill().unwrap();
    child.wait().unwrap();
}

#[test]
fn the_first_interruption_of_a_restore_finishes_the_service_under_way() {
    let Some(stored) = Stored::open("backup-interrupted") else { return };
    let before = stored.state();
    let set = id(&stored.json(&["backup", "create"], 0), "set");
    change(&stored);
    let changed = stored.state();
    let log = stored.stage.path().join("interrupted.log");
    let file = std::fs::File::create(&log).unwrap();
    let mut command = stored.stage.command(&["--yes", "backup", "restore", &set]);
    let child = command.env("BACKUP_PASSWORD", PASSWORD).stdout(Stdio::null()).stderr(file).spawn().unwrap();
    let said = || std::fs::read_to_string(&log).unwrap();
    eventually("the safety set is complete", Duration::from_secs(60), || said().contains("Completed backup set"));
    let pid = child.id().to_string();
    assert!(std::process::Command::new("kill").args(["-INT", &pid]).status().unwrap().success());
    let ended = Outcome::from(child.wait_with_output().unwrap());
    assert_eq!(ended.code, 130, "{}", said());
    assert!(said().contains("or go back to the state before with `aictl backup restore"), "{}", said());
    for (now, (old, new)) in stored.state().iter().zip(before.iter().zip(&changed)) {
        assert!(now == old || now == new, "neither restored nor as before: {now}");
    }
    stored.aictl(&["--yes", "backup", "restore", &set]).ended(0);
    assert_eq!(stored.state(), before);
}
