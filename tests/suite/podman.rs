//! Podman implements part of the Docker API: it is refused by name before any change.

use std::process::{Child, Command, Stdio};
use std::time::Duration;

use serde_json::Value;

use crate::support::project::{Outcome, TestProject, eventually, skip};

/// `podman system service` on a socket of the project; stopped on drop.
struct Podman(Child);

impl Podman {
    fn start(stage: &TestProject) -> Option<(Self, String)> {
        let is_there = Command::new("podman").arg("--version").output().is_ok_and(|output| output.status.success());
        if !is_there {
            skip(stage.name(), "podman is not there");
            return None;
        }
        let at = |name: &str| stage.path().join(name).display().to_string();
        let (address, log) = (format!("unix://{}", at("podman.sock")), std::fs::File::create(at("log")).unwrap());
        let mut command = Command::new("podman");
        command.args(["--root", &at("root"), "--runroot", &at("run"), "--storage-driver", "vfs"]);
        command.args(["--cgroup-manager", "cgroupfs", "system", "service", "--time=0", &address]);
        let service = Self(command.stdin(Stdio::null()).stdout(log.try_clone().unwrap()).stderr(log).spawn().unwrap());
        let socket = stage.path().join("podman.sock");
        eventually("Podman's service answers", Duration::from_secs(30), || socket.exists());
        Some((service, address))
    }
}

impl Drop for Podman {
    fn drop(&mut self) {
        let _ = Command::new("kill").arg(self.0.id().to_string()).status();
        let _ = self.0.wait();
    }
}

#[test]
fn podman_is_refused_by_name_with_the_missing_features() {
    let Some(stage) = TestProject::new("podman") else { return };
    stage.write("compose.yaml", "services: { a: { image: 'aictl-lab/tool:1', command: [tool, serve] } }\n");
    let Some((_service, address)) = Podman::start(&stage) else { return };
    let aictl =
        |words: &[&str]| -> Outcome { stage.command(words).env("DOCKER_HOST", &address).output().unwrap().into() };
    for words in [&["start"][..], &["status"], &["plan"], &["stop", "--remove"], &["setup", "--yes"]] {
        let refused = aictl(words).ended(9);
        for part in ["engine", "is Podman 4.", "not supported", "attach to a container before", "docker context ls"] {
            assert!(refused.stderr.contains(part), "{words:?}: `{part}` is not in {}", refused.stderr);
        }
    }
    // As docker run says it.
    aictl(&["run", "a"]).ended(125);
    let report: Value = serde_json::from_str(&aictl(&["doctor", "--output", "json"]).ended(4).stdout).unwrap();
    let engine = report["findings"].as_array().unwrap().iter().find(|finding| finding["check"] == "engine").unwrap();
    assert_eq!(engine["verdict"], "failed");
    assert!(engine["found"].as_str().unwrap().starts_with("Podman 4."), "{engine}");
    assert!(engine["remedy"].as_str().unwrap().contains("docker context ls"), "{engine}");
}
