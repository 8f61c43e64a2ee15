//! Several log streams as one, in the order of their times.
//! Reads the next line of each stream and gives out the oldest; holds one line of each.
//! Never reorders the lines of one stream, and never reads ahead.

use std::collections::BTreeMap;

use futures_util::StreamExt;
use futures_util::future::join_all;

use crate::event::LogLine;
use crate::target::{LogStream, TargetError};

/// A line, or why the rest of its stream cannot be read, with the number of the stream.
pub(super) type Item = (usize, Result<LogLine, TargetError>);

/// The streams and the next line of each.
pub(super) struct Merge {
    streams: Vec<LogStream>,
    /// The next lines by time, then by the streams' order.
    heads: BTreeMap<(String, usize), Result<LogLine, TargetError>>,
}

impl Merge {
    /// Waits for the first line of every stream.
    pub(super) async fn new(mut streams: Vec<LogStream>) -> Self {
        let firsts = join_all(streams.iter_mut().map(StreamExt::next)).await;
        let mut heads = BTreeMap::new();
        for (index, first) in firsts.into_iter().enumerate() {
            if let Some(first) = first {
                heads.insert((time_of(&first, ""), index), first);
            }
        }
        Self { streams, heads }
    }

    /// The oldest line there is, or nothing at the end of all streams.
    pub(super) async fn next(&mut self) -> Option<Item> {
        let ((time, index), line) = self.heads.pop_first()?;
        if line.is_ok()
            && let Some(stream) = self.streams.get_mut(index)
            && let Some(next) = stream.next().await
        {
            self.heads.insert((time_of(&next, &time), index), next);
        }
        Some((index, line))
    }
}

/// Engines write times in a form whose order is that of its text. A line without a time stays behind the one before it.
fn time_of(line: &Result<LogLine, TargetError>, before: &str) -> String {
    let time = line.as_ref().ok().and_then(|line| line.time.as_deref());
    time.filter(|time| *time > before).unwrap_or(before).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::Channel;

    fn stream(lines: &[(&str, &str)]) -> LogStream {
        let line = |(time, text): &(&str, &str)| {
            Ok(LogLine {
                source: String::new(),
                service: String::new(),
                channel: Channel::Stdout,
                time: (!time.is_empty()).then(|| (*time).to_owned()),
                message: (*text).to_owned(),
            })
        };
        Box::pin(futures_util::stream::iter(lines.iter().map(line).collect::<Vec<_>>()))
    }

    async fn merged(streams: Vec<LogStream>) -> Vec<String> {
        let mut merge = Merge::new(streams).await;
        let mut texts = Vec::new();
        while let Some((_, line)) = merge.next().await {
            texts.push(line.map_or_else(|e| e.to_string(), |line| line.message));
        }
        texts
    }

    #[tokio::test]
    async fn lines_come_in_the_order_of_time_and_ties_in_the_order_of_streams() {
        let a = stream(&[("01", "a1"), ("03", "a3"), ("03", "a3 again")]);
        let b = stream(&[("02", "b2"), ("03", "b3"), ("04", "b4")]);
        assert_eq!(merged(vec![a, b, stream(&[])]).await, ["a1", "b2", "a3", "a3 again", "b3", "b4"]);
    }

    #[tokio::test]
    async fn a_stream_is_never_reordered() {
        let a = stream(&[("02", "first"), ("01", "second"), ("", "third")]);
        let b = stream(&[("03", "last")]);
        assert_eq!(merged(vec![a, b]).await, ["first", "second", "third", "last"]);
    }

    #[tokio::test]
    async fn a_broken_stream_does_not_end_the_others() {
        let broken: LogStream = Box::pin(futures_util::stream::iter([Err(TargetError::Broken {
            operation: "reading".into(),
            message: "cut".into(),
        })]));
        assert_eq!(merged(vec![broken, stream(&[("01", "a"), ("02", "b")])]).await, ["reading: cut", "a", "b"]);
    }
}
