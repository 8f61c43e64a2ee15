//! A repository in a bucket of a server that speaks S3.

use std::fmt::{self, Debug};
use std::io;
use std::sync::{Arc, mpsc};
use std::time::Duration;

use reqwest::redirect::Policy;
use reqwest::{Client, Method, StatusCode};
use rustls::{ClientConfig, RootCertStore};
use time::OffsetDateTime;
use tokio::runtime::Handle;

use super::s3_answers::{error, page};
use super::s3_credentials::S3Credentials;
use super::s3_signature::{Unsigned, encoded_path, encoded_query};
use super::{Entry, SILENCE, Store, whole};
use crate::backup::address::S3Address;
use crate::error::innermost;

/// How long a connection may take.
const CONNECTION: Duration = Duration::from_secs(15);
/// How long a request may take with its answer: a pack on a slow line.
const REQUEST: Duration = Duration::from_secs(600);
/// Attempts while the server says that it is busy, and the pause between them.
const ATTEMPTS: u32 = 4;
const PAUSE: Duration = Duration::from_secs(1);

/// The bucket.
pub(in crate::backup) struct S3Store {
    address: S3Address,
    credentials: S3Credentials,
    client: Client,
    runtime: Handle,
}

impl Debug for S3Store {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "S3Store({:?})", self.address)
    }
}

/// A request without its signature.
struct Call<'a> {
    method: Method,
    path: String,
    query: &'a [(&'a str, String)],
    range: Option<(u32, u32)>,
    body: &'a [u8],
}

impl S3Store {
    /// Needs a runtime, on whose threads the requests are sent.
    pub(in crate::backup) fn new(address: S3Address, credentials: S3Credentials) -> io::Result<Self> {
        let runtime = Handle::try_current().map_err(io::Error::other)?;
        Ok(Self { address, credentials, client: client()?, runtime })
    }

    fn key(&self, path: &str) -> String {
        let prefix = &self.address.prefix;
        if prefix.is_empty() { path.to_owned() } else { format!("{prefix}/{path}") }
    }

    fn object(&self, path: &str) -> String {
        encoded_path(&format!("/{}/{}", self.address.bucket, self.key(path)))
    }

    fn call(&self, call: &Call<'_>) -> io::Result<Vec<u8>> {
        let mut attempt = 1;
        loop {
            let (status, body) = self.send(call)?;
            if status.is_success() {
                return Ok(body);
            }
            let busy = status.is_server_error() || status == StatusCode::TOO_MANY_REQUESTS;
            if !busy || attempt == ATTEMPTS {
                return Err(self.refused(status, &body));
            }
            std::thread::sleep(PAUSE * attempt);
            attempt += 1;
        }
    }

    fn send(&self, call: &Call<'_>) -> io::Result<(StatusCode, Vec<u8>)> {
        let host = self.address.endpoint.split_once("://").map_or("", |(_, host)| host);
        let unsigned =
            Unsigned { method: call.method.as_str(), host, path: &call.path, query: call.query, body: call.body };
        let headers = unsigned.headers(&self.credentials, OffsetDateTime::now_utc()).map_err(io::Error::other)?;
        let mut url = format!("{}{}", self.address.endpoint, call.path);
        if !call.query.is_empty() {
            url = format!("{url}?{}", encoded_query(call.query));
        }
        let mut request = self.client.request(call.method.clone(), url).body(call.body.to_vec());
        for (name, value) in headers {
            request = request.header(name, value);
        }
        if let Some((offset, length)) = call.range {
            let last = (u64::from(offset) + u64::from(length)).saturating_sub(1);
            request = request.header("range", format!("bytes={offset}-{last}"));
        }
        let (done, answer) = mpsc::sync_channel(1);
        let task = self.runtime.spawn(async move {
            let answered = async {
                let response = request.send().await?;
                Ok((response.status(), response.bytes().await?.to_vec()))
            };
            // The caller may have stopped waiting.
            let _ = done.send(answered.await);
        });
        match answer.recv_timeout(REQUEST) {
            Ok(answered) => answered.map_err(|error| self.broken(error)),
            Err(_) => {
                task.abort();
                Err(io::Error::new(io::ErrorKind::TimedOut, format!("{}: no answer", self.address.endpoint)))
            }
        }
    }

