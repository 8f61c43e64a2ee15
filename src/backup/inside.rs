//! Running commands inside the container of a data service: answers as text, dumps as streams that fail when the command does.

use std::time::Duration;

use bytes::Bytes;
use futures_util::{Stream, StreamExt};

use super::error::BackupError;
use crate::target::{BoxRead, ByteStream, ExecArgs, ExecEnd, ExecInput, Target, TargetError};

/// How long a query may take.
pub(super) const QUERY: Duration = Duration::from_secs(60);
/// A dump that gives nothing for so long has failed.
pub(super) const STALLED: Duration = Duration::from_secs(600);
/// The longest answer to a query.
pub(super) const LONGEST_ANSWER: usize = 1 << 20;
/// Bytes at the end of a dump that are looked at.
const ENDING: usize = 64;

/// The container of a data service.
#[derive(Clone)]
pub struct Inside<'a> {
    /// Where it runs.
    pub target: &'a dyn Target,
    /// The service, for messages.
    pub service: String,
    /// Its container.
    pub container: String,
    /// `KEY=VALUE` pairs for its commands, such as a password.
    pub environment: Vec<String>,
    /// A shell script that sets what its clients log in with.
    pub login: &'static str,
    /// The user its commands run as, or the container's own.
    pub user: Option<String>,
}

/// How a whole dump looks.
#[derive(Clone, Copy)]
pub(super) struct Shape {
    /// How it begins.
    pub(super) head: &'static [u8],
    /// Whether its last bytes are an ending.
    pub(super) ends: fn(&[u8]) -> bool,
}

impl Inside<'_> {
    /// The arguments of a shell command after the login script.
    pub(super) fn args(&self, script: &str, words: &[&str]) -> ExecArgs {
        let script = format!("{}\n{script}", self.login);
        let fixed = ["sh".to_owned(), "-c".to_owned(), script, "aictl".to_owned()];
        ExecArgs {
            container: self.container.clone(),
            command: fixed.into_iter().chain(words.iter().map(|word| (*word).to_owned())).collect(),
            environment: self.environment.clone(),
            user: self.user.clone(),
            ..ExecArgs::default()
        }
    }

    /// What a command prints. One that fails is an error with the last line it wrote.
    pub(super) async fn answer(&self, script: &str, words: &[&str]) -> Result<String, BackupError> {
        self.answer_within(QUERY, script, words).await
    }

    /// The same with another deadline.
    pub(super) async fn answer_within(
        &self,
        deadline: Duration,
        script: &str,
        words: &[&str],
    ) -> Result<String, BackupError> {
        let late = |_| self.failed(format!("no answer within {}s", deadline.as_secs()));
        tokio::time::timeout(deadline, self.run(script, words, None)).await.map_err(late)?
    }

    /// Runs a command that reads a stream; its own deadline is the stream's.
    pub async fn feed(&self, script: &str, words: &[&str], input: ByteStream) -> Result<String, BackupError> {
        let (input, failure) = input_of(input);
        let result = self.run(script, words, Some(input)).await;
        // A source that broke looks like an end to the command.
        match failure.lock().unwrap_or_else(std::sync::PoisonError::into_inner).take() {
            Some(error) => Err(error.into()),
            None => result,
        }
    }

    /// What a command prints that reads a text.
    pub(super) async fn tell(
        &self,
        deadline: Duration,
        (script, words): (&str, &[&str]),
        text: String,
    ) -> Result<String, BackupError> {
        let input = Box::pin(futures_util::stream::iter([Ok(bytes::Bytes::from(text))]));
        let late = |_| self.failed(format!("no answer within {}s", deadline.as_secs()));
        tokio::time::timeout(deadline, self.feed(script, words, input)).await.map_err(late)?
    }

    async fn run(&self, script: &str, words: &[&str], stdin: Option<BoxRead>) -> Result<String, BackupError> {
        let input = ExecInput { stdin, ..ExecInput::default() };
        let running = self.target.exec_stream(&self.args(script, words), input).await?;
        let (mut stdout, end) = running.into_stdout();
        let mut text = Vec::new();
        while let Some(piece) = stdout.next().await {
            let piece = piece?;
            let room = LONGEST_ANSWER.saturating_sub(text.len());
            text.extend_from_slice(&piece[..piece.len().min(room)]);
        }
        let outcome = end.outcome().await?;
        match outcome.exit_code {
            0 => Ok(String::from_utf8_lossy(&text).into_owned()),
            code => Err(self.failed(last_words(code, &outcome.stderr))),
        }
    }

    /// What a command writes, as a stream that ends with an error unless the command ended well and the dump has its shape.
    pub(super) async fn dump(&self, script: &str, words: &[&str], shape: Shape) -> Result<ByteStream, BackupError> {
        let running = self.target.exec_stream(&self.args(script, words), ExecInput::default()).await?;
        let (stdout, end) = running.into_stdout();
        Ok(shaped(ended_well(stdout, end), shape))
    }

    /// A failure of the service.
    pub fn failed(&self, reason: impl Into<String>) -> BackupError {
        BackupError::Service { service: self.service.clone(), reason: reason.into() }
    }
}

