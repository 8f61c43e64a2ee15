//! A project folder of one test, the binary run in it, and questions to the engine.

use std::io::Write as _;
use std::path::PathBuf;
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use aictl::release::Record;

use crate::support::engine_api::{self, Kind, Listed};

/// What a run of the binary came to.
#[derive(Debug)]
pub struct Ran {
    pub code: i32,
    pub stdout: String,
    pub stderr: String,
}

impl Ran {
    pub fn of(output: &Output) -> Self {
        Self {
            code: output.status.code().unwrap_or(-1),
            stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
            stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
        }
    }

    /// Fails with everything that was said unless the exit code is this one.
    #[track_caller]
    pub fn code(self, code: i32) -> Self {
        assert_eq!(self.code, code, "stdout:\n{}\nstderr:\n{}", self.stdout, self.stderr);
        self
    }

    /// Fails unless stderr holds the text.
    #[track_caller]
    pub fn says(self, text: &str) -> Self {
        assert!(self.stderr.contains(text), "`{text}` is not in:\n{}", self.stderr);
        self
    }

    pub fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.stdout).unwrap_or_else(|e| panic!("{e}: {}", self.stdout))
    }
}

/// A project folder and its name on the engine.
pub struct TestProject {
    pub project: String,
    folder: tempfile::TempDir,
}

fn skip(test: &str, reason: &str) {
    if let Some(list) = std::env::var_os("AICTL_LAB_SKIPPED") {
        let mut file = std::fs::OpenOptions::new().append(true).create(true).open(list).unwrap();
        writeln!(file, "lifecycle {test}: {reason}").unwrap();
    }
}

/// What a docker command prints; the test ends when it fails.
#[track_caller]
pub fn docker(args: &[&str]) -> String {
    Ran::of(&Command::new("docker").args(args).output().unwrap()).code(0).stdout.trim().to_owned()
}

impl TestProject {
    /// A folder with this compose file. `None` when there is no engine or no test image.
    pub fn new(test: &str, compose: &str) -> Option<Self> {
        if !engine_api::has_image("aictl-lab/tool:1") {
            skip(test, "no engine answers or aictl-lab/tool:1 is not there");
            return None;
        }
        let folder = tempfile::tempdir().unwrap();
        let stage = Self { project: format!("lt-{test}-{}", std::process::id()), folder };
        stage.write("compose.yaml", compose);
        Some(stage)
    }

    pub fn write(&self, name: &str, text: &str) {
        let path = self.path(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn command(&self, program: &str, args: &str) -> Command {
        let mut command = Command::new(program);
        command.args(shlex::split(args).unwrap()).current_dir(self.folder.path()).stdin(Stdio::null());
        command.env("COMPOSE_PROJECT_NAME", &self.project).env_remove("AICTL_ENV");
        command
    }

    pub fn aictl_command(&self, args: &str) -> Command {
        self.command(env!("CARGO_BIN_EXE_aictl"), args)
    }

    pub fn aictl(&self, args: &str) -> Ran {
        Ran::of(&self.aictl_command(args).output().unwrap())
    }

    /// The binary with so much address space and no more.
    pub fn within(&self, kilobytes: u32, args: &str) -> Ran {
        let limited = format!("ulimit -v {kilobytes}; exec {} {args}", env!("CARGO_BIN_EXE_aictl"));
        Ran::of(&self.command("sh", "-c").arg(limited).output().unwrap())
    }

    pub fn spawn(&self, args: &str) -> Child {
        self.aictl_command(args).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap()
    }

    /// The real Compose, or `None` when the lab has not got it.
    pub fn compose(&self, args: &str) -> Option<Ran> {
        let program = std::env::var("AICTL_LAB_COMPOSE").ok().filter(|p| std::path::Path::new(p).is_file());
        let Some(program) = program else {
            skip("compose", "AICTL_LAB_COMPOSE does not name the real Compose");
            return None;
        };
        Some(Ran::of(&self.command(&program, args).output().unwrap()))
    }

    fn listed(&self) -> Vec<Listed> {
        engine_api::list(Kind::Container, "label", &format!("com.docker.compose.project={}", self.project))
    }

    /// `name state` of every container of the project, the state helper left out, sorted.
    pub fn containers(&self) -> Vec<String> {
        let prefix = format!("{}-", self.project);
        let word = |one: Listed| format!("{} {}", one.name, one.state).replace(&prefix, "");
        let mut all: Vec<String> = self.listed().into_iter().map(word).collect();
        all.sort();
        all
    }

    /// Ids and start times: what changes when a container is touched.
    pub fn identity(&self) -> String {
        let started =
            |one: &Listed| Some(format!("{} {}", one.id, engine_api::inspect(&one.id)?["State"]["StartedAt"]));
        let all: Vec<String> = self.listed().iter().filter_map(started).collect();
        assert!(!all.is_empty(), "no container of {} to look at", self.project);
        all.join("\n")
    }

    fn named(&self, kind: Kind) -> Vec<String> {
        let found = engine_api::list(kind, "name", &self.project).into_iter();
        let mut all: Vec<String> = found.map(|one| one.name.replace(&self.project, "P")).collect();
        all.sort();
        all
    }

    /// Networks and volumes whose name begins with the project's.
    pub fn resources(&self) -> Vec<String> {
        [self.named(Kind::Network), self.named(Kind::Volume)].concat()
    }

    /// Everything on the engine that carries the project's name, the state helper too.
    pub fn leftovers(&self) -> Vec<String> {
        [self.named(Kind::Container), self.resources()].concat()
    }

    /// Whoever holds the lock, in words.
    #[track_caller]
    pub fn lock(&self) -> String {
        // The files may be what is wrong.
        let elsewhere = tempfile::tempdir().unwrap();
        let mut command = self.aictl_command("lock status --project-name");
        let output = command.arg(&self.project).current_dir(elsewhere.path()).output().unwrap();
        Ran::of(&output).code(0).stdout.trim().to_owned()
    }

    /// The history as it lies in the state volume, by file name; each record is whole.
    #[track_caller]
    pub fn records(&self) -> Vec<(String, Record)> {
        crate::support::project::records(&self.project)
    }

    /// Polls until the condition holds.
    #[track_caller]
    pub fn eventually(&self, what: &str, mut condition: impl FnMut() -> bool) {
        let deadline = Instant::now() + Duration::from_secs(60);
        while !condition() {
            assert!(Instant::now() < deadline, "{what} did not come about; containers: {:?}", self.containers());
            std::thread::sleep(Duration::from_millis(50));
        }
    }
}

impl Drop for TestProject {
    fn drop(&mut self) {
        engine_api::clean_up(|| self.remove_all());
    }
}

impl TestProject {
    fn remove_all(&self) {
        for label in ["com.docker.compose.project", "io.aictl.project"] {
            for one in engine_api::list(Kind::Container, "label", &format!("{label}={}", self.project)) {
                engine_api::remove(Kind::Container, &one.id);
            }
        }
        for kind in [Kind::Network, Kind::Volume] {
            for one in engine_api::list(kind, "name", &self.project) {
                engine_api::remove(kind, &one.name);
            }
        }
        // What was built for the project has its name, and so have its releases. Removed by name: the id is that of
        // every project's image.
        for image in engine_api::list(Kind::Image, "reference", &format!("{}-*", self.project)) {
            engine_api::remove(Kind::Image, &image.name);
        }
    }
}
