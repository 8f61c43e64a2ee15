//! An open-loop load over kept-alive connections: POST requests at fixed times, and event streams read to their end.
//! Nothing is ever repeated: a reset, another status than 200 or a stream that ends early is a failure.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// One connection sends a request this often.
const EVERY: Duration = Duration::from_millis(100);
/// A client that is this late no longer offers the load it says.
const BEHIND: Duration = Duration::from_secs(1);
const TIMEOUT: Duration = Duration::from_secs(20);

/// What a load saw.
#[derive(Debug, Default)]
pub struct Seen {
    /// When each answer was whole, and how long after it was due.
    pub answers: Vec<(Instant, Duration)>,
    /// Event streams read to their end.
    pub streams: usize,
    /// Failures of requests and of streams.
    pub failed: Vec<String>,
    pub cut: Vec<String>,
    /// The latest that a request was sent after it was due.
    pub behind: Duration,
    /// Which versions answered.
    pub rounds: std::collections::BTreeSet<String>,
}

impl Seen {
    /// The longest time between two answers.
    pub fn gap(&self) -> Duration {
        let mut times: Vec<Instant> = self.answers.iter().map(|(at, _)| *at).collect();
        times.sort();
        times.windows(2).map(|pair| pair[1] - pair[0]).max().unwrap_or_default()
    }

    pub fn percentile(&self, percent: usize) -> Duration {
        let mut took: Vec<Duration> = self.answers.iter().map(|(_, took)| *took).collect();
        took.sort();
        took.get(took.len() * percent / 100).copied().unwrap_or_default()
    }
}

/// A load that runs until it is ended.
pub struct Load {
    over: Arc<AtomicBool>,
    seen: Arc<Mutex<Seen>>,
    threads: Vec<JoinHandle<()>>,
}

impl Load {
    /// So many clients of each kind against a port of this machine.
    pub fn start(port: u16, clients: usize, streams: usize) -> Self {
        let (over, seen) = (Arc::new(AtomicBool::new(false)), Arc::new(Mutex::new(Seen::default())));
        let mut threads = Vec::new();
        for index in 0..clients {
            let (over, seen) = (over.clone(), seen.clone());
            threads.push(std::thread::spawn(move || post(port, index, &over, &seen)));
        }
        for index in 0..streams {
            let (over, seen) = (over.clone(), seen.clone());
            threads.push(std::thread::spawn(move || stream(port, index, &over, &seen)));
        }
        Self { over, seen, threads }
    }

    /// Ends it, the streams when they end by themselves.
    pub fn end(self) -> Seen {
        self.over.store(true, Ordering::SeqCst);
        self.threads.into_iter().for_each(|thread| thread.join().unwrap());
        std::mem::take(&mut self.seen.lock().unwrap())
    }
}

fn connect(port: u16) -> std::io::Result<BufReader<TcpStream>> {
    let stream = TcpStream::connect(("127.0.0.1", port))?;
    stream.set_nodelay(true)?;
    stream.set_read_timeout(Some(TIMEOUT))?;
    Ok(BufReader::new(stream))
}

fn post(port: u16, index: usize, over: &AtomicBool, seen: &Mutex<Seen>) {
    let mut connection = None;
    let mut due = Instant::now() + EVERY * (index as u32 % 10) / 10;
    while !over.load(Ordering::SeqCst) {
        std::thread::sleep(due.saturating_duration_since(Instant::now()));
        let late = due.elapsed();
        let answer = posted(port, &mut connection);
        let mut seen = seen.lock().unwrap();
        seen.behind = seen.behind.max(late);
        match answer {
            Ok(round) => {
                seen.answers.push((Instant::now(), due.elapsed()));
                seen.rounds.insert(round);
            }
            Err(error) => {
                seen.failed.push(error);
                connection = None;
            }
        }
        due += EVERY;
        // A request that took long is no reason for the next ones to bunch up.
        while due + BEHIND < Instant::now() {
            due += EVERY;
        }
    }
}

/// One request and its whole answer: the word after `round`.
fn posted(port: u16, kept: &mut Option<BufReader<TcpStream>>) -> Result<String, String> {
    let broken = |error: std::io::Error| error.to_string();
    let connection = match kept {
        Some(connection) => connection,
        None => kept.insert(connect(port).map_err(broken)?),
    };
    let body = "x".repeat(512);
    let request = format!("POST / HTTP/1.1\r\nHost: shop\r\nContent-Length: {}\r\n\r\n{body}", body.len());
    connection.get_mut().write_all(request.as_bytes()).map_err(broken)?;
    let Head { status, length, closes } = head(connection).map_err(broken)?;
    let mut answer = vec![0; length];
    connection.read_exact(&mut answer).map_err(broken)?;
    // nginx says so after a thousand requests; who ignores it loses the next one.
    if closes {
        *kept = None;
    }
    let text = String::from_utf8_lossy(&answer).into_owned();
    if status != 200 {
        return Err(format!("HTTP {status}: {text}"));
    }
    Ok(text.split_whitespace().nth(1).unwrap_or_default().to_owned())
}

/// What the head of an answer says.
#[derive(Default)]
struct Head {
    status: u16,
    length: usize,
    /// The connection ends after this answer.
    closes: bool,
}

fn head(connection: &mut BufReader<TcpStream>) -> std::io::Result<Head> {
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

/// Event streams of 6 to 12 seconds, one after the other.
fn stream(port: u16, index: usize, over: &AtomicBool, seen: &Mutex<Seen>) {
    let mut number = index;
    while !over.load(Ordering::SeqCst) {
        let seconds = 6 + number % 7;
        number += 3;
        let read = streamed(port, seconds);
        let mut seen = seen.lock().unwrap();
        match read {
            Ok(()) => seen.streams += 1,
            Err(error) => seen.cut.push(error),
        }
    }
}

fn streamed(port: u16, seconds: usize) -> Result<(), String> {
    let broken = |error: std::io::Error| error.to_string();
    let mut connection = connect(port).map_err(broken)?;
    let request = format!("GET /stream/{seconds} HTTP/1.1\r\nHost: shop\r\nConnection: close\r\n\r\n");
    connection.get_mut().write_all(request.as_bytes()).map_err(broken)?;
    let Head { status, .. } = head(&mut connection).map_err(broken)?;
    let mut text = String::new();
    connection.read_to_string(&mut text).map_err(broken)?;
    let events = text.matches("data: ").count();
    match status == 200 && text.contains("data: end") && events == seconds * 5 + 1 {
        true => Ok(()),
        false => Err(format!("HTTP {status}, {events} events of {}", seconds * 5 + 1)),
    }
}
