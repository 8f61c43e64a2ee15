//! A pack whose content was altered: what verify calls lost is damaged, nothing is built on it, and a restore reads first.

use std::os::unix::fs::FileExt as _;
use std::path::PathBuf;

use super::Stored;
use super::safety::id;

/// The largest pack.
fn largest(stored: &Stored) -> PathBuf {
    let list = |path: PathBuf| std::fs::read_dir(path).unwrap().map(|entry| entry.unwrap().path());
    let packs = list(stored.stage.path().join("sets/data")).flat_map(list);
    packs.max_by_key(|pack| pack.metadata().unwrap().len()).unwrap()
}

fn states(stored: &Stored) -> Vec<String> {
    let listed = stored.json(&["backup", "list"], 0);
    listed["sets"].as_array().unwrap().iter().map(|set| set["state"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn what_is_built_on_an_altered_pack_is_refused_until_it_is_repaired() {
    let Some(stored) = Stored::open("backup-altered") else { return };
    // More than fits into buffers: the image has a second volume, and an engine archives one at a time.
    stored.in_files("head -c 400000 /dev/urandom >/srv/files/noise");
    let set = id(&stored.json(&["backup", "create"], 0), "set");
    stored.json(&["backup", "verify", &set], 0);
    stored.json(&["backup", "create"], 0);
    let pack = largest(&stored);
    let name = pack.file_name().unwrap().to_str().unwrap().to_owned();
    let whole = std::fs::read(&pack).unwrap();
    std::fs::remove_file(&pack).unwrap();
    std::fs::write(&pack, &whole).unwrap();
    let before = stored.state();
    std::fs::File::options().write(true).open(&pack).unwrap().write_all_at(b"XXXX", 9000).unwrap();

    // Before a verification has seen it, a restore reads it and replaces nothing.
    for words in
        [&["--dry-run", "backup", "restore", &*set][..], &["--yes", "backup", "restore", &set], &["backup", "drill"]]
    {
        let refused = stored.aictl(words).ended(4);
        assert!(
            refused.stderr.contains(&name[..12]) && !refused.stderr.contains("engine at"),
            "{words:?}: {refused:?}"
        );
    }
    assert_eq!(stored.state(), before);

    let verified = stored.json(&["backup", "verify", "--no-decode"], 4);
    assert_eq!(verified["affected"].as_array().map(Vec::len), Some(2), "{verified}");
    assert_eq!(states(&stored), ["damaged", "damaged"]);
    let only_damaged = stored.aictl(&["--yes", "backup", "restore"]).ended(4);
    assert!(only_damaged.stderr.contains("aictl backup verify"), "{only_damaged:?}");
    for words in [
        &["backup", "create"][..],
        &["--dry-run", "backup", "create"],
        &["--yes", "backup", "prune"],
        &["--dry-run", "backup", "prune"],
    ] {
        let refused = stored.aictl(words).ended(4);
        assert!(
            refused.stderr.contains("--repair-index") && refused.stderr.contains(&name[..12]),
            "{words:?}: {refused:?}"
        );
    }
    assert_eq!(states(&stored).len(), 2, "nothing was stored or removed");

    stored.json(&["backup", "verify", "--repair-index", "--no-decode"], 4);
    stored.json(&["backup", "create"], 0);
    stored.json(&["backup", "verify", "--all"], 0);
    assert_eq!(states(&stored), ["verified", "verified", "verified"], "the same content is whole again");
    stored.aictl(&["--yes", "backup", "restore"]).ended(0);
    assert_eq!(stored.state(), before);
    super::restic::checks(&stored);
}
