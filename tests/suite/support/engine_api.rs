//! Requests to the engine under test, sent by this process: the docker command takes 30 ms of a processor for each.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::os::unix::net::UnixStream;

use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::{Value, json};

/// The status and body of an answer.
pub struct Answer {
    pub status: u16,
    pub body: Vec<u8>,
}

/// Containers, networks and volumes as the engine's paths name them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Container,
    Network,
    Volume,
    Image,
}

/// A container, network, volume or image of a list; the names and the state are those that the docker command prints.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Listed {
    pub name: String,
    pub id: String,
    pub state: String,
}

impl Kind {
    fn list(self) -> &'static str {
        match self {
            Self::Container => "/containers/json?all=1&filters=",
            Self::Network => "/networks?filters=",
            Self::Volume => "/volumes?filters=",
            Self::Image => "/images/json?filters=",
        }
    }

    fn remove(self, name: &str) -> String {
        let name = encoded(name);
        match self {
            Self::Container => format!("/containers/{name}?force=1&v=1"),
            Self::Network => format!("/networks/{name}"),
            Self::Volume => format!("/volumes/{name}?force=1"),
            Self::Image => format!("/images/{name}?noprune=1"),
        }
    }
}

fn encoded(text: &str) -> String {
    utf8_percent_encode(text, NON_ALPHANUMERIC).to_string()
}

/// One request; `None` if no engine answers.
pub fn request(method: &str, path: &str) -> Option<Answer> {
    let host = std::env::var("DOCKER_HOST").ok().filter(|host| !host.is_empty());
    let host = host.as_deref().unwrap_or("unix:///var/run/docker.sock");
    // Of this version the answer is not chunked and ends with the connection.
    let head = format!("{method} {path} HTTP/1.0\r\nHost: engine\r\n\r\n");
    let answer = match host.strip_prefix("unix://") {
        Some(path) => exchanged(UnixStream::connect(path).ok()?, &head),
        None => exchanged(TcpStream::connect(host.strip_prefix("tcp://")?).ok()?, &head),
    }?;
    let end = answer.windows(4).position(|four| four == b"\r\n\r\n")?;
    let status = std::str::from_utf8(answer.get(9..12)?).ok()?.parse().ok()?;
    Some(Answer { status, body: answer[end + 4..].to_vec() })
}

fn exchanged(mut stream: impl Read + Write, head: &str) -> Option<Vec<u8>> {
    stream.write_all(head.as_bytes()).ok()?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).ok()?;
    Some(answer)
}

/// The answer to a question as JSON, none where the engine does not have what is asked for; the test ends when the engine
/// has no answer.
#[track_caller]
fn find(path: &str) -> Option<Value> {
    let answer = request("GET", path).unwrap_or_else(|| panic!("no answer to {path}"));
    if answer.status == 404 {
        return None;
    }
    assert_eq!(answer.status, 200, "{path}: {}", String::from_utf8_lossy(&answer.body));
    Some(serde_json::from_slice(&answer.body).unwrap())
}

#[track_caller]
fn get(path: &str) -> Value {
    find(path).unwrap_or_else(|| panic!("{path}: not found"))
}

/// What a filter finds: `label` and `a=b`, `name` and a part of it, `reference` and a pattern.
#[track_caller]
pub fn list(kind: Kind, filter: &str, value: &str) -> Vec<Listed> {
    let found = get(&format!("{}{}", kind.list(), encoded(&json!({ filter: [value] }).to_string())));
    let all = if kind == Kind::Volume { &found["Volumes"] } else { &found };
    all.as_array().into_iter().flatten().flat_map(|one| listed(kind, one)).collect()
}

/// An image once for each of its names.
fn listed(kind: Kind, one: &Value) -> Vec<Listed> {
    let text = |key: &str| one[key].as_str().unwrap_or_default().to_owned();
    let names = |key: &str| {
        let names = one[key].as_array().into_iter().flatten().filter_map(Value::as_str);
        names.map(|name| name.trim_start_matches('/').to_owned()).collect::<Vec<_>>()
    };
    let names = match kind {
        // The others are of links.
        Kind::Container => names("Names").into_iter().filter(|name| !name.contains('/')).collect(),
        Kind::Image => names("RepoTags"),
        Kind::Network | Kind::Volume => vec![text("Name")],
    };
    names.into_iter().map(|name| Listed { name, id: text("Id"), state: text("State") }).collect()
}

/// Everything about a container; none when it is gone, as one of a list may be by then.
#[track_caller]
pub fn inspect(container: &str) -> Option<Value> {
    find(&format!("/containers/{}/json", encoded(container)))
}

/// Whether the engine answers and has the image.
pub fn has_image(reference: &str) -> bool {
    request("GET", &format!("/images/{reference}/json")).is_some_and(|answer| answer.status == 200)
}

/// A path of a container as a tar archive.
#[track_caller]
pub fn archive(container: &str, path: &str) -> Vec<u8> {
    let answer = request("GET", &format!("/containers/{}/archive?path={}", encoded(container), encoded(path))).unwrap();
    assert_eq!(answer.status, 200, "{container}:{path}: {}", String::from_utf8_lossy(&answer.body));
    answer.body
}

/// For a destructor: where a test has failed already, a second panic would end the whole program.
pub fn clean_up(remove: impl FnOnce()) {
    if std::thread::panicking() {
        drop(std::panic::catch_unwind(std::panic::AssertUnwindSafe(remove)));
    } else {
        remove();
    }
}

/// Removes what may be gone already.
pub fn remove(kind: Kind, name: &str) {
    drop(request("DELETE", &kind.remove(name)));
}
