//! The verbs that write files, as a table, and a project on the lab's engine they can run in.
//! Reads nothing; runs aictl, as another user where the obstructed wants that.
//! Never writes into the project: every verb is given another place.

use std::fs;
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use aictl::host::install::LocalMachine;

use super::obstacle::{OTHER_USER, Obstructed};
use crate::support::project::{Outcome, TestProject, eventually};

/// In the env file, and with it in the resolved model.
pub const SECRET: &str = "k3pt-by-0wner-only";

/// A verb that writes.
#[derive(Debug, Clone)]
pub struct Verb {
    pub name: &'static str,
    /// The file it writes, below the obstructed's folder.
    pub file: &'static str,
    pub run: Run,
    /// The source files that write it.
    pub sources: &'static [&'static str],
    /// The operator names the file itself, not a folder.
    pub is_single: bool,
    /// It replaces what others wrote, as the tool it is like.
    pub overwrites: bool,
    /// It adds to the end of what others wrote.
    pub appends: bool,
    /// It has `--force`.
    pub force: bool,
    /// A folder in the place of the file is one to write into.
    pub enters_folders: bool,
    /// It replaces a link by what it writes, as `docker cp` does, and leaves what the link leads to.
    pub replaces_links: bool,
    /// It holds secrets: they go through no device and no pipe.
    pub is_private: bool,
    /// It goes on without the file, so its exit code says nothing of it.
    pub is_optional: bool,
}

/// How a verb is run.
#[derive(Debug, Clone, Copy)]
pub enum Run {
    /// Words of the command line; `{file}` is the file, `{folder}` the folder.
    Words(&'static [&'static str]),
    /// The same, as a job of GitHub's whose summary is the file.
    Job(&'static [&'static str]),
    /// The part of the verb that writes: the rest of it changes this machine.
    Part(fn(&str) -> io::Result<()>),
}

impl Verb {
    const fn new(name: &'static str, file: &'static str, run: Run, sources: &'static [&'static str]) -> Self {
        Self {
            name,
            file,
            run,
            sources,
            is_single: true,
            overwrites: false,
            appends: false,
            force: false,
            enters_folders: false,
            replaces_links: false,
            is_private: false,
            is_optional: false,
        }
    }

    const fn tree(name: &'static str, file: &'static str, run: Run, sources: &'static [&'static str]) -> Self {
        Self { is_single: false, ..Self::new(name, file, run, sources) }
    }

    /// Whether it puts its own content in place of another's.
    pub const fn replaces(&self) -> bool {
        self.overwrites && !self.appends
    }
}

const CP: &[&str] = &["workflow/run/cp/mod.rs", "workflow/run/cp/unpack.rs"];
const INIT: &[&str] = &["workflow/begin/init/written.rs"];
const SETUP: &[&str] = &["host/install/machine.rs"];
const BUNDLE: &[&str] = &["workflow/trust/bundle/save.rs", "image/bundle/write.rs", "image/bundle/store.rs"];

