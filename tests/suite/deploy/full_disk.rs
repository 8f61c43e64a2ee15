//! A full disk under the project's state on the real engine: whatever fits of a deploy, the exit code says what serves, no
//! earlier release is lost, and once there is room again the next deploy works.

use std::path::PathBuf;
use std::process::Command;

use serde_json::Value;

use super::real::{COMPOSE, PROJECT_FILE, Shop};
use crate::support::engine_api::clean_up;
use crate::support::project::{docker, skip};

/// A small disk that holds the state of a project.
struct Disk(PathBuf);

impl Disk {
    fn mounted(shop: &Shop) -> Option<Self> {
        let at = shop.project.path().join("disk");
        std::fs::create_dir(&at).unwrap();
        let mounted = Command::new("mount").args(["-t", "tmpfs", "-o", "size=200k", "tmpfs"]).arg(&at).output();
        if !mounted.is_ok_and(|output| output.status.success()) {
            skip("deploy on a full disk", "mounting a disk in memory is not allowed here");
            return None;
        }
        let label = format!("io.aictl.project={}", shop.project.name());
        let device = format!("device={}", at.display());
        let options = ["-o", "type=none", "-o", "o=bind", "-o", &device];
        let volume = format!("{}_aictl", shop.project.name());
        docker(&[&["volume", "create", "--label", &label], &options[..], &[&volume]].concat());
        Some(Self(at))
    }

    /// Leaves this many KiB.
    fn leave(&self, kib: usize) {
        let free: String = output("df", &["--output=avail", "-k", &self.0.display().to_string()]);
        let free: usize = free.lines().nth(1).and_then(|line| line.trim().parse().ok()).unwrap();
        std::fs::write(self.0.join("ballast"), vec![1; free.saturating_sub(kib) << 10]).unwrap();
    }

    fn empty(&self) {
        std::fs::remove_file(self.0.join("ballast")).unwrap();
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        clean_up(|| {
            let unmounted = Command::new("umount").arg("-l").arg(&self.0).status();
            assert!(unmounted.is_ok_and(|status| status.success()), "{} stays mounted", self.0.display());
        });
    }
}

fn output(program: &str, words: &[&str]) -> String {
    let output = Command::new(program).args(words).output().unwrap();
    assert!(output.status.success(), "{program}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

/// Numbers and statuses of the releases, the oldest first.
fn history(shop: &Shop) -> Vec<(u64, String)> {
    let report = shop.project.aictl(&["history", "--all", "--output", "json"]).ended(0).stdout;
    let report: Value = serde_json::from_str(&report).unwrap();
    let operations = report["operations"].as_array().unwrap().iter().rev();
    operations.map(|past| (past["number"].as_u64().unwrap(), past["release_status"].as_str().unwrap().into())).collect()
}

#[test]
fn a_full_disk_fails_a_deploy_and_loses_no_release() {
    let project_file = PROJECT_FILE.replace("drain: 60s", "drain: 1s");
    let Some(shop) = Shop::of("deploy-full-disk", &project_file, COMPOSE) else { return };
    let Some(disk) = Disk::mounted(&shop) else { return };
    shop.deploy("first", 0);
    let mut serves = "first".to_owned();
    let mut codes = Vec::new();
    // Each record and each configuration takes a page of 4 KiB: the disk is full at another file each time.
    for room in [0, 4, 8, 12, 16] {
        let before = history(&shop);
        disk.leave(room);
        let round = format!("room-{room}");
        let ended = shop.project.command(&["deploy"]).env("ROUND", &round).output().unwrap();
        let said = String::from_utf8_lossy(&ended.stderr).into_owned();
        let code = ended.status.code().unwrap();
        if code == 0 || code == 30 {
            serves = round;
        } else {
            assert!(said.contains("no space left"), "{room}: {said}");
        }
        assert_eq!(shop.served().as_deref(), Some(serves.as_str()), "{room} ended with {code}: {said}");
        disk.empty();
        let numbers = |history: Vec<(u64, String)>| history.into_iter().map(|(number, _)| number).collect::<Vec<_>>();
        let after = numbers(history(&shop));
        assert!(after.starts_with(&numbers(before)), "{room}: {after:?}");
        codes.push(code);
    }
    assert_eq!(codes, [1, 1, 1, 30, 0]);
    // However short the time for it, connections are looked at.
    let said = shop.deploy("last", 0);
    assert!(!said.contains("could not be read"), "{said}");
    assert_eq!(shop.served().as_deref(), Some("last"));
    let releases = history(&shop);
    assert_eq!(releases.last().unwrap().1, "deployed", "{releases:?}");
}
