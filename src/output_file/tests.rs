//! Every kind of thing that can stand where a file is to be written.

use std::fs;
use std::io::Read;
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::path::Path;

use rustix::fs::{CWD, FileType, Mode, mknodat};

use super::*;

fn names(folder: &Path) -> Vec<String> {
    let mut names: Vec<String> =
        fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o7777
}

fn write(path: &Path, rules: Rules) -> Result<(), OutputError> {
    OutputFile::open(path, rules)?.write(b"new\n")
}

const SECRET: Rules = Rules { existing: Existing::Replace, content: Content::Secret };

#[test]
fn a_new_file_has_the_umasks_mode_unless_it_holds_secrets() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    fs::write(at("plain"), "").unwrap();
    write(&at("a"), Rules::NEW).unwrap();
    write(&at("b"), SECRET).unwrap();
    write(&at("c"), Rules { content: Content::Program, ..Rules::NEW }).unwrap();
    assert_eq!(mode(&at("a")), mode(&at("plain")));
    assert_eq!(mode(&at("b")), 0o600);
    assert_eq!(mode(&at("c")) & 0o111, (mode(&at("plain")) >> 2) & 0o111);
    assert_eq!(names(folder.path()), ["a", "b", "c", "plain"]);
}

#[test]
fn a_replaced_file_keeps_mode_and_owner_and_others_stay() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a");
    fs::write(&path, "old").unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).unwrap();
    let given = std::os::unix::fs::chown(&path, Some(12345), Some(23456)).is_ok();
    assert!(write(&path, Rules::NEW).unwrap_err().is_exists());
    let own = |head: &[u8]| head.starts_with(b"# ours");
    assert!(write(&path, Rules { existing: Existing::ReplaceOwn(own), ..Rules::NEW }).unwrap_err().is_exists());
    assert_eq!(fs::read(&path).unwrap(), b"old");
    write(&path, Rules::REPLACE).unwrap();
    let found = fs::metadata(&path).unwrap();
    assert_eq!((fs::read(&path).unwrap(), mode(&path)), (b"new\n".to_vec(), 0o640));
    assert!(!given || (found.uid(), found.gid()) == (12345, 23456));
    write(&path, SECRET).unwrap();
    assert_eq!(mode(&path), 0o600);
    fs::write(&path, "# ours").unwrap();
    write(&path, Rules { existing: Existing::ReplaceOwn(own), ..Rules::NEW }).unwrap();
    assert_eq!(names(folder.path()), ["a"]);
}

#[test]
fn a_device_is_written_through() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("null");
    if mknodat(CWD, &path, FileType::CharacterDevice, Mode::from_raw_mode(0o666), rustix::fs::makedev(1, 3)).is_err() {
        return; // Only root makes devices; tests/suite has the real one.
    }
    // A file system without devices says so, and nothing is lost.
    let _ = write(&path, Rules::NEW);
    assert_eq!(FileType::from_raw_mode(fs::metadata(&path).unwrap().mode()), FileType::CharacterDevice);
    assert_eq!(names(folder.path()), ["null"]);
}

#[test]
fn a_setting_of_the_kernel_is_written_and_not_replaced() {
    // The name of the current thread, which can be written without privileges.
    let path = Path::new("/proc/thread-self/comm");
    write(path, Rules::REPLACE).unwrap();
    assert_eq!(fs::read_to_string(path).unwrap().trim_end(), "new");
}

#[test]
fn a_pipe_is_written_through_and_never_waited_for_without_end() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("pipe");
    mknodat(CWD, &path, FileType::Fifo, Mode::from_raw_mode(0o600), 0).unwrap();
    let reading = std::thread::spawn({
        let path = path.clone();
        move || {
            let mut text = String::new();
            fs::File::open(path).unwrap().read_to_string(&mut text).unwrap();
            text
        }
    });
    write(&path, Rules::NEW).unwrap();
    assert_eq!(reading.join().unwrap(), "new\n");
    let alone = write(&path, Rules::NEW).unwrap_err();
    assert!(matches!(alone, OutputError::NoReader { .. }), "{alone}");
    assert_eq!(names(folder.path()), ["pipe"]);
}

