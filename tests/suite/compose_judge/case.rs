//! Decides what one project of the corpus is: its folder and what its `case.yaml` adds to the command line.
//! Reads tests/fixtures; returns cases sorted by name.
//! Never reads the compose files themselves.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::Deserialize;

/// What `case.yaml` may say.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Settings {
    /// Arguments before the verb.
    pub args: Vec<String>,
    /// Arguments after the verb.
    pub config: Vec<String>,
    /// The environment, beside HOME and PATH.
    pub env: BTreeMap<String, String>,
    /// The directory to run in, within the project.
    pub cwd: Option<String>,
    /// What the message of a refused project has to contain.
    pub says: Vec<String>,
    /// Why the judge is left out, where it is: it takes what has to be refused, or cannot be run on it.
    pub judge: Option<String>,
}

/// One project.
#[derive(Debug)]
pub struct Case {
    /// The folder's name.
    pub name: String,
    /// The folder.
    pub dir: PathBuf,
    /// How it is run.
    pub settings: Settings,
}

impl Case {
    /// The directory both programs are run in.
    pub fn cwd(&self) -> PathBuf {
        self.settings.cwd.as_ref().map_or_else(|| self.dir.clone(), |sub| self.dir.join(sub))
    }

    /// Every file of the project, sorted.
    pub fn files(&self) -> Vec<PathBuf> {
        let mut files = Vec::new();
        walk(&self.dir, &mut files);
        files.sort();
        files
    }
}

/// The folder of fixtures.
pub fn fixtures(folder: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures").join(folder)
}

/// All projects of a folder.
pub fn load(folder: &str) -> Vec<Case> {
    let entries = std::fs::read_dir(fixtures(folder)).unwrap().map(|entry| entry.unwrap().path());
    let mut cases: Vec<Case> = entries.filter(|path| path.is_dir()).map(|dir| read(&dir)).collect();
    cases.sort_by(|a, b| a.name.cmp(&b.name));
    cases
}

fn read(dir: &Path) -> Case {
    let name = dir.file_name().unwrap().to_string_lossy().into_owned();
    let settings = match std::fs::read_to_string(dir.join("case.yaml")) {
        Ok(text) => serde_yaml_ng::from_str(&text).map_err(|e| format!("{name}/case.yaml: {e}")).unwrap(),
        Err(_) => Settings::default(),
    };
    Case { name, dir: dir.to_owned(), settings }
}

fn walk(dir: &Path, files: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            walk(&path, files);
        } else {
            files.push(path);
        }
    }
}
