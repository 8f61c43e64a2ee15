//! Bundles that are refused: altered, cut off, for other machines, or too large; the engine stays as it was.

use std::fs;
use std::ops::Range;

use super::{PROJECT, aictl, project, saved};
use crate::own_engine::OwnEngine;

/// No image at all, dangling ones included.
fn is_empty(engine: &OwnEngine) -> bool {
    engine.docker(&["image", "ls", "-aq"]).ended(0).stdout.is_empty()
}

/// Names of the parts of a bundle, each with where its content lies.
fn parts(whole: &[u8]) -> Vec<(String, Range<usize>)> {
    let mut archive = tar::Archive::new(whole);
    let part = |entry: tar::Entry<'_, &[u8]>| {
        let at = usize::try_from(entry.raw_file_position()).unwrap();
        let size = usize::try_from(entry.size()).unwrap();
        (entry.path().unwrap().display().to_string(), at..at + size)
    };
    let parts: Vec<_> = archive.entries().unwrap().map(|entry| part(entry.unwrap())).collect();
    assert!(parts.len() >= 6, "{parts:?}");
    parts
}

/// What has to be said of a bundle of which the byte there is altered.
fn reason(parts: &[(String, Range<usize>)], at: usize) -> String {
    let header = |content: &Range<usize>| content.start - 512;
    let Some((name, content)) = parts.iter().rfind(|(_, content)| header(content) <= at) else { return String::new() };
    let end = content.end.next_multiple_of(512);
    if at < content.start {
        format!("entry at byte {} is corrupt", header(content))
    } else if at >= end {
        "trailing data".to_owned()
    } else if at >= content.end {
        format!("end of {name} is corrupt")
    } else if name.starts_with("blobs/") {
        format!("content of {name} is corrupt")
    } else {
        name.clone()
    }
}

#[test]
fn an_altered_or_shortened_bundle_is_refused_and_the_engine_stays_empty() {
    let Some(stage) = project("bundle-damage", false) else { return };
    let Some(engine) = OwnEngine::empty("damaged bundles", 60) else { return };
    let (file, _) = saved(&stage, "shop.tar", &["--without-binary"]);
    let (whole, address, broken) = (fs::read(&file).unwrap(), engine.address(), stage.path().join("broken.tar"));
    let refused = |what: &str, bytes: &[u8], reason: &str| {
        fs::write(&broken, bytes).unwrap();
        let words = ["bundle", "load", broken.to_str().unwrap(), "--to", "unpacked"];
        let refused = aictl(stage.path(), Some(&address), &words).ended(1);
        assert!(
            refused.stderr.contains("is truncated or corrupt") && refused.stderr.contains(reason),
            "{what}: {}",
            refused.stderr
        );
        assert!(is_empty(&engine) && !stage.path().join("unpacked").exists(), "{what} left something");
    };
    let length = whole.len();
    let parts = parts(&whole);
    let documents = parts.iter().filter(|(name, _)| !name.starts_with("blobs/")).map(|(_, content)| content.start + 4);
    // Beginning, end and ten places between.
    let spread = (0..12).map(|step| (step * length / 11).min(length - 1));
    for at in spread.chain(documents) {
        let mut altered = whole.clone();
        altered[at] ^= 0x20;
        refused(&format!("byte {at} of {length} altered"), &altered, &reason(&parts, at));
    }
    for kept in [0, 1, 511, 512, length / 3, length / 2, length - 1025, length - 512, length - 1] {
        let reason = if kept == 0 { "the file is empty" } else { "truncated after" };
        refused(&format!("{kept} bytes of {length}"), &whole[..kept], reason);
    }
    refused("a grown bundle", &[&whole[..], &[0; 512]].concat(), "trailing data");
    fs::write(&broken, &whole).unwrap();
    aictl(stage.path(), Some(&address), &["bundle", "load", broken.to_str().unwrap()]).ended(0);
}

#[test]
fn a_bundle_for_other_machines_is_refused_with_the_remedy() {
    let Some(engine) = OwnEngine::empty("bundle of another architecture", 40) else { return };
    let folder = engine.project("services: { a: { image: 'own-arm:1', network_mode: none, command: [x] } }\n");
    engine.load_foreign("own-arm:1");
    let address = engine.address();
    aictl(&folder, Some(&address), &["bundle", "save", "arm.tar", "--without-binary"]).ended(0);
    engine.docker(&["rmi", "own-arm:1"]).ended(0);
    let refused = aictl(&folder, Some(&address), &["bundle", "load", "arm.tar"]).ended(1);
    assert!(refused.stderr.contains("own-arm:1 is for "), "{}", refused.stderr);
    assert!(refused.stderr.contains("save the bundle on a machine of "), "{}", refused.stderr);
    assert!(is_empty(&engine));
}

#[test]
fn an_engine_without_room_is_told_and_a_bundle_without_room_is_not_left_half_written() {
    let Some(stage) = project("bundle-room", true) else { return };
    let Some(engine) = OwnEngine::empty("bundle without room", 60) else { return };
    let (file, _) = saved(&stage, "shop.tar", &["--without-binary"]);
    let words = ["bundle", "load", file.to_str().unwrap()];
    let refused = aictl(stage.path(), Some(&engine.address()), &words).ended(1);
    assert!(refused.stderr.to_lowercase().contains("no space left"), "{PROJECT}: {}", refused.stderr);
    assert_eq!(engine.docker(&["image", "ls", "-q", "aictl/redis"]).ended(0).stdout, "");
    let full = engine.small_folder();
    let at = full.join("shop.tar");
    let refused = aictl(stage.path(), None, &["bundle", "save", at.to_str().unwrap()]).ended(1);
    assert!(refused.stderr.contains("no space left on the disk"), "{}", refused.stderr);
    assert_eq!(fs::read_dir(&full).unwrap().count(), 0);
}