#[test]
fn a_link_is_followed_and_stays() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    fs::create_dir(at("real")).unwrap();
    fs::write(at("real/a"), "old").unwrap();
    symlink("real/a", at("link")).unwrap();
    symlink("link", at("second")).unwrap();
    symlink("real/later", at("dangling")).unwrap();
    symlink("round", at("round")).unwrap();
    symlink("real", at("folder")).unwrap();
    assert!(write(&at("second"), Rules::NEW).unwrap_err().is_exists());
    write(&at("second"), Rules::REPLACE).unwrap();
    write(&at("dangling"), Rules::NEW).unwrap();
    assert!(write(&at("round"), Rules::REPLACE).is_err());
    assert!(matches!(write(&at("folder"), Rules::REPLACE).unwrap_err(), OutputError::NotAFile { .. }));
    assert_eq!(fs::read(at("real/a")).unwrap(), b"new\n");
    assert_eq!(fs::read(at("real/later")).unwrap(), b"new\n");
    assert!(at("link").is_symlink() && at("second").is_symlink() && at("dangling").is_symlink());
    assert_eq!(names(&at("real")), ["a", "later"]);
}

#[test]
fn a_failure_leaves_the_old_file_and_nothing_beside_it() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a");
    fs::write(&path, "old").unwrap();
    let file = OutputFile::open(&path, Rules::REPLACE).unwrap();
    let full = file.write_with(|out| {
        out.write_all(b"half")?;
        Err::<(), _>(std::io::Error::from(std::io::ErrorKind::StorageFull))
    });
    let error = full.unwrap_err();
    assert!(error.to_string().starts_with(&path.display().to_string()), "{error}");
    assert!(crate::error::Hint::hints(&error)[0].contains("df -h"));
    assert_eq!((fs::read(&path).unwrap(), names(folder.path())), (b"old".to_vec(), vec!["a".to_owned()]));
}

#[test]
fn directories_and_missing_folders_are_told() {
    let folder = tempfile::tempdir().unwrap();
    for path in [folder.path().to_owned(), folder.path().join("x/"), folder.path().join("..")] {
        let error = write(&path, Rules::REPLACE).unwrap_err();
        assert!(error.to_string().contains("is a directory, not a file"), "{error}");
    }
    let error = write(&folder.path().join("none/a"), Rules::REPLACE).unwrap_err();
    assert!(crate::error::Hint::hints(&error)[0].contains("mkdir -p"), "{error}");
    assert!(names(folder.path()).is_empty());
}

#[test]
fn what_comes_to_the_name_meanwhile_is_not_replaced() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a");
    let open = |rules| OutputFile::open(&path, rules).unwrap();
    let (new, other) = (open(Rules::NEW), open(Rules::REPLACE));
    fs::write(&path, "theirs").unwrap();
    assert!(new.write(b"ours").unwrap_err().is_exists());
    fs::remove_file(&path).unwrap();
    fs::create_dir(&path).unwrap();
    other.write(b"ours").unwrap_err();
    assert_eq!(names(folder.path()), ["a"]);
}

#[test]
fn an_earlier_file_is_removed_on_demand_and_its_mode_stays_known() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a");
    fs::write(&path, "old").unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o604)).unwrap();
    let file = OutputFile::open(&path, Rules::REPLACE).unwrap();
    file.remove_previous().unwrap();
    assert!(!path.exists());
    file.write(b"new").unwrap();
    assert_eq!(mode(&path), 0o604);
}

