//! A bundle saved on the machine's engine loads on the lab's current one, and the reverse. Each image store names an
//! image by another digest: the old one by that of its configuration, containerd's by that of its manifest.

use serde_json::Value;

use super::aictl;
use super::round_trip::digests;
use crate::support::both_engines::{Engine, Image, engines};
use crate::support::project::TestProject;

/// The id of an image that was loaded is the one of the two digests that its store goes by.
#[track_caller]
fn has(engine: &Engine, (image, id, manifest): &(String, String, String)) {
    let wanted = if engine.is_containerd { manifest } else { id };
    assert_eq!(engine.docker(&["image", "inspect", "--format", "{{.Id}}", image]), *wanted, "{image}");
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
    has(to, &saved[0]);
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
    let Some(engines) = engines("bundle on both engines") else { return };
    let Some(stage) = TestProject::new("bundle-both") else { return };
    let [here, current] = &engines;
    assert_ne!(here.is_containerd, current.is_containerd, "both engines have the same kind of image store");
    for (way, from, to) in [("forth", here, current), ("back", current, here)] {
        let image = Image(&engines, format!("{}-{way}:1", stage.name()));
        goes(from, to, (&stage, &image.1));
    }
}
