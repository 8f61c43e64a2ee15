//! One POST request of JSON, repeated while the server asks for it and there is time.
//! Redirects are not followed: they would carry the message, and with it the URL's token, elsewhere.

use std::sync::Arc;
use std::time::Duration;

use reqwest::header::{CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue, RETRY_AFTER};
use reqwest::redirect::Policy;
use reqwest::{Client, Response, StatusCode, Url};
use rustls::{ClientConfig, RootCertStore};
use tokio::time::{Instant, sleep, timeout};

use super::error::NotifyError;
use super::message::Limits;
use crate::error::innermost;

/// Bytes of an answer that are read.
const LONGEST_ANSWER: usize = 4096;

/// A request.
pub(super) struct Post<'a> {
    pub(super) url: &'a Url,
    pub(super) headers: HeaderMap,
    pub(super) body: String,
    /// How the body of an answer reads that is not a success: what it says, and the pause it asks for.
    pub(super) explain: fn(&str) -> (String, Option<Duration>),
}

/// An answer that is not a success.
struct Failure {
    status: StatusCode,
    reason: String,
    retry_after: Option<Duration>,
}

/// Scheme, host and port of a URL.
pub(super) fn origin(url: &Url) -> String {
    url.origin().ascii_serialization()
}

/// A URL of the web, for the key of aictl.yaml that holds it.
pub(super) fn web_url(key: &str, text: &str) -> Result<Url, NotifyError> {
    let invalid = |reason: &str| NotifyError::Setting { key: key.to_owned(), reason: reason.to_owned() };
    let url = Url::parse(text.trim()).map_err(|_| invalid("is not a URL"))?;
    match url.scheme() {
        "http" | "https" => Ok(url),
        _ => Err(invalid("must start with `http://` or `https://`")),
    }
}

/// A header, for the key of aictl.yaml that holds it.
pub(super) fn header(key: &str, name: &str, value: &str) -> Result<(HeaderName, HeaderValue), NotifyError> {
    let invalid = |reason: &str| NotifyError::Setting { key: key.to_owned(), reason: reason.to_owned() };
    let name = name.parse().map_err(|_| invalid("is not the name of a header"))?;
    let value = HeaderValue::from_str(value.trim()).map_err(|_| invalid("is not the value of a header"))?;
    Ok((name, value))
}

/// What the first line of an answer says.
pub(super) fn first_line(body: &str) -> (String, Option<Duration>) {
    (body.trim().lines().next().unwrap_or_default().trim().to_owned(), None)
}

/// Sends the request until it is taken, refused, or there is no time left.
pub(super) async fn post(request: Post<'_>, limits: &Limits) -> Result<(), NotifyError> {
    let server = origin(request.url);
    let client = client().map_err(|reason| NotifyError::Connection { server: server.clone(), reason })?;
    let deadline = Instant::now() + limits.total;
    let mut pause = limits.pause;
    loop {
        let most = limits.attempt.min(deadline.saturating_duration_since(Instant::now()));
        let answer = match timeout(most, attempt(&client, &request)).await {
            Ok(answer) => answer.map_err(|error| broken(&server, error))?,
            Err(_) => return Err(NotifyError::Silent { server, after: most }),
        };
        let Some(failure) = answer else { return Ok(()) };
        let answer = failure.words();
        if !failure.is_transient() {
            return Err(NotifyError::Refused { server, answer });
        }
        let after = failure.retry_after.unwrap_or(pause);
        if after >= deadline.saturating_duration_since(Instant::now()) {
            return Err(NotifyError::Later { server, answer, after });
        }
        sleep(after).await;
        pause *= 2;
    }
}

async fn attempt(client: &Client, request: &Post<'_>) -> reqwest::Result<Option<Failure>> {
    let mut headers = HeaderMap::from_iter([(CONTENT_TYPE, HeaderValue::from_static("application/json"))]);
    headers.extend(request.headers.clone());
    let mut response = client.post(request.url.clone()).headers(headers).body(request.body.clone()).send().await?;
    let status = response.status();
    if status.is_success() {
        return Ok(None);
    }
    let seconds = response.headers().get(RETRY_AFTER).and_then(|value| value.to_str().ok()?.trim().parse().ok());
    // What a server says beside a failure helps, but its absence is no failure of its own.
    let body = read(&mut response).await.unwrap_or_default();
    let (reason, pause) = (request.explain)(&body);
    Ok(Some(Failure { status, reason, retry_after: pause.or(seconds.map(Duration::from_secs)) }))
}

async fn read(response: &mut Response) -> reqwest::Result<String> {
    let mut bytes = Vec::new();
    while let Some(chunk) = response.chunk().await? {
        bytes.extend_from_slice(&chunk[..chunk.len().min(LONGEST_ANSWER - bytes.len())]);
        if bytes.len() == LONGEST_ANSWER {
            break;
        }
    }
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

impl Failure {
    fn is_transient(&self) -> bool {
        self.status == StatusCode::TOO_MANY_REQUESTS || self.status.is_server_error()
    }

    fn words(&self) -> String {
        if self.reason.is_empty() { self.status.to_string() } else { format!("{}: {}", self.status, self.reason) }
    }
}

/// The innermost cause: the outer ones quote the URL or say no more than that it failed.
fn broken(server: &str, error: reqwest::Error) -> NotifyError {
    NotifyError::Connection { server: server.to_owned(), reason: innermost(&error.without_url()) }
}

fn client() -> Result<Client, String> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let tls = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    let tls = tls.map_err(|error| error.to_string())?.with_root_certificates(roots).with_no_client_auth();
    let client = Client::builder().tls_backend_preconfigured(tls).redirect(Policy::none());
    let client = client.user_agent(concat!("aictl/", env!("CARGO_PKG_VERSION"))).build();
    client.map_err(|error| error.without_url().to_string())
}
