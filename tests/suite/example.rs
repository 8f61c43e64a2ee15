//! The example projects: complete, consistent with their images, and without a secret.
use std::fs;
use std::path::{Path, PathBuf};

use aictl::project::{PROJECT_FILE, load_project};

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