#[test]
fn nothing_below_a_directory_goes_through_a_link() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    fs::create_dir_all(at("out/real")).unwrap();
    fs::create_dir(at("elsewhere")).unwrap();
    fs::write(at("elsewhere/kept"), "kept").unwrap();
    symlink("../elsewhere", at("out/sub")).unwrap();
    symlink("../elsewhere/kept", at("out/file")).unwrap();
    symlink("../elsewhere/new", at("out/dangling")).unwrap();
    symlink("out", at("link")).unwrap();
    for root in ["out", "link"] {
        let tree = Tree::create(&at(root)).unwrap();
        for name in ["sub/a", "sub/deep/a", "file", "dangling"] {
            let name = Path::new(name);
            for error in [
                tree.write(name, Rules::REPLACE, b"new").unwrap_err(),
                tree.check(name, Existing::Replace).unwrap_err(),
                tree.look(name).unwrap_err(),
            ] {
                assert!(matches!(error, OutputError::Link { .. }), "{}: {error}", name.display());
            }
        }
        for name in ["/etc/x", "../x", "real/../../x", ""] {
            let error = tree.write(Path::new(name), Rules::REPLACE, b"new").unwrap_err();
            assert!(matches!(error, OutputError::Outside { .. }), "{name}: {error}");
        }
        assert!(tree.write(Path::new("real"), Rules::REPLACE, b"new").is_err());
    }
    let tree = Tree::existing(&at("out")).unwrap().unwrap();
    tree.write(Path::new("real/new/a"), Rules::NEW, b"new").unwrap();
    assert!(tree.write(Path::new("real/new/a"), Rules::NEW, b"new").unwrap_err().is_exists());
    assert_eq!((names(&at("elsewhere")), names(&at("out/real/new"))), (vec!["kept".to_owned()], vec!["a".to_owned()]));
    assert!(Tree::existing(&at("none")).unwrap().is_none());
    assert!(Tree::existing(&at("elsewhere/kept")).is_err());
}

#[test]
fn private_files_are_replaced_only_while_they_hold_what_was_read() {
    let folder = tempfile::tempdir().unwrap();
    let (path, link) = (folder.path().join("real"), folder.path().join(".env"));
    PrivateFile::named(&path).create(b"A=1\n").unwrap();
    assert_eq!(mode(&path), 0o600);
    assert_eq!(PrivateFile::named(&path).create(b"A=2\n").unwrap_err().kind(), std::io::ErrorKind::AlreadyExists);
    fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
    symlink(&path, &link).unwrap();
    let refused = PrivateFile::named(&link).replace(b"A=0\n", b"A=2\n").unwrap_err();
    assert_eq!(refused.kind(), std::io::ErrorKind::InvalidData);
    assert_eq!(fs::read(&path).unwrap(), b"A=1\n");
    PrivateFile::named(&link).replace(b"A=1\n", b"A=2\n").unwrap();
    assert_eq!((fs::read(&path).unwrap(), mode(&path)), (b"A=2\n".to_vec(), 0o600));
    assert!(link.is_symlink());
    assert_eq!(names(folder.path()).len(), 2);
}

#[test]
fn text_is_appended_to_whatever_is_there() {
    use std::io::Write;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("log");
    for text in ["a", "b"] {
        append(&path).unwrap().write_all(text.as_bytes()).unwrap();
    }
    assert_eq!(fs::read(&path).unwrap(), b"ab");
}

#[test]
fn what_a_killed_process_left_is_removed_and_what_is_in_use_is_not() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    let old = std::time::SystemTime::now() - std::time::Duration::from_secs(3600);
    let age = |name: &str| fs::File::open(at(name)).unwrap().set_modified(old).unwrap();
    for name in [".aictl-0123456789abcdef", ".aictl-young", ".aictl-used", "other"] {
        fs::write(at(name), "x").unwrap();
    }
    fs::create_dir(at(".aictl-folder")).unwrap();
    fs::write(at(".aictl-folder/blob"), "x").unwrap();
    let outside = tempfile::NamedTempFile::new().unwrap();
    symlink(outside.path(), at(".aictl-link")).unwrap();
    [".aictl-0123456789abcdef", ".aictl-used", ".aictl-folder", "other"].iter().for_each(|name| age(name));
    let used = fs::File::open(at(".aictl-used")).unwrap();
    stale::lock(&used);
    OutputFile::open(&at("written"), Rules::REPLACE).unwrap().write(b"y").unwrap();
    let mut left: Vec<String> =
        fs::read_dir(folder.path()).unwrap().map(|e| e.unwrap().file_name().into_string().unwrap()).collect();
    left.sort();
    assert_eq!(left, [".aictl-link", ".aictl-used", ".aictl-young", "other", "written"]);
    assert!(outside.path().exists());
}