/// The last line of standard error with the exit code.
pub(super) fn last_words(code: i64, stderr: &[u8]) -> String {
    let text = String::from_utf8_lossy(stderr);
    let last = text.lines().rev().map(str::trim).find(|line| !line.is_empty());
    last.map_or_else(|| format!("exit code {code}"), |line| format!("{line} (exit code {code})"))
}

fn broken(message: String) -> TargetError {
    TargetError::Broken { operation: "dumping".to_owned(), message }
}

/// The output, then an error if the command failed or stood still.
fn ended_well(stdout: ByteStream, end: ExecEnd) -> ByteStream {
    let state = Some((stdout, end));
    let checked = futures_util::stream::unfold(state, |state| async move {
        let (mut stdout, end) = state?;
        let Ok(next) = tokio::time::timeout(STALLED, stdout.next()).await else {
            return Some((Err(broken(format!("nothing came for {}s", STALLED.as_secs()))), None));
        };
        match next {
            Some(Ok(bytes)) => Some((Ok(bytes), Some((stdout, end)))),
            Some(Err(error)) => Some((Err(error), None)),
            None => match end.outcome().await {
                Ok(outcome) if outcome.exit_code == 0 => None,
                Ok(outcome) => Some((Err(broken(last_words(outcome.exit_code, &outcome.stderr))), None)),
                Err(error) => Some((Err(error), None)),
            },
        }
    });
    checked.boxed()
}

/// The stream, then an error if it does not look like a whole dump.
pub(super) fn shaped(
    stream: impl Stream<Item = Result<Bytes, TargetError>> + Send + 'static,
    shape: Shape,
) -> ByteStream {
    let state = Some((stream.boxed(), Vec::new(), Vec::new()));
    let checked = futures_util::stream::unfold(state, move |state| async move {
        let (mut stream, mut head, mut tail): (ByteStream, Vec<u8>, Vec<u8>) = state?;
        match stream.next().await {
            Some(Ok(bytes)) => {
                let room = shape.head.len().saturating_sub(head.len());
                head.extend_from_slice(&bytes[..bytes.len().min(room)]);
                tail.extend_from_slice(&bytes[bytes.len().saturating_sub(ENDING)..]);
                let surplus = tail.len().saturating_sub(ENDING);
                tail.drain(..surplus);
                Some((Ok(bytes), Some((stream, head, tail))))
            }
            Some(Err(error)) => Some((Err(error), None)),
            None if tail.is_empty() => Some((Err(broken("the dump is empty".to_owned())), None)),
            None if head != shape.head => Some((Err(broken("the output is not a dump".to_owned())), None)),
            None if !(shape.ends)(&tail) => Some((Err(broken("the dump is truncated".to_owned())), None)),
            None => None,
        }
    });
    checked.boxed()
}

