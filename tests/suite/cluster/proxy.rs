//! A way to an API server that can be cut for a while.

use std::io;
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// Passes connections on.
pub struct Proxy {
    port: u16,
    away: Arc<AtomicBool>,
    open: Arc<Mutex<Vec<TcpStream>>>,
}

impl Proxy {
    /// A proxy on a port of its own; it ends with the tests.
    pub fn to(address: &'static str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let (away, open) = (Arc::new(AtomicBool::new(false)), Arc::new(Mutex::new(Vec::new())));
        let proxy = Self { port, away: away.clone(), open: open.clone() };
        std::thread::spawn(move || {
            for client in listener.incoming().map_while(Result::ok) {
                // Closed at once, as by a server that is shutting down.
                if away.load(Ordering::SeqCst) {
                    continue;
                }
                let Ok(server) = TcpStream::connect(address) else { continue };
                let both = [client.try_clone().unwrap(), server.try_clone().unwrap()];
                open.lock().unwrap().extend(both);
                pass(client.try_clone().unwrap(), server.try_clone().unwrap());
                pass(server, client);
            }
        });
        proxy
    }

    pub fn port(&self) -> u16 {
        self.port
    }

    /// Ends all connections and takes no new ones for this long.
    pub fn away(&self, time: Duration) {
        self.away.store(true, Ordering::SeqCst);
        for connection in self.open.lock().unwrap().drain(..) {
            drop(connection.shutdown(Shutdown::Both));
        }
        std::thread::sleep(time);
        self.away.store(false, Ordering::SeqCst);
    }
}

fn pass(mut from: TcpStream, mut to: TcpStream) {
    std::thread::spawn(move || {
        drop(io::copy(&mut from, &mut to));
        drop(to.shutdown(Shutdown::Both));
    });
}
