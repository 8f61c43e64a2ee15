//! A folder in which everything that could start a program does: git's configuration, programs by well-known names
//! under a search path that begins with `.`, and an env file that names other programs and engines.
use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};

use tempfile::TempDir;

use crate::support::project::{Outcome, write_program};

/// How git is made to fetch what is missing.
#[derive(Debug, Clone, Copy)]
pub enum Promisor {
    Ssh,
    Ext,
    UploadPack,
}

const PROJECT: &str = "
default_environment: here
environments:
  here: { compose: [compose.yaml] }
  away: { compose: [compose.yaml], target: { docker: { host: \"ssh://ops@127.0.0.1:1\" } } }
secrets:
  APP_PASSWORD: { generate: password }
";
const COMPOSE: &str = "
services:
  app:
    image: 127.0.0.1:1/app
    build: .
    environment: { APP_PASSWORD: \"${APP_PASSWORD}\" }
    ports: [\"127.0.0.1:0:80\"]
";
/// Only the first is the project's to say.
const ENV: &str = "APP_PASSWORD=kV3_x9Qm-72LrTz0
PATH=.
DOCKER_HOST=ssh://ops@127.0.0.1:1
DOCKER_CONFIG=./docker
GIT_SSH_COMMAND=./ssh
EDITOR=./vi
PAGER=./less
";
/// Programs that something might call by name.
const PROGRAMS: &[&str] = &[
    "git",
    "ssh",
    "docker",
    "docker-compose",
    "docker-credential-x",
    "docker-credential-desktop",
    "bash",
    "sh",
    "env",
    "apt-get",
    "dnf",
    "systemctl",
    "xdg-open",
    "open",
    "wslview",
    "ps",
    "ss",
    "vi",
    "less",
    "cat",
    "mmdebstrap",
    "dockerd",
    "setsid",
];
const HOOKS: &[&str] =
    &["post-checkout", "post-index-change", "pre-commit", "fsmonitor-watchman", "reference-transaction"];

/// The prepared folder; the marks are beside it.
pub struct Trap {
    place: TempDir,
    name: String,
    /// What the search path begins with.
    pub search_path: &'static str,
}

/// `pull` takes the lock, so the engine has state of the project afterwards.
impl Drop for Trap {
    fn drop(&mut self) {
        for kind in ["lock", "state"] {
            let _ = Command::new("docker").args(["rm", "-f", &format!("{}-aictl-{kind}", self.name)]).output();
        }
        let _ = Command::new("docker").args(["volume", "rm", "-f", &format!("{}_aictl", self.name)]).output();
    }
}

impl Trap {
    pub fn new(promisor: Promisor) -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(1);
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let trap = Self {
            place: tempfile::tempdir().unwrap(),
            name: format!("hostile-{}-{number}", std::process::id()),
            search_path: ".::../project:",
        };
        for folder in ["project/deep/er", "project/hooks", "project/docker", "marks", "home/.docker"] {
            fs::create_dir_all(trap.path(folder)).unwrap();
        }
        trap.write("project/aictl.yaml", PROJECT);
        trap.write("project/compose.yaml", COMPOSE);
        trap.write("project/Dockerfile", "FROM scratch\n");
        trap.write("project/.env", ENV);
        fs::set_permissions(trap.path("project/.env"), fs::Permissions::from_mode(0o600)).unwrap();
        trap.write("project/deep/er/file", "x");
        // Those of the operator name a helper, which only the project has.
        for config in ["project/docker/config.json", "home/.docker/config.json"] {
            trap.write(config, r#"{"credsStore": "x", "credHelpers": {"127.0.0.1:1": "x"}}"#);
        }
        trap.repository(promisor);
        for program in PROGRAMS {
            trap.program(&format!("project/{program}"), program);
        }
        for hook in HOOKS {
            trap.program(&format!("project/hooks/{hook}"), hook);
        }
        trap
    }

    fn path(&self, name: &str) -> PathBuf {
        self.place.path().join(name)
    }

    pub fn folder(&self) -> PathBuf {
        self.path("project")
    }

    fn write(&self, name: &str, text: &str) {
        fs::write(self.path(name), text).unwrap();
    }

    /// A shell command that leaves a mark and fails.
    fn mark(&self, name: &str) -> String {
        format!("/usr/bin/touch {}; false", self.path("marks").join(name).display())
    }

    fn program(&self, path: &str, mark: &str) {
        write_program(&self.path(path), &format!("#!/bin/sh\n{}\n", self.mark(mark)));
    }

    /// The real git with no configuration but the repository's.
    pub fn git(&self, words: &[&str]) -> Outcome {
        let mut command = Command::new("/usr/bin/git");
        command.args(["-c", "user.name=x", "-c", "user.email=x@x"]).args(words).current_dir(self.folder());
        command.env_clear().env("PATH", "/usr/bin:/bin").env("GIT_CONFIG_NOSYSTEM", "1").output().unwrap().into()
    }

    /// A partial clone with a sparse index and one folder missing: listing its files fetches the folder.
    fn repository(&self, promisor: Promisor) {
        self.git(&["init", "-q"]).ended(0);
        self.git(&["add", "-f", "."]).ended(0);
        self.git(&["commit", "-qm", "x"]).ended(0);
        self.git(&["sparse-checkout", "init", "--cone", "--sparse-index"]).ended(0);
        let tree = self.git(&["rev-parse", "HEAD:deep"]).ended(0).stdout;
        let (folder, file) = tree.trim().split_at(2);
        fs::remove_file(self.path("project/.git/objects").join(folder).join(file)).unwrap();
        let attributes = "* filter=evil diff=evil merge=evil\n";
        self.write("project/.gitattributes", attributes);
        self.write("project/evil.inc", &format!("[core]\n\tsshCommand = \"{}\"\n", self.mark("include")));
        self.write("project/.git/config", &self.configuration(promisor));
    }

    fn configuration(&self, promisor: Promisor) -> String {
        let quoted = |name: &str| format!("\"{}\"", self.mark(name));
        let remote = match promisor {
            Promisor::Ssh => "url = ssh://127.0.0.1/x".to_owned(),
            Promisor::Ext => format!("url = \"ext::sh -c touch% {}\"", self.path("marks/ext").display()),
            Promisor::UploadPack => {
                format!("url = {}\n\tuploadpack = {}", self.folder().display(), quoted("uploadpack"))
            }
        };
        let mut text = format!(
            "[core]\n\trepositoryformatversion = 1\n\tbare = false\n\thooksPath = hooks\n\
             [extensions]\n\tworktreeConfig = true\n\tpartialClone = origin\n\
             [protocol]\n\tallow = always\n[protocol \"ext\"]\n\tallow = always\n\
             [index]\n\tsparse = true\n\
             [remote \"origin\"]\n\t{remote}\n\tpromisor = true\n"
        );
        for (section, keys) in [
            (
                "core",
                &["sshCommand", "fsmonitor", "pager", "editor", "askPass", "gitProxy", "alternateRefsCommand"][..],
            ),
            ("sequence", &["editor"]),
            ("credential", &["helper"]),
            ("diff", &["external"]),
            ("diff \"evil\"", &["textconv", "command"]),
            ("filter \"evil\"", &["clean", "smudge", "process"]),
            ("merge \"evil\"", &["driver"]),
            ("pager", &["ls-files", "status", "check-ignore"]),
            ("gpg", &["program"]),
            ("uploadpack", &["packObjectsHook"]),
        ] {
            text.push_str(&format!("[{section}]\n"));
            for key in keys {
                text.push_str(&format!("\t{key} = {}\n", quoted(key)));
            }
        }
        let alias = format!("\"!{}\"", self.mark("alias"));
        text.push_str(&format!("[alias]\n\tls-files = {alias}\n\tstatus = {alias}\n"));
        text + "[include]\n\tpath = ../evil.inc\n[includeIf \"gitdir:**\"]\n\tpath = ../evil.inc\n"
    }

    /// The repository is beside the folder, and a file says where.
    pub fn move_repository(&self) {
        fs::rename(self.path("project/.git"), self.path("elsewhere")).unwrap();
        self.write("project/.git", "gitdir: ../elsewhere\n");
        let config = fs::read_to_string(self.path("elsewhere/config")).unwrap();
        self.write("elsewhere/config", &config.replace("bare = false", "bare = false\n\tworktree = ../project"));
    }

    pub fn aictl(&self, words: &[&str]) -> Outcome {
        let mut command = Command::new(env!("CARGO_BIN_EXE_aictl"));
        command.args(words).current_dir(self.folder()).stdin(Stdio::null()).env_clear();
        command.env("HOME", self.path("home")).env("COMPOSE_PROJECT_NAME", &self.name);
        let path = std::env::var("PATH").unwrap();
        command.env("PATH", format!("{}{path}", self.search_path));
        // A desktop that could open a page.
        command.env("DISPLAY", ":0").env("WSL_DISTRO_NAME", "x");
        match (std::env::var_os("AICTL_LAB"), std::env::var_os("DOCKER_HOST")) {
            (None, _) => drop(command.env("DOCKER_HOST", "unix:///nonexistent/docker.sock")),
            (_, Some(host)) => drop(command.env("DOCKER_HOST", host)),
            _ => {}
        }
        command.output().unwrap().into()
    }

    /// Which traps were sprung.
    pub fn marks(&self) -> Vec<String> {
        let listed = fs::read_dir(self.path("marks")).unwrap();
        listed.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
    }

    /// Every file beside the marks, with what it holds.
    pub fn files(&self) -> BTreeMap<PathBuf, Vec<u8>> {
        let mut found = BTreeMap::new();
        let mut open: Vec<PathBuf> = vec![self.place.path().to_owned()];
        while let Some(folder) = open.pop() {
            for entry in fs::read_dir(&folder).unwrap() {
                let path = entry.unwrap().path();
                match path.symlink_metadata().unwrap().is_dir() {
                    true => open.push(path),
                    false => drop(found.insert(path.clone(), read(&path))),
                }
            }
        }
        found
    }
}

fn read(path: &Path) -> Vec<u8> {
    fs::read(path).unwrap()
}
