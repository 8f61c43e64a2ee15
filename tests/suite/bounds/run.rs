//! A folder in which aictl runs under a limit of time and memory.

use std::io::Read as _;
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use tempfile::TempDir;

use crate::support::project::{Outcome, eventually};

/// Nothing here may take longer. Two processors are shared with other tests.
const TIME: Duration = Duration::from_secs(30);
/// Kibibytes a process may come to hold.
const MEMORY: u64 = 600 * 1024;

pub struct Folder(TempDir);

impl Folder {
    pub fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    pub fn path(&self) -> &Path {
        self.0.path()
    }

    pub fn write(&self, file: &str, text: &str) {
        let path = self.path().join(file);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }

    pub fn pipe(&self, name: &str) {
        assert!(Command::new("mkfifo").arg(self.path().join(name)).status().unwrap().success());
    }

    fn command(&self, words: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_aictl"));
        command.args(words).current_dir(self.path()).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command.env("DOCKER_HOST", "unix:///nonexistent/docker.sock");
        command
    }

    /// The command ends with 78 and says the words.
    #[track_caller]
    pub fn refused(&self, words: &[&str], said: &str) {
        let text = self.ends(words, 78);
        assert!(text.contains(said), "{words:?}: no `{said}` in {}", text.chars().take(1000).collect::<String>());
    }

    /// What the command says when it ends with this code in time and within memory.
    #[track_caller]
    pub fn ends(&self, words: &[&str], code: i32) -> String {
        let mut child = self.command(words).spawn().unwrap();
        let (mut stdout, mut stderr) = (child.stdout.take().unwrap(), child.stderr.take().unwrap());
        let out = std::thread::spawn(move || {
            let mut text = Vec::new();
            let _ = stdout.read_to_end(&mut text);
        });
        let err = std::thread::spawn(move || {
            let mut text = Vec::new();
            let _ = stderr.read_to_end(&mut text);
            String::from_utf8_lossy(&text).into_owned()
        });
        let (began, mut most) = (Instant::now(), 0);
        let status = loop {
            most = most.max(held(&child));
            if let Some(status) = child.try_wait().unwrap() {
                break status;
            }
            if began.elapsed() > TIME || most > MEMORY {
                child.kill().unwrap();
                child.wait().unwrap();
                panic!("{words:?}: {:?} and {most} KiB so far", began.elapsed());
            }
            std::thread::sleep(Duration::from_millis(5));
        };
        out.join().unwrap();
        let said = err.join().unwrap();
        assert_eq!(status.code(), Some(code), "{words:?}: {}", said.chars().take(2000).collect::<String>());
        said
    }

    /// A socket that takes connections, answers a ping and then nothing more.
    pub fn hung_engine(&self) -> PathBuf {
        let path = self.path().join("hung.sock");
        let listener = UnixListener::bind(&path).unwrap();
        std::thread::spawn(move || {
            for mut client in listener.incoming().flatten() {
                std::thread::spawn(move || {
                    let mut buffer = [0; 65536];
                    while let Ok(length @ 1..) = client.read(&mut buffer) {
                        if String::from_utf8_lossy(&buffer[..length]).contains("/_ping") {
                            let answer = "HTTP/1.1 200 OK\r\nApi-Version: 1.41\r\nServer: Docker/20.10.24 (linux)\r\nContent-Length: 2\r\n\r\nOK";
                            let _ = std::io::Write::write_all(&mut client, answer.as_bytes());
                        }
                    }
                });
            }
        });
        path
    }

    pub fn on(&self, engine: &Path, words: &[&str]) -> Outcome {
        self.command(words).env("DOCKER_HOST", format!("unix://{}", engine.display())).output().unwrap().into()
    }

    /// The command goes on until it gets the signal, and then ends with the code.
    #[track_caller]
    pub fn ends_at(&self, words: &[&str], engine: Option<&PathBuf>, (signal, code): (&str, i32)) {
        let mut command = self.command(words);
        if let Some(engine) = engine {
            command.env("DOCKER_HOST", format!("unix://{}", engine.display()));
        }
        let mut child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        // It listens to signals once its other threads are there.
        eventually("it listens", TIME, || catches(&child));
        std::thread::sleep(Duration::from_millis(300));
        assert_eq!(child.try_wait().unwrap(), None, "{words:?} ended by itself");
        let sent = Instant::now();
        let id = child.id().to_string();
        assert!(Command::new("kill").args([&format!("-{signal}"), &id]).status().unwrap().success());
        let mut status = None;
        while status.is_none() && sent.elapsed() < Duration::from_secs(10) {
            status = child.try_wait().unwrap();
            std::thread::sleep(Duration::from_millis(20));
        }
        if status.is_none() {
            child.kill().unwrap();
            child.wait().unwrap();
        }
        assert_eq!(status.and_then(|status| status.code()), Some(code), "{words:?} at {signal}");
    }
}

/// Whether the process has a handler for SIGTERM by now.
fn catches(child: &Child) -> bool {
    let status = std::fs::read_to_string(format!("/proc/{}/status", child.id())).unwrap_or_default();
    let mask = status.lines().find_map(|line| line.strip_prefix("SigCgt:")).unwrap_or_default();
    u64::from_str_radix(mask.trim(), 16).unwrap_or_default() & (1 << 14) != 0
}

/// Kibibytes a process came to hold.
pub fn held(child: &Child) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{}/status", child.id())).unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap_or_default();
    line.split_whitespace().next().and_then(|text| text.parse().ok()).unwrap_or_default()
}
