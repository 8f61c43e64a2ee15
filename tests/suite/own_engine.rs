//! What may not be done to the machine's engine: filling its disk, pruning all of it, stopping it in the middle.
//! Each test starts a second engine on a small disk in memory and drives aictl against it; nothing else is touched.
//! Skips where there is no lab, no right to mount, or an engine elsewhere.
use std::io::{Read, Write};
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use aictl::image::Digest;
use tempfile::TempDir;

use crate::support::project::{Outcome, engine_socket, eventually, records_in, skip};

/// A second engine without any network, gone with this value.
pub struct OwnEngine {
    folder: TempDir,
    daemon: Option<Child>,
}

impl OwnEngine {
    /// An engine whose disk has this many megabytes and which has the test image.
    pub fn start(test: &str, megabytes: u32) -> Option<Self> {
        let engine = Self::empty(test, megabytes)?;
        engine.take(&["aictl-lab/tool:1"]);
        Some(engine)
    }

    /// An engine whose disk has this many megabytes and which has no image at all.
    pub fn empty(test: &str, megabytes: u32) -> Option<Self> {
        if std::env::var_os("AICTL_LAB").is_none() || engine_socket().is_none() {
            skip(test, "a second engine needs the lab and an engine of this machine");
            return None;
        }
        let mut engine = Self { folder: tempfile::tempdir().unwrap(), daemon: None };
        std::fs::create_dir(engine.data()).unwrap();
        let size = format!("size={megabytes}m");
        let mount = Command::new("mount").args(["-t", "tmpfs", "-o", &size, "tmpfs"]).arg(engine.data()).output();
        if !mount.is_ok_and(|output| output.status.success()) {
            skip(test, "mounting a disk in memory is not allowed here");
            return None;
        }
        engine.run();
        Some(engine)
    }

    /// Loads images of the machine's engine.
    pub fn take(&self, images: &[&str]) {
        let load = format!("docker save {} | docker -H {} load", images.join(" "), self.address());
        let loaded: Outcome = Command::new("sh").args(["-c", &load]).output().unwrap().into();
        loaded.ended(0);
    }

    /// An empty image for an architecture that is not this machine's.
    pub fn load_foreign(&self, name: &str) {
        let folder = tempfile::tempdir().unwrap();
        let write = |file: &str, bytes: &[u8]| std::fs::write(folder.path().join(file), bytes).unwrap();
        let layer = [0; 1024];
        let other = if std::env::consts::ARCH == "aarch64" { "amd64" } else { "arm64" };
        let layers = serde_json::json!({ "type": "layers", "diff_ids": [Digest::of(&layer).to_string()] });
        let config = serde_json::json!({ "architecture": other, "os": "linux", "config": {}, "rootfs": layers });
        write("layer.tar", &layer);
        write("config.json", config.to_string().as_bytes());
        let manifest = serde_json::json!([{ "Config": "config.json", "RepoTags": [name], "Layers": ["layer.tar"] }]);
        write("manifest.json", manifest.to_string().as_bytes());
        let pipe = format!("tar -c -C {} . | docker -H {} load", folder.path().display(), self.address());
        let loaded: Outcome = Command::new("sh").args(["-c", &pipe]).output().unwrap().into();
        loaded.ended(0);
    }

    /// Gives it a larger disk.
    pub fn grow(&self, megabytes: u32) {
        let size = format!("remount,size={megabytes}m");
        let grown = Command::new("mount").args(["-o", &size]).arg(self.data()).output().unwrap();
        Outcome::from(grown).ended(0);
    }

    /// What builds leave when they do not tidy up: containers of steps, and images without a name.
    pub fn half_built(&self) -> String {
        let state = "{{if ne .Image \"aictl/state:1\"}}{{.ID}} {{.Command}}\n{{end}}";
        let containers = self.docker(&["ps", "-a", "--filter", "status=exited", "--format", state]).ended(0).stdout;
        containers.trim().to_owned() + &self.docker(&["image", "ls", "-q", "--filter", "dangling=true"]).ended(0).stdout
    }

