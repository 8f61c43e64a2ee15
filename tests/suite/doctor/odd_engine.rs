//! An engine that is nothing but its word: it answers a ping, says of itself what a test wants, and has no containers.
//! Reads the fields to say; returns an address.
//! Never outlives its test: the socket goes with the folder, the thread with the process.
use std::io::{Read, Write};
use std::os::unix::net::{UnixListener, UnixStream};
use std::process::Command;

use serde_json::{Value, json};
use tempfile::TempDir;

pub struct OddEngine {
    pub address: String,
    _folder: TempDir,
}

impl OddEngine {
    /// An engine like this machine's, except for the fields given as JSON.
    pub fn start(fields: &[(&str, &str)]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let socket = folder.path().join("engine.sock");
        let listener = UnixListener::bind(&socket).unwrap();
        let said: Vec<(String, Value)> =
            fields.iter().map(|(key, value)| ((*key).to_owned(), serde_json::from_str(value).unwrap())).collect();
        std::thread::spawn(move || {
            for connection in listener.incoming().flatten() {
                let said = said.clone();
                std::thread::spawn(move || answer(connection, &said));
            }
        });
        Self { address: format!("unix://{}", socket.display()), _folder: folder }
    }
}

fn answer(mut connection: UnixStream, said: &[(String, Value)]) {
    let mut request = [0; 8192];
    let length = connection.read(&mut request).unwrap_or(0);
    let line = String::from_utf8_lossy(&request[..length]).lines().next().unwrap_or_default().to_owned();
    let path = line.split(' ').nth(1).unwrap_or_default();
    let (status, body) = match path {
        path if path.ends_with("/_ping") => ("200 OK", "OK".to_owned()),
        path if path.ends_with("/info") => ("200 OK", info(said).to_string()),
        path if path.contains("/volumes") => ("200 OK", "{\"Volumes\":[]}".to_owned()),
        path if path.contains("/containers/json") || path.contains("/networks") => ("200 OK", "[]".to_owned()),
        _ => ("404 Not Found", "{\"message\":\"nothing here\"}".to_owned()),
    };
    let head = format!(
        "HTTP/1.1 {status}\r\nApi-Version: 1.41\r\nServer: Docker/20.10.24 (linux)\r\nContent-Type: application/json\r\n\
         Content-Length: {}\r\nConnection: close\r\n\r\n",
        body.len()
    );
    let _ = connection.write_all(head.as_bytes()).and_then(|()| connection.write_all(body.as_bytes()));
}

fn info(said: &[(String, Value)]) -> Value {
    let first_line = |path: &str| std::fs::read_to_string(path).unwrap_or_default().trim().to_owned();
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs();
    let now = Command::new("date").args(["-u", "-d", &format!("@{now}"), "+%Y-%m-%dT%H:%M:%SZ"]).output().unwrap();
    let mut info = json!({
        "OperatingSystem": "Debian GNU/Linux 12", "Architecture": "x86_64", "NCPU": 64, "MemTotal": 1_u64 << 40,
        "Name": first_line("/proc/sys/kernel/hostname"), "KernelVersion": first_line("/proc/sys/kernel/osrelease"),
        "CgroupVersion": "2", "DockerRootDir": "/var/lib/docker", "MemoryLimit": true,
        "SystemTime": String::from_utf8_lossy(&now.stdout).trim(),
    });
    for (key, value) in said {
        info[key] = value.clone();
    }
    info
}
