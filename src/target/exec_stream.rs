//! A running command in a container whose output is pulled on demand.
//! Gives chunks of output and the exit code, or standard output alone as a byte stream.
//! The command counts as successful only when its exit code is known.

use std::pin::Pin;

use bytes::Bytes;
use futures_util::future::BoxFuture;
use futures_util::{Stream, StreamExt as _};
use tokio::sync::oneshot;

use super::{ByteStream, TargetError};
use crate::event::{Channel, OutputStream};

/// How much of the end of standard error is kept while standard output is streamed.
const STDERR_KEPT: usize = 64 * 1024;

/// Chunks of output in order, each with its channel.
pub type OutputPieces = Pin<Box<dyn Stream<Item = Result<(Channel, Bytes), TargetError>> + Send>>;

/// A running command. It blocks while its output is not read; dropping this closes the connection.
pub struct RunningExec {
    what: String,
    output: OutputPieces,
    exit: BoxFuture<'static, Result<i64, TargetError>>,
}

/// Result of a command.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExecOutcome {
    /// Its exit code.
    pub exit_code: i64,
    /// The last 64 KiB of standard error.
    pub stderr: Vec<u8>,
}

/// Pending result of a command whose standard output is streamed.
#[must_use = "the output is whole only if the exit code says so"]
pub struct ExecEnd {
    what: String,
    outcome: oneshot::Receiver<Result<ExecOutcome, TargetError>>,
}

impl RunningExec {
    /// Creates it from the output and the future exit code; `what` is its name in errors.
    pub fn new(
        what: String,
        output: OutputPieces,
        exit: impl Future<Output = Result<i64, TargetError>> + Send + 'static,
    ) -> Self {
        Self { what, output, exit: Box::pin(exit) }
    }

    /// The next chunk of output of either channel; `None` at the end of both.
    pub async fn next(&mut self) -> Option<Result<(Channel, Bytes), TargetError>> {
        self.output.next().await
    }

    /// Waits for the command to exit and discards unread output.
    pub async fn exit_code(self) -> Result<i64, TargetError> {
        drop(self.output);
        self.exit.await
    }

    /// Forwards all output until it ends or the receiver fails; returns the exit code.
    pub async fn hand_over(mut self, output: &dyn OutputStream) -> Result<i64, TargetError> {
        while let Some(piece) = self.next().await {
            let (channel, bytes) = piece?;
            if output.bytes(channel, &bytes).is_err() {
                break;
            }
        }
        self.exit_code().await
    }

    /// Standard output as a stream. The result is known once the stream was read to its end.
    pub fn into_stdout(self) -> (ByteStream, ExecEnd) {
        let (sender, outcome) = oneshot::channel();
        let what = self.what.clone();
        let reading = Some((self, Vec::new(), sender));
        let stdout = futures_util::stream::unfold(reading, |reading| async move {
            let (mut running, mut stderr, sender) = reading?;
            loop {
                match running.next().await {
                    Some(Ok((Channel::Stdout, bytes))) => return Some((Ok(bytes), Some((running, stderr, sender)))),
                    Some(Ok((Channel::Stderr, bytes))) => keep(&mut stderr, &bytes),
                    Some(Err(error)) => {
                        // The result may not be awaited; the reader gets the error too.
                        let _ = sender.send(Err(error.clone()));
                        return Some((Err(error), None));
                    }
                    None => {
                        let exit_code = running.exit_code().await;
                        let _ = sender.send(exit_code.map(|exit_code| ExecOutcome { exit_code, stderr }));
                        return None;
                    }
                }
            }
        });
        (stdout.fuse().boxed(), ExecEnd { what, outcome })
    }
}

impl ExecEnd {
    /// The result; an error if the output was not read to the end.
    pub async fn outcome(self) -> Result<ExecOutcome, TargetError> {
        let Self { what, outcome } = self;
        let message = "its output was not read to the end".to_owned();
        outcome.await.unwrap_or(Err(TargetError::Broken { operation: what, message }))
    }
}

fn keep(stderr: &mut Vec<u8>, bytes: &[u8]) {
    stderr.extend_from_slice(bytes);
    let surplus = stderr.len().saturating_sub(STDERR_KEPT);
    stderr.drain(..surplus);
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use futures_util::TryStreamExt as _;

    use super::*;

    fn running(pieces: Vec<Result<(Channel, Bytes), TargetError>>, code: i64) -> RunningExec {
        RunningExec::new("running x".to_owned(), futures_util::stream::iter(pieces).boxed(), async move { Ok(code) })
    }

    fn piece(channel: Channel, bytes: Vec<u8>) -> Result<(Channel, Bytes), TargetError> {
        Ok((channel, Bytes::from(bytes)))
    }

    fn broken() -> TargetError {
        TargetError::Broken { operation: "running x".to_owned(), message: "reset".to_owned() }
    }

    #[tokio::test]
    async fn standard_output_is_a_stream_and_the_end_of_standard_error_is_kept() {
        let noise = [vec![b'a'; 10], vec![b'b'; STDERR_KEPT]].concat();
        let pieces = vec![
            piece(Channel::Stdout, b"one".to_vec()),
            piece(Channel::Stderr, noise),
            piece(Channel::Stdout, b"two".to_vec()),
        ];
        let (stdout, end) = running(pieces, 3).into_stdout();
        assert_eq!(stdout.try_collect::<Vec<_>>().await.unwrap(), ["one", "two"]);
        let outcome = ExecOutcome { exit_code: 3, stderr: vec![b'b'; STDERR_KEPT] };
        assert_eq!(end.outcome().await, Ok(outcome));
    }

    #[tokio::test]
    async fn output_that_broke_or_was_not_read_has_no_outcome() {
        let pieces = || vec![piece(Channel::Stdout, b"half".to_vec()), Err(broken())];
        let (mut stdout, end) = running(pieces(), 0).into_stdout();
        assert_eq!(stdout.next().await, Some(Ok(Bytes::from("half"))));
        assert_eq!(stdout.next().await, Some(Err(broken())));
        assert_eq!(stdout.next().await, None);
        assert_eq!(end.outcome().await, Err(broken()));
        let (stdout, end) = running(pieces(), 0).into_stdout();
        drop(stdout);
        assert!(end.outcome().await.unwrap_err().to_string().ends_with("its output was not read to the end"));
    }

    #[tokio::test]
    async fn nothing_is_read_before_it_is_wanted() {
        let read = Arc::new(AtomicUsize::new(0));
        let counter = Arc::clone(&read);
        let endless = futures_util::stream::repeat_with(move || {
            counter.fetch_add(1, Ordering::SeqCst);
            piece(Channel::Stdout, vec![0; 1024])
        });
        let running = RunningExec::new("running x".to_owned(), endless.boxed(), async { Ok(0) });
        let (mut stdout, end) = running.into_stdout();
        for pieces in 1..4 {
            stdout.next().await.unwrap().unwrap();
            assert_eq!(read.load(Ordering::SeqCst), pieces);
        }
        drop((stdout, end));
        assert_eq!(read.load(Ordering::SeqCst), 3);
    }
}
