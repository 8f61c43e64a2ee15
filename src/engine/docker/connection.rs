//! One connection to a Docker engine: the HTTP client, the negotiated API version, the engine's clock.
//! Reads an `Address`; returns a `Connection` whose `api` is bollard and whose `send` takes what bollard has no type for.
//! Never retries what may have had an effect.

use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use bollard::BollardRequest;
use bytes::Bytes;
use futures_util::Stream;
use futures_util::future::BoxFuture;
use http_body_util::BodyExt;
use hyper::body::Incoming;
use hyper::header::{CONNECTION, HeaderName, HeaderValue, UPGRADE};
use hyper::upgrade::Upgraded;
use hyper::{Method, Request, Response, StatusCode, Uri};
use hyper_util::client::legacy::Client;
use hyper_util::rt::{TokioExecutor, TokioIo};
use serde::de::DeserializeOwned;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc2822;

use super::address::{Address, Route, bad};
use super::moments::{Moments, Watch};
use super::transport::{CONNECT_TIMEOUT, Connector, SSH_TIMEOUT};
use super::{error_mapping, tls};
use crate::error::innermost;
use crate::plan::EngineInfo;
use crate::target::TargetError;

/// The oldest API whose `create` knows platforms and whose `wait` answers before the end.
const OLDEST: (u32, u32) = (1, 41);
/// The newest API whose answers we know.
const NEWEST: (u32, u32) = (1, 53);
/// The API of Docker 28.1. Older engines miscount a network's endpoints when containers connect or disconnect concurrently,
/// and the network can then never be removed.
const COUNTS_ENDPOINTS_RIGHT: (u32, u32) = (1, 49);
/// What the Docker API of Podman (4.3) lacks: `run`, the state of a project and checks through a helper need it.
const PODMAN_LACKS: &str = "it cannot attach to a container before it starts and ignores the tag of an imported image";
/// No single answer may take longer to begin; calls that legitimately wait (stop) raise it.
const ANSWER_TIMEOUT: u64 = 120;
/// What may have had an effect is waited for at least this long, however short the operator's `--timeout`.
const ANSWER_TIMEOUT_OF_OPERATOR: u64 = 30;
/// An engine may copy a whole image before it sends the first byte.
const PREPARED_ANSWER: u64 = 1800;
/// A build answers with its first step, after its whole context was sent.
const LONGEST_ANSWER: u64 = 24 * 3600;

type Send = Arc<
    dyn Fn(BollardRequest) -> BoxFuture<'static, Result<Response<Incoming>, bollard::errors::Error>>
        + std::marker::Send
        + Sync,
>;

/// A connected engine. Cheap to clone.
#[derive(Clone)]
pub(super) struct Connection {
    /// The typed API.
    pub(super) api: bollard::Docker,
    /// What is known of the engine from its first answer.
    pub(super) engine: EngineInfo,
    /// What goes on in it right now.
    pub(super) moments: Moments,
    clock: (OffsetDateTime, Instant),
    send: Send,
    answer_timeout: u64,
    architecture: Arc<tokio::sync::OnceCell<String>>,
}

impl AsRef<EngineInfo> for Connection {
    fn as_ref(&self) -> &EngineInfo {
        &self.engine
    }
}

impl Connection {
    /// Connects and negotiates with one request.
    pub(super) async fn open(address: &Address, connector: &Connector) -> Result<Self, TargetError> {
        let prefix = Arc::new(OnceLock::new());
        let send = sender(connector.clone(), Arc::clone(&prefix));
        let limit = if matches!(address.route, Route::Ssh(_)) { SSH_TIMEOUT } else { CONNECT_TIMEOUT };
        let limit = connector.patience.map_or(limit, |patience| patience.min(limit));
        let ping =
            tokio::time::timeout(limit, send(request(Method::GET, "/_ping", Bytes::new(), &address.display)?)).await;
        let unreachable = |reason: String| TargetError::Unreachable { address: address.display.clone(), reason };
        let answer = match ping {
            Err(_) | Ok(Err(bollard::errors::Error::RequestTimeoutError)) => {
                return Err(unreachable(format!("timed out after {}s", limit.as_secs())));
            }
            Ok(Err(error)) => {
                let refusal = || connector.refusal().map(|refusal| tls::failure(&address.display, &refusal));
                if let Some(failed) = tls::failure_of(&address.display, &error).or_else(refusal) {
                    return Err(failed);
                }
                if error_mapping::is_forbidden(&error) {
                    return Err(TargetError::Forbidden { address: address.display.clone() });
                }
                return Err(unreachable(connector.complaint().await.unwrap_or_else(|| innermost(&error))));
            }
            Ok(Ok(answer)) => answer,
        };
        let now = Instant::now();
        let engine = greet(address, &answer)?;
        let _ = prefix.set(format!("/v{}", engine.api_version));
        let clock = header(&answer, "date").and_then(|date| OffsetDateTime::parse(date, &Rfc2822).ok());
        let answer_timeout = answer_timeout(connector.patience);
        let api = transport(&send, answer_timeout)?;
        let clock = (clock.unwrap_or_else(OffsetDateTime::now_utc), now);
        let architecture = Arc::default();
        Ok(Self { api, engine, moments: Moments::default(), clock, send, answer_timeout, architecture })
    }

