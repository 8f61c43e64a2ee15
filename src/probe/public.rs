//! Hosts that are no services of the stack: a public URL, a certificate seen from outside.
//! Reads a URL or address; returns the answer or a stream, as any client on this machine would get it.
//! Never follows a redirect, and never takes a certificate this machine does not trust.

use std::time::Duration;

use tokio::net::TcpStream;

use super::answer::Answer;
use super::http::AGENT;
use super::{ProbeError, tls};
use crate::target::BoxDuplex;

/// How long a connection may take.
const CONNECT: Duration = Duration::from_secs(5);

/// An answer longer than this is cut.
const MOST: usize = 1024 * 1024;

pub(super) async fn get(url: &str) -> Result<Answer, ProbeError> {
    let broken = |reason: String| ProbeError::Broken { what: format!("GET {url}"), reason };
    let client = reqwest::Client::builder()
        .tls_backend_preconfigured(tls::trusting().map_err(|error| broken(error.to_string()))?)
        .redirect(reqwest::redirect::Policy::none())
        .connect_timeout(CONNECT)
        .user_agent(AGENT)
        .build()
        .map_err(|error| broken(innermost(&error)))?;
    let mut answer = client.get(url).send().await.map_err(|error| broken(innermost(&error)))?;
    let header = |(name, value): (&reqwest::header::HeaderName, &reqwest::header::HeaderValue)| {
        (name.as_str().to_owned(), String::from_utf8_lossy(value.as_bytes()).into_owned())
    };
    let headers = answer.headers().iter().map(header).collect();
    let status = Some(answer.status().as_u16());
    let mut body = Vec::new();
    while let Some(chunk) = answer.chunk().await.map_err(|error| broken(innermost(&error)))? {
        let room = MOST.saturating_sub(body.len()).min(chunk.len());
        body.extend_from_slice(&chunk[..room]);
        if room < chunk.len() {
            break;
        }
    }
    Ok(Answer { status, headers, text: String::from_utf8_lossy(&body).into_owned(), exit_code: None })
}

pub(super) async fn connect(host: &str, port: u16) -> Result<BoxDuplex, ProbeError> {
    let address = format!("{host}:{port}");
    match tokio::time::timeout(CONNECT, TcpStream::connect(&address)).await {
        Ok(Ok(stream)) => Ok(Box::new(stream)),
        Ok(Err(error)) => Err(ProbeError::Broken { what: address, reason: error.to_string() }),
        Err(_) => Err(ProbeError::Late { what: address, after: CONNECT }),
    }
}

/// The innermost cause: reqwest's own words only repeat the URL.
fn innermost(error: &reqwest::Error) -> String {
    let mut cause: &dyn std::error::Error = error;
    while let Some(next) = cause.source() {
        cause = next;
    }
    cause.to_string()
}
