//! The index as the real git writes it, in every form; and bytes that are none.
use std::process::Command;
use std::time::{Duration, Instant};

use super::*;

struct Repository(tempfile::TempDir);

impl Repository {
    fn new(words: &[&str]) -> Self {
        let repository = Self(tempfile::tempdir().unwrap());
        repository.git(&[&["init", "-q"], words].concat());
        repository
    }

    fn path(&self) -> PathBuf {
        self.0.path().canonicalize().unwrap()
    }

    fn git(&self, words: &[&str]) {
        let mut command = Command::new("git");
        command.args(["-c", "user.name=x", "-c", "user.email=x@x"]).args(words).current_dir(self.path());
        let output = command.env("GIT_CONFIG_GLOBAL", "/dev/null").output().unwrap();
        assert!(output.status.success(), "{words:?}: {}", String::from_utf8_lossy(&output.stderr));
    }

    fn write(&self, name: &str) {
        let path = self.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, name).unwrap();
    }

    fn tracked(&self, name: &str) -> Tracked {
        tracked(&self.path().join(name))
    }
}

#[test]
fn what_git_tracks_is_told_from_every_form_of_its_index() {
    for (form, version) in
        [(&[][..], "2"), (&[], "3"), (&[], "4"), (&["--object-format=sha256"], "2"), (&["--object-format=sha256"], "4")]
    {
        let repository = Repository::new(form);
        for name in [".env", ".env.example", "a/.env", "a/b/.env", "a/b/c.txt", "z"] {
            repository.write(name);
        }
        assert_eq!(repository.tracked(".env"), Tracked::No, "there is no index");
        repository.git(&["add", "-f", "z", "a", ".env.example"]);
        repository.git(&["update-index", "--index-version", version]);
        // Extended flags, which version 2 has no room for.
        repository.git(
            &["update-index", "--skip-worktree", "z"]
                .map(|w| if version == "2" && w == "--skip-worktree" { "--assume-unchanged" } else { w }),
        );
        for (name, expected) in [
            (".env", Tracked::No),
            ("a/.env", Tracked::Yes),
            ("a/b/.env", Tracked::Yes),
            ("z", Tracked::Yes),
            (".env.example", Tracked::Yes),
            ("a", Tracked::No),
            ("b/.env", Tracked::No),
        ] {
            assert_eq!(repository.tracked(name), expected, "{name} in version {version} {form:?}");
        }
        repository.git(&["add", "-f", ".env"]);
        repository.git(&["commit", "-qm", "x"]);
        assert_eq!(repository.tracked(".env"), Tracked::Yes);
        repository.git(&["rm", "-q", "--cached", ".env"]);
        assert_eq!(repository.tracked(".env"), Tracked::No);
    }
}

#[test]
fn worktrees_and_submodules_have_an_index_elsewhere() {
    let repository = Repository::new(&[]);
    repository.write(".env");
    repository.git(&["add", "-f", ".env"]);
    repository.git(&["commit", "-qm", "x"]);
    repository.git(&["worktree", "add", "-q", "tree"]);
    assert_eq!(repository.tracked("tree/.env"), Tracked::Yes);
    assert_eq!(repository.tracked("tree/other"), Tracked::No);
    fs::write(repository.path().join("tree/.git"), "gitdir: /nonexistent\n").unwrap();
    let Tracked::Unknown(reason) = repository.tracked("tree/.env") else { panic!("told") };
    assert!(reason.ends_with("/tree/.git: it points to a folder that is no repository"), "{reason}");
}

#[test]
fn what_the_index_leaves_to_others_is_not_guessed() {
    let repository = Repository::new(&[]);
    for name in [".env", "deep/.env", "deep/er/x"] {
        repository.write(name);
    }
    repository.git(&["add", "-f", "."]);
    repository.git(&["commit", "-qm", "x"]);
    repository.git(&["sparse-checkout", "init", "--cone", "--sparse-index"]);
    assert_eq!(repository.tracked(".env"), Tracked::Yes);
    let Tracked::Unknown(reason) = repository.tracked("deep/.env") else { panic!("told") };
    assert!(reason.ends_with("/.git/index: it is sparse, and leaves this folder out"), "{reason}");
    repository.git(&["sparse-checkout", "disable"]);
    repository.git(&["update-index", "--split-index"]);
    let Tracked::Unknown(reason) = repository.tracked(".env") else { panic!("told") };
    assert!(reason.ends_with("it is split, and shares a part with others"), "{reason}");
}

#[test]
fn an_index_that_is_none_is_said_and_never_waited_for() {
    let repository = Repository::new(&[]);
    repository.write(".env");
    repository.git(&["add", "-f", ".env"]);
    let index = repository.path().join(".git/index");
    let whole = fs::read(&index).unwrap();
    // Cut anywhere and with any byte changed: an answer, or that there is none, and no panic.
    for at in 0..whole.len() {
        index::listed(&whole[..at], b".env", 20);
        for value in [0, 0x7f, 0x80, 0xff] {
            let mut changed = whole.clone();
            changed[at] = value;
            index::listed(&changed, b".env", 20);
            changed[7] = 4;
            index::listed(&changed, b".env", 20);
        }
    }
    fs::write(&index, &whole[..whole.len() / 2]).unwrap();
    let Tracked::Unknown(reason) = repository.tracked(".env") else { panic!("told") };
    assert!(reason.ends_with("index: it is damaged, or of a later format"), "{reason}");
    for path in [".git/index", ".git"] {
        let path = repository.path().join(path);
        if path.is_dir() {
            fs::remove_dir_all(&path).unwrap()
        } else {
            fs::remove_file(&path).unwrap()
        }
        assert!(Command::new("mkfifo").arg(&path).status().unwrap().success());
        let before = Instant::now();
        let Tracked::Unknown(reason) = repository.tracked(".env") else { panic!("told") };
        assert!(reason.ends_with("it is not a regular file"), "{reason}");
        assert!(before.elapsed() < Duration::from_secs(5));
    }
}
