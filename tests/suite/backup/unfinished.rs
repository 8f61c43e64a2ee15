//! What a killed backup or restore leaves behind is noticed by the next command, and nothing goes on with half of the data.

use super::safety::{change, id, killed_after};
use super::{PASSWORD, Stored};
use std::process::Stdio;
use std::time::Duration;

use crate::support::project::{docker, eventually};

/// The containers that restores and drills make.
fn helpers(stored: &Stored) -> String {
    docker(&["ps", "-a", "--format", "{{.Names}}", "--filter", &format!("name={}-.*-aictl-", stored.stage.name())])
        .lines()
        .filter(|name| !name.ends_with("-aictl-state") && !name.ends_with("-aictl-lock"))
        .collect()
}

#[test]
fn nothing_goes_on_with_half_restored_data_until_the_restore_is_finished_or_given_up() {
    let Some(stored) = Stored::open("backup-unfinished") else { return };
    let before = stored.state();
    let set = id(&stored.json(&["backup", "create"], 0), "set");
    change(&stored);
    killed_after(&stored, &set, "Restored redis");
    let sets = || stored.json(&["backup", "list"], 0)["sets"].as_array().map_or(0, Vec::len);
    let count = sets();
    for words in [&["start"][..], &["restart"], &["deploy"], &["backup", "create"]] {
        let refused = stored.aictl(words).ended(1);
        let said = &refused.stderr;
        assert!(
            said.contains("was interrupted: its data is neither the old nor the restored state"),
            "{words:?}: {said}"
        );
        assert!(said.contains("aictl backup restore --abandon"), "{words:?}: {said}");
    }
    assert_eq!(sets(), count, "half of the data was stored");
    let status = stored.aictl(&["--output", "json", "status"]);
    let status: serde_json::Value = serde_json::from_str(&status.stdout).unwrap();
    assert!(status["unfinished_restore"].as_array().is_some_and(|left| !left.is_empty()), "{status}");
    // Taking the stack down is no use of its data, and changes nothing about it.
    stored.aictl(&["stop"]).ended(0);
    stored.aictl(&["start"]).ended(1);
    stored.aictl(&["--yes", "backup", "restore", &set]).ended(0);
    assert_eq!((stored.state(), helpers(&stored)), (before.clone(), String::new()));
    stored.aictl(&["start"]).ended(0);
    stored.aictl(&["backup", "restore", "--abandon"]).ended(10);

    // Given up: what is there stays, and is used again.
    killed_after(&stored, &set, "Restored redis");
    stored.aictl(&["start"]).ended(1);
    stored.aictl(&["backup", "restore", "--abandon"]).ended(5);
    stored.aictl(&["--dry-run", "backup", "restore", "--abandon"]).ended(0);
    stored.aictl(&["restart"]).ended(1);
    let given_up = stored.json(&["--yes", "backup", "restore", "--abandon"], 0);
    assert!(given_up["abandoned"].as_array().is_some_and(|services| !services.is_empty()), "{given_up}");
    stored.aictl(&["start"]).ended(0);

    // A helper that a killed restore left behind goes with the stack, and so do its volumes.
    let volume = format!("{}_files:/srv/files", stored.stage.name());
    let name = format!("{}-files-aictl-restore", stored.stage.name());
    let project = format!("com.docker.compose.project={}", stored.stage.name());
    let mut words = vec!["create", "--name", &name, "-v", &volume];
    for label in [
        &*project,
        "com.docker.compose.service=files",
        "com.docker.compose.oneoff=True",
        "com.docker.compose.container-number=1",
        "com.docker.compose.config-hash=none",
    ] {
        words.extend(["--label", label]);
    }
    docker(&[&words[..], &["aictl/redis:7"]].concat());
    stored.aictl(&["--yes", "stop", "--remove", "-v"]).ended(0);
    assert_eq!(helpers(&stored), "");
    let volumes = docker(&["volume", "ls", "-q", "--filter", &format!("name={}_", stored.stage.name())]);
    assert_eq!(volumes.trim(), "");
}

#[test]
fn a_service_that_a_killed_backup_had_stopped_is_started_by_the_next() {
    let Some(stored) = Stored::open("backup-left-down") else { return };
    let log = stored.stage.path().join("killed.log");
    let file = std::fs::File::create(&log).unwrap();
    let mut command = stored.stage.command(&["backup", "create"]);
    let mut child = command.env("BACKUP_PASSWORD", PASSWORD).stdout(Stdio::null()).stderr(file).spawn().unwrap();
    let running = || docker(&["ps", "-q", "--filter", &format!("name={}-files-1", stored.stage.name())]);
    eventually("files is stopped", Duration::from_secs(60), || running().trim().is_empty());
    child.kill().unwrap();
    child.wait().unwrap();
    if running().trim().is_empty() {
        let created = stored.aictl(&["backup", "create"]).ended(0);
        assert!(created.stderr.contains("was left stopped by a backup that was interrupted"), "{created:?}");
    }
    assert!(!running().trim().is_empty());
}
