//! A socket in front of the lab's engine that keeps every byte that is sent to it.
//! Reads what a command sends; returns it as text, or the requests in it that change something.
//! Never answers anything itself.

use std::io::{Read, Write};
use std::net::Shutdown;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

/// The socket; it lasts as long as the process.
pub struct Recorder {
    pub path: PathBuf,
    sent: Arc<Mutex<Vec<u8>>>,
}

impl Recorder {
    /// In front of the engine under test.
    pub fn open(path: &Path) -> Self {
        let host = std::env::var("DOCKER_HOST").unwrap_or_default();
        Self::before(path, host.strip_prefix("unix://").unwrap_or("/var/run/docker.sock"))
    }

    /// In front of the engine at a socket.
    pub fn before(path: &Path, engine: &str) -> Self {
        let engine = PathBuf::from(engine);
        // One that is no longer used may be there.
        drop(std::fs::remove_file(path));
        let listener = UnixListener::bind(path).unwrap();
        let sent = Arc::<Mutex<Vec<u8>>>::default();
        let kept = Arc::clone(&sent);
        std::thread::spawn(move || {
            for client in listener.incoming().flatten() {
                let (kept, engine) = (Arc::clone(&kept), engine.clone());
                std::thread::spawn(move || relay(client, &engine, &kept));
            }
        });
        Self { path: path.to_owned(), sent }
    }

    /// What was sent since the last time.
    pub fn take(&self) -> String {
        String::from_utf8_lossy(&std::mem::take(&mut *self.sent.lock().unwrap())).into_owned()
    }
}

/// The requests among what was sent that do not only read, by their method.
pub fn changing(sent: &str) -> Vec<String> {
    let is_request = |line: &&str| line.ends_with(" HTTP/1.1");
    let changes = |line: &&str| {
        let method = line.split(' ').next().unwrap_or_default();
        // What is left of the body before it stands on the same line.
        !(method.ends_with("GET") || method.ends_with("HEAD"))
    };
    sent.lines().filter(is_request).filter(changes).map(str::to_owned).collect()
}

fn relay(mut client: UnixStream, engine: &Path, kept: &Mutex<Vec<u8>>) {
    let mut engine = UnixStream::connect(engine).unwrap();
    let (mut answers, mut back) = (engine.try_clone().unwrap(), client.try_clone().unwrap());
    std::thread::spawn(move || {
        let _ = std::io::copy(&mut answers, &mut back);
        let _ = back.shutdown(Shutdown::Write);
    });
    let mut buffer = [0; 65536];
    while let Ok(length @ 1..) = client.read(&mut buffer) {
        kept.lock().unwrap().extend_from_slice(&buffer[..length]);
        if engine.write_all(&buffer[..length]).is_err() {
            break;
        }
    }
    let _ = engine.shutdown(Shutdown::Write);
}