    /// A folder on its small disk.
    pub fn small_folder(&self) -> PathBuf {
        let folder = self.data().join("beside");
        std::fs::create_dir_all(&folder).unwrap();
        folder
    }

    /// How many bytes its disk still takes.
    fn room(&self) -> usize {
        let free: Outcome =
            Command::new("df").args(["--output=avail", "-B1"]).arg(self.data()).output().unwrap().into();
        free.ended(0).stdout.lines().nth(1).and_then(|bytes| bytes.trim().parse().ok()).unwrap()
    }

    fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    pub fn address(&self) -> String {
        format!("unix://{}", self.folder.path().join("engine.sock").display())
    }

    fn run(&mut self) {
        let at = |name: &str| self.folder.path().join(name);
        let log = std::fs::File::create(at("log")).unwrap();
        // In a network of its own: an engine told to use no bridge deletes docker0, which is the machine's own engine's.
        let mut command = Command::new("unshare");
        command.args(["--net", "dockerd", "--host", &self.address(), "--data-root"]).arg(self.data());
        command.arg("--exec-root").arg(at("exec")).arg("--pidfile").arg(at("pid"));
        command.args(["--bridge", "none", "--iptables=false"]);
        command.stdin(Stdio::null()).stdout(log.try_clone().unwrap()).stderr(log);
        self.daemon = Some(command.spawn().unwrap());
        eventually("the second engine answers", Duration::from_secs(30), || self.docker(&["version"]).code == 0);
    }

    fn stop(&mut self) {
        let Some(mut daemon) = self.daemon.take() else { return };
        let _ = Command::new("kill").arg(daemon.id().to_string()).status();
        let _ = daemon.wait();
    }

    pub fn docker(&self, words: &[&str]) -> Outcome {
        Command::new("docker").args(["-H", &self.address()]).args(words).output().unwrap().into()
    }

    /// The names of the records of the project `own`.
    fn records(&self) -> Vec<String> {
        let from = ["-H", &self.address(), "cp", "own-aictl-state:/state/releases", "-"];
        let copied = Command::new("docker").args(from).output().unwrap();
        assert!(copied.status.success(), "{}", String::from_utf8_lossy(&copied.stderr));
        records_in(&copied.stdout).into_iter().map(|(name, _)| name).collect()
    }

    pub fn project(&self, compose: &str) -> PathBuf {
        let folder = self.folder.path().join("project");
        std::fs::create_dir_all(&folder).unwrap();
        std::fs::write(folder.join("compose.yaml"), compose).unwrap();
        folder
    }

    pub fn aictl(&self, project: &Path, words: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_aictl"));
        command.env("COMPOSE_PROJECT_NAME", "own").args(words).current_dir(project).env("DOCKER_HOST", self.address());
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }
}

impl Drop for OwnEngine {
    fn drop(&mut self) {
        let running = self.docker(&["ps", "-q"]).stdout;
        for id in running.split_whitespace() {
            self.docker(&["kill", id]);
        }
        self.stop();
        // The disk, and the network namespaces an engine leaves mounted when it is stopped in the middle.
        let mounts = std::fs::read_to_string("/proc/self/mounts").unwrap_or_default();
        let folder = self.folder.path().to_string_lossy().into_owned();
        for mounted in
            mounts.lines().rev().filter_map(|line| line.split(' ').nth(1)).filter(|at| at.starts_with(&folder))
        {
            let _ = Command::new("umount").args(["-l", mounted]).output();
        }
    }
}

const QUIET: &str = r#"
services:
  a: &service
    image: aictl-lab/tool:1
    command: [tool, serve, --ready-after, "100"]
    network_mode: none
    healthcheck: { test: [CMD, tool, ready], interval: 1s, timeout: 5s, retries: 30 }
  b: { <<: *service, command: [tool, serve, --ready-after, "4000"], depends_on: { a: { condition: service_healthy } } }
