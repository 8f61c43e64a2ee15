//! A project on the real engine for one scenario: its folder, aictl run in it, and what that left.
//! Reads AICTL_LAB; returns outcomes and the engine's own account. Skips where there is no lab.
//! Never leaves a container, network or volume of its project behind.
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::{Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use aictl::release::Record;
use tempfile::TempDir;

/// What a command gave.
#[derive(Debug)]
pub struct Outcome {
    pub code: i32,
    pub stdout: String,
    pub stderr: String,
}

impl Outcome {
    /// The outcome again, when the command ended with this code; otherwise the test ends with its output.
    #[track_caller]
    pub fn ended(self, code: i32) -> Self {
        assert_eq!(self.code, code, "stdout:\n{}\nstderr:\n{}", self.stdout, self.stderr);
        self
    }
}

impl From<Output> for Outcome {
    fn from(output: Output) -> Self {
        Self {
            code: output.status.code().unwrap_or(-1),
            stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
            stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
        }
    }
}

/// A project of one test.
pub struct TestProject {
    folder: TempDir,
    name: String,
}

impl TestProject {
    /// A project whose name no other test may use; none where there is no lab.
    pub fn new(name: &str) -> Option<Self> {
        if std::env::var_os("AICTL_LAB").is_none() {
            skip(name, "AICTL_LAB is not set: tests/run prepares an engine and its images");
            return None;
        }
        // The checkout's path is in no name: two checkouts on one engine would meet, so the process id is.
        let name = format!("{name}-{}", std::process::id());
        Some(Self { folder: tempfile::tempdir().unwrap(), name })
    }

    pub fn name(&self) -> &str {
        &self.name
    }

    pub fn path(&self) -> &Path {
        self.folder.path()
    }

    pub fn write(&self, file: &str, text: &str) {
        let path = self.path().join(file);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    pub fn command(&self, words: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_aictl"));
        // As an option the name would stand in every hint.
        command.env("COMPOSE_PROJECT_NAME", &self.name);
        command.args(words).current_dir(self.path()).stdin(Stdio::null());
        command
    }

    pub fn aictl(&self, words: &[&str]) -> Outcome {
        self.command(words).output().unwrap().into()
    }

    /// Service containers by name, with id and the time they were last started: equal maps mean that nothing was touched.
    pub fn containers(&self) -> BTreeMap<String, String> {
        let ids = self.listed("ps", &["-aq", "--no-trunc"]);
        let format = "{{.Name}}={{.Id}} {{.State.StartedAt}} {{.RestartCount}}";
        let lines = ids.iter().map(|id| docker(&["inspect", "--format", format, id]));
        lines
            .filter_map(|line| line.trim().split_once('=').map(|(name, rest)| (name.to_owned(), rest.to_owned())))
            .collect()
    }

    /// Names of the project's containers, networks and volumes, and of what aictl keeps for itself: its state and its
    /// lock carry no label of Compose, but the project's name.
    pub fn everything(&self) -> Vec<String> {
        let mut all = BTreeSet::new();
        for (kind, words) in [
            ("ps", &["-a", "--format", "{{.Names}}"][..]),
            ("network", &["ls", "--format", "{{.Name}}"]),
            ("volume", &["ls", "--format", "{{.Name}}"]),
        ] {
            all.extend(self.listed(kind, words));
            // The engine's filter finds the name anywhere in another.
            let filter = format!("name={}", self.name);
            let named = docker(&[&[kind], words, &["--filter", &filter]].concat());
            let ours = |name: &&str| name.strip_prefix(&self.name).is_some_and(|rest| rest.starts_with(['-', '_']));
            all.extend(named.split_whitespace().filter(ours).map(str::to_owned));
        }
        all.into_iter().collect()
    }

    fn listed(&self, kind: &str, words: &[&str]) -> Vec<String> {
        let filter = format!("label=com.docker.compose.project={}", self.name);
        let mut command = vec![kind];
        command.extend_from_slice(words);
        command.extend(["--filter", &filter]);
        docker(&command).split_whitespace().map(str::to_owned).collect()
    }

    fn remove(&self, kind: &str, list: &[&str], remove: &[&str]) {
        let found = self.listed(kind, list);
        if !found.is_empty() {
            let mut words = remove.to_vec();
            words.extend(found.iter().map(String::as_str));
            let _ = Command::new("docker").args(words).output();
        }
    }
}

impl Drop for TestProject {
    fn drop(&mut self) {
        // What aictl keeps for itself is no part of the Compose project: its lock and its state go by name.
        for kind in ["lock", "state"] {
            let _ = Command::new("docker").args(["rm", "-f", &format!("{}-aictl-{kind}", self.name)]).output();
        }
        self.remove("ps", &["-aq"], &["rm", "-f", "-v"]);
        self.remove("network", &["ls", "-q"], &["network", "rm"]);
        self.remove("volume", &["ls", "-q"], &["volume", "rm", "-f"]);
        // Images built for the project are named after it; their layers are kept for the next build. They are removed by
        // name, not id: the builder's cache gives several projects the same image.
        let format = ["--format", "{{.Repository}}:{{.Tag}}"];
        let built = docker(&["image", "ls", "--filter", &format!("reference={}-*", self.name), format[0], format[1]]);
        for image in built.split_whitespace() {
            let _ = Command::new("docker").args(["image", "rm", "--no-prune", image]).output();
        }
        let _ = Command::new("docker").args(["volume", "rm", "-f", &format!("{}_aictl", self.name)]).output();
    }
}

/// What a docker command prints; the test ends when it fails.
#[track_caller]
pub fn docker(words: &[&str]) -> String {
    let outcome: Outcome = Command::new("docker").args(words).output().unwrap().into();
    outcome.ended(0).stdout
}

/// The history of a project on the engine that docker's own words name.
#[track_caller]
pub fn records(engine: &[&str], project: &str) -> Vec<(String, Record)> {
    let from = format!("{project}-aictl-state:/state/releases");
    let copied = Command::new("docker").args(engine).args(["cp", &from, "-"]).output().unwrap();
    assert!(copied.status.success(), "{}", String::from_utf8_lossy(&copied.stderr));
    let mut archive = tar::Archive::new(&copied.stdout[..]);
    let mut all = Vec::new();
    for entry in archive.entries().unwrap() {
        let mut entry = entry.unwrap();
        let name = entry.path().unwrap().file_name().unwrap().to_string_lossy().into_owned();
        if entry.header().entry_type().is_file() {
            let mut bytes = Vec::new();
            entry.read_to_end(&mut bytes).unwrap();
            all.push((name, Record::decode(&bytes).unwrap()));
        }
    }
    all.sort_by(|a, b| a.0.cmp(&b.0));
    all
}

/// Polls until the condition holds; the test ends when it does not within the time.
#[track_caller]
pub fn eventually(what: &str, within: Duration, mut condition: impl FnMut() -> bool) {
    let deadline = Instant::now() + within;
    while !condition() {
        assert!(Instant::now() < deadline, "not within {within:?}: {what}");
        std::thread::sleep(Duration::from_millis(50));
    }
}

/// Writes a program. A child writes it: a program that this process holds open, or a child forked meanwhile, cannot be
/// started ("text file busy").
pub fn write_program(path: &Path, text: &str) {
    let mut command = Command::new("sh");
    command.args(["-c", "cat >\"$0\" && chmod 755 \"$0\""]).arg(path).stdin(Stdio::piped());
    let mut child = command.spawn().unwrap();
    child.stdin.take().unwrap().write_all(text.as_bytes()).unwrap();
    assert!(child.wait().unwrap().success(), "{} was not written", path.display());
}

/// The Unix socket of the engine under test (DOCKER_HOST); `None` if it has another address.
pub fn engine_socket() -> Option<PathBuf> {
    let host = std::env::var("DOCKER_HOST").ok().filter(|host| !host.is_empty());
    let path = host.as_deref().unwrap_or("unix:///var/run/docker.sock").strip_prefix("unix://")?.to_owned();
    Some(PathBuf::from(path)).filter(|path| path.exists())
}

/// A TCP port nobody listens on. Each is handed out once, from below the range the kernel picks from, so that no test
/// gets a port that another one publishes later.
pub fn free_port() -> u16 {
    static HANDED_OUT: AtomicU32 = AtomicU32::new(0);
    const RANGE: u32 = 12_000;
    // Another test process starts elsewhere in the range.
    let first = std::process::id().wrapping_mul(37);
    let ports = (0..RANGE).map(|_| first.wrapping_add(HANDED_OUT.fetch_add(1, Ordering::Relaxed)) % RANGE + 20_000);
    let mut ports = ports.map(|port| u16::try_from(port).unwrap());
    ports.find(|port| std::net::TcpListener::bind(("127.0.0.1", *port)).is_ok()).expect("a free port")
}

/// Leaves the reason where `tests/run` lists what was skipped.
pub fn skip(name: &str, reason: &str) {
    let Some(list) = std::env::var_os("AICTL_LAB_SKIPPED") else { return };
    let mut file = fs::OpenOptions::new().append(true).create(true).open(list).unwrap();
    writeln!(file, "{name}: {reason}").unwrap();
}
