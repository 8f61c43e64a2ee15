//! A port in front of the lab's engine that speaks TLS and wants a client's certificate, and remembers what it saw.
//! A connection whose first byte is no TLS record is one in the clear.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::WebPkiClientVerifier;
use rustls::{RootCertStore, ServerConfig};
use tokio::net::{TcpListener, TcpStream, UnixStream};
use tokio::runtime::Runtime;
use tokio_rustls::TlsAcceptor;

use super::certificates::Authority;

/// The first byte of a TLS handshake.
const HANDSHAKE: u8 = 22;

/// What came to the port.
#[derive(Debug, Default)]
pub struct Seen {
    pub connections: AtomicUsize,
    pub in_the_clear: AtomicUsize,
    pub with_certificate: AtomicUsize,
}

/// The port; closed when dropped.
pub struct TlsPort {
    pub number: u16,
    pub seen: Arc<Seen>,
    _runtime: Runtime,
}

impl TlsPort {
    /// An engine that is named like this in its certificate and takes certificates of `clients`.
    pub fn open(authority: &Authority, name: &str, clients: &Authority) -> Self {
        let runtime = Runtime::new().unwrap();
        let listener = runtime.block_on(TcpListener::bind("127.0.0.1:0")).unwrap();
        let number = listener.local_addr().unwrap().port();
        let seen = Arc::<Seen>::default();
        let acceptor = TlsAcceptor::from(Arc::new(config(authority, name, clients)));
        let noted = Arc::clone(&seen);
        runtime.spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                noted.connections.fetch_add(1, Ordering::SeqCst);
                tokio::spawn(serve(stream, acceptor.clone(), Arc::clone(&noted)));
            }
        });
        Self { number, seen, _runtime: runtime }
    }

    /// Connections so far, those in the clear, and those with a client's certificate.
    pub fn counts(&self) -> (usize, usize, usize) {
        let count = |counter: &AtomicUsize| counter.load(Ordering::SeqCst);
        (count(&self.seen.connections), count(&self.seen.in_the_clear), count(&self.seen.with_certificate))
    }
}

fn config(authority: &Authority, name: &str, clients: &Authority) -> ServerConfig {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_slice(clients.pem().as_bytes()).unwrap()).unwrap();
    let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), Arc::clone(&provider)).build().unwrap();
    let (certificate, key) = authority.server(name);
    let chain = vec![CertificateDer::from_pem_slice(certificate.as_bytes()).unwrap()];
    let key = PrivateKeyDer::from_pem_slice(key.as_bytes()).unwrap();
    let builder = ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
    builder.with_client_cert_verifier(verifier).with_single_cert(chain, key).unwrap()
}

async fn serve(stream: TcpStream, acceptor: TlsAcceptor, seen: Arc<Seen>) -> std::io::Result<()> {
    let mut first = [0];
    if stream.peek(&mut first).await? == 1 && first[0] != HANDSHAKE {
        seen.in_the_clear.fetch_add(1, Ordering::SeqCst);
    }
    let mut client = acceptor.accept(stream).await?;
    if client.get_ref().1.peer_certificates().is_some_and(|chain| !chain.is_empty()) {
        seen.with_certificate.fetch_add(1, Ordering::SeqCst);
    }
    let mut engine = UnixStream::connect(socket()).await?;
    tokio::io::copy_bidirectional(&mut client, &mut engine).await.map(drop)
}

/// Where the lab's engine listens.
fn socket() -> String {
    crate::support::project::engine_socket().unwrap().display().to_string()
}