"#;

#[test]
fn a_disk_that_fills_up_while_building_is_named_and_nothing_half_done_is_left() {
    let Some(engine) = OwnEngine::start("disk full while building", 80) else { return };
    let project = engine.project(
        "services: { a: { image: 'own-a:1', command: [tool, serve], network_mode: none, build: { context: ./context, network: none } } }\n",
    );
    std::fs::create_dir(project.join("context")).unwrap();
    let recipe = "FROM aictl-lab/tool:1\nRUN dd if=/dev/zero of=/big bs=1M count=12\n";
    std::fs::write(project.join("context/Dockerfile"), recipe).unwrap();
    let listed = |words: &[&str]| engine.docker(words).ended(0).stdout;
    let (networks, images) = (listed(&["network", "ls", "-q"]), listed(&["image", "ls", "-aq"]));
    // Too little room for what the build writes, enough for everything else.
    let ballast = engine.small_folder().join("ballast");
    std::fs::write(&ballast, vec![1; engine.room() - (6 << 20)]).unwrap();
    let failed: Outcome = engine.aictl(&project, &["start"]).output().unwrap().into();
    let failed = failed.ended(1);
    assert!(failed.stderr.to_lowercase().contains("no space left on device"), "{}", failed.stderr);
    assert!(failed.stderr.contains("own-a:1"), "the image is named: {}", failed.stderr);
    assert!(failed.stderr.contains("hint: see disk usage with `docker system df`"), "{}", failed.stderr);
    assert_eq!(listed(&["ps", "-a", "--format", "{{.Names}}"]), "own-aictl-state\n");
    assert_eq!(listed(&["volume", "ls", "-q"]), "own_aictl\n");
    assert_eq!(listed(&["network", "ls", "-q"]), networks);
    let left = listed(&["image", "ls", "-a", "--format", "{{.ID}} {{.Repository}}"]);
    let unknown = left.lines().filter(|line| !line.contains("aictl") && !images.contains(&line[..12]));
    assert_eq!(unknown.collect::<Vec<_>>(), Vec::<&str>::new(), "the build left an image");
    assert_eq!(engine.records(), ["000001-failed.json", "000001-pending.json"]);

    std::fs::remove_file(&ballast).unwrap();
    let again: Outcome = engine.aictl(&project, &["start"]).output().unwrap().into();
    again.ended(0);
    assert_eq!(
        listed(&["ps", "--filter", "label=com.docker.compose.project=own", "--format", "{{.Names}}"]),
        "own-a-1\n"
    );
}

#[test]
fn a_prune_of_everything_beside_a_running_stack_takes_nothing_of_it() {
    let Some(engine) = OwnEngine::start("prune of everything", 40) else { return };
    let project = engine.project(QUIET);
    let started: Outcome = engine.aictl(&project, &["start"]).output().unwrap().into();
    started.ended(0);
    let everything = || {
        let containers = engine.docker(&["ps", "-a", "--format", "{{.ID}} {{.Names}}"]).ended(0).stdout;
        containers + &engine.docker(&["volume", "ls", "-q"]).ended(0).stdout
    };
    let before = everything();
    assert!(before.contains("own_aictl"), "the state is not where this test looks for it: {before}");
    engine.docker(&["system", "prune", "-af", "--volumes"]).ended(0);
    assert_eq!(everything(), before);
    let again: Outcome = engine.aictl(&project, &["start"]).output().unwrap().into();
    again.ended(0);
    assert_eq!(everything(), before);
}

