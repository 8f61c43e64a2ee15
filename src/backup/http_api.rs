//! The HTTP API of a data service, asked from inside its container: the port need not be published, and a container
//! without network will do. Answers are JSON; snapshots are streams in both directions.

use std::time::Duration;

use bytes::Bytes;
use futures_util::{StreamExt as _, TryStreamExt as _};
use http_body_util::{BodyExt as _, Full, Limited, StreamBody, combinators::BoxBody};
use hyper::body::{Frame, Incoming};
use hyper::header::{CONNECTION, CONTENT_LENGTH, CONTENT_TYPE, HOST};
use hyper::{Method, Request, Response};
use hyper_util::rt::TokioIo;
use serde_json::Value;

use super::error::BackupError;
use super::inside::{Inside, QUERY, STALLED};
use crate::secret::Secret;
use crate::target::{BoxDuplex, ByteStream, ExecEnd, ExecInput, TargetError};

/// The longest answer that is read as JSON.
const LONGEST: usize = 64 << 20;
/// Bytes on their way to the service.
const BUFFER: usize = 64 * 1024;
/// A connection to a port of the container itself. The official images have no other client than bash.
const CONNECT: &str = r#"
command -v bash >/dev/null 2>&1 || { echo 'the image has no bash to reach its port with' >&2; exit 127; }
exec bash -c '
exec 3<>"/dev/tcp/127.0.0.1/$1" 4<&0 || exit 1
cat <&4 >&3 & writer=$!
cat <&3
kill $writer 2>/dev/null
exit 0' aictl "$1""#;

type Body = BoxBody<Bytes, TargetError>;

/// What a request sends.
struct Content {
    body: Body,
    length: u64,
    kind: &'static str,
}

/// The API of a service.
#[derive(Clone)]
pub struct HttpApi<'a> {
    /// Its container.
    pub inside: Inside<'a>,
    /// The port it listens on.
    pub port: u16,
    /// A header that logs in.
    pub login: Option<(&'static str, Secret)>,
}

/// An answer that was read to its end.
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) body: Value,
}

/// A request to the service.
#[derive(Clone, Copy)]
pub(super) struct Call<'c> {
    pub(super) method: &'c str,
    pub(super) path: &'c str,
    pub(super) body: Option<&'c Value>,
    pub(super) deadline: Duration,
}

