//! A small HTTP server that gives scripted answers and remembers the requests, in the clear or with TLS.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use rustls::ServerConfig;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::TcpListener;
use tokio::runtime::Runtime;
use tokio_rustls::TlsAcceptor;

use crate::engine_target::Authority;

/// An answer: status, further header lines, body. Without one the server never answers.
pub type Answer = Option<(u16, &'static str, &'static str)>;

/// The usual answer.
pub const OK: Answer = Some((200, "", "ok"));

/// A request as it came.
#[derive(Debug, Clone)]
pub struct Request {
    pub path: String,
    /// The header lines.
    pub head: String,
    pub body: String,
}

impl Request {
    pub fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.body).unwrap()
    }

    pub fn header(&self, name: &str) -> Option<&str> {
        let named = |line: &&str| line.split_once(':').is_some_and(|(key, _)| key.eq_ignore_ascii_case(name));
        self.head.lines().find(named).and_then(|line| line.split_once(':')).map(|(_, value)| value.trim())
    }
}

/// The server; closed when dropped.
pub struct HttpServer {
    port: u16,
    scheme: &'static str,
    requests: Arc<Mutex<Vec<Request>>>,
    runtime: Option<Runtime>,
}

impl HttpServer {
    /// Answers in this order; the last one again and again.
    pub fn open(answers: &[Answer]) -> Self {
        Self::serve(answers.to_vec(), None)
    }

    /// The same with a certificate of the authority for `localhost`.
    pub fn open_tls(answers: &[Answer], authority: &Authority) -> Self {
        Self::serve(answers.to_vec(), Some(acceptor(authority)))
    }

    fn serve(answers: Vec<Answer>, tls: Option<TlsAcceptor>) -> Self {
        // Threads of its own: the test may block its thread on a process that is started.
        let runtime = Runtime::new().unwrap();
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        listener.set_nonblocking(true).unwrap();
        let port = listener.local_addr().unwrap().port();
        let requests = Arc::<Mutex<Vec<Request>>>::default();
        let scheme = if tls.is_some() { "https" } else { "http" };
        let noted = Arc::clone(&requests);
        runtime.spawn(async move {
            let listener = TcpListener::from_std(listener).unwrap();
            while let Ok((stream, _)) = listener.accept().await {
                let (noted, answers, tls) = (Arc::clone(&noted), answers.clone(), tls.clone());
                tokio::spawn(async move {
                    match tls {
                        Some(tls) => talk(tls.accept(stream).await.ok()?, &noted, &answers).await,
                        None => talk(stream, &noted, &answers).await,
                    }
                });
            }
        });
        Self { port, scheme, requests, runtime: Some(runtime) }
    }

    pub fn url(&self, path: &str) -> String {
        format!("{}://localhost:{}{path}", self.scheme, self.port)
    }

    pub fn requests(&self) -> Vec<Request> {
        self.requests.lock().unwrap().clone()
    }

    /// The requests so far, which are forgotten.
    pub fn take(&self) -> Vec<Request> {
        std::mem::take(&mut self.requests.lock().unwrap())
    }
}

impl Drop for HttpServer {
    fn drop(&mut self) {
        // Also where the test itself runs in a runtime, which must not wait for another.
        self.runtime.take().into_iter().for_each(Runtime::shutdown_background);
    }
}

/// TLS with a certificate of the authority for `localhost`.
pub fn acceptor(authority: &Authority) -> TlsAcceptor {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let (certificate, key) = authority.server("localhost");
    let chain = vec![CertificateDer::from_pem_slice(certificate.as_bytes()).unwrap()];
    let key = PrivateKeyDer::from_pem_slice(key.as_bytes()).unwrap();
    let builder = ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
    TlsAcceptor::from(Arc::new(builder.with_no_client_auth().with_single_cert(chain, key).unwrap()))
}

/// One connection: request after request.
async fn talk<S: AsyncRead + AsyncWrite + Unpin>(
    mut stream: S,
    requests: &Mutex<Vec<Request>>,
    answers: &[Answer],
) -> Option<()> {
    let mut bytes = Vec::new();
    loop {
        let request = loop {
            if let Some((request, length)) = parsed(&bytes) {
                bytes.drain(..length);
                break request;
            }
            if stream.read_buf(&mut bytes).await.ok()? == 0 {
                return None;
            }
        };
        let number = {
            let mut requests = requests.lock().unwrap();
            requests.push(request.clone());
            requests.len()
        };
        let Some((status, head, body)) = answers[(number - 1).min(answers.len() - 1)] else {
            tokio::time::sleep(Duration::from_secs(600)).await;
            return None;
        };
        // What a careless server says of the request.
        let body = body.replace("PATH", &request.path).replace("BODY", &request.body);
        let length = body.len();
        let answer = format!("HTTP/1.1 {status} Status\r\n{head}content-length: {length}\r\n\r\n{body}");
        stream.write_all(answer.as_bytes()).await.ok()?;
    }
}

/// A whole request and its length.
fn parsed(bytes: &[u8]) -> Option<(Request, usize)> {
    let text = String::from_utf8_lossy(bytes);
    let (head, _) = text.split_once("\r\n\r\n")?;
    let path = head.split(' ').nth(1)?.to_owned();
    let request = Request { path, head: head.to_owned(), body: String::new() };
    let start = head.len() + 4;
    let length: usize = request.header("content-length").map_or(0, |length| length.parse().unwrap());
    let body = bytes.get(start..start + length)?;
    Some((Request { body: String::from_utf8_lossy(body).into_owned(), ..request }, start + length))
}
