//! Drills of a real set: proven, failed, interrupted and killed; production and the repository's judge notice nothing.

use std::path::PathBuf;
use std::process::Stdio;
use std::time::Duration;

use super::{PASSWORD, Stored, restic};
use crate::support::project::{Outcome, docker, eventually};

impl Stored {
    /// Names of the containers of its drills.
    fn drills(&self) -> Vec<String> {
        let filter = format!("name={}-aictl-drill-", self.stage.name());
        let listed = docker(&["ps", "-aq", "--filter", &filter]);
        listed.lines().map(str::to_owned).collect()
    }

    fn states(&self) -> Vec<String> {
        let listed = self.json(&["backup", "list"], 0);
        let sets = listed["sets"].as_array().unwrap();
        sets.iter().map(|set| set["state"].as_str().unwrap().to_owned()).collect()
    }

    /// A drill that has made its first container.
    fn begun(&self) -> std::process::Child {
        let mut command = self.stage.command(&["backup", "drill"]);
        command.env("BACKUP_PASSWORD", PASSWORD).stdout(Stdio::null()).stderr(Stdio::null());
        let child = command.spawn().unwrap();
        eventually("the drill has a container", Duration::from_secs(60), || !self.drills().is_empty());
        child
    }
}

#[test]
fn a_drill_proves_a_set_and_leaves_nothing_even_when_it_is_interrupted_or_killed() {
    let Some(stored) = Stored::open("backup-drill") else { return };
    let before = stored.state();
    stored.aictl(&["backup", "create"]).ended(0);
    let planned = stored.aictl(&["--dry-run", "backup", "drill"]).ended(0);
    assert!(planned.stdout.contains("restore postgres databases of db"), "{planned:?}");
    assert_eq!((stored.drills().len(), stored.states()), (0, vec!["taken".to_owned()]));

    let drilled = stored.json(&["backup", "drill"], 0);
    assert_eq!(drilled["proven"], true, "{drilled}");
    let findings = drilled["findings"].to_string();
    assert!(findings.contains("1 counts are those of the backup"), "{findings}");
    assert_eq!((stored.drills().len(), stored.states()), (0, vec!["proven".to_owned()]));
    assert_eq!(stored.state(), before, "production was touched");
    restic::checks(&stored);

    // The first Ctrl-C ends it and removes its containers.
    let mut child = stored.begun();
    let pid = rustix::process::Pid::from_child(&child);
    rustix::process::kill_process(pid, rustix::process::Signal::INT).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(130));
    assert!(stored.drills().is_empty());

    // What a killed one left behind is removed by the next, which is refused while one runs.
    let mut child = stored.begun();
    stored.aictl(&["backup", "drill"]).ended(11);
    child.kill().unwrap();
    child.wait().unwrap();
    assert!(!stored.drills().is_empty());
    let again: Outcome = stored.aictl(&["backup", "drill"]).ended(0);
    assert!(again.stderr.contains("of an earlier drill"), "{again:?}");
    assert!(stored.drills().is_empty());

    // A newer set that nobody restored is not chosen before the proven one.
    stored.aictl(&["backup", "create"]).ended(0);
    let chosen = stored.aictl(&["--dry-run", "restore"]).ended(0);
    assert!(chosen.stderr.contains("the newest proven one"), "{chosen:?}");
    let pruned = stored.json(&["--yes", "backup", "prune"], 0);
    assert_eq!(pruned["sets"][1]["reason"], "newest proven", "{pruned}");

    // A set that cannot be read back whole is not proven any more.
    damage(&stored);
    let refused: Outcome = stored.aictl(&["backup", "drill"]).ended(4);
    assert!(refused.stderr.contains("is lost: data/"), "{refused:?}");
    assert!(stored.drills().is_empty());
    assert_eq!(stored.states()[0], "damaged");
}

/// Changes every byte of the two largest packs, which hold the dumps of the two sets.
pub fn damage(stored: &Stored) {
    let folders = std::fs::read_dir(stored.stage.path().join("sets/data")).unwrap().flatten();
    let packs = folders.flat_map(|folder| std::fs::read_dir(folder.path()).into_iter().flatten().flatten());
    let mut packs: Vec<PathBuf> = packs.map(|pack| pack.path()).collect();
    packs.sort_by_key(|pack| std::cmp::Reverse(pack.metadata().unwrap().len()));
    for pack in &packs[..2] {
        let changed: Vec<u8> = std::fs::read(pack).unwrap().into_iter().map(|byte| byte ^ 1).collect();
        let writable = std::os::unix::fs::PermissionsExt::from_mode(0o600);
        std::fs::set_permissions(pack, writable).unwrap();
        std::fs::write(pack, changed).unwrap();
    }
}
