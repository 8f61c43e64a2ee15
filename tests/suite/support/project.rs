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

use super::engine_api::{self, Kind, Listed};

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
        let started = |container: &Listed| {
            let found = engine_api::inspect(&container.id)?;
            let text = |key: &str| found[key].as_str().unwrap_or_default().to_owned();
            let touched = format!("{} {} {}", text("Id"), found["State"]["StartedAt"], found["RestartCount"]);
            Some((text("Name"), touched))
        };
        self.listed(Kind::Container).iter().filter_map(started).collect()
    }

    /// Names of the project's containers, networks and volumes, and of what aictl keeps for itself: its state and its
    /// lock carry no label of Compose, but the project's name.
    pub fn everything(&self) -> Vec<String> {
        let mut all = BTreeSet::new();
        for kind in [Kind::Container, Kind::Network, Kind::Volume] {
            all.extend(self.listed(kind).into_iter().map(|one| one.name));
            // The engine's filter finds the name anywhere in another.
            let ours = |name: &String| name.strip_prefix(&self.name).is_some_and(|rest| rest.starts_with(['-', '_']));
            all.extend(engine_api::list(kind, "name", &self.name).into_iter().map(|one| one.name).filter(ours));
        }
        all.into_iter().collect()
    }

    fn listed(&self, kind: Kind) -> Vec<Listed> {
        engine_api::list(kind, "label", &format!("com.docker.compose.project={}", self.name))
    }
}

impl Drop for TestProject {
    fn drop(&mut self) {
        engine_api::clean_up(|| self.remove_all());
    }
}

impl TestProject {
    fn remove_all(&self) {
        // What aictl keeps for itself is no part of the Compose project: its lock and its state go by name.
        for kind in ["lock", "state"] {
            engine_api::remove(Kind::Container, &format!("{}-aictl-{kind}", self.name));
        }
        for kind in [Kind::Container, Kind::Network, Kind::Volume] {
            for one in self.listed(kind) {
                engine_api::remove(kind, if kind == Kind::Container { &one.id } else { &one.name });
            }
        }
        // Images built for the project are named after it; their layers are kept for the next build. They are removed by
        // name, not id: the builder's cache gives several projects the same image.
        for image in engine_api::list(Kind::Image, "reference", &format!("{}-*", self.name)) {
            engine_api::remove(Kind::Image, &image.name);
        }
        engine_api::remove(Kind::Volume, &format!("{}_aictl", self.name));
    }
}

/// What a docker command prints; the test ends when it fails.
#[track_caller]
pub fn docker(words: &[&str]) -> String {
    let outcome: Outcome = Command::new("docker").args(words).output().unwrap().into();
    outcome.ended(0).stdout
}

/// The history of a project on the engine.
#[track_caller]
pub fn records(project: &str) -> Vec<(String, Record)> {
    records_in(&engine_api::archive(&format!("{project}-aictl-state"), "/state/releases"))
}

/// The history in an archive of its folder.
#[track_caller]
pub fn records_in(archive: &[u8]) -> Vec<(String, Record)> {
    let mut archive = tar::Archive::new(archive);
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