    fn broken(&self, error: reqwest::Error) -> io::Error {
        let reason = innermost(&error.without_url());
        io::Error::new(io::ErrorKind::ConnectionAborted, format!("{}: {reason}", self.address.endpoint))
    }

    fn refused(&self, status: StatusCode, body: &[u8]) -> io::Error {
        let (code, message) = error(body);
        let S3Address { endpoint, bucket, .. } = &self.address;
        if code == "NoSuchBucket" {
            return io::Error::other(format!("{endpoint} has no bucket `{bucket}`"));
        }
        let said = [code, message].into_iter().filter(|text| !text.is_empty()).collect::<Vec<_>>().join(": ");
        let text = format!("{endpoint} answered {status}{}{said}", if said.is_empty() { "" } else { ": " });
        let kind = match status {
            StatusCode::NOT_FOUND => io::ErrorKind::NotFound,
            StatusCode::FORBIDDEN | StatusCode::UNAUTHORIZED => io::ErrorKind::PermissionDenied,
            StatusCode::RANGE_NOT_SATISFIABLE => io::ErrorKind::UnexpectedEof,
            _ => io::ErrorKind::Other,
        };
        io::Error::new(kind, text)
    }

    fn list(&self, prefix: String, flat: bool) -> io::Result<Vec<Entry>> {
        let (mut entries, mut next) = (Vec::new(), None::<String>);
        loop {
            // By name, as they are signed.
            let mut query = Vec::new();
            query.extend(next.map(|next| ("continuation-token", next)));
            query.extend((!flat).then(|| ("delimiter", "/".to_owned())));
            query.extend([("list-type", "2".to_owned()), ("prefix", prefix.clone())]);
            let path = encoded_path(&format!("/{}", self.address.bucket));
            let xml = self.call(&Call { method: Method::GET, path, query: &query, range: None, body: b"" })?;
            let page = page(&xml)?;
            // Some servers keep an object for a folder.
            entries.extend(page.entries.into_iter().filter(|entry| !entry.name.is_empty()));
            if page.next.is_none() {
                entries.sort();
                return Ok(entries);
            }
            next = page.next;
        }
    }
}

impl Store for S3Store {
    fn prepare(&self) -> io::Result<()> {
        Ok(())
    }

    fn entries(&self, folder: &str) -> io::Result<Vec<Entry>> {
        let prefix = self.key(folder);
        self.list(if prefix.is_empty() { prefix } else { format!("{}/", prefix.trim_end_matches('/')) }, false)
    }

    fn files(&self, folder: &str) -> io::Result<Vec<(String, u64)>> {
        let path = |entry: Entry| {
            let below = if folder == "data" { entry.name.get(..2).map(|two| format!("{two}/")) } else { None };
            (format!("{folder}/{}{}", below.unwrap_or_default(), entry.name), entry.size.unwrap_or_default())
        };
        Ok(self.list(format!("{}/", self.key(folder)), true)?.into_iter().map(path).collect())
    }

    fn read(&self, path: &str, range: Option<(u32, u32)>) -> io::Result<Vec<u8>> {
        if range.is_some_and(|(_, length)| length == 0) {
            return Ok(Vec::new());
        }
        let call = Call { method: Method::GET, path: self.object(path), query: &[], range, body: b"" };
        whole(self.call(&call)?, range)
    }

    fn write(&self, path: &str, bytes: &[u8]) -> io::Result<()> {
        let call = Call { method: Method::PUT, path: self.object(path), query: &[], range: None, body: bytes };
        self.call(&call).map(drop)
    }

    fn remove(&self, path: &str) -> io::Result<()> {
        let call = Call { method: Method::DELETE, path: self.object(path), query: &[], range: None, body: b"" };
        self.call(&call).map(drop)
    }
}

fn client() -> io::Result<Client> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let tls = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    let tls = tls.map_err(io::Error::other)?.with_root_certificates(roots).with_no_client_auth();
    let client = Client::builder().tls_backend_preconfigured(tls).redirect(Policy::none());
    let client = client.connect_timeout(CONNECTION).read_timeout(SILENCE);
    client.build().map_err(|error| io::Error::other(error.without_url()))
}
