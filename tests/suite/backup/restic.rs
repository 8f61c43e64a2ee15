//! Debian's restic as the judge of a repository: it checks and restores what aictl wrote, and aictl reads what restic wrote.

use std::io::Write as _;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use sha2::{Digest, Sha256};

use super::{PASSWORD, Stored};
use crate::support::project::{Outcome, eventually};

fn restic(stored: &Stored, words: &[&str]) -> Command {
    let mut command = Command::new("restic");
    command.env("RESTIC_PASSWORD", PASSWORD).env("RESTIC_REPOSITORY", stored.stage.path().join("sets"));
    command.args(["--no-cache", "--quiet"]).args(words).stdin(Stdio::null());
    command
}

#[track_caller]
fn run(stored: &Stored, words: &[&str]) -> Outcome {
    Outcome::from(restic(stored, words).output().unwrap()).ended(0)
}

/// restic finds nothing wrong with any byte.
#[track_caller]
pub fn checks(stored: &Stored) {
    run(stored, &["check", "--read-data"]);
}

/// Both read each other's files, and neither disturbs the other at work.
#[track_caller]
pub fn judges(stored: &Stored, set: &str) {
    checks(stored);
    restored_bytes(stored, set);
    a_lock_of_restic_is_honoured(stored);
    neither_prunes_what_the_other_writes(stored);
    // restic writes every pack anew: from here on all content is what restic wrote.
    run(stored, &["prune", "--max-unused", "0", "--repack-uncompressed"]);
    stored.json(&["backup", "verify", "--all"], 0);
    stored.json(&["backup", "create"], 0);
    checks(stored);
}

/// Every file of the set is restored with the length and the digest that its manifest has.
#[track_caller]
fn restored_bytes(stored: &Stored, set: &str) {
    let tag = format!("aictl-set={set}");
    let listed = run(stored, &["snapshots", "--json", "--tag", &tag]).stdout;
    let snapshots: Vec<serde_json::Value> = serde_json::from_str(&listed).unwrap();
    // Three services, the configuration, the manifest, and the mark of a verification.
    assert_eq!(snapshots.len(), 6, "{listed}");
    let target = stored.stage.path().join("by-restic");
    for snapshot in &snapshots {
        run(stored, &["restore", snapshot["id"].as_str().unwrap(), "--target", target.to_str().unwrap()]);
    }
    let manifest = std::fs::read_to_string(target.join("manifest.json")).unwrap();
    let manifest: serde_json::Value = serde_json::from_str(&manifest).unwrap();
    let mut files = 0;
    for part in manifest["parts"].as_array().unwrap() {
        for file in part["files"].as_array().unwrap() {
            let path = target.join(part["name"].as_str().unwrap()).join(file["name"].as_str().unwrap());
            let bytes = std::fs::read(&path).unwrap();
            assert_eq!(Some(bytes.len() as u64), file["bytes"].as_u64(), "{}", path.display());
            assert_eq!(
                Some(hex::encode(Sha256::digest(&bytes)).as_str()),
                file["sha256"].as_str(),
                "{}",
                path.display()
            );
            files += 1;
        }
    }
    assert!(files >= 6, "{manifest}");
    std::fs::remove_dir_all(target).unwrap();
}

/// While restic writes, nothing is pruned; what it writes is still there afterwards.
#[track_caller]
fn a_lock_of_restic_is_honoured(stored: &Stored) {
    let mut command = restic(stored, &["backup", "--stdin", "--stdin-filename", "slow"]);
    let mut writing = command.stdin(Stdio::piped()).spawn().unwrap();
    writing.stdin.as_mut().unwrap().write_all(b"begun").unwrap();
    let locks = stored.stage.path().join("sets/locks");
    let is_locked = || std::fs::read_dir(&locks).is_ok_and(|mut locks| locks.next().is_some());
    eventually("restic has locked the repository", Duration::from_secs(30), is_locked);
    let locked = || stored.aictl(&["--yes", "backup", "prune"]).code == 11;
    eventually("the lock is complete", Duration::from_secs(10), locked);
    stored.aictl(&["backup", "list"]).ended(0);
    drop(writing.stdin.take());
    assert!(writing.wait().unwrap().success());
    assert_eq!(run(stored, &["dump", "latest", "slow"]).stdout, "begun");
}

/// Stopped in the middle, `restic prune` keeps aictl out and `aictl backup create` keeps restic out; both then end well.
#[track_caller]
fn neither_prunes_what_the_other_writes(stored: &Stored) {
    stored.in_files("head -c 20000000 /dev/urandom >/srv/files/new");
    let mut create = stored.stage.command(&["backup", "create"]);
    let mut creating = stopped_with_lock(stored, create.env("BACKUP_PASSWORD", PASSWORD));
    let refused = Outcome::from(restic(stored, &["prune", "--max-unused", "0"]).output().unwrap());
    assert!(refused.code != 0 && refused.stderr.contains("already locked"), "{refused:?}");
    go_on(&mut creating);
    stored.in_files("rm /srv/files/new");

    let mut pruning = stopped_with_lock(stored, &mut restic(stored, &["prune", "--max-unused", "0"]));
    let refused = stored.aictl(&["backup", "create"]).ended(11);
    assert!(refused.stderr.contains("locked"), "{refused:?}");
    go_on(&mut pruning);
    let set = stored.json(&["backup", "create"], 0)["set"].as_str().unwrap().to_owned();
    checks(stored);
    for words in [&["backup", "verify", "--all", "--no-decode"][..], &["backup", "verify", &set]] {
        assert_eq!(stored.json(words, 0)["damage"], serde_json::json!([]));
    }
}

/// The process, stopped by a signal while it holds a lock of the repository.
#[track_caller]
fn stopped_with_lock(stored: &Stored, command: &mut Command) -> Child {
    let locks = stored.stage.path().join("sets/locks");
    let child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let deadline = Instant::now() + Duration::from_secs(60);
    // A lock that is still being written has a longer name.
    let is_locked = || {
        let names = std::fs::read_dir(&locks).unwrap().flatten().map(|entry| entry.file_name());
        names.into_iter().any(|name| name.len() == 64)
    };
    while !is_locked() {
        assert!(Instant::now() < deadline, "{command:?} takes no lock");
        std::thread::sleep(Duration::from_millis(1));
    }
    signal(&child, "-STOP");
    assert!(is_locked(), "{command:?} was done too early");
    child
}

#[track_caller]
fn go_on(child: &mut Child) {
    signal(child, "-CONT");
    assert!(child.wait().unwrap().success());
}

fn signal(child: &Child, signal: &str) {
    assert!(Command::new("kill").args([signal, &child.id().to_string()]).status().unwrap().success());
}