pub const ALL: &[Verb] = &[
    Verb {
        overwrites: true,
        ..Verb::new("config -o", "out", Run::Words(&["config", "-o", "{file}"]), &["workflow/ship/config.rs"])
    },
    Verb::new(
        "smoke-test --junit",
        "out",
        Run::Words(&["smoke-test", "--junit", "{file}"]),
        &["session/checks/junit.rs", "session/checks/mod.rs"],
    ),
    Verb {
        overwrites: true,
        appends: true,
        is_optional: true,
        ..Verb::new("smoke-test in a job", "out", Run::Job(&["smoke-test"]), &["session/checks/github.rs"])
    },
    Verb {
        force: true,
        ..Verb::new("bundle save", "out", Run::Words(&["bundle", "save", "--without-binary", "{file}"]), BUNDLE)
    },
    Verb::new("plan --out", "out", Run::Words(&["plan", "--out", "{file}"]), &["session/deploy/saved_plan.rs"]),
    Verb {
        overwrites: true,
        enters_folders: true,
        ..Verb::new("cp of a file", "out", Run::Words(&["cp", "app:/etc/hostname", "{file}"]), CP)
    },
    Verb {
        overwrites: true,
        replaces_links: true,
        ..Verb::tree("cp of a folder", "made/inside", Run::Words(&["cp", "app:/made", "{folder}"]), CP)
    },
    Verb {
        is_private: true,
        ..Verb::new(
            "secrets generate",
            "out",
            Run::Words(&["secrets", "generate", "--env-file", "{file}"]),
            &["workflow/begin/secrets/generate.rs", "session/deploy/env_file_edit.rs", "session/deploy/rotation.rs"],
        )
    },
    Verb {
        force: true,
        ..Verb::tree(
            "render --to",
            "sub/compose.yaml",
            Run::Words(&["render", "--to", "{folder}"]),
            &["workflow/ship/render.rs"],
        )
    },
    Verb::tree("man --to", "aictl.1", Run::Words(&["man", "--to", "{folder}"]), &["cli/manual.rs"]),
    Verb::tree(
        "init --from",
        "api/Dockerfile",
        Run::Words(&["--project-dir", "{folder}", "init", "--from", "ai-assistant"]),
        INIT,
    ),
    Verb::tree("init", "aictl.yaml", Run::Words(&["--project-dir", "{folder}", "-f", "{compose}", "init"]), INIT),
    Verb::tree(
        "bundle load --to",
        "sub/compose.yaml",
        Run::Words(&["bundle", "load", "{bundle}", "--to", "{folder}"]),
        &["workflow/trust/bundle/unpack.rs", "image/bundle/read.rs"],
    ),
    Verb { overwrites: true, ..Verb::new("setup", "out", Run::Part(setting), SETUP) },
    Verb {
        overwrites: true,
        appends: true,
        is_optional: true,
        ..Verb::new("setup's log", "out", Run::Part(log), SETUP)
    },
];

/// A setting of the kernel, as `setup` writes it.
fn setting(path: &str) -> io::Result<()> {
    LocalMachine::default().write(path, "vm.max_map_count = 262144\n").map(drop)
}

/// The log of an engine, as `setup` begins it.
fn log(path: &str) -> io::Result<()> {
    let machine = LocalMachine::default();
    machine.launch(&["echo".to_owned(), "started".to_owned()], path)?;
    eventually("the program ended", Duration::from_secs(20), || machine.launched_ended().is_some());
    // The end of the log is shown when the engine does not come up.
    machine.tail_of(path);
    Ok(())
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
             environment: { TOKEN: '${TOKEN}' }\n    volumes: ['./made:/made:ro']\n    stop_grace_period: 1s\n",
        );
        stage.write("aictl.yaml", "environments: { dev: { compose: [sub/compose.yaml], env_file: .env } }\n");
        stage.write("made/inside", "made\n");
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
        let words = match verb.run {
            Run::Words(words) | Run::Job(words) => words,
            Run::Part(part) => return ended(part(&file)),
        };
        let compose = self.stage.path().join("sub/compose.yaml").display().to_string();
        let filled = |word: &&str| {
            let word = word.replace("{file}", &file).replace("{folder}", &folder);
            word.replace("{bundle}", &self.bundle).replace("{compose}", &compose)
        };
        let words: Vec<String> = words.iter().chain(more).map(filled).collect();
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        let mut command = self.command(&words);
        if obstructed.is_as_another_user() {
            let user = OTHER_USER.to_string();
            command = Command::new("setpriv");
            command.args(["--reuid", &user, "--regid", &user, "--clear-groups", "--"]).arg(&self.binary).args(words);
            command.current_dir(self.stage.path()).env("COMPOSE_PROJECT_NAME", self.stage.name());
            command.env("HOME", "/nonexistent");
        }
        if matches!(verb.run, Run::Job(_)) {
            command.env("GITHUB_ACTIONS", "true").env("GITHUB_STEP_SUMMARY", file);
        }
        command.output().unwrap().into()
    }
}

/// The end of a part, as that of a program.
fn ended(result: io::Result<()>) -> Outcome {
    let stderr = result.as_ref().err().map(|error| format!("error: {error}")).unwrap_or_default();
    Outcome { code: i32::from(result.is_err()), stdout: String::new(), stderr }
}
