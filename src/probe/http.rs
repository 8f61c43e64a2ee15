//! HTTP requests and bare connections to services, over dialled streams.
//! Reads a URL whose host is a service; returns the answer of each of its containers, held against the expectation.
//! Never follows a redirect, and never reads an answer without a bound.

use std::time::Duration;

use base64::Engine as _;
use http_body_util::{BodyExt, Empty, Limited};
use hyper::Request;
use hyper::header::{ACCEPT, AUTHORIZATION, CONNECTION, HOST, USER_AGENT};
use hyper_util::rt::TokioIo;
use tokio::io::AsyncReadExt;

use super::answer::{ANY, Answer, GOOD, Shown, judge};
use super::seen::Seen;
use super::{Planned, ProbeContext, ProbeError, listeners, public, tls};
use crate::error::innermost;
use crate::plan::ObservedInstance;
use crate::project::{HttpCheck, HttpParts, TcpCheck, host_and_port, is_public};
use crate::secret::{Redactor, Secret};
use crate::target::BoxDuplex;

/// An answer longer than this is not read to its end.
const MOST: usize = 8 * 1024 * 1024;

/// A way through a proxy accepts before the service does; when that refuses, the stream ends this soon.
const GRACE: Duration = Duration::from_millis(200);

/// Who asks, for the service's own log.
const AGENT: &str = concat!("aictl/", env!("CARGO_PKG_VERSION"));

/// A GET request.
pub(super) struct Question<'a> {
    pub(super) parts: HttpParts<'a>,
    pub(super) login: Option<&'a (String, Secret)>,
    pub(super) redactor: &'a Redactor,
}

impl Question<'_> {
    /// The request as one says it.
    pub(super) fn words(&self) -> String {
        let HttpParts { secure, host, port, path } = self.parts;
        let scheme = if secure { "https" } else { "http" };
        let default = if secure { 443 } else { 80 };
        let port = if port == default { String::new() } else { format!(":{port}") };
        format!("GET {scheme}://{host}{port}{path}")
    }

    fn broken(&self, reason: &dyn std::fmt::Display) -> ProbeError {
        ProbeError::Broken { what: self.words(), reason: reason.to_string() }
    }

    /// Asks one container.
    pub(super) async fn ask(
        &self,
        context: &ProbeContext<'_>,
        container: &ObservedInstance,
    ) -> Result<Answer, ProbeError> {
        let stream = listeners::dial(context, container, self.parts.port).await?;
        if !self.parts.secure {
            return self.over(stream).await;
        }
        let shaken = tls::handshake(stream, self.parts.host).await.map_err(|error| self.broken(&error))?;
        self.over(Box::new(shaken)).await
    }

    /// Sends the request directly to a host outside the stack.
    async fn ask_public(&self) -> Result<Answer, ProbeError> {
        let HttpParts { secure, host, port, .. } = self.parts;
        let stream = public::connect(host, port).await?;
        if !secure {
            return self.over(stream).await;
        }
        let shaken = tls::trusting_handshake(stream, host).await.map_err(|error| self.broken(&error))?;
        self.over(Box::new(shaken)).await
    }

    /// Asks over a stream that has been opened.
    pub(super) async fn over(&self, stream: BoxDuplex) -> Result<Answer, ProbeError> {
        let request = self.request()?;
        let handshake = hyper::client::conn::http1::handshake(TokioIo::new(stream));
        let (mut sender, connection) = handshake.await.map_err(|error| self.broken(&deepest(&error)))?;
        // The connection is driven beside the request and ends with it.
        let asked = async {
            let answer = sender.send_request(request).await?;
            let status = answer.status().as_u16();
            let header = |(name, value): (&hyper::header::HeaderName, &hyper::header::HeaderValue)| {
                (name.as_str().to_owned(), String::from_utf8_lossy(value.as_bytes()).into_owned())
            };
            let headers = answer.headers().iter().map(header).collect();
            let body = Limited::new(answer.into_body(), MOST).collect().await;
            Ok::<_, hyper::Error>((status, headers, body))
        };
        let driven = async {
            let _ = connection.await;
            std::future::pending::<()>().await;
        };
        let (status, headers, body) = tokio::select! {
            answer = asked => answer.map_err(|error| self.broken(&deepest(&error)))?,
            () = driven => return Err(self.broken(&"the connection was closed")),
        };
        let body = body.map_err(|error| self.broken(&error))?.to_bytes();
        let text = String::from_utf8_lossy(&body).into_owned();
        let shown = Shown::new(self.redactor, &text);
        Ok(Answer { status: Some(status), headers, text, shown, exit_code: None })
    }

    fn request(&self) -> Result<Request<Empty<bytes::Bytes>>, ProbeError> {
        let HttpParts { host, port, path, .. } = self.parts;
        let mut request = Request::get(path).header(HOST, format!("{host}:{port}")).header(USER_AGENT, AGENT);
        request = request.header(ACCEPT, "*/*").header(CONNECTION, "close");
        if let Some((user, password)) = self.login {
            request = request.header(AUTHORIZATION, basic(user, password));
        }
        request.body(Empty::new()).map_err(|error| self.broken(&error))
    }
}

fn basic(user: &str, password: &Secret) -> String {
    let pair = format!("{user}:{}", password.expose());
    format!("Basic {}", base64::engine::general_purpose::STANDARD.encode(pair))
}

