//! An answer that is one JSON object after another, as pulls and builds report.
//! Reads the body of an answer; returns a stream of values.
//! Never interprets them.

use bytes::BytesMut;
use futures_util::stream::{BoxStream, StreamExt};
use http_body_util::BodyExt;
use hyper::body::Incoming;
use serde_json::Value;

use crate::target::TargetError;

struct Reading {
    body: Incoming,
    buffer: BytesMut,
    operation: String,
    ended: bool,
}

pub(super) fn json_lines(body: Incoming, doing: &str) -> BoxStream<'static, Result<Value, TargetError>> {
    let reading = Reading { body, buffer: BytesMut::new(), operation: doing.to_owned(), ended: false };
    futures_util::stream::unfold(reading, |mut reading| async move {
        let next = reading.next().await?;
        Some((next, reading))
    })
    .boxed()
}

impl Reading {
    async fn next(&mut self) -> Option<Result<Value, TargetError>> {
        loop {
            if let Some(end) = self.buffer.iter().position(|b| *b == b'\n') {
                let line = self.buffer.split_to(end + 1);
                if let Some(value) = parsed(&line) {
                    return Some(Ok(value));
                }
                continue;
            }
            if self.ended {
                let rest = self.buffer.split();
                return parsed(&rest).map(Ok);
            }
            match self.body.frame().await {
                Some(Ok(frame)) => self.buffer.extend_from_slice(&frame.into_data().unwrap_or_default()),
                None => self.ended = true,
                Some(Err(error)) => {
                    self.ended = true;
                    self.buffer.clear();
                    let operation = self.operation.clone();
                    return Some(Err(TargetError::Broken { operation, message: error.to_string() }));
                }
            }
        }
    }
}

fn parsed(line: &[u8]) -> Option<Value> {
    serde_json::from_slice(line.trim_ascii()).ok()
}
