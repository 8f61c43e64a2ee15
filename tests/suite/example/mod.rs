//! The example projects: complete, consistent with their images, hardened, without a secret, and alive on an engine.
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use aictl::input_file::LocalFiles;
use aictl::project::{LoadedProject, PROJECT_FILE, ProjectArgs, load_project};

use crate::support::project::Outcome;

mod assistant;
mod full;
mod official;
mod rendered;
mod running;

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

fn examples() -> Vec<PathBuf> {
    let entries = fs::read_dir(root().join("examples")).unwrap();
    let mut found: Vec<_> = entries.map(|entry| entry.unwrap().path()).filter(|path| path.is_dir()).collect();
    found.sort();
    assert!(!found.is_empty(), "no example found");
    found
}

fn read(path: &Path) -> String {
    fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn loaded(example: &Path, environment: Option<&str>) -> LoadedProject {
    let args = ProjectArgs { directory: example, file: None, environment, set: &[] };
    load_project(&args, &LocalFiles).unwrap_or_else(|error| panic!("{}: {error}", example.display()))
}

/// The environments that run on a Docker engine.
fn environments(example: &Path) -> Vec<String> {
    let all = loaded(example, None).project.unwrap().environments;
    all.into_iter().filter(|(_, environment)| environment.chart.is_none()).map(|(name, _)| name).collect()
}

/// Names of variables in a file of them.
fn placeholders(env_example: &str) -> Vec<(&str, &str)> {
    env_example.lines().filter(|line| !line.starts_with('#')).filter_map(|line| line.split_once('=')).collect()
}

/// aictl run on an example as it lies in the repository; nothing there may change by it.
fn aictl(example: &Path, words: &[&str]) -> Outcome {
    let mut command = Command::new(env!("CARGO_BIN_EXE_aictl"));
    command.arg("--project-dir").arg(example).args(words).current_dir(root()).output().unwrap().into()
}

#[test]
fn every_environment_of_an_example_loads_and_its_files_exist() {
    for example in examples() {
        for name in environments(&example) {
            let loaded = loaded(&example, Some(&name));
            assert!(!loaded.environment.compose.is_empty(), "{name} of {PROJECT_FILE} names no compose file");
            for file in &loaded.environment.compose {
                assert!(example.join(file).is_file(), "{name} names {file:?}, which is not there");
            }
            assert!(loaded.environment.requirements.is_some(), "{name} says nothing of the machine it needs");
        }
    }
}

#[test]
fn the_assistant_has_every_variant_its_users_know() {
    let names = environments(&root().join("examples/ai-assistant"));
    for wanted in ["dev", "simple", "full", "prod", "e2e", "monitoring", "logging"] {
        assert!(names.iter().any(|name| name == wanted), "{wanted} is missing");
    }
}

#[test]
fn every_check_of_an_environment_is_of_a_service_it_has() {
    for example in examples() {
        for name in environments(&example) {
            let model = rendered::model(&example, &name);
            let services: Vec<&str> = model["services"].as_object().unwrap().keys().map(String::as_str).collect();
            let unknown = loaded(&example, Some(&name)).unknown_services_of_checks(&services);
            assert!(unknown.is_empty(), "{name}: {unknown:?}");
        }
    }
}

#[test]
fn example_api_installs_exactly_what_its_lab_image_brings() {
    // Otherwise building it would need a package index, or give other versions than on the official image.
    let image = read(&root().join("templates/images/python-fastapi/requirements.txt"));
    let api = read(&root().join("examples/ai-assistant/api/requirements.txt"));
    assert_eq!(api, image);
}

#[test]
fn example_env_files_hold_placeholders_for_exactly_the_secrets_of_the_project() {
    for example in examples() {
        let text = read(&example.join(".env.example"));
        for (name, value) in placeholders(&text) {
            assert_eq!(value, "CHANGE_ME", "{name} of {} looks like a real value", example.display());
        }
        let mut named: Vec<&str> = placeholders(&text).into_iter().map(|(name, _)| name).collect();
        let project = loaded(&example, None).project.unwrap();
        let mut wanted: Vec<&str> = project.secrets.keys().map(String::as_str).collect();
        named.sort_unstable();
        wanted.sort_unstable();
        assert_eq!(named, wanted, "{}", example.display());
    }
}

#[test]
fn example_tasks_are_there_and_their_services_too() {
    let example = root().join("examples/ai-assistant");
    let project = loaded(&example, None).project.unwrap();
    for wanted in ["migrate", "admin-user", "app-user", "sample-data", "reset-database", "flush-cache", "slow-queries"]
    {
        assert!(project.tasks.contains_key(wanted), "no task {wanted}");
    }
    let services = rendered::model(&example, "simple");
    for (name, task) in &project.tasks {
        assert!(services["services"].get(&task.service).is_some(), "{name} runs in {}", task.service);
    }
}
