//! What one client of a load does: a request with its whole answer, an event stream, a websocket.

use std::io::{BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::time::Duration;

use crate::support::http_head::{Connection, Head, read_head};

const TIMEOUT: Duration = Duration::from_secs(20);
/// Between two messages over a websocket.
const PAUSE: Duration = Duration::from_millis(250);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Method {
    Get,
    Post,
}

/// Requests of one client: POST on a connection that is kept, GET each on its own.
pub struct Requests {
    port: u16,
    method: Method,
    kept: Option<Connection>,
}

fn connect(port: u16) -> std::io::Result<Connection> {
    let stream = TcpStream::connect(("127.0.0.1", port))?;
    stream.set_nodelay(true)?;
    stream.set_read_timeout(Some(TIMEOUT))?;
    Ok(BufReader::new(stream))
}

fn broken(error: std::io::Error) -> String {
    error.to_string()
}

impl Requests {
    pub fn new(port: u16, method: Method) -> Self {
        Self { port, method, kept: None }
    }

    /// One request and its whole answer: the word after `round`. A failure ends the connection.
    pub fn send(&mut self) -> Result<String, String> {
        let mut connection = match self.kept.take() {
            Some(connection) => connection,
            None => connect(self.port).map_err(broken)?,
        };
        let request = match self.method {
            Method::Get => "GET / HTTP/1.1\r\nHost: shop\r\nConnection: close\r\n\r\n".to_owned(),
            Method::Post => format!("POST / HTTP/1.1\r\nHost: shop\r\nContent-Length: 512\r\n\r\n{}", "x".repeat(512)),
        };
        connection.get_mut().write_all(request.as_bytes()).map_err(broken)?;
        let Head { status, length, closes } = read_head(&mut connection).map_err(broken)?;
        let mut answer = vec![0; length];
        connection.read_exact(&mut answer).map_err(broken)?;
        let text = String::from_utf8_lossy(&answer).into_owned();
        if status != 200 {
            return Err(format!("HTTP {status}: {text}"));
        }
        // nginx says so after a thousand requests; who ignores it loses the next one.
        if !closes && self.method == Method::Post {
            self.kept = Some(connection);
        }
        Ok(text.split_whitespace().nth(1).unwrap_or_default().to_owned())
    }
}

/// An event stream of so many seconds.
pub fn streamed(port: u16, seconds: usize) -> Result<(), String> {
    let mut connection = connect(port).map_err(broken)?;
    let request = format!("GET /stream/{seconds} HTTP/1.1\r\nHost: shop\r\nConnection: close\r\n\r\n");
    connection.get_mut().write_all(request.as_bytes()).map_err(broken)?;
    let Head { status, .. } = read_head(&mut connection).map_err(broken)?;
    let mut text = String::new();
    connection.read_to_string(&mut text).map_err(broken)?;
    let events = text.matches("data: ").count();
    match status == 200 && text.contains("data: end") && events == seconds * 5 + 1 {
        true => Ok(()),
        false => Err(format!("stream: HTTP {status}, {events} events of {}", seconds * 5 + 1)),
    }
}

/// A websocket over which messages go both ways until the service closes it after so many seconds.
pub fn socketed(port: u16, seconds: usize) -> Result<(), String> {
    let mut connection = connect(port).map_err(broken)?;
    let request = format!(
        "GET /socket/{seconds} HTTP/1.1\r\nHost: shop\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
         Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
    );
    connection.get_mut().write_all(request.as_bytes()).map_err(broken)?;
    let Head { status, .. } = read_head(&mut connection).map_err(broken)?;
    if status != 101 {
        return Err(format!("websocket: HTTP {status}"));
    }
    let most = seconds * 4 + 8;
    for number in 0..most {
        let text = format!("message {number}");
        let cut = |error: std::io::Error| format!("websocket of {seconds} s at message {number}: {error}");
        send(&mut connection, text.as_bytes()).map_err(cut)?;
        let (_, echo) = receive(&mut connection).map_err(cut)?;
        if echo != text.as_bytes() {
            return Err(format!("websocket: {:?} instead of {text}", String::from_utf8_lossy(&echo)));
        }
        // The service says that it was the last message before its answer to the next one would come.
        connection.get_mut().set_read_timeout(Some(PAUSE)).map_err(cut)?;
        let closed = receive(&mut connection);
        connection.get_mut().set_read_timeout(Some(TIMEOUT)).map_err(cut)?;
        match closed {
            Ok((8, _)) => return Ok(()),
            Ok((other, _)) => return Err(format!("websocket: a frame of kind {other}")),
            Err(error) if matches!(error.kind(), std::io::ErrorKind::WouldBlock | std::io::ErrorKind::TimedOut) => {}
            Err(error) => return Err(cut(error)),
        }
    }
    Err(format!("websocket: still open after {most} messages"))
}

/// One masked text frame, as clients send them.
fn send(connection: &mut Connection, text: &[u8]) -> std::io::Result<()> {
    let mask = [1, 2, 3, 4];
    let mut frame = vec![0x81, 0x80 | text.len() as u8];
    frame.extend(mask);
    frame.extend(text.iter().zip(mask.iter().cycle()).map(|(byte, mask)| byte ^ mask));
    connection.get_mut().write_all(&frame)
}

/// The kind of a short frame, and what is in it.
fn receive(connection: &mut Connection) -> std::io::Result<(u8, Vec<u8>)> {
    let mut start = [0; 2];
    connection.read_exact(&mut start)?;
    let mut body = vec![0; usize::from(start[1] & 127)];
    connection.read_exact(&mut body)?;
    Ok((start[0] & 15, body))
}
