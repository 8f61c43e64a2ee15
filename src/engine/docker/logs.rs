//! The log of a container as lines with their times.
//! Reads the engine's log stream, framed or not; returns lines, partial ones joined.
//! Never reorders.

use std::collections::VecDeque;

use bytes::Bytes;
use futures_util::StreamExt;
use http_body_util::BodyExt;
use hyper::Method;
use hyper::body::Incoming;

use super::connection::Connection;
use super::frames::Frames;
use super::query::encoded;
use crate::event::{Channel, LogLine};
use crate::plan::{ObservedInstance, labels};
use crate::target::{LogArgs, LogStream, TargetError};

/// Log drivers cut lines at this many bytes and give each piece a time of its own.
const PIECE: usize = 16 * 1024;

pub(super) async fn logs(
    connection: &Connection,
    container: &ObservedInstance,
    args: &LogArgs,
) -> Result<LogStream, TargetError> {
    let mut path = format!("/containers/{}/logs?stdout=1&stderr=1&timestamps=1", encoded(&container.id));
    if args.follow {
        path.push_str("&follow=1");
    }
    for (key, value) in [("since", &args.since), ("until", &args.until), ("tail", &args.tail.map(|n| n.to_string()))] {
        if let Some(value) = value {
            path.push_str(&format!("&{key}={}", encoded(value)));
        }
    }
    let body = connection.begin(Method::GET, &path, &format!("reading the log of {}", container.name)).await?;
    let reading =
        Reading { body, frames: Frames::new(container.docker.tty), lines: Lines::of(container), ended: false };
    Ok(futures_util::stream::unfold(reading, |mut reading| async move {
        let next = reading.next().await?;
        Some((next, reading))
    })
    .boxed())
}

struct Reading {
    body: Incoming,
    frames: Frames,
    lines: Lines,
    ended: bool,
}

impl Reading {
    async fn next(&mut self) -> Option<Result<LogLine, TargetError>> {
        loop {
            if let Some(line) = self.lines.ready.pop_front() {
                return Some(Ok(line));
            }
            if self.ended {
                return None;
            }
            match self.body.frame().await {
                Some(Ok(frame)) => self.take(frame.into_data().unwrap_or_default()),
                Some(Err(error)) => {
                    self.ended = true;
                    let operation = format!("reading the log of {}", self.lines.source);
                    return Some(Err(TargetError::Broken { operation, message: error.to_string() }));
                }
                None => {
                    self.ended = true;
                    self.lines.finish();
                }
            }
        }
    }

    fn take(&mut self, bytes: Bytes) {
        self.frames.push(&bytes);
        while let Some((channel, frame)) = self.frames.next_frame() {
            self.lines.add(channel, &frame);
        }
    }
}

/// An incomplete line.
#[derive(Debug, Default)]
struct Begun {
    time: Option<String>,
    text: Vec<u8>,
}

#[derive(Debug)]
struct Lines {
    source: String,
    service: String,
    tty: bool,
    begun: [Option<Begun>; 2],
    raw: Vec<u8>,
    ready: VecDeque<LogLine>,
}

impl Lines {
    fn of(container: &ObservedInstance) -> Self {
        let project = container.labels.get(labels::PROJECT).map(String::as_str).unwrap_or_default();
        let short = container.name.strip_prefix(project).and_then(|rest| rest.strip_prefix('-'));
        Self {
            source: short.unwrap_or(&container.name).to_owned(),
            service: container.service.clone(),
            tty: container.docker.tty,
            begun: [None, None],
            raw: Vec::new(),
            ready: VecDeque::new(),
        }
    }

    fn add(&mut self, channel: Channel, bytes: &[u8]) {
        if self.tty {
            self.add_raw(bytes);
        } else {
            self.piece(channel, bytes);
        }
    }

    /// One frame is one piece of a line with a time before it; the last piece ends with a line feed.
    fn piece(&mut self, channel: Channel, bytes: &[u8]) {
        let (time, text) = timed(bytes);
        let begun = self.begun[channel as usize].get_or_insert_with(|| Begun { time, text: Vec::new() });
        begun.text.extend_from_slice(text.strip_suffix(b"\n").unwrap_or(text));
        if text.ends_with(b"\n") {
            self.end(channel);
        }
    }