#[test]
fn a_prune_of_everything_during_a_start_takes_neither_its_lock_nor_its_records() {
    let Some(engine) = OwnEngine::start("prune of everything during a start", 40) else { return };
    let project = engine.project(QUIET);
    let aictl = |words: &[&str]| -> Outcome { engine.aictl(&project, words).output().unwrap().into() };
    let child = engine.aictl(&project, &["start"]).spawn().unwrap();
    eventually("the slow service runs", Duration::from_secs(30), || {
        engine.docker(&["ps", "--format", "{{.Names}}"]).stdout.contains("own-b-1")
    });
    engine.docker(&["system", "prune", "-af", "--volumes"]).ended(0);
    let lock = aictl(&["lock", "status", "--output", "json"]).ended(0).stdout;
    let lock: serde_json::Value = serde_json::from_str(&lock).unwrap();
    assert_eq!(lock["lock"]["verdict"], "alive", "{lock}");
    assert_eq!(lock["lock"]["owner"]["operation"], "start", "{lock}");
    aictl(&["start"]).ended(11);
    let started: Outcome = child.wait_with_output().unwrap().into();
    started.ended(0);
    engine.docker(&["system", "prune", "-af", "--volumes"]).ended(0);
    assert_eq!(engine.records(), ["000001-done.json", "000001-pending.json"]);
    aictl(&["start", "--force-recreate"]).ended(0);
    let all = ["000001-done.json", "000001-pending.json", "000002-done.json", "000002-pending.json"];
    assert_eq!(engine.records(), all, "the history goes on");
    let free = aictl(&["lock", "status"]).ended(0).stdout;
    assert!(free.contains("not locked"), "{free}");
}

#[test]
fn an_engine_that_stops_during_a_start_ends_it_and_the_next_start_finishes_it() {
    let Some(mut engine) = OwnEngine::start("engine stops during a start", 40) else { return };
    let project = engine.project(QUIET);
    let child = engine.aictl(&project, &["start"]).spawn().unwrap();
    eventually("the second service runs", Duration::from_secs(30), || {
        engine.docker(&["ps", "--format", "{{.Names}}"]).stdout.contains("own-b-1")
    });
    engine.stop();
    let ended: Outcome = child.wait_with_output().unwrap().into();
    // Some of it is done.
    let ended = ended.ended(30);
    for part in ["cannot connect to the engine at", "finish it with `aictl start`"] {
        assert!(ended.stderr.contains(part), "{part}: {}", ended.stderr);
    }
    let down: Outcome = engine.aictl(&project, &["status"]).output().unwrap().into();
    let down = down.ended(9);
    assert!(down.stderr.contains(&engine.address()), "{}", down.stderr);
    engine.run();
    // The dead start's lock is taken over with a warning, when it did not give it back.
    let finished: Outcome = engine.aictl(&project, &["start"]).output().unwrap().into();
    finished.ended(0);
    let running = engine.docker(&["ps", "--format", "{{.Names}}"]).ended(0).stdout;
    assert!(running.contains("own-a-1") && running.contains("own-b-1"), "{running}");
}

#[test]
fn an_engine_that_is_too_old_is_told_apart_from_one_that_is_down() {
    let folder = tempfile::tempdir().unwrap();
    let socket = folder.path().join("engine.sock");
    std::fs::write(folder.path().join("compose.yaml"), QUIET).unwrap();
    let listener = UnixListener::bind(&socket).unwrap();
    std::thread::spawn(move || {
        for mut connection in listener.incoming().flatten() {
            let mut request = [0; 4096];
            let _ = connection.read(&mut request);
            let answer = "HTTP/1.1 200 OK\r\nApi-Version: 1.24\r\nServer: Docker/1.12.6 (linux)\r\n\
                          Content-Length: 2\r\nConnection: close\r\n\r\nOK";
            let _ = connection.write_all(answer.as_bytes());
        }
    });
    let mut command = Command::new(env!("CARGO_BIN_EXE_aictl"));
    command.arg("status").current_dir(folder.path()).env("DOCKER_HOST", format!("unix://{}", socket.display()));
    let refused: Outcome = command.output().unwrap().into();
    let refused = refused.ended(9);
    assert!(refused.stderr.contains("1.24") && refused.stderr.contains("hint:"), "{}", refused.stderr);
}