    /// Whether containers must connect to and disconnect from networks one at a time.
    pub(super) fn miscounts_endpoints(&self) -> bool {
        !self.engine.api_at_least(COUNTS_ENDPOINTS_RIGHT.0, COUNTS_ENDPOINTS_RIGHT.1)
    }

    /// Begins to watch. `None` where the engine's clock is not ours: an old event could not be distinguished from a new one.
    pub(super) fn watch(&self) -> Option<Watch> {
        if !self.engine.local {
            return None;
        }
        let connection = self.clone();
        let begin = |path: String| async move { connection.begin(Method::GET, &path, "watching").await };
        Some(self.moments.watch(begin))
    }

    /// The engine's clock now, to the second: its time at connection plus what passed here since.
    pub(super) fn engine_now(&self) -> OffsetDateTime {
        self.clock.0 + self.clock.1.elapsed()
    }

    /// The engine's architecture (`amd64`), asked for once.
    pub(super) async fn architecture(&self) -> Result<String, TargetError> {
        #[derive(serde::Deserialize)]
        struct Version {
            #[serde(rename = "Arch", default)]
            architecture: String,
        }
        let ask = || async { Ok(self.get::<Version>("/version", "reading engine information").await?.architecture) };
        self.architecture.get_or_try_init(ask).await.cloned()
    }

    /// The same API with room for an answer that takes `extra` longer.
    pub(super) fn patient(&self, extra: Duration) -> bollard::Docker {
        self.api.clone().with_timeout(Duration::from_secs(self.answer_timeout) + extra)
    }

    /// Reads one answer as `T`; for what bollard's own types are too strict for.
    pub(super) async fn get<T: DeserializeOwned>(&self, path: &str, doing: &str) -> Result<T, TargetError> {
        let bytes = self.call(Method::GET, path, Bytes::new(), doing).await?;
        serde_json::from_slice(&bytes)
            .map_err(|e| TargetError::Broken { operation: doing.to_owned(), message: e.to_string() })
    }

    /// Sends JSON bollard has no type for and returns the answer's bytes.
    pub(super) async fn post(&self, path: &str, body: &serde_json::Value, doing: &str) -> Result<Bytes, TargetError> {
        self.call(Method::POST, path, Bytes::from(body.to_string()), doing).await
    }

    /// Reads one answer's bytes, asked for with headers of its own.
    pub(super) async fn get_with(
        &self,
        path: &str,
        headers: &[(HeaderName, String)],
        doing: &str,
    ) -> Result<Bytes, TargetError> {
        let mut request = request(Method::GET, path, Bytes::new(), &self.engine.address)?;
        add_headers(&mut request, headers);
        self.whole_answer(request, doing).await
    }

    async fn call(&self, method: Method, path: &str, body: Bytes, doing: &str) -> Result<Bytes, TargetError> {
        let request = request(method, path, body, &self.engine.address)?;
        self.whole_answer(request, doing).await
    }

    async fn whole_answer(&self, request: BollardRequest, doing: &str) -> Result<Bytes, TargetError> {
        let answer = self.open_answer(request, self.answer_timeout, doing).await?;
        let broken = |message: String| TargetError::Broken { operation: doing.to_owned(), message };
        let whole = tokio::time::timeout(Duration::from_secs(self.answer_timeout), answer.into_body().collect());
        let late = |_| error_mapping::map(self, doing, bollard::errors::Error::RequestTimeoutError);
        Ok(whole.await.map_err(late)?.map_err(|e| broken(e.to_string()))?.to_bytes())
    }

