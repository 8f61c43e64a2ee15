//! `aictl init` on files alone: a system from the binary, and a project file around compose files that are there.
//! Reads exit codes and the folder afterwards; no engine is asked.
//! Every refusal must leave the folder as it was.
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;
use tempfile::TempDir;

use crate::support::project::{Outcome, skip};

const COMPOSE: &str = "services:\n  api:\n    build: ./api\n    environment:\n      DB: ${POSTGRES_PASSWORD:?}\n      KEY: ${OPENAI_API_KEY}\n      SENTRY: ${SENTRY_TOKEN:-}\n  db:\n    image: postgres:15\n";

fn aictl(folder: &Path, words: &[&str]) -> Outcome {
    let mut command = Command::new(env!("CARGO_BIN_EXE_aictl"));
    command.args(words).current_dir(folder).env_clear();
    command.output().unwrap().into()
}

/// Every file below a folder, with its content.
fn files(folder: &Path) -> Vec<(PathBuf, Vec<u8>)> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(files(&path));
        } else {
            found.push((path.clone(), fs::read(&path).unwrap()));
        }
    }
    found.sort();
    found
}

fn folder() -> TempDir {
    tempfile::tempdir().unwrap()
}

#[test]
fn a_system_is_written_whole_and_writing_it_again_changes_nothing() {
    let folder = folder();
    aictl(folder.path(), &["init", "--from", "ai-assistant"]).ended(0);
    let written = files(folder.path());
    let example = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/ai-assistant");
    for (path, bytes) in &written {
        let name = path.strip_prefix(folder.path()).unwrap();
        if name != Path::new("aictl.yaml") {
            assert_eq!(&fs::read(example.join(name)).unwrap(), bytes, "{}", name.display());
        }
    }
    assert!(written.iter().any(|(path, _)| path.ends_with("api/app/main.py")));
    let again = aictl(folder.path(), &["--output", "json", "init", "--from", "ai-assistant"]).ended(0);
    let report: Value = serde_json::from_str(&again.stdout).unwrap();
    assert_eq!(report["written"], serde_json::json!([]));
    assert_eq!(files(folder.path()), written);
    // The environment for newcomers is the default of a new project; another can be asked for.
    let text = fs::read_to_string(folder.path().join("aictl.yaml")).unwrap();
    assert!(text.contains("\ndefault_environment: full\n"), "{text}");
    let other = self::folder();
    aictl(other.path(), &["--env", "dev", "init", "--from", "ai-assistant"]).ended(0);
    let text = fs::read_to_string(other.path().join("aictl.yaml")).unwrap();
    assert!(text.contains("\ndefault_environment: dev\n"), "{text}");
}

/// The project file is written last: until everything is there, there is no project, and the next init goes on.
#[test]
fn a_disk_that_fills_up_leaves_no_project_and_the_next_init_finishes_it() {
    let folder = folder();
    let mount = |options: &str| {
        let mount = Command::new("mount").args(["-t", "tmpfs", "-o", options, "tmpfs"]).arg(folder.path()).output();
        mount.is_ok_and(|output| output.status.success())
    };
    if !mount("size=64k") {
        return skip("init on a full disk", "mounting a disk in memory is not allowed here");
    }
    let full = aictl(folder.path(), &["init", "--from", "ai-assistant"]);
    let begun = (folder.path().join("aictl.yaml").exists(), files(folder.path()).is_empty());
    let grown = mount("remount,size=8m");
    let finished = aictl(folder.path(), &["init", "--from", "ai-assistant"]);
    let whole = (folder.path().join("aictl.yaml").exists(), files(folder.path()).len());
    assert!(Command::new("umount").arg("--lazy").arg(folder.path()).status().unwrap().success());
    let full = full.ended(1);
    assert!(full.stderr.contains("No space left on device"), "{}", full.stderr);
    assert_eq!(begun, (false, false), "the project file is there before the rest, or nothing is");
    assert!(grown && finished.ended(0).stdout.contains(" existed"));
    assert!(whole.0 && whole.1 > 20, "{whole:?}");
}

