//! Clients that POST on connections they keep, while pods are replaced.

use std::io::{BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use crate::support::http_head::{Connection, Head, read_head};

const TIMEOUT: Duration = Duration::from_secs(20);
const PAUSE: Duration = Duration::from_millis(5);

/// Clients of one address.
pub struct Load {
    ended: Arc<AtomicBool>,
    clients: Vec<JoinHandle<Seen>>,
}

/// What the clients saw.
#[derive(Debug, Default)]
pub struct Seen {
    pub answered: usize,
    /// Connections that the server asked to end.
    pub closed: usize,
    pub failed: Vec<String>,
}

impl Load {
    /// Requests to this path, which is answered with this status.
    pub fn start(address: &str, clients: usize, (path, status): (&'static str, u16)) -> Self {
        let ended = Arc::new(AtomicBool::new(false));
        let client = |_| {
            let (ended, address) = (ended.clone(), address.to_owned());
            std::thread::spawn(move || one(&ended, &address, (path, status)))
        };
        let clients = (0..clients).map(client).collect();
        Self { ended, clients }
    }

    pub fn end(self) -> Seen {
        self.ended.store(true, Ordering::Relaxed);
        self.clients.into_iter().fold(Seen::default(), |mut all, client| {
            let seen = client.join().unwrap();
            all.answered += seen.answered;
            all.closed += seen.closed;
            all.failed.extend(seen.failed);
            all
        })
    }
}

fn one(ended: &AtomicBool, address: &str, (path, status): (&str, u16)) -> Seen {
    let mut seen = Seen::default();
    let mut kept = None;
    while !ended.load(Ordering::Relaxed) {
        match post(kept.take(), address, path) {
            Ok((answer, connection)) if answer == status => {
                seen.answered += 1;
                seen.closed += usize::from(connection.is_none());
                kept = connection;
            }
            Ok((answer, _)) => seen.failed.push(format!("HTTP {answer}")),
            Err(error) => seen.failed.push(error.to_string()),
        }
        std::thread::sleep(PAUSE);
    }
    seen
}

/// The status of the answer, and the connection unless it ends.
fn post(kept: Option<Connection>, address: &str, path: &str) -> std::io::Result<(u16, Option<Connection>)> {
    let mut connection = match kept {
        Some(connection) => connection,
        None => BufReader::new(TcpStream::connect(address)?),
    };
    connection.get_mut().set_read_timeout(Some(TIMEOUT))?;
    let body = "{\"title\": \"a\", \"text\": \"b\"}";
    let head = format!("POST {path} HTTP/1.1\r\nHost: assistant\r\nContent-Type: application/json");
    let request = format!("{head}\r\nContent-Length: {}\r\n\r\n{body}", body.len());
    connection.get_mut().write_all(request.as_bytes())?;
    let Head { status, length, closes } = read_head(&mut connection)?;
    connection.read_exact(&mut vec![0; length])?;
    Ok((status, (!closes).then_some(connection)))
}