/// The stream with its first piece at hand: whoever gives it has begun.
pub(super) async fn begun(mut stream: ByteStream) -> Result<ByteStream, BackupError> {
    let first = stream.next().await.transpose()?;
    Ok(futures_util::stream::iter(first.map(Ok)).chain(stream).boxed())
}

/// Where a failure of the source is kept, because a command only sees the end of its input.
type Failure = std::sync::Arc<std::sync::Mutex<Option<TargetError>>>;

/// A stream as the input of a command.
pub(super) fn input_of(stream: ByteStream) -> (BoxRead, Failure) {
    let failure = Failure::default();
    let kept = failure.clone();
    let (sender, receiver) = tokio::sync::mpsc::channel::<std::io::Result<Bytes>>(4);
    tokio::spawn(async move {
        let mut stream = stream;
        while let Some(piece) = stream.next().await {
            let piece = piece.map_err(|error| {
                let words = error.to_string();
                *kept.lock().unwrap_or_else(std::sync::PoisonError::into_inner) = Some(error);
                std::io::Error::other(words)
            });
            let last = piece.is_err();
            if sender.send(piece).await.is_err() || last {
                return;
            }
        }
    });
    let pieces = futures_util::stream::unfold(receiver, |mut receiver| async move {
        let piece = receiver.recv().await?;
        Some((piece, receiver))
    });
    (Box::pin(tokio_util::io::StreamReader::new(Shared::new(pieces))), failure)
}

/// A stream that may be shared between threads, as an input must be.
pub(super) struct Shared<T>(std::sync::Mutex<futures_util::stream::BoxStream<'static, T>>);

impl<T> Shared<T> {
    pub(super) fn new(stream: impl Stream<Item = T> + Send + 'static) -> Self {
        Self(std::sync::Mutex::new(stream.boxed()))
    }
}

impl<T> Stream for Shared<T> {
    type Item = T;

    fn poll_next(
        self: std::pin::Pin<&mut Self>,
        context: &mut std::task::Context<'_>,
    ) -> std::task::Poll<Option<Self::Item>> {
        let stream = self.get_mut().0.get_mut().unwrap_or_else(std::sync::PoisonError::into_inner);
        stream.as_mut().poll_next(context)
    }
}

#[cfg(test)]
mod tests {
    use futures_util::TryStreamExt as _;

    use super::*;

    const SHAPE: Shape = Shape { head: b"HEAD", ends: |tail| tail.ends_with(b"END") };

    async fn shape_of(pieces: &[&'static str]) -> Result<(), String> {
        let pieces: Vec<_> = pieces.iter().map(|piece| Ok(Bytes::from(*piece))).collect();
        let stream = shaped(futures_util::stream::iter(pieces), SHAPE);
        stream.try_collect::<Vec<_>>().await.map(drop).map_err(|error| error.to_string())
    }

    #[tokio::test]
    async fn a_dump_that_is_empty_foreign_or_cut_fails_at_its_end() {
        shape_of(&["HE", "AD and much more EN", "D"]).await.unwrap();
        for (pieces, words) in [
            (&[][..], "the dump is empty"),
            (&["usage: dump"], "the output is not a dump"),
            (&["HE"], "the output is not a dump"),
            (&["HEAD and half"], "is truncated"),
        ] {
            let error = shape_of(pieces).await.unwrap_err();
            assert!(error.contains(words), "{pieces:?}: {error}");
        }
    }

    #[tokio::test]
    async fn a_source_that_breaks_fails_the_command_it_feeds() {
        use tokio::io::AsyncReadExt as _;
        let pieces = vec![Ok(Bytes::from("half")), Err(broken("gone".to_owned()))];
        let (mut input, failure) = input_of(futures_util::stream::iter(pieces).boxed());
        let mut text = Vec::new();
        assert!(input.read_to_end(&mut text).await.is_err());
        assert_eq!(text, b"half");
        assert!(failure.lock().unwrap().is_some());
    }
}