    /// Sends a request whose answer goes on after its beginning, and returns once it began well.
    pub(super) async fn begin(&self, method: Method, path: &str, doing: &str) -> Result<Incoming, TargetError> {
        let request = request(method, path, Bytes::new(), &self.engine.address)?;
        Ok(self.open_answer(request, self.answer_timeout, doing).await?.into_body())
    }

    /// The same for an answer that an engine prepares before it begins, such as the archive of an image.
    pub(super) async fn begin_prepared(&self, path: &str, doing: &str) -> Result<Incoming, TargetError> {
        let request = request(Method::GET, path, Bytes::new(), &self.engine.address)?;
        Ok(self.open_answer(request, PREPARED_ANSWER, doing).await?.into_body())
    }

    /// Sends a stream with headers of its own and returns once the answer began well, however long that takes.
    pub(super) async fn upload(
        &self,
        path: &str,
        headers: &[(HeaderName, String)],
        body: impl Stream<Item = Result<Bytes, std::io::Error>> + std::marker::Send + 'static,
        doing: &str,
    ) -> Result<Incoming, TargetError> {
        let mut request = request(Method::POST, path, Bytes::new(), &self.engine.address)?;
        add_headers(&mut request, headers);
        *request.body_mut() = bollard::body_try_stream(body);
        Ok(self.open_answer(request, LONGEST_ANSWER, doing).await?.into_body())
    }

    /// Turns the connection of a request into a stream of raw bytes in both directions.
    pub(super) async fn hijack(
        &self,
        path: &str,
        body: &serde_json::Value,
        doing: &str,
    ) -> Result<TokioIo<Upgraded>, TargetError> {
        let mut request = request(Method::POST, path, Bytes::from(body.to_string()), &self.engine.address)?;
        request.headers_mut().insert(CONNECTION, HeaderValue::from_static("Upgrade"));
        request.headers_mut().insert(UPGRADE, HeaderValue::from_static("tcp"));
        let answer = self.open_answer(request, self.answer_timeout, doing).await?;
        let upgraded = hyper::upgrade::on(answer).await;
        upgraded
            .map(TokioIo::new)
            .map_err(|e| TargetError::Broken { operation: doing.to_owned(), message: e.to_string() })
    }

    async fn open_answer(
        &self,
        request: BollardRequest,
        seconds: u64,
        doing: &str,
    ) -> Result<Response<Incoming>, TargetError> {
        let answer = match tokio::time::timeout(Duration::from_secs(seconds), (self.send)(request)).await {
            Ok(answer) => answer.map_err(|e| error_mapping::map(self, doing, e))?,
            Err(_) => return Err(error_mapping::map(self, doing, bollard::errors::Error::RequestTimeoutError)),
        };
        let status = answer.status();
        if status.is_success() || status == StatusCode::SWITCHING_PROTOCOLS {
            return Ok(answer);
        }
        let bytes = answer.into_body().collect().await.map(http_body_util::Collected::to_bytes).unwrap_or_default();
        let refusal: Refusal = serde_json::from_slice(&bytes)
            .unwrap_or_else(|_| Refusal { message: String::from_utf8_lossy(&bytes).trim().to_owned() });
        let error = bollard::errors::Error::DockerResponseServerError {
            status_code: status.as_u16(),
            message: refusal.message,
        };
        Err(error_mapping::map(self, doing, error))
    }
}

#[derive(serde::Deserialize)]
struct Refusal {
    #[serde(default)]
    message: String,
}

/// The one way requests leave: the negotiated version is put before every path, because bollard sends none and an
/// engine takes a path without one for its own newest API.
fn sender(connector: Connector, prefix: Arc<OnceLock<String>>) -> Send {
    let (read_only, changes, patience) = (connector.read_only, connector.changes.clone(), connector.patience);
    let client = Client::builder(TokioExecutor::new()).pool_max_idle_per_host(64).build(connector);
    Arc::new(move |mut request: BollardRequest| {
        if read_only && !changes_nothing(&request) {
            let err = std::io::Error::other("not sent, as --dry-run changes nothing");
            return Box::pin(std::future::ready(Err(bollard::errors::Error::IOError { err })));
        }
        let patience = patience.filter(|_| answers_at_once(&request));
        if !changes_nothing(&request) {
            changes.begin();
        }
        let versioned = prefix.get().and_then(|prefix| {
            let path = request.uri().path_and_query()?;
            format!("http://docker{prefix}{path}").parse::<Uri>().ok()
        });
        if let Some(uri) = versioned {
            *request.uri_mut() = uri;
        }
        let answer = client.request(request);
        Box::pin(async move {
            let answer = async { answer.await.map_err(bollard::errors::Error::from) };
            match patience {
                None => answer.await,
                Some(patience) => {
                    let late = |_| bollard::errors::Error::RequestTimeoutError;
                    tokio::time::timeout(patience, answer).await.map_err(late)?
                }
            }
        })
    })
}

