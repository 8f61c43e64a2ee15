//! The machine's engine and the lab's current one, for scenarios between two engines.

use std::path::Path;
use std::process::Command;

use serde_json::Value;

use super::project::{Outcome, TestProject, skip};

/// The engine at an address, and which digest of `id` and `manifest` is an image's id there.
pub struct Engine {
    pub address: String,
    pub is_containerd: bool,
}

impl Engine {
    pub fn at(address: String) -> Self {
        let mut engine = Self { address, is_containerd: false };
        engine.is_containerd = engine.docker(&["info", "--format", "{{.DriverStatus}}"]).contains("containerd");
        engine
    }

    /// What a docker command prints; the test ends when it fails.
    #[track_caller]
    pub fn docker(&self, words: &[&str]) -> String {
        let outcome: Outcome = Command::new("docker").args(["-H", &self.address]).args(words).output().unwrap().into();
        outcome.ended(0).stdout.trim().to_owned()
    }

    /// An image with a layer that no other engine has.
    pub fn make(&self, image: &str, stage: &TestProject) {
        stage.write("news", image);
        self.extend(("aictl-lab/tool:1", image), &stage.path().join("news"));
    }

    /// An image with one more layer: this file at its root. Its label `made` is its name.
    pub fn extend(&self, (base, image): (&str, &str), file: &Path) {
        let container = self.docker(&["create", base]);
        self.docker(&["cp", file.to_str().unwrap(), &format!("{container}:/")]);
        self.docker(&["commit", "--change", &format!("LABEL made={image}"), &container, image]);
        self.docker(&["rm", &container]);
    }

    pub fn has_image(&self, image: &str) -> bool {
        let found = Command::new("docker").args(["-H", &self.address, "image", "inspect", image]).output().unwrap();
        found.status.success()
    }

    /// The digest of an image's configuration, which every store keeps as it is.
    pub fn configuration(&self, image: &str) -> String {
        let read = format!("docker -H {} save {image} | tar -xO manifest.json", self.address);
        let outcome: Outcome = Command::new("sh").args(["-c", &read]).output().unwrap().into();
        let manifest: Value = serde_json::from_str(&outcome.ended(0).stdout).unwrap();
        let name = manifest[0]["Config"].as_str().unwrap().rsplit('/').next().unwrap();
        format!("sha256:{}", name.trim_end_matches(".json"))
    }
}

/// The machine's engine and the current one; none where this test has nothing to do.
pub fn engines(name: &str) -> Option<[Engine; 2]> {
    let set = |variable: &str| std::env::var(variable).ok().filter(|value| !value.is_empty());
    set("AICTL_LAB")?;
    let Some(current) = set("AICTL_LAB_CURRENT") else {
        skip(name, "the current engine is not there (AICTL_LAB_CURRENT)");
        return None;
    };
    let here = set("DOCKER_HOST").unwrap_or_else(|| "unix:///var/run/docker.sock".to_owned());
    if here == current {
        skip(name, "runs where the machine's engine is the one under test");
        return None;
    }
    Some([here, current].map(Engine::at))
}

/// Removed from both engines, whatever happens.
pub struct Image<'e>(pub &'e [Engine; 2], pub String);

impl Drop for Image<'_> {
    fn drop(&mut self) {
        for engine in self.0 {
            let _ = Command::new("docker").args(["-H", &engine.address, "image", "rm", "-f", &self.1]).output();
        }
    }
}
