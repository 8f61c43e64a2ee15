//! A command that runs inside a container and whose output is pulled: nothing is read that was not asked for.
//! Reads what an engine gives as pieces of output and an exit code; returns both, or standard output alone as a stream.
//! Never takes a command for one that ended well before its exit code is known.

use std::pin::Pin;

use bytes::Bytes;
use futures_util::future::BoxFuture;
use futures_util::{Stream, StreamExt as _};
use tokio::sync::oneshot;

use super::{ByteStream, TargetError};
use crate::event::{Channel, OutputStream};

/// What is kept of standard error beside a stream of standard output, from its end.
const STDERR_KEPT: usize = 64 * 1024;

/// Pieces of output in their order, each with the channel it came from.
pub type OutputPieces = Pin<Box<dyn Stream<Item = Result<(Channel, Bytes), TargetError>> + Send>>;

/// A command that runs. It waits while its output is not read; dropping this hangs up.
pub struct RunningExec {
    what: String,
    output: OutputPieces,
    exit: BoxFuture<'static, Result<i64, TargetError>>,
}

/// How a command ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExecOutcome {
    /// Its exit code.
    pub exit_code: i64,
    /// The end of what it wrote to standard error, at most 64 KiB.
    pub stderr: Vec<u8>,
}

/// The end of a command whose standard output is read elsewhere.
#[must_use = "the output is whole only if the exit code says so"]
pub struct ExecEnd {
    what: String,
    outcome: oneshot::Receiver<Result<ExecOutcome, TargetError>>,
}

impl RunningExec {
    /// A command (`what`, as errors name it) by its output and the exit code that is known after it.
    pub fn new(
        what: String,
        output: OutputPieces,
        exit: impl Future<Output = Result<i64, TargetError>> + Send + 'static,
    ) -> Self {
        Self { what, output, exit: Box::pin(exit) }
    }

    /// The next piece of output, from whichever channel it comes; `None` once both have ended.
    pub async fn next(&mut self) -> Option<Result<(Channel, Bytes), TargetError>> {
        self.output.next().await
    }

    /// Waits for the end of the command. Output that was not read is lost.
    pub async fn exit_code(self) -> Result<i64, TargetError> {
        drop(self.output);
        self.exit.await
    }

    /// Hands all output over as it comes, until it ends or nobody wants it any more; returns the exit code.
    pub async fn hand_over(mut self, output: &dyn OutputStream) -> Result<i64, TargetError> {
        while let Some(piece) = self.next().await {
            let (channel, bytes) = piece?;
            if output.bytes(channel, &bytes).is_err() {
                break;
            }
        }
        self.exit_code().await
    }

    /// Standard output alone, for a reader that takes one stream. Read it to its end: only then is the outcome known.
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
                        // Nobody may be waiting for the outcome; the reader is told in any case.
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
    /// How the command ended: an error where its output was not read to the end.
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
