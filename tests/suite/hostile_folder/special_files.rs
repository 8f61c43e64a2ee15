//! Pipes, devices without an end, and links that lead nowhere or out of the folder, at every place where a project has a
//! file: each verb that only looks ends by itself, in little memory, and writes nothing.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use tempfile::TempDir;

use super::LINES;
use crate::bounds::held;
use crate::support::project::Outcome;

const PROJECT: &str = "
environments: { dev: { compose: [compose.yaml, made.yaml.tera], env_file: .env } }
secrets: { APP_PASSWORD: { generate: password } }
";
const COMPOSE: &str = "
include: [{ path: more.yaml, env_file: more.env }]
services:
  app:
    extends: { file: base.yaml, service: app }
    image: 127.0.0.1:1/app
    build: { context: context }
    env_file: [app.env]
    label_file: [app.labels]
    environment: { APP_PASSWORD: \"${APP_PASSWORD}\" }
    secrets: [token]
    configs: [setting]
    volumes: [\"./mounted:/mounted:ro\"]
secrets: { token: { file: token } }
configs: { setting: { file: setting } }
";
/// Every file of the project.
const FILES: &[(&str, &str)] = &[
    ("aictl.yaml", PROJECT),
    ("compose.yaml", COMPOSE),
    ("made.yaml.tera", "services: { app: { labels: { made: \"yes\" } } }\n"),
    ("more.yaml", "services: { more: { image: \"127.0.0.1:1/more\" } }\n"),
    ("base.yaml", "services: { app: { image: \"127.0.0.1:1/base\" } }\n"),
    (".env", "APP_PASSWORD=kV3_x9Qm-72LrTz0\n"),
    (".env.example", "APP_PASSWORD=\n"),
    ("more.env", "A=1\n"),
    ("app.env", "B=2\n"),
    ("app.labels", "c=3\n"),
    ("token", "Zx81-kkPq_27ahTTw"),
    ("setting", "colour = blue\n"),
    ("mounted/file", "x"),
    ("context/Dockerfile", "FROM scratch\n"),
    ("context/.dockerignore", "*.log\n"),
    (".git/HEAD", "ref: refs/heads/main\n"),
    (".git/index", "DIRC"),
    (".git/config", "[core]\n"),
];
/// Read by nearly every verb: all of them meet the special files there.
const OF_ALL: &str = "compose.yaml";
/// What reads most of a project, each in its own way; these meet the special files at every place.
const READERS: &[&str] = &[
    "config",
    "secrets check",
    "doctor",
    "bundle save --dry-run out.tar",
    "build --dry-run",
    "deploy --dry-run",
    "init --dry-run",
];
/// Every verb must have ended by then.
const ALONE: Duration = Duration::from_secs(60);
/// Kibibytes a process may come to hold.
const MEMORY: u64 = 256 * 1024;
/// Processes at a time.
const TOGETHER: usize = 16;
/// Folders at a time.
const FOLDERS: usize = 4;

#[derive(Debug, Clone, Copy)]
enum Special {
    Pipe,
    Endless,
    Loop,
}

impl Special {
    const ALL: [Self; 3] = [Self::Pipe, Self::Endless, Self::Loop];

    fn make(self, path: &Path) {
        fs::remove_file(path).unwrap();
        match self {
            Self::Pipe => {
                rustix::fs::mkfifoat(rustix::fs::CWD, path, rustix::fs::Mode::RUSR | rustix::fs::Mode::WUSR).unwrap()
            }
            Self::Endless => symlink("/dev/zero", path).unwrap(),
            Self::Loop => symlink(path, path).unwrap(),
        }
    }
}

struct Folder(TempDir);

impl Folder {
    fn new() -> Self {
        let folder = Self(tempfile::tempdir().unwrap());
        for (name, text) in FILES {
            let path = folder.path(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
        folder
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join("project").join(name)
    }

    fn spawn(&self, line: &str) -> Child {
        let mut command = Command::new(env!("CARGO_BIN_EXE_aictl"));
        command.args(line.split(' ')).current_dir(self.path("")).stdin(Stdio::null());
        command.stdout(Stdio::null()).stderr(Stdio::null());
        // Printing a backtrace may take longer than a signal is waited for, which then hides the panic.
        command.env("RUST_BACKTRACE", "0");
        command.env("HOME", self.0.path()).env("DOCKER_HOST", "unix:///nonexistent/docker.sock").spawn().unwrap()
    }

    /// Every path, and what is there: the kind, and the content of a file.
    fn everything(&self) -> BTreeMap<PathBuf, (String, Vec<u8>)> {
        let mut found = BTreeMap::new();
        let mut open = vec![self.0.path().to_owned()];
        while let Some(folder) = open.pop() {
            for path in fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path()) {
                let kind = path.symlink_metadata().unwrap().file_type();
                let content = if kind.is_file() { fs::read(&path).unwrap() } else { Vec::new() };
                if kind.is_dir() {
                    open.push(path.clone());
                }
                found.insert(path, (format!("{kind:?}"), content));
            }
        }
        found
    }
}

/// A line that was started.
struct Running {
    line: &'static str,
    child: Child,
    began: Instant,
}

impl Running {
    /// Once it has ended: what was wrong with it, in words.
    fn poll(&mut self) -> Option<Option<String>> {
        let most = held(&self.child);
        if let Some(status) = self.child.try_wait().unwrap() {
            // A signal that nothing handles ends it without a code.
            let expected = status.code().is_some_and(|code| code != 101);
            return Some((!expected).then(|| format!("ended with {status}")));
        }
        let hangs = self.began.elapsed() > ALONE;
        if most > MEMORY || hangs {
            self.child.kill().unwrap();
            self.child.wait().unwrap();
            return Some(Some(format!("holds {most} KiB, hangs: {hangs}")));
        }
        None
    }
}

/// Waits until all have ended; what was wrong with them.
fn judged(mut running: Vec<Running>) -> Vec<String> {
    let mut found = Vec::new();
    while !running.is_empty() {
        running.retain_mut(|one| {
            let Some(fault) = one.poll() else { return true };
            found.extend(fault.map(|fault| format!("`{}` {fault}", one.line)));
            false
        });
        std::thread::sleep(Duration::from_millis(25));
    }
    found
}

/// What the lines do wrong in a folder with this special file in place of the one.
fn wrong(name: &str, special: Special, lines: &[&'static str]) -> Vec<String> {
    let folder = Folder::new();
    special.make(&folder.path(name));
    let before = folder.everything();
    let mut found = Vec::new();
    for some in lines.chunks(TOGETHER) {
        let running = some.iter().map(|line| Running { line, child: folder.spawn(line), began: Instant::now() });
        found.extend(judged(running.collect()).iter().map(|fault| format!("{special:?} as {name}: {fault}")));
    }
    if folder.everything() != before {
        found.push(format!("{special:?} as {name}: something was written"));
    }
    found
}

#[test]
fn special_files_in_place_of_a_projects_own_neither_hold_a_verb_nor_are_written_to() {
    let pairs = FILES.iter().flat_map(|(name, _)| Special::ALL.map(|special| (*name, special)));
    let pairs: Vec<(&str, Special)> = pairs.collect();
    let of_some = |first: usize| -> Vec<String> {
        let some = pairs.iter().skip(first).step_by(FOLDERS);
        some.flat_map(|(name, special)| wrong(name, *special, if *name == OF_ALL { LINES } else { READERS })).collect()
    };
    let found: Vec<String> = std::thread::scope(|scope| {
        let running: Vec<_> = (0..FOLDERS)
            .map(|first| {
                let of_some = &of_some;
                scope.spawn(move || of_some(first))
            })
            .collect();
        running.into_iter().flat_map(|some| some.join().unwrap()).collect()
    });
    assert!(found.is_empty(), "{}", found.join("\n"));
}

/// The project is one that is read to its end, or the special files of it would be met by nothing.
#[test]
fn the_project_without_special_files_is_accepted() {
    let folder = Folder::new();
    assert!(folder.spawn("config").wait().unwrap().success());
}

#[test]
fn a_pipe_that_nobody_named_as_an_input_is_an_error_that_says_so() {
    let folder = Folder::new();
    let pipe = |name: &str| {
        fs::write(folder.path(name), "").unwrap();
        Special::Pipe.make(&folder.path(name));
    };
    let ran = |line: &str, settings: &str| -> Outcome {
        let mut command = Command::new("timeout");
        command.arg("20").arg(env!("CARGO_BIN_EXE_aictl")).args(line.split(' ')).current_dir(folder.path(""));
        command.stdin(Stdio::null()).env_remove("DOCKER_HOST").env("DOCKER_CONFIG", folder.path(settings));
        command.output().unwrap().into()
    };
    pipe("saved.plan");
    pipe("config.json");
    assert!(ran("deploy --plan saved.plan", "none").ended(2).stderr.contains("saved.plan: it is a pipe"));
    assert!(ran("ls", "").ended(78).stderr.contains("it is a pipe"));
    pipe("compose.yaml");
    let refused = ran("config", "none").ended(78).stderr;
    assert!(refused.contains("compose.yaml\n  caused by: it is a pipe, not a regular file"), "{refused}");
    // What the command line names is read.
    let given = "printf 'services: { a: { image: \"x:${A}\" } }' | \"$0\" -f /dev/stdin --env-file <(echo A=1) config";
    let given = Command::new("bash").args(["-c", given, env!("CARGO_BIN_EXE_aictl")]).output().unwrap();
    assert!(Outcome::from(given).ended(0).stdout.contains("image: x:1"));
}