impl HttpApi<'_> {
    /// Reads something.
    pub(super) async fn get(&self, path: &str) -> Result<Value, BackupError> {
        self.call(Call { method: "GET", path, body: None, deadline: QUERY }).await
    }

    /// Changes something within the time of a query.
    pub(super) async fn send(&self, method: &str, path: &str, body: &Value) -> Result<Value, BackupError> {
        self.call(Call { method, path, body: Some(body), deadline: QUERY }).await
    }

    /// Removes something; it may be gone already.
    pub(super) async fn remove(&self, path: &str) -> Result<(), BackupError> {
        let call = Call { method: "DELETE", path, body: None, deadline: QUERY };
        let answer = self.answer(call).await?;
        if answer.status == 404 { Ok(()) } else { self.good(call, answer).map(drop) }
    }

    /// What a request that succeeds is answered.
    pub(super) async fn call(&self, call: Call<'_>) -> Result<Value, BackupError> {
        let answer = self.answer(call).await?;
        self.good(call, answer)
    }

    fn good(&self, call: Call<'_>, answer: Answer) -> Result<Value, BackupError> {
        if (200..300).contains(&answer.status) {
            return Ok(answer.body);
        }
        let path = call.path.split('?').next().unwrap_or_default();
        let reason = reason(&answer.body).unwrap_or_default();
        Err(self.inside.failed(format!("{} {path} answered {} {reason}", call.method, answer.status).trim_end()))
    }

    /// The answer, whatever its status.
    pub(super) async fn answer(&self, call: Call<'_>) -> Result<Answer, BackupError> {
        let text = call.body.map(Value::to_string).unwrap_or_default();
        let length = text.len() as u64;
        let body = Full::new(Bytes::from(text)).map_err(|never| match never {}).boxed();
        let request = self.request((call.method, call.path), Content { body, length, kind: JSON })?;
        let late = |_| {
            self.inside.failed(format!("{} {}: no answer within {}s", call.method, call.path, call.deadline.as_secs()))
        };
        tokio::time::timeout(call.deadline, self.read(request)).await.map_err(late)?
    }

    /// Sends a stream of known length as the file of a form.
    pub(super) async fn upload(&self, path: &str, (file, length): (ByteStream, u64)) -> Result<Value, BackupError> {
        let (head, tail) = (Bytes::from_static(FORM_HEAD.as_bytes()), Bytes::from_static(FORM_TAIL.as_bytes()));
        let length = length + (head.len() + tail.len()) as u64;
        let one = |bytes: Bytes| futures_util::stream::iter([Ok::<_, TargetError>(bytes)]);
        let pieces = one(head).chain(file).chain(one(tail)).map_ok(Frame::data);
        // A body may be shared between threads, a stream of the repository may not.
        let body = http_body_util::BodyExt::boxed(StreamBody::new(super::inside::Shared::new(pieces)));
        let request = self.request(("POST", path), Content { body, length, kind: FORM })?;
        let answer = self.read(request).await?;
        self.good(Call { method: "POST", path, body: None, deadline: QUERY }, answer)
    }

    /// What the service gives as a file.
    pub(super) async fn download(&self, path: &str) -> Result<ByteStream, BackupError> {
        let body = Full::new(Bytes::new()).map_err(|never| match never {}).boxed();
        let request = self.request(("GET", path), Content { body, length: 0, kind: JSON })?;
        let response = self.open(request).await?;
        let status = response.status().as_u16();
        if status != 200 {
            return Err(self.inside.failed(format!("GET {path} answered {status}")));
        }
        let broken = |error: hyper::Error| broken(error.to_string());
        let pieces = response.into_body().into_data_stream().map_err(broken).boxed();
        Ok(futures_util::stream::unfold(Some(pieces), |pieces| async move {
            let mut pieces = pieces?;
            match tokio::time::timeout(STALLED, pieces.next()).await {
                Ok(Some(Ok(piece))) => Some((Ok(piece), Some(pieces))),
                Ok(Some(Err(error))) => Some((Err(error), None)),
                Ok(None) => None,
                Err(_) => Some((Err(broken_by_time()), None)),
            }
        })
        .boxed())
    }

    fn request(
        &self,
        (method, path): (&str, &str),
        Content { body, length, kind }: Content,
    ) -> Result<Request<Body>, BackupError> {
        let wrong = |error: &dyn std::fmt::Display| self.inside.failed(format!("{method} {path}: {error}"));
        let method = Method::from_bytes(method.as_bytes()).map_err(|error| wrong(&error))?;
        let mut request = Request::builder().method(method.clone()).uri(path);
        request = request.header(HOST, format!("127.0.0.1:{}", self.port)).header(CONNECTION, "close");
        if length > 0 || method != Method::GET {
            request = request.header(CONTENT_LENGTH, length);
        }
        if length > 0 {
            request = request.header(CONTENT_TYPE, kind);
        }
        if let Some((name, value)) = &self.login {
            request = request.header(*name, value.expose());
        }
        request.body(body).map_err(|error| wrong(&error))
    }

    async fn read(&self, request: Request<Body>) -> Result<Answer, BackupError> {
        let response = self.open(request).await?;
        let status = response.status().as_u16();
        let body = Limited::new(response.into_body(), LONGEST).collect().await;
        let body = body.map_err(|error| self.inside.failed(error.to_string()))?.to_bytes();
        let text = || Value::String(String::from_utf8_lossy(&body).into_owned());
        Ok(Answer { status, body: serde_json::from_slice(&body).unwrap_or_else(|_| text()) })
    }

    async fn open(&self, request: Request<Body>) -> Result<Response<Incoming>, BackupError> {
        let (stream, end) = self.connect().await?;
        let what = format!("{} {}", request.method(), request.uri().path());
        let shaken = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await;
        let (mut sender, connection) = shaken.map_err(|error| self.inside.failed(format!("{what}: {error}")))?;
        // It ends with the answer, whose body is read after this returns.
        tokio::spawn(connection);
        let error = match sender.send_request(request).await {
            Ok(response) => return Ok(response),
            Err(error) => error,
        };
        // What the container says is closer to the cause than a connection that was closed.
        match tokio::time::timeout(Duration::from_secs(2), end.outcome()).await {
            Ok(Ok(outcome)) if outcome.exit_code != 0 => {
                Err(self.inside.failed(super::inside::last_words(outcome.exit_code, &outcome.stderr)))
            }
            _ => Err(self.inside.failed(format!("{what}: {}", cause(&error)))),
        }
    }

    /// A connection to the port as the container sees it.
    async fn connect(&self) -> Result<(BoxDuplex, ExecEnd), BackupError> {
        let (writer, stdin) = tokio::io::duplex(BUFFER);
        let input = ExecInput { stdin: Some(Box::pin(stdin)), ..ExecInput::default() };
        let port = self.port.to_string();
        let running = self.inside.target.exec_stream(&self.inside.args(CONNECT, &[&port]), input).await?;
        let (stdout, end) = running.into_stdout();
        let reader = tokio_util::io::StreamReader::new(stdout.map_err(std::io::Error::other));
        Ok((Box::new(tokio::io::join(reader, writer)), end))
    }
}

