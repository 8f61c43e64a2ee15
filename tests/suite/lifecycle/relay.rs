//! A socket in front of the machine's engine that a test can cut, as if the engine had stopped.

use std::io::copy;
use std::net::Shutdown;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use crate::support::project::engine_socket;

/// The socket; its connections end with `cut`.
pub struct Relay {
    socket: PathBuf,
    open: Arc<Mutex<Vec<UnixStream>>>,
}

impl Relay {
    /// Listens on a socket; `None` if the engine has no Unix socket.
    pub fn to_engine(socket: &Path) -> Option<Self> {
        let engine = engine_socket()?;
        let listener = UnixListener::bind(socket).unwrap();
        let open = Arc::<Mutex<Vec<UnixStream>>>::default();
        let relay = Self { socket: socket.to_owned(), open: Arc::clone(&open) };
        std::thread::spawn(move || {
            for client in listener.incoming() {
                let (client, engine) = (client.unwrap(), UnixStream::connect(&engine).unwrap());
                open.lock().unwrap().extend([client.try_clone().unwrap(), engine.try_clone().unwrap()]);
                pass(client.try_clone().unwrap(), engine.try_clone().unwrap());
                pass(engine, client);
            }
        });
        Some(relay)
    }

    pub fn address(&self) -> String {
        format!("unix://{}", self.socket.display())
    }

    /// Ends all connections and accepts no more.
    pub fn cut(&self) {
        std::fs::remove_file(&self.socket).unwrap();
        for stream in self.open.lock().unwrap().iter() {
            let _ = stream.shutdown(Shutdown::Both);
        }
    }
}

fn pass(mut from: UnixStream, mut to: UnixStream) {
    std::thread::spawn(move || {
        let _ = copy(&mut from, &mut to);
        let _ = to.shutdown(Shutdown::Write);
    });
}
