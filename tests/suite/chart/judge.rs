//! Runs aictl and the real Helm on a chart in a folder.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde::Deserialize as _;
use serde_yaml_ng::Value;

use crate::support::project::skip;

/// The real Helm of a major version.
pub struct Helm {
    pub major: u8,
    program: PathBuf,
}

/// What a program printed.
pub struct Outcome {
    pub ok: bool,
    pub text: String,
    pub errors: String,
}

impl Helm {
    /// Both, or a word on why they are not here.
    pub fn find_both() -> Option<[Self; 2]> {
        match (find("AICTL_LAB_HELM3", "helm-3.22.0"), find("AICTL_LAB_HELM4", "helm-4.3.1")) {
            (Some(three), Some(four)) => Some([Self { major: 3, program: three }, Self { major: 4, program: four }]),
            _ => {
                skip(
                    "chart",
                    "the real Helm is not here (tests/run builds it, or set AICTL_LAB_HELM3 and AICTL_LAB_HELM4)",
                );
                None
            }
        }
    }

    /// Renders the chart of a folder.
    pub fn template(&self, folder: &Path, words: &[String]) -> Outcome {
        let name = words.iter().position(|word| word == "--name");
        let release = name.map_or("release-name", |at| &words[at + 1]);
        let mut command = self.command(folder);
        command.args(["template", release, "."]);
        command.args(
            words
                .iter()
                .enumerate()
                .filter(|(at, _)| name.is_none_or(|name| *at != name && *at != name + 1))
                .map(|(_, word)| word),
        );
        outcome(command.output().unwrap())
    }

    /// Writes the chart that a new project begins with.
    pub fn create(&self, folder: &Path, name: &str) {
        let made = self.command(folder).args(["create", name]).output().unwrap();
        assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    }

    pub(super) fn command(&self, folder: &Path) -> Command {
        let mut command = Command::new(&self.program);
        // Its own folder, so that no configuration of the machine counts.
        command.current_dir(folder).env("HOME", folder).env_remove("KUBECONFIG");
        command
    }
}

fn find(variable: &str, folder: &str) -> Option<PathBuf> {
    let cache = std::env::var_os("XDG_CACHE_HOME").map(PathBuf::from);
    let cache = cache.or_else(|| std::env::var_os("HOME").map(|home| PathBuf::from(home).join(".cache")))?;
    let installed = cache.join("aictl-lab/tools").join(folder).join("helm");
    std::env::var_os(variable).map_or(Some(installed), |given| Some(given.into())).filter(|path| path.is_file())
}

/// What aictl makes of the chart of a folder.
pub fn aictl(folder: &Path, words: &[String]) -> Outcome {
    let mut command = Command::new(env!("CARGO_BIN_EXE_aictl"));
    command.current_dir(folder).args(["render", "--chart", "."]).args(words);
    outcome(command.output().unwrap())
}

pub(super) fn outcome(output: Output) -> Outcome {
    Outcome {
        ok: output.status.success(),
        text: String::from_utf8(output.stdout).unwrap(),
        errors: String::from_utf8_lossy(&output.stderr).into_owned(),
    }
}

impl Outcome {
    /// The documents that hold something, each with the template it came from.
    pub fn documents(&self) -> Vec<(String, Result<Value, String>)> {
        let documents = self.text.split("---\n# Source: ").filter(|document| !document.trim().is_empty());
        let parsed = documents.map(|document| {
            let (source, text) = document.split_once('\n').unwrap_or((document, ""));
            // What YAML readers differ on is compared as text.
            let values: Result<Vec<Value>, _> =
                serde_yaml_ng::Deserializer::from_str(text).map(Value::deserialize).collect();
            let values = values.map_err(|_| text.trim().to_owned());
            let values =
                values.map(|values| Value::Sequence(values.into_iter().filter(|value| !value.is_null()).collect()));
            (source.to_owned(), values)
        });
        parsed.filter(|(_, value)| !matches!(value, Ok(Value::Sequence(items)) if items.is_empty())).collect()
    }
}
