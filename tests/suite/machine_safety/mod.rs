//! Every verb that writes on the operator's machine, against everything that can stand where it is to write.
//! Reads exit codes and the folder afterwards: a device is a device, a foreign file is whole, nothing lies beside it.
//! Runs as root in scratch folders with devices, pipes and mounts of its own.
mod coverage;
mod members;
mod obstacle;
mod verbs;

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use obstacle::{FOREIGN, Obstacle};
use verbs::{Run, Verb, Workshop};

use crate::support::project::skip;

/// Every path below a folder; links are not entered.
fn paths(folder: &Path) -> BTreeSet<PathBuf> {
    let mut found = BTreeSet::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.symlink_metadata().unwrap().is_dir() {
            found.extend(paths(&path));
        }
        found.insert(path);
    }
    found
}

fn names(folder: &Path) -> BTreeSet<String> {
    fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
}

/// One verb against one obstacle; what was harmed, in words.
fn tried(workshop: &Workshop, verb: &Verb, obstacle: Obstacle) -> Vec<String> {
    if obstacle == Obstacle::LinkedParent && !verb.file.contains('/') {
        return Vec::new();
    }
    // A part of a verb runs in this process, which is root's.
    if matches!(verb.run, Run::Part(_)) && matches!(obstacle, Obstacle::ReadOnlyFile | Obstacle::ReadOnlyFolder) {
        return Vec::new();
    }
    let Some(obstructed) = obstacle.prepare(verb.file) else {
        skip(&format!("{} on {obstacle:?}", verb.name), "it cannot be made here");
        return Vec::new();
    };
    let before = paths(obstructed.root());
    let outcome = workshop.run(verb, &obstructed);
    let mut harm = obstructed.harm(verb);
    let after = paths(obstructed.root());
    let is_temporary = |path: &&PathBuf| path.file_name().unwrap().to_string_lossy().starts_with(".aictl-");
    // A verb that fails leaves nothing, one that succeeds nothing of its work.
    let stray: Vec<&PathBuf> = after.difference(&before).filter(|p| outcome.code != 0 || is_temporary(p)).collect();
    if !stray.is_empty() {
        harm.push(format!("left {stray:?}"));
    }
    if !verb.is_optional && (outcome.code == 0) != obstructed.succeeds(verb) {
        harm.push(format!("exit code {}", outcome.code));
    }
    if outcome.code < 0 || outcome.stderr.contains("panicked") {
        harm.push("it crashed".to_owned());
    }
    if outcome.code != 0 && !outcome.stderr.contains("error: ") {
        harm.push("no error is told".to_owned());
    }
    let told = |harm: String| format!("{} on {obstacle:?}: {harm}\n{}{}", verb.name, outcome.stdout, outcome.stderr);
    harm.into_iter().map(told).collect()
}

#[test]
fn no_verb_harms_what_stands_where_it_writes() {
    let Some(workshop) = Workshop::open("safety") else { return };
    let against = |verb: &Verb, some: &[Obstacle]| -> Vec<String> {
        some.iter().flat_map(|one| tried(&workshop, verb, *one)).collect()
    };
    let against = &against;
    let pairs = verbs::ALL.iter().flat_map(|verb| Obstacle::ALL.chunks(5).map(move |some| (verb, some)));
    // Most of the time they wait for the engine.
    let harm: Vec<String> = std::thread::scope(|scope| {
        let spawn = |(verb, some)| scope.spawn(move || against(verb, some));
        let running: Vec<_> = pairs.map(spawn).collect();
        running.into_iter().flat_map(|some| some.join().unwrap()).collect()
    });
    assert!(harm.is_empty(), "{} harmed:\n{}", harm.len(), harm.join("\n"));
}

