//! The head of an HTTP answer on a connection that may be kept.

use std::io::{BufRead as _, BufReader};
use std::net::TcpStream;

pub type Connection = BufReader<TcpStream>;

/// What the head of an answer says.
#[derive(Default)]
pub struct Head {
    pub status: u16,
    pub length: usize,
    /// The connection ends after this answer.
    pub closes: bool,
}

/// Reads a head to its end.
pub fn read_head(connection: &mut Connection) -> std::io::Result<Head> {
    let mut head = Head::default();
    loop {
        let mut line = String::new();
        if connection.read_line(&mut line)? == 0 {
            return Err(std::io::ErrorKind::UnexpectedEof.into());
        }
        let line = line.trim_end().to_ascii_lowercase();
        if line.is_empty() {
            return Ok(head);
        }
        if line.starts_with("http/") {
            head.status = line.split(' ').nth(1).and_then(|word| word.parse().ok()).unwrap_or(0);
        }
        if let Some(value) = line.strip_prefix("content-length:") {
            head.length = value.trim().parse().unwrap_or(0);
        }
        head.closes |= line == "connection: close";
    }
}