/// How long an answer may take to begin: less where the operator says so.
fn answer_timeout(patience: Option<Duration>) -> u64 {
    patience.map_or(ANSWER_TIMEOUT, |patience| patience.as_secs().clamp(ANSWER_TIMEOUT_OF_OPERATOR, ANSWER_TIMEOUT))
}

/// Requests that read, and the one that waits for a container's end, which the API has as a POST.
fn changes_nothing(request: &BollardRequest) -> bool {
    request.method().is_safe() || request.uri().path().ends_with("/wait")
}

/// Requests whose answer begins when the engine has looked; a log may be silent for as long as it likes. What may have
/// had an effect is waited for longer than the operator waits.
fn answers_at_once(request: &BollardRequest) -> bool {
    let streams = ["/logs", "/events", "/stats", "/get"];
    request.method().is_safe() && !streams.iter().any(|end| request.uri().path().ends_with(end))
}

fn transport(send: &Send, answer_timeout: u64) -> Result<bollard::Docker, TargetError> {
    let send = Arc::clone(send);
    let newest = bollard::ClientVersion { major_version: NEWEST.0 as usize, minor_version: NEWEST.1 as usize };
    bollard::Docker::connect_with_custom_transport(
        move |request: BollardRequest| send(request),
        Some("http://docker"),
        answer_timeout,
        &newest,
    )
    .map_err(|e| TargetError::Broken { operation: "connecting".to_owned(), message: e.to_string() })
}

fn request(method: Method, path: &str, body: Bytes, address: &str) -> Result<BollardRequest, TargetError> {
    Request::builder()
        .method(method)
        .uri(format!("http://docker{path}"))
        .header("content-type", "application/json")
        .body(bollard::body_full(body))
        .map_err(|e| bad(address, e.to_string()))
}

fn add_headers(request: &mut BollardRequest, headers: &[(HeaderName, String)]) {
    for (name, value) in headers {
        if let Ok(value) = HeaderValue::from_str(value) {
            request.headers_mut().insert(name.clone(), value);
        }
    }
}

fn header<'a>(answer: &'a Response<Incoming>, name: &str) -> Option<&'a str> {
    answer.headers().get(name)?.to_str().ok()
}

fn greet(address: &Address, answer: &Response<Incoming>) -> Result<EngineInfo, TargetError> {
    let unreachable = |reason: String| TargetError::Unreachable { address: address.display.clone(), reason };
    let in_the_clear = matches!(address.route, Route::Tcp { tls: None, .. });
    if answer.status() == StatusCode::BAD_REQUEST && in_the_clear && header(answer, "api-version").is_none() {
        return Err(unreachable("it answers 400 Bad Request to a ping, as a port that wants TLS does".to_owned()));
    }
    if answer.status() != StatusCode::OK {
        return Err(unreachable(format!("ping returned {}", answer.status())));
    }
    let found = header(answer, "api-version").ok_or_else(|| unreachable("the server is not a Docker engine".into()))?;
    if let Some(version) = header(answer, "libpod-api-version") {
        return Err(TargetError::UnsupportedEngine {
            address: address.display.clone(),
            engine: format!("Podman {version}"),
            missing: PODMAN_LACKS,
        });
    }
    let mut info = EngineInfo {
        address: address.display.clone(),
        api_version: found.to_owned(),
        local: matches!(address.route, Route::Unix(_)),
        ..EngineInfo::default()
    };
    if !info.api_at_least(OLDEST.0, OLDEST.1) {
        return Err(TargetError::TooOld {
            address: address.display.clone(),
            found: found.to_owned(),
            needed: format!("{}.{}", OLDEST.0, OLDEST.1),
        });
    }
    if info.api_at_least(NEWEST.0, NEWEST.1) {
        info.api_version = format!("{}.{}", NEWEST.0, NEWEST.1);
    }
    // `Docker/20.10.24+dfsg1 (linux)`
    let server = header(answer, "server").unwrap_or_default();
    let version = server.split_once('/').map_or("", |(_, rest)| rest).split(' ').next().unwrap_or_default();
    info.version = version.to_owned();
    Ok(info)
}
