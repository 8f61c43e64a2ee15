//! A bundle saved on the machine's engine loads on the lab's current one, and the reverse. Each image store names an
//! image by another digest: the old one by that of its configuration, containerd's by that of its manifest.

use std::process::Command;

use serde_json::Value;

use super::aictl;
use super::round_trip::digests;
use crate::support::project::{Outcome, TestProject, skip};

/// The engine at an address, and which digest of `id` and `manifest` is an image's id there.
struct Engine {
    address: String,
    is_containerd: bool,
}

impl Engine {
    fn at(address: String) -> Self {
        let mut engine = Self { address, is_containerd: false };
        engine.is_containerd = engine.docker(&["info", "--format", "{{.DriverStatus}}"]).contains("containerd");
        engine
    }

    #[track_caller]
    fn docker(&self, words: &[&str]) -> String {
        let outcome: Outcome = Command::new("docker").args(["-H", &self.address]).args(words).output().unwrap().into();
        outcome.ended(0).stdout.trim().to_owned()
    }

    /// An image with a layer that no other engine has.
    fn make(&self, image: &str, stage: &TestProject) {
        stage.write("news", image);
        let container = self.docker(&["create", "aictl-lab/tool:1"]);
        self.docker(&["cp", stage.path().join("news").to_str().unwrap(), &format!("{container}:/news")]);
        self.docker(&["commit", &container, image]);
        self.docker(&["rm", &container]);
    }

    /// The digest of an image's configuration, which every store keeps as it is.
    fn configuration(&self, image: &str) -> String {
        let read = format!("docker -H {} save {image} | tar -xO manifest.json", self.address);
        let outcome: Outcome = Command::new("sh").args(["-c", &read]).output().unwrap().into();
        let manifest: Value = serde_json::from_str(&outcome.ended(0).stdout).unwrap();
        let name = manifest[0]["Config"].as_str().unwrap().rsplit('/').next().unwrap();
        format!("sha256:{}", name.trim_end_matches(".json"))
    }

    /// The id of an image that was loaded is the one of the two digests that its store goes by.
    #[track_caller]
    fn has(&self, (image, id, manifest): &(String, String, String)) {
        let wanted = if self.is_containerd { manifest } else { id };
        assert_eq!(self.docker(&["image", "inspect", "--format", "{{.Id}}", image]), *wanted, "{image}");
    }
}

/// The machine's engine and the current one; none where this test has nothing to do.
fn engines() -> Option<[Engine; 2]> {
    let name = "bundle on both engines";
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
struct Image<'e>(&'e [Engine; 2], String);

impl Drop for Image<'_> {
    fn drop(&mut self) {
        for engine in self.0 {
            let _ = Command::new("docker").args(["-H", &engine.address, "image", "rm", "-f", &self.1]).output();
        }
    }
}

fn goes(from: &Engine, to: &Engine, (stage, image): (&TestProject, &str)) {
    stage.write("compose.yaml", &format!("services: {{ app: {{ image: '{image}', network_mode: none }} }}\n"));
    from.make(image, stage);
    let run = |engine: &Engine, words: &[&str]| -> Value {
        let told = aictl(stage.path(), Some(&engine.address), words).ended(0).stdout;
        serde_json::from_str(&told).unwrap()
    };
    let saved = digests(&run(from, &["bundle", "save", "there.tar", "--without-binary", "--force"]));
    assert_eq!(saved[0].1, from.configuration(image));
    let loaded = run(to, &["bundle", "load", "there.tar"]);
    assert_eq!((digests(&loaded), &loaded["images"][0]["loaded"]), (saved.clone(), &Value::Bool(true)));
    to.has(&saved[0]);
    assert_eq!(to.configuration(image), saved[0].1);
    let content = to.docker(&["run", "--rm", "--network", "none", image, "cat", "/news"]);
    assert_eq!(content, image, "what was loaded runs");
    let again = run(to, &["bundle", "load", "there.tar"]);
    assert_eq!(again["images"][0]["loaded"], false, "it is there already");
    let resaved = digests(&run(to, &["bundle", "save", "here.tar", "--without-binary", "--force"]));
    assert_eq!(resaved[0].1, saved[0].1);
    // containerd's store may keep layers compressed and exports them so; the old one never does.
    let bytes = |file: &str| std::fs::read(stage.path().join(file)).unwrap();
    assert!(from.is_containerd || bytes("here.tar") == bytes("there.tar"), "another bundle");
}

#[test]
fn a_bundle_saved_on_either_engine_loads_on_the_other() {
    let Some(engines) = engines() else { return };
    let Some(stage) = TestProject::new("bundle-both") else { return };
    let [here, current] = &engines;
    assert_ne!(here.is_containerd, current.is_containerd, "both engines have the same kind of image store");
    for (way, from, to) in [("forth", here, current), ("back", current, here)] {
        let image = Image(&engines, format!("{}-{way}:1", stage.name()));
        goes(from, to, (&stage, &image.1));
    }
}
