//! Command lines and files that cannot be meant: refused before anything is looked at or written, so no engine is asked.
//! Reads exit codes, what is said, and the folder afterwards.
//! Never needs a project.

use std::fs;
use std::path::Path;

use tempfile::TempDir;

use super::aictl;

const BASE: &[u8] = b"the earlier bundle";

fn folder() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("base.tar"), BASE).unwrap();
    folder
}

#[track_caller]
fn refused(folder: &Path, code: i32, words: &[&str], parts: &[&str]) {
    let refused = aictl(folder, None, &[&["bundle"], words].concat()).ended(code);
    for part in parts.iter().chain(&["\"hints\":[\""]) {
        let said = refused.stderr.replace("\": ", "\":");
        assert!(said.contains(part), "`{part}` is not in what {words:?} says:\n{}", refused.stderr);
    }
    assert_eq!(fs::read(folder.join("base.tar")).unwrap(), BASE);
    assert!(!folder.join("-").exists(), "{words:?} wrote a file named `-`");
}

#[test]
fn a_base_is_not_overwritten_by_what_needs_it() {
    let folder = folder();
    std::os::unix::fs::symlink("base.tar", folder.path().join("link.tar")).unwrap();
    fs::hard_link(folder.path().join("base.tar"), folder.path().join("hard.tar")).unwrap();
    for (bundle, base) in
        [("base.tar", "base.tar"), ("./base.tar", "base.tar"), ("link.tar", "base.tar"), ("base.tar", "hard.tar")]
    {
        let hint = format!("bundle save NEW --base {base}`");
        refused(folder.path(), 2, &["save", bundle, "--base", base], &["is the base itself", &hint]);
    }
}

#[test]
fn a_file_of_the_project_is_not_overwritten_by_its_bundle() {
    let folder = folder();
    std::os::unix::fs::symlink("compose.yaml", folder.path().join("link.tar")).unwrap();
    let files = [
        ("compose.yaml", "services: { app: { image: x, env_file: app.env } }\n"),
        ("aictl.yaml", "environments: { one: { compose: compose.yaml } }\n"),
        (".env", "TOKEN=quite-long-and-secret\n"),
        ("app.env", "LEVEL=debug\n"),
    ];
    for (name, text) in files {
        fs::write(folder.path().join(name), text).unwrap();
    }
    for bundle in ["compose.yaml", "link.tar", "aictl.yaml", ".env", "app.env"] {
        refused(folder.path(), 1, &["save", "--force", bundle], &["is a file of this project", "bundle save FILE"]);
    }
    for (name, text) in files {
        assert_eq!(fs::read_to_string(folder.path().join(name)).unwrap(), text, "{name}");
    }
}

#[test]
fn what_is_no_bundle_and_no_place_for_one_is_told() {
    let folder = folder();
    refused(folder.path(), 2, &["save", "-"], &["a bundle must be a file, not `-`", "bundle save shop.tar"]);
    refused(folder.path(), 2, &["load", "-"], &["a bundle must be a file, not `-`", "bundle load shop.tar"]);
    refused(folder.path(), 2, &["load", "x.tar", "--to", "base.tar"], &["base.tar is not a directory", "--to DIR"]);
    refused(folder.path(), 1, &["load", "."], &["is not an aictl bundle: it is a directory", "bundle save FILE"]);
    refused(
        folder.path(),
        1,
        &["load", "base.tar"],
        &["is not an aictl bundle: not a tar archive", "bundle save FILE"],
    );
    let pipe = folder.path().join("pipe");
    assert!(std::process::Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    refused(folder.path(), 1, &["load", "pipe"], &["is not an aictl bundle: not a regular file"]);
}