#[test]
fn a_file_in_the_way_a_wrong_name_and_a_dry_run_write_nothing() {
    let folder = folder();
    fs::write(folder.path().join("compose.yaml.tera"), "mine\n").unwrap();
    let before = files(folder.path());
    let refused = aictl(folder.path(), &["init", "--from", "ai-assistant"]).ended(1);
    assert!(refused.stderr.contains("compose.yaml.tera") && refused.stderr.contains("hint:"), "{}", refused.stderr);
    for verb in ["init", "quickstart"] {
        let words = ["--project-dir", "compose.yaml.tera", verb, "--from", "ai-assistant"];
        let file = aictl(folder.path(), &words).ended(2);
        let said = "error: compose.yaml.tera is not a directory\n";
        assert!(file.stderr.contains(said) && file.stderr.contains("hint: "), "{verb}: {}", file.stderr);
    }
    let misspelt = aictl(folder.path(), &["init", "--from", "ai-asistant"]).ended(2);
    assert!(misspelt.stderr.contains("did you mean `ai-assistant`?"), "{}", misspelt.stderr);
    let environment = aictl(folder.path(), &["--env", "fulll", "init", "--from", "ai-assistant"]).ended(2);
    assert!(environment.stderr.contains("did you mean `full`?"), "{}", environment.stderr);
    assert_eq!(files(folder.path()), before);
    let empty = self::folder();
    let planned = aictl(empty.path(), &["--dry-run", "init", "--from", "ai-assistant"]).ended(0);
    assert!(planned.stdout.contains("write aictl.yaml"), "{}", planned.stdout);
    assert_eq!(files(empty.path()), []);
}

#[test]
fn a_compose_file_is_adopted_under_the_name_it_runs_by() {
    let folder = folder();
    let project = folder.path().join("My Shop");
    fs::create_dir_all(project.join("api")).unwrap();
    fs::write(project.join("compose.yaml"), COMPOSE).unwrap();
    fs::write(project.join("compose.override.yaml"), "services: { db: { restart: always } }\n").unwrap();
    fs::write(project.join("api/alembic.ini"), "[alembic]\n").unwrap();
    let name = |words: &[&str]| {
        let mut all = words.to_vec();
        all.extend(["config", "--no-interpolate", "--format", "json"]);
        serde_json::from_str::<Value>(&aictl(&project, &all).ended(0).stdout).unwrap()["name"].clone()
    };
    let before = name(&[]);
    aictl(&project, &["init"]).ended(0);
    assert_eq!(name(&[]), before, "the project has another name");
    let text = fs::read_to_string(project.join("aictl.yaml")).unwrap();
    assert!(text.contains("compose: [compose.yaml, compose.override.yaml]"), "{text}");
    assert!(text.contains("migrate: { service: api, command: [alembic, upgrade, head] }"), "{text}");
    assert!(text.contains("POSTGRES_PASSWORD: {"), "{text}");
    // What somebody else issues cannot be generated, what may be absent need not be.
    assert!(!text.contains("OPENAI_API_KEY") && !text.contains("SENTRY_TOKEN"), "{text}");
    assert!(!text.contains("managed"), "{text}");
    let kept = files(&project);
    aictl(&project, &["init"]).ended(0);
    assert_eq!(files(&project), kept);
    // A proxy is proposed for services that publish a port of HTTP, where there is none yet.
    let web =
        "services: { web: { image: me/web, ports: ['8080:80'] }, db: { image: 'postgres:15', ports: ['1:5432'] } }\n";
    for (files, proposed) in [(web.to_owned(), true), (web.replace("me/web", "nginx:1"), false)] {
        let folder = self::folder();
        fs::write(folder.path().join("compose.yaml"), files).unwrap();
        aictl(folder.path(), &["init"]).ended(0);
        let text = fs::read_to_string(folder.path().join("aictl.yaml")).unwrap();
        assert_eq!(text.contains("publishes the ports of web.\n    # proxy: { managed: true }\n"), proposed, "{text}");
        fs::write(folder.path().join("aictl.yaml"), text.replace("# proxy:", "proxy:")).unwrap();
        let services = aictl(folder.path(), &["config", "--services"]).ended(0).stdout;
        assert_eq!(services.contains("aictl-proxy"), proposed, "{services}");
    }
}

#[test]
fn an_empty_folder_has_nothing_to_adopt() {
    let folder = folder();
    let refused = aictl(folder.path(), &["init"]).ended(1);
    assert!(refused.stderr.contains("aictl init --from ai-assistant"), "{}", refused.stderr);
    let listed = aictl(folder.path(), &["init", "--list"]).ended(0);
    assert_eq!(listed.stdout, "ai-assistant\n");
    assert_eq!(files(folder.path()), []);
}
