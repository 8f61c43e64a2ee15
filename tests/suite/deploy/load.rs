//! An open-loop load: requests at fixed times, and event streams and websockets until they end by themselves.
//! Nothing is ever repeated: a reset, another status than 200 or a stream that ends early is a failure.

use std::ops::RangeInclusive;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use super::load_client::{Method, Requests, socketed, streamed};

/// One connection sends a request this often.
const EVERY: Duration = Duration::from_millis(100);
/// Requests this much behind are left out instead of sent in a bunch.
const BUNCH: Duration = Duration::from_secs(1);
/// A client that sends this late no longer offers the load it says.
const BEHIND: Duration = Duration::from_millis(500);

/// What a load consists of: connections by kind, and how many seconds streams and websockets last.
#[derive(Debug, Clone)]
pub struct Mix {
    /// Connections that are kept for POST requests.
    pub posts: usize,
    /// Clients that open a connection for each GET request.
    pub gets: usize,
    /// Between two requests of a client; none: as fast as it goes.
    pub every: Duration,
    pub streams: (usize, RangeInclusive<usize>),
    pub sockets: (usize, RangeInclusive<usize>),
}

impl Mix {
    pub fn short(posts: usize, streams: usize) -> Self {
        Self { posts, gets: 0, every: EVERY, streams: (streams, 6..=12), sockets: (0, 0..=0) }
    }
}

/// What a load saw.
#[derive(Debug, Default)]
pub struct Seen {
    /// When each answer was whole, and how long after it was due.
    pub answers: Vec<(Instant, Duration)>,
    /// Event streams and websockets that lasted to their end.
    pub streams: usize,
    pub sockets: usize,
    /// Failures of requests, and of streams and websockets.
    pub failed: Vec<String>,
    pub cut: Vec<String>,
    /// The latest that a waiting client sent a request after it was due.
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

    /// Whether the client kept up; what it measured is void otherwise.
    pub fn kept_up(&self) -> bool {
        self.behind < BEHIND
    }

    pub fn line(&self) -> String {
        let millis = |time: Duration| format!("{:.1} ms", time.as_secs_f64() * 1000.0);
        format!(
            "{} requests, {} failed; {} streams and {} websockets ended, {} cut; longest gap {}, p50 {}, p99 {}; client behind {}{}",
            self.answers.len() + self.failed.len(),
            self.failed.len(),
            self.streams,
            self.sockets,
            self.cut.len(),
            millis(self.gap()),
            millis(self.percentile(50)),
            millis(self.percentile(99)),
            millis(self.behind),
            if self.kept_up() { "" } else { ": VOID" },
        )
    }
}

/// A load that runs until it is ended.
pub struct Load {
    client: Client,
    threads: Vec<JoinHandle<()>>,
}

impl Load {
    /// So many POST clients and streams against a port of this machine.
    pub fn start(port: u16, clients: usize, streams: usize) -> Self {
        Self::of(port, &Mix::short(clients, streams))
    }

    pub fn of(port: u16, mix: &Mix) -> Self {
        let mut load =
            Self { client: Client { port, over: Arc::default(), seen: Arc::default() }, threads: Vec::new() };
        let all = mix.posts + mix.gets;
        for index in 0..all {
            let method = if index < mix.posts { Method::Post } else { Method::Get };
            let (every, first) = (mix.every, mix.every * index as u32 / all as u32);
            load.spawn(move |client| client.requests(method, every, first));
        }
        for index in 0..mix.streams.0 {
            let seconds = mix.streams.1.clone();
            load.spawn(move |client| client.lasting(seconds, index, (streamed, |seen| seen.streams += 1)));
        }
        for index in 0..mix.sockets.0 {
            let seconds = mix.sockets.1.clone();
            load.spawn(move |client| client.lasting(seconds, index, (socketed, |seen| seen.sockets += 1)));
        }
        load
    }

    fn spawn(&mut self, run: impl FnOnce(Client) + Send + 'static) {
        let client = self.client.clone();
        self.threads.push(std::thread::spawn(move || run(client)));
    }

    /// Ends it, the streams and websockets when they end by themselves.
    pub fn end(self) -> Seen {
        self.client.over.store(true, Ordering::SeqCst);
        self.threads.into_iter().for_each(|thread| thread.join().unwrap());
        std::mem::take(&mut self.client.seen.lock().unwrap())
    }
}

/// Uses a connection for so many seconds and counts that it ended by itself.
type Lasting = (fn(u16, usize) -> Result<(), String>, fn(&mut Seen));

#[derive(Clone)]
struct Client {
    port: u16,
    over: Arc<AtomicBool>,
    seen: Arc<Mutex<Seen>>,
}

impl Client {
    fn goes_on(&self) -> bool {
        !self.over.load(Ordering::SeqCst)
    }

    fn requests(&self, method: Method, every: Duration, first: Duration) {
        let mut requests = Requests::new(self.port, method);
        let mut due = Instant::now() + first;
        while self.goes_on() {
            let wait = due.saturating_duration_since(Instant::now());
            std::thread::sleep(wait);
            let late = if wait.is_zero() { Duration::ZERO } else { due.elapsed() };
            let answer = requests.send();
            let mut seen = self.seen.lock().unwrap();
            seen.behind = seen.behind.max(late);
            match answer {
                Ok(round) => {
                    seen.answers.push((Instant::now(), due.elapsed()));
                    seen.rounds.insert(round);
                }
                Err(error) => seen.failed.push(error),
            }
            due += every;
            if due + BUNCH.max(every) < Instant::now() || every.is_zero() {
                due = Instant::now();
            }
        }
    }

    /// Streams or websockets of different lengths, one after the other.
    fn lasting(&self, seconds: RangeInclusive<usize>, index: usize, (last, count): Lasting) {
        let (shortest, lengths) = (*seconds.start(), seconds.count());
        let mut number = index;
        while self.goes_on() {
            let ended = last(self.port, shortest + number % lengths);
            number += 3;
            let mut seen = self.seen.lock().unwrap();
            match ended {
                Ok(()) => count(&mut seen),
                Err(error) => seen.cut.push(error),
            }
        }
    }
}