/// The innermost cause: `connection reset by peer` says more than `connection error`.
fn deepest(error: &hyper::Error) -> String {
    if error.is_incomplete_message() {
        "the connection was closed before the response".to_owned()
    } else {
        innermost(error)
    }
}

pub(super) async fn look(context: &ProbeContext<'_>, plan: &Planned, check: &HttpCheck) -> Result<Seen, ProbeError> {
    let Some(parts) = check.parts() else {
        return Err(ProbeError::wrong(format!("invalid URL `{}`", check.url)));
    };
    let question = Question { parts, login: plan.login.as_ref(), redactor: context.redactor };
    let below = if plan.any_answer { ANY } else { GOOD };
    if is_public(parts.host) && context.containers(parts.host).await?.is_empty() {
        let answer = question.ask_public().await?;
        return verdict(&question, &answer, (plan, below));
    }
    let mut seen = Seen::default();
    for container in context.running(parts.host).await? {
        let answer = question.ask(context, &container).await?;
        seen = verdict(&question, &answer, (plan, below))?;
    }
    Ok(seen)
}

fn verdict(question: &Question<'_>, answer: &Answer, (plan, below): (&Planned, u16)) -> Result<Seen, ProbeError> {
    judge(&question.words(), answer, &plan.check.expect, below)?;
    Ok(Seen::new(format!("answered {}", answer.status.unwrap_or_default()), answer.shown.excerpt()))
}

/// A port that accepts a connection and keeps it for a moment.
pub(super) async fn connects(context: &ProbeContext<'_>, check: &TcpCheck) -> Result<Seen, ProbeError> {
    let Some((host, port)) = host_and_port(&check.address) else {
        return Err(ProbeError::wrong(format!("`{}` is not `SERVICE:PORT`", check.address)));
    };
    if is_public(host) && context.containers(host).await?.is_empty() {
        stays(public::connect(host, port).await?, &check.address).await?;
        return Ok(Seen::new("accepts connections", None));
    }
    for container in context.running(host).await? {
        stays(listeners::dial(context, &container, port).await?, &check.address).await?;
    }
    Ok(Seen::new("accepts connections", None))
}

async fn stays(mut stream: BoxDuplex, address: &str) -> Result<(), ProbeError> {
    match tokio::time::timeout(GRACE, stream.read(&mut [0; 1])).await {
        Ok(Ok(0) | Err(_)) => Err(ProbeError::Broken {
            what: address.to_owned(),
            reason: "the connection was closed immediately".to_owned(),
        }),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::io::AsyncWriteExt as _;

    async fn asked(
        url: &str,
        login: Option<&(String, Secret)>,
        reply: &'static str,
    ) -> (Result<Answer, ProbeError>, String) {
        let check = HttpCheck { url: url.to_owned() };
        let redactor = &Redactor::default();
        let question = Question { parts: check.parts().unwrap(), login, redactor };
        let (ours, mut theirs) = tokio::io::duplex(4096);
        let server = async {
            let mut request = Vec::new();
            let mut buffer = [0; 1024];
            while !request.ends_with(b"\r\n\r\n") {
                let length = theirs.read(&mut buffer).await.unwrap();
                request.extend_from_slice(&buffer[..length]);
            }
            theirs.write_all(reply.as_bytes()).await.unwrap();
            drop(theirs);
            String::from_utf8(request).unwrap()
        };
        tokio::join!(question.over(Box::new(ours)), server)
    }

    #[tokio::test]
    async fn a_request_names_its_host_and_reads_the_whole_answer() {
        let reply = "HTTP/1.1 503 Busy\r\nX-Reason: Load\r\nContent-Length: 4\r\n\r\nbusy";
        let (answer, request) = asked("http://api:8000/ready?x=1", None, reply).await;
        let answer = answer.unwrap();
        assert_eq!((answer.status, answer.text.as_str()), (Some(503), "busy"));
        assert!(answer.headers.contains(&("x-reason".to_owned(), "Load".to_owned())));
        assert!(request.starts_with("GET /ready?x=1 HTTP/1.1\r\n"), "{request}");
        assert!(request.contains("host: api:8000\r\n") && !request.contains("authorization"), "{request}");
    }

    #[tokio::test]
    async fn an_answer_that_breaks_off_is_an_error_with_the_url() {
        let (answer, _) = asked("http://api/", None, "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf").await;
        let error = answer.unwrap_err().to_string();
        assert!(error.starts_with("GET http://api/: "), "{error}");
        let (answer, _) = asked("http://api/", None, "").await;
        assert_eq!(answer.unwrap_err().to_string(), "GET http://api/: the connection was closed before the response");
    }

    #[tokio::test]
    async fn a_login_is_sent_and_never_named() {
        let login = ("elastic".to_owned(), Secret::new("hunter2-hunter2"));
        let (answer, request) =
            asked("http://es:9200/", Some(&login), "HTTP/1.1 401 No\r\nContent-Length: 0\r\n\r\n").await;
        assert!(request.contains("authorization: Basic ZWxhc3RpYzpodW50ZXIyLWh1bnRlcjI="), "{request}");
        assert!(!format!("{answer:?}").contains("hunter2"));
    }

    #[tokio::test]
    async fn a_stream_that_ends_at_once_is_no_connection() {
        let (ours, theirs) = tokio::io::duplex(16);
        drop(theirs);
        assert!(stays(Box::new(ours), "db:5432").await.is_err());
        let (ours, _theirs) = tokio::io::duplex(16);
        assert_eq!(stays(Box::new(ours), "db:5432").await, Ok(()));
    }
}
