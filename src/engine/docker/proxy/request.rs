//! One GET request through the proxy, and who answered it.

use std::net::IpAddr;
use std::time::Duration;

use http_body_util::{BodyExt, Empty, Limited};
use hyper::Request;
use hyper::header::{CONNECTION, HOST, USER_AGENT};
use hyper_util::rt::TokioIo;

use crate::plan::ProbeRequest;
use crate::target::BoxDuplex;

/// One request may take this long.
const TIMEOUT: Duration = Duration::from_secs(10);
/// Of an error's body this much is read and this much is shown.
const MOST: usize = 64 * 1024;
const SHOWN: usize = 160;

/// Who asks, for the service's own log.
const AGENT: &str = concat!("aictl/", env!("CARGO_PKG_VERSION"));

/// An answer.
pub(super) struct Answer {
    pub(super) status: u16,
    /// Address of the container that gave it.
    pub(super) upstream: Option<IpAddr>,
    /// Fingerprint of the configuration that answered; empty without one.
    pub(super) fingerprint: String,
    body: String,
}

impl Answer {
    /// The beginning of its body.
    pub(super) fn said(&self) -> String {
        let line = self.body.lines().map(str::trim).find(|line| !line.is_empty()).unwrap_or_default();
        let shown: String = line.chars().take(SHOWN).collect();
        if shown.is_empty() { shown } else { format!(": {shown}") }
    }
}

/// Asks once; why there was no answer otherwise.
pub(super) async fn ask(stream: BoxDuplex, request: &ProbeRequest) -> Result<Answer, String> {
    match tokio::time::timeout(TIMEOUT, asked(stream, request)).await {
        Ok(answer) => answer,
        Err(_) => Err(format!("no answer within {}s", TIMEOUT.as_secs())),
    }
}

async fn asked(stream: BoxDuplex, request: &ProbeRequest) -> Result<Answer, String> {
    let side = request.side.map_or("current", crate::release::Side::word);
    let request = Request::get(&request.path)
        .header(HOST, "localhost")
        .header(USER_AGENT, AGENT)
        .header(CONNECTION, "close")
        .header("x-aictl-probe", format!("{}-{side}", request.secret));
    let request = request.body(Empty::<bytes::Bytes>::new()).map_err(|error| error.to_string())?;
    let handshake = hyper::client::conn::http1::handshake(TokioIo::new(stream));
    let (mut sender, connection) = handshake.await.map_err(|error| error.to_string())?;
    let asked = async {
        let answer = sender.send_request(request).await?;
        let status = answer.status().as_u16();
        let upstream = answer.headers().get("x-aictl-upstream").and_then(|value| last_address(value.to_str().ok()?));
        let fingerprint = answer.headers().get("x-aictl-configuration").and_then(|value| value.to_str().ok());
        let fingerprint = fingerprint.unwrap_or_default().to_owned();
        // The head says everything; an endless body is not waited for.
        let body = match status >= 500 {
            true => {
                Limited::new(answer.into_body(), MOST).collect().await.map(|body| body.to_bytes()).unwrap_or_default()
            }
            false => bytes::Bytes::new(),
        };
        Ok::<_, hyper::Error>(Answer {
            status,
            upstream,
            fingerprint,
            body: String::from_utf8_lossy(&body).into_owned(),
        })
    };
    let driven = async {
        let _ = connection.await;
        std::future::pending::<()>().await;
    };
    tokio::select! {
        answer = asked => answer.map_err(|error| error.to_string()),
        () = driven => Err("the connection was closed".to_owned()),
    }
}

/// `172.18.0.2:8000`, or a list of those that were tried.
fn last_address(upstream: &str) -> Option<IpAddr> {
    let last = upstream.rsplit([',', ' ']).next()?;
    last.rsplit_once(':')?.0.parse().ok()
}
