//! Bundles that nobody's `bundle save` wrote: their members are written below the named folder, or not at all.
//! Reads the folder afterwards.
//! Never holds an image.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;

use aictl::image::bundle::{BlobStore, BundledFile, Contents, FORMAT, write_bundle};
use aictl::output_file::{OutputFile, Rules};

use super::names;
use super::verbs::Workshop;

/// A bundle with these members and no image.
fn bundle(path: &Path, members: &[&str]) {
    let file = OutputFile::open(path, Rules::REPLACE).unwrap();
    let mut store = BlobStore::new(&file, BTreeSet::new()).unwrap();
    let blob = store.put_document(b"echo hacked\n").unwrap();
    let member = |path: &&str| BundledFile {
        path: (*path).to_owned(),
        executable: true,
        digest: blob.digest.clone(),
        size: blob.size,
    };
    let contents = Contents {
        format: FORMAT,
        aictl: "0".into(),
        project: "shop".into(),
        environment: None,
        images: Vec::new(),
        files: members.iter().map(member).collect(),
        since: None,
        omitted: Vec::new(),
    };
    write_bundle(file, contents, store).unwrap();
}

#[test]
fn members_that_leave_the_folder_or_are_run_by_git_are_refused() {
    let Some(workshop) = Workshop::open("safety-members") else { return };
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    fs::create_dir_all(at("out")).unwrap();
    fs::create_dir_all(at("elsewhere")).unwrap();
    symlink("../elsewhere", at("out/sub")).unwrap();
    symlink("../elsewhere/new", at("out/dangling")).unwrap();
    for members in [
        &["ok", ".git/hooks/post-checkout"][..],
        &["ok", "deep/.GIT/config"],
        &["ok", "../elsewhere/x"],
        &["ok", "/etc/aictl-x"],
        &["ok", "sub/x"],
        &["ok", "dangling"],
        &["ok", "OK"],
        &["ok", "r/HEAD", "r/config"],
    ] {
        bundle(&at("bad.tar"), members);
        let words =
            ["bundle", "load", at("bad.tar").to_str().unwrap(), "--to", at("out").to_str().unwrap()].map(str::to_owned);
        let outcome = workshop.aictl(&words.iter().map(String::as_str).collect::<Vec<_>>());
        assert!(outcome.code != 0 && outcome.stderr.contains("hint: "), "{members:?}: {outcome:?}");
        assert_eq!(names(&at("out")), BTreeSet::from(["sub".to_owned(), "dangling".to_owned()]), "{members:?}");
        assert!(names(&at("elsewhere")).is_empty() && !Path::new("/etc/aictl-x").exists(), "{members:?}");
    }
}

#[test]
fn an_env_file_is_unpacked_for_its_owner_only() {
    let Some(workshop) = Workshop::open("safety-env") else { return };
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    bundle(&at("env.tar"), &["sub/.env", "sub/run"]);
    workshop.aictl(&["bundle", "load", at("env.tar").to_str().unwrap(), "--to", at("new").to_str().unwrap()]).ended(0);
    let mode = |name: &str| fs::metadata(at(name)).unwrap().permissions().mode() & 0o7777;
    assert_eq!(mode("new/sub/.env"), 0o600);
    assert_eq!(mode("new/sub/run") & 0o7000, 0);
    assert!(mode("new/sub/run") & 0o100 != 0);
}
