//! The verbs that write files, as a table, and a project on the lab's engine they can run in.
//! Reads nothing; runs aictl, as another user where the obstructed wants that.
//! Never writes into the project: every verb is given another place.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::process::Command;

use super::obstacle::Obstructed;
use crate::support::project::{Outcome, TestProject};

/// In the env file, and with it in the resolved model.
pub const SECRET: &str = "k3pt-by-0wner-only";

/// A verb that writes.
#[derive(Debug, Clone)]
pub struct Verb {
    pub name: &'static str,
    /// The file it writes, below the obstructed's folder.
    pub file: &'static str,
    /// Words of the command line; `{file}` is the file, `{folder}` the folder.
    words: &'static [&'static str],
    /// The operator names the file itself, not a folder.
    pub is_single: bool,
    /// It replaces what others wrote, as the tool it is like.
    pub overwrites: bool,
    /// It has `--force`.
    pub force: bool,
    /// A folder in the place of the file is one to write into.
    pub enters_folders: bool,
}

pub fn all() -> Vec<Verb> {
    let base = Verb {
        name: "",
        file: "out",
        words: &[],
        is_single: true,
        overwrites: false,
        force: false,
        enters_folders: false,
    };
    let tree = Verb { is_single: false, ..base.clone() };
    vec![
        Verb { name: "config -o", words: &["config", "-o", "{file}"], overwrites: true, ..base.clone() },
        Verb { name: "smoke-test --junit", words: &["smoke-test", "--junit", "{file}"], ..base.clone() },
        Verb {
            name: "bundle save",
            words: &["bundle", "save", "--without-binary", "{file}"],
            force: true,
            ..base.clone()
        },
        Verb {
            name: "cp out",
            words: &["cp", "app:/etc/hostname", "{file}"],
            overwrites: true,
            enters_folders: true,
            ..base.clone()
        },
        Verb {
            name: "render --to",
            file: "sub/compose.yaml",
            words: &["render", "--to", "{folder}"],
            force: true,
            ..tree.clone()
        },
        Verb { name: "man --to", file: "aictl.1", words: &["man", "--to", "{folder}"], ..tree.clone() },
        Verb {
            name: "init --from",
            file: "api/Dockerfile",
            words: &["--project-dir", "{folder}", "init", "--from", "ai-assistant"],
            ..tree.clone()
        },
        Verb {
            name: "bundle load --to",
            file: "sub/compose.yaml",
            words: &["bundle", "load", "{bundle}", "--to", "{folder}"],
            ..tree
        },
    ]
}

/// A project that runs on the lab's engine, a bundle of it, and the binary where every user may run it.
pub struct Workshop {
    stage: TestProject,
    bundle: String,
    binary: PathBuf,
}

impl Workshop {
    pub fn open(name: &str) -> Option<Self> {
        let stage = TestProject::new(name)?;
        stage.write(
            "sub/compose.yaml",
            "services:\n  app:\n    image: aictl-lab/tool:1\n    command: [tool, serve, --port, '8000']\n    \
             environment: { TOKEN: '${TOKEN}' }\n    stop_grace_period: 1s\n",
        );
        stage.write("aictl.yaml", "environments: { dev: { compose: [sub/compose.yaml], env_file: .env } }\n");
        stage.write(".env", &format!("TOKEN={SECRET}\n"));
        stage.aictl(&["start"]).ended(0);
        let bundle = stage.path().join("bundle.tar");
        stage.aictl(&["bundle", "save", "--without-binary", bundle.to_str().unwrap()]).ended(0);
        fs::set_permissions(stage.path(), fs::Permissions::from_mode(0o755)).unwrap();
        let binary = stage.path().join("aictl");
        fs::copy(env!("CARGO_BIN_EXE_aictl"), &binary).unwrap();
        Some(Self { bundle: bundle.display().to_string(), stage, binary })
    }

    pub fn command(&self, words: &[&str]) -> Command {
        self.stage.command(words)
    }

    pub fn aictl(&self, words: &[&str]) -> Outcome {
        self.stage.aictl(words)
    }

    pub fn run(&self, verb: &Verb, obstructed: &Obstructed) -> Outcome {
        self.run_with(verb, obstructed, &[])
    }

    pub fn run_with(&self, verb: &Verb, obstructed: &Obstructed, more: &[&str]) -> Outcome {
        let (file, folder) = (obstructed.target.display().to_string(), obstructed.folder.display().to_string());
        let filled =
            |word: &&str| word.replace("{file}", &file).replace("{folder}", &folder).replace("{bundle}", &self.bundle);
        let words: Vec<String> = verb.words.iter().chain(more).map(filled).collect();
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        if !obstructed.is_as_another_user() {
            return self.aictl(&words);
        }
        let mut command = Command::new("setpriv");
        command.args(["--reuid", "65534", "--regid", "65534", "--clear-groups", "--"]).arg(&self.binary).args(words);
        command
            .current_dir(self.stage.path())
            .env("COMPOSE_PROJECT_NAME", self.stage.name())
            .env("HOME", "/nonexistent");
        command.output().unwrap().into()
    }
}
