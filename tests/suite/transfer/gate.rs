//! A socket in front of an engine that counts what is sent to it, and cuts connections.

use std::io::{Read, Write};
use std::net::Shutdown;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

/// The socket; it lasts as long as the process.
pub struct Gate {
    pub path: PathBuf,
    state: Arc<State>,
}

struct State {
    engine: PathBuf,
    sent: AtomicU64,
    /// How many connections are still cut.
    cuts: AtomicUsize,
}

/// A connection that is cut ends after this many bytes.
const CUT_AFTER: u64 = 2 << 20;

impl Gate {
    pub fn open(path: &Path, engine: &str) -> Self {
        let listener = UnixListener::bind(path).unwrap();
        let engine = PathBuf::from(engine.strip_prefix("unix://").unwrap());
        let state = Arc::new(State { engine, sent: AtomicU64::new(0), cuts: AtomicUsize::new(0) });
        let shared = Arc::clone(&state);
        std::thread::spawn(move || {
            for client in listener.incoming().flatten() {
                let state = Arc::clone(&shared);
                std::thread::spawn(move || state.relay(client));
            }
        });
        Self { path: path.to_owned(), state }
    }

    /// Bytes sent since the last time.
    pub fn take(&self) -> u64 {
        self.state.sent.swap(0, Ordering::SeqCst)
    }

    /// The next connections over which much is sent are cut.
    pub fn cut(&self, connections: usize) {
        self.state.cuts.store(connections, Ordering::SeqCst);
    }

    pub fn cuts_left(&self) -> usize {
        self.state.cuts.load(Ordering::SeqCst)
    }
}

impl State {
    fn relay(&self, mut client: UnixStream) {
        let mut engine = UnixStream::connect(&self.engine).unwrap();
        let (mut answers, mut back) = (engine.try_clone().unwrap(), client.try_clone().unwrap());
        std::thread::spawn(move || {
            let _ = std::io::copy(&mut answers, &mut back);
            let _ = back.shutdown(Shutdown::Write);
        });
        let (mut buffer, mut passed) = ([0; 65536], 0);
        while let Ok(length @ 1..) = client.read(&mut buffer) {
            self.sent.fetch_add(length as u64, Ordering::SeqCst);
            passed += length as u64;
            let fewer = |cuts: usize| cuts.checked_sub(1);
            let is_cut = passed > CUT_AFTER;
            if is_cut && self.cuts.fetch_update(Ordering::SeqCst, Ordering::SeqCst, fewer).is_ok() {
                let _ = client.shutdown(Shutdown::Both);
                break;
            }
            if engine.write_all(&buffer[..length]).is_err() {
                break;
            }
        }
        let _ = engine.shutdown(Shutdown::Write);
    }
}