/// What `--force` is for, and that nothing else takes its part.
#[test]
fn a_foreign_file_is_overwritten_only_with_force() {
    let Some(workshop) = Workshop::open("safety-force") else { return };
    for verb in verbs::ALL.iter().filter(|verb| verb.force) {
        let obstructed = Obstacle::ForeignFile.prepare(verb.file).unwrap();
        workshop.run(verb, &obstructed).ended(1);
        assert_eq!(fs::read_to_string(&obstructed.target).unwrap(), FOREIGN, "{}", verb.name);
        workshop.run_with(verb, &obstructed, &["--force"]).ended(0);
        assert_ne!(fs::read_to_string(&obstructed.target).unwrap_or_default(), FOREIGN, "{}", verb.name);
        // What aictl wrote itself it may write again.
        workshop.run(verb, &obstructed).ended(0);
    }
}

/// A report of an earlier run is not there when this run failed before it had one.
#[test]
fn no_report_of_an_earlier_run_outlives_one_that_failed() {
    let Some(workshop) = Workshop::open("safety-stale") else { return };
    let folder = tempfile::tempdir().unwrap();
    let report = folder.path().join("junit.xml");
    let path = report.to_str().unwrap();
    let words = ["smoke-test", "--junit", path];
    workshop.aictl(&words).ended(0);
    let mode = |path: &Path| std::os::unix::fs::PermissionsExt::mode(&fs::metadata(path).unwrap().permissions());
    fs::write(folder.path().join("plain"), "").unwrap();
    assert_eq!(mode(&report), mode(&folder.path().join("plain")), "a report holds no secret");
    workshop.aictl(&["--dry-run", "smoke-test", "--junit", path]).ended(0);
    assert!(report.exists(), "a dry run changes nothing");
    let mut unreachable = workshop.command(&words);
    let outcome = unreachable.env("DOCKER_HOST", "unix:///nowhere.sock").output().unwrap();
    assert_eq!(outcome.status.code(), Some(9));
    assert_eq!(names(folder.path()), BTreeSet::from(["plain".to_owned()]));
}

/// Through standard output the report of the checks and the bundle go as through any pipe.
#[test]
fn standard_output_is_written_through_and_never_truncated() {
    let Some(workshop) = Workshop::open("safety-stdout") else { return };
    let folder = tempfile::tempdir().unwrap();
    let log = folder.path().join("log");
    fs::write(&log, "earlier\n").unwrap();
    let file = fs::OpenOptions::new().append(true).open(&log).unwrap();
    let mut command = workshop.command(&["config", "-o", "/dev/stdout"]);
    assert!(command.stdout(file).status().unwrap().success());
    let text = fs::read_to_string(&log).unwrap();
    assert!(text.starts_with("earlier\nname: ") && text.ends_with('\n'), "{text}");
    let saved = workshop.command(&["bundle", "save", "/dev/stdout"]).output().unwrap();
    assert!(saved.status.success(), "{}", String::from_utf8_lossy(&saved.stderr));
    let bundle = folder.path().join("bundle.tar");
    fs::write(&bundle, &saved.stdout).unwrap();
    aictl::image::bundle::Bundle::open(&bundle, &aictl::input_file::LocalFiles).map(drop).unwrap();
}

/// The resolved model holds secrets and is only its owner's; without secrets the umask decides.
#[test]
fn a_resolved_model_with_secrets_is_private() {
    let Some(workshop) = Workshop::open("safety-mode") else { return };
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    fs::write(at("plain"), "").unwrap();
    let mode = |name: &str| std::os::unix::fs::PermissionsExt::mode(&fs::metadata(at(name)).unwrap().permissions());
    workshop.aictl(&["config", "-o", at("resolved").to_str().unwrap()]).ended(0);
    assert!(fs::read_to_string(at("resolved")).unwrap().contains(verbs::SECRET));
    assert_eq!(mode("resolved") & 0o777, 0o600);
    for words in [&["--no-interpolate"][..], &["--no-env-resolution"]] {
        let out = at("out");
        let _ = fs::remove_file(&out);
        workshop.aictl(&[&["config", "-o", out.to_str().unwrap()], words].concat()).ended(0);
        let is_private = fs::read_to_string(&out).unwrap().contains(verbs::SECRET);
        assert_eq!(mode("out") & 0o777, if is_private { 0o600 } else { mode("plain") & 0o777 }, "{words:?}");
    }
}
