//! The example projects: complete, consistent with their images, and without a secret.
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use aictl::project::{PROJECT_FILE, load_project};
use aictl::template::{Scope, Source, render};

use crate::stage;

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

#[test]
fn every_environment_of_an_example_loads_and_its_files_exist() {
    for example in examples() {
        let whole =
            load_project(&example, None, None, &[]).unwrap_or_else(|error| panic!("{}: {error}", example.display()));
        let project = whole.project.unwrap();
        for name in project.environments.keys() {
            let loaded = load_project(&example, None, Some(name), &[]).unwrap();
            assert!(!loaded.environment.compose.is_empty(), "{name} of {PROJECT_FILE} names no compose file");
            for file in &loaded.environment.compose {
                assert!(example.join(file).is_file(), "{name} names {file:?}, which is not there");
            }
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
fn example_env_files_hold_placeholders_only() {
    for example in examples() {
        let text = read(&example.join(".env.example"));
        let values: Vec<_> =
            text.lines().filter(|line| !line.starts_with('#')).filter_map(|line| line.split_once('=')).collect();
        assert!(!values.is_empty(), "{} names no variable", example.display());
        for (name, value) in values {
            assert_eq!(value, "CHANGE_ME", "{name} of {} looks like a real value", example.display());
        }
    }
}

/// The compose file of an environment of the assistant, rendered.
fn rendered(environment: &str) -> String {
    let example = root().join("examples/ai-assistant");
    let loaded = load_project(&example, None, Some(environment), &[]).unwrap();
    let name = "compose.yaml.tera".to_owned();
    let source = Source { text: read(&example.join(&name)), name };
    let scope = Scope { values: &loaded.values, environment, project: loaded.name().unwrap() };
    render(&[source], &scope).unwrap().remove(0).text
}

#[test]
fn example_images_are_chosen_by_values_alone() {
    let (simple, official) = (rendered("simple"), rendered("official"));
    let images = |text: &str| -> Vec<String> {
        let lines = text.lines().map(str::trim);
        lines.filter(|line| line.starts_with("image:") || line.contains("_IMAGE:")).map(str::to_owned).collect()
    };
    assert!(images(&simple).contains(&"image: aictl/postgres:15".to_owned()));
    assert!(images(&official).contains(&"image: postgres:15".to_owned()));
    let rest = |text: &str| text.lines().filter(|line| !images(text).contains(&line.trim().to_owned())).count();
    assert_eq!(rest(&simple), rest(&official));
    let differing = simple.lines().zip(official.lines()).filter(|(ours, theirs)| ours != theirs).count();
    assert_eq!(differing, 4, "only the four images may differ");
}

#[test]
fn example_without_its_password_is_refused_by_compose_and_with_it_accepted() {
    let Some(compose) = std::env::var_os("AICTL_LAB_COMPOSE") else {
        return stage::skip("example and Compose", "AICTL_LAB_COMPOSE is not set");
    };
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("compose.yaml"), rendered("simple")).unwrap();
    let config = |password: Option<&str>| {
        let mut command = Command::new(&compose);
        command.args(["config", "--quiet"]).current_dir(folder.path()).env_remove("POSTGRES_PASSWORD");
        let output = command.envs(password.map(|value| ("POSTGRES_PASSWORD", value))).output().unwrap();
        (output.status.success(), String::from_utf8_lossy(&output.stderr).into_owned())
    };
    let (accepted, complaint) = config(None);
    assert!(!accepted && complaint.contains("copy .env.example to .env"), "{complaint}");
    assert_eq!(config(Some("p$a'w\"x")), (true, String::new()));
}
