//! A repository with a damaged or lost file, a full or a read-only one, and the password in an env file.

use std::path::{Path, PathBuf};

use super::safety::id;
use super::{PASSWORD, SECRETS, Stored};
use crate::support::project::Outcome;

fn files(folder: &Path) -> Vec<PathBuf> {
    std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect()
}

fn empty(file: &Path) -> Vec<u8> {
    let kept = std::fs::read(file).unwrap();
    std::fs::remove_file(file).unwrap();
    std::fs::write(file, b"").unwrap();
    kept
}

fn restored(file: &Path, bytes: &[u8]) {
    std::fs::remove_file(file).unwrap();
    std::fs::write(file, bytes).unwrap();
}

#[test]
fn a_damaged_file_is_named_and_the_other_sets_stay_usable() {
    let Some(stored) = Stored::open("backup-damaged") else { return };
    let sets = stored.stage.path().join("sets");
    stored.json(&["backup", "create"], 0);
    let first = files(&sets.join("snapshots"));
    let second = id(&stored.json(&["backup", "create"], 0), "set");

    let kept = empty(&first[0]);
    let named = first[0].file_name().unwrap().to_str().unwrap();
    let listed = stored.json(&["backup", "list"], 4);
    assert_eq!(listed["sets"][0]["set"], second.as_str(), "{listed}");
    assert!(listed["unreadable"].to_string().contains(named), "{listed}");
    stored.aictl(&["--dry-run", "backup", "restore", &second]).ended(0);
    stored.json(&["backup", "verify", "--no-decode", &second], 4);
    let refused = stored.aictl(&["--yes", "backup", "prune"]).ended(4);
    assert!(refused.stderr.contains(&named[..12]), "{refused:?}");
    stored.json(&["backup", "create"], 0);
    restored(&first[0], &kept);

    // The index: a backup would be one without a past.
    let index = files(&sets.join("index")).remove(0);
    let _ = empty(&index);
    for words in [&["backup", "create"][..], &["backup", "list"], &["backup", "verify"]] {
        let failed = stored.aictl(words).ended(4);
        assert!(
            failed.stderr.contains(&index.file_name().unwrap().to_string_lossy()[..12]) || words[1] == "verify",
            "{failed:?}"
        );
        assert!(!failed.stderr.contains("panicked") && !failed.stderr.contains("rustic"), "{failed:?}");
    }
    let repaired = stored.json(&["backup", "verify", "--repair-index", "--no-decode"], 0);
    assert!(!repaired["repaired"].as_array().unwrap().is_empty(), "{repaired}");
    stored.json(&["backup", "create"], 0);
    super::restic::checks(&stored);
}

#[test]
fn the_password_of_an_env_file_opens_the_repository_for_every_verb() {
    let Some(stored) = Stored::open("backup-env-file") else { return };
    stored.stage.write(".env", &format!("{SECRETS}BACKUP_PASSWORD={PASSWORD}\n"));
    let aictl =
        |words: &[&str]| Outcome::from(stored.stage.command(words).env_remove("BACKUP_PASSWORD").output().unwrap());
    for words in [
        &["backup", "create"][..],
        &["backup", "list"],
        &["backup", "verify", "--no-decode"],
        &["--dry-run", "backup", "drill"],
        &["--dry-run", "backup", "restore"],
        &["--dry-run", "backup", "prune"],
    ] {
        let said = aictl(words).ended(0);
        assert!(!format!("{}{}", said.stdout, said.stderr).contains(PASSWORD), "{words:?}");
    }
}

#[test]
fn a_set_without_its_manifest_is_told_from_one_that_is_damaged() {
    let Some(stored) = Stored::open("backup-incomplete") else { return };
    let sets = stored.stage.path().join("sets");
    // A backup that failed: a service that cannot be dumped.
    stored.write_policy("cache: {}, files: { kind: volume }, db: { databases: [missing] }");
    stored.aictl(&["backup", "create"]).ended(30);
    let listed = stored.json(&["backup", "list"], 0);
    assert_eq!(listed["sets"][0]["state"], "incomplete", "{listed}");
    let none = stored.aictl(&["backup", "verify"]).ended(10);
    assert!(none.stderr.contains("is incomplete"), "{none:?}");
    stored.aictl(&["backup", "verify", "--all"]).ended(4);
    stored.write_policy("cache: {}, files: { kind: volume }, db: { databases: [app] }");
    stored.json(&["backup", "create"], 0);

    // On a read-only repository what only reads goes on, with a warning.
    let read_only = |bits: &str| {
        let script = format!("chmod -R {bits} \"$1\"");
        assert!(std::process::Command::new("sh").args(["-c", &script, "sh"]).arg(&sets).status().unwrap().success());
    };
    if rustix::process::getuid().is_root() {
        let mounted =
            |words: &[&str]| std::process::Command::new("mount").args(words).arg(&sets).status().unwrap().success();
        let path = sets.to_str().unwrap();
        assert!(mounted(&["--bind", path]) && mounted(&["-o", "remount,bind,ro"]));
    } else {
        read_only("a-w");
    }
    let reading = ["backup list", "--dry-run backup restore", "backup verify --no-decode"];
    let outcomes = reading.map(|words| (stored.aictl(&words.split(' ').collect::<Vec<_>>()), words));
    let created = stored.aictl(&["backup", "create"]);
    if rustix::process::getuid().is_root() {
        assert!(std::process::Command::new("umount").arg(&sets).status().unwrap().success());
    } else {
        read_only("u+w");
    }
    for (outcome, words) in outcomes {
        assert_eq!(outcome.code, 0, "{words}: {outcome:?}");
    }
    assert_eq!(created.code, 1, "{created:?}");
    assert!(created.stderr.to_lowercase().contains("read-only"), "{created:?}");
}