    /// A terminal's log has no frames: lines are found by their ends, and the times between pieces by their place.
    fn add_raw(&mut self, bytes: &[u8]) {
        self.raw.extend_from_slice(bytes);
        while let Some(end) = self.raw.iter().position(|b| *b == b'\n') {
            let line: Vec<u8> = self.raw.drain(..=end).collect();
            self.raw_line(&line[..end]);
        }
    }

    fn raw_line(&mut self, line: &[u8]) {
        let (time, mut rest) = timed(line);
        let mut text = Vec::new();
        while rest.len() > PIECE {
            let (piece, after) = rest.split_at(PIECE);
            text.extend_from_slice(piece);
            rest = timed(after).1;
        }
        text.extend_from_slice(rest.strip_suffix(b"\r").unwrap_or(rest));
        self.begun[Channel::Stdout as usize] = Some(Begun { time, text });
        self.end(Channel::Stdout);
    }

    fn end(&mut self, channel: Channel) {
        let Some(begun) = self.begun[channel as usize].take() else { return };
        self.ready.push_back(LogLine {
            source: self.source.clone(),
            service: self.service.clone(),
            channel,
            time: begun.time,
            message: String::from_utf8_lossy(&begun.text).into_owned(),
        });
    }

    /// The process ended in the middle of a line.
    fn finish(&mut self) {
        if !self.raw.is_empty() {
            let rest = std::mem::take(&mut self.raw);
            self.raw_line(&rest);
        }
        self.end(Channel::Stdout);
        self.end(Channel::Stderr);
    }
}

/// `2026-01-01T00:00:00.000000000Z text`.
fn timed(bytes: &[u8]) -> (Option<String>, &[u8]) {
    let Some(space) = bytes.iter().take(40).position(|b| *b == b' ') else { return (None, bytes) };
    let word = &bytes[..space];
    let is_time = word.len() >= 20 && word[4] == b'-' && word[10] == b'T' && word[..4].iter().all(u8::is_ascii_digit);
    match std::str::from_utf8(word) {
        Ok(time) if is_time => (Some(time.to_owned()), &bytes[space + 1..]),
        _ => (None, bytes),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::DockerContainer;

    const TIME: &str = "2026-01-01T00:00:00.000000000Z";

    fn lines(tty: bool) -> Lines {
        let labels = [(labels::PROJECT.to_owned(), "p".to_owned())].into();
        Lines::of(&ObservedInstance {
            name: "p-api-1".into(),
            service: "api".into(),
            labels,
            docker: DockerContainer { tty, ..Default::default() },
            ..Default::default()
        })
    }

    #[test]
    fn pieces_of_a_long_line_are_joined_and_channels_kept_apart() {
        let mut lines = lines(false);
        lines.add(Channel::Stdout, format!("{TIME} one ").as_bytes());
        lines.add(Channel::Stderr, format!("{TIME} oops\n").as_bytes());
        lines.add(Channel::Stdout, format!("{TIME} two\n").as_bytes());
        let shown: Vec<_> = lines.ready.iter().map(|l| (l.channel, l.message.as_str(), l.source.as_str())).collect();
        assert_eq!(shown, [(Channel::Stderr, "oops", "api-1"), (Channel::Stdout, "one two", "api-1")]);
        assert_eq!(lines.ready[0].time.as_deref(), Some(TIME));
    }

    #[test]
    fn a_terminals_log_is_cut_at_line_ends_wherever_the_chunks_end() {
        let mut lines = lines(true);
        let long = "x".repeat(PIECE);
        for part in [format!("{TIME} a\r\n{TIME} {long}"), format!("{TIME} y\r\n{TIME} rest")] {
            lines.add(Channel::Stdout, part.as_bytes());
        }
        lines.finish();
        let lengths: Vec<_> = lines.ready.iter().map(|l| l.message.len()).collect();
        assert_eq!(lengths, [1, PIECE + 1, 4]);
    }
}