/// The content types of requests, and the form of an upload.
const JSON: &str = "application/json";
const FORM: &str = "multipart/form-data; boundary=aictl-3c1f0f6e5d0a4f0c";
const FORM_HEAD: &str = "--aictl-3c1f0f6e5d0a4f0c\r\nContent-Disposition: form-data; name=\"snapshot\"; filename=\"aictl.snapshot\"\r\n\
     Content-Type: application/octet-stream\r\n\r\n";
const FORM_TAIL: &str = "\r\n--aictl-3c1f0f6e5d0a4f0c--\r\n";

/// A name as one part of a path.
pub(super) fn segment(name: &str) -> String {
    percent_encoding::utf8_percent_encode(name, percent_encoding::NON_ALPHANUMERIC).to_string()
}

/// What a service says is wrong: Qdrant's `status.error`, Elasticsearch's `error.reason`.
fn reason(body: &Value) -> Option<&str> {
    let said = [body.pointer("/status/error"), body.pointer("/error/reason"), body.get("error"), Some(body)];
    said.into_iter().flatten().find_map(Value::as_str).filter(|text| text.len() < 500)
}

fn broken(message: String) -> TargetError {
    TargetError::Broken { operation: "reading a snapshot".to_owned(), message }
}

fn broken_by_time() -> TargetError {
    broken(format!("nothing came for {}s", STALLED.as_secs()))
}

fn cause(error: &hyper::Error) -> String {
    match error.is_incomplete_message() {
        true => "the connection was closed before the response".to_owned(),
        false => error.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_a_service_says_is_wrong_is_found_in_its_own_form() {
        for (body, said) in [
            (json!({ "status": { "error": "Not found: x" } }), Some("Not found: x")),
            (json!({ "error": { "reason": "no such index", "root_cause": [] } }), Some("no such index")),
            (json!("Must provide an API key"), Some("Must provide an API key")),
            (json!({ "status": "ok" }), None),
        ] {
            assert_eq!(reason(&body), said, "{body}");
        }
        assert_eq!(segment("a b/c?d"), "a%20b%2Fc%3Fd");
    }
}
