//! Between streams and blocking code: an archive that is written becomes a stream, a stream becomes a reader.
//! Reads chunks through a short queue, so that neither side runs ahead of the other.
//! Never holds an archive in memory.

use std::io::{self, Read, Write};

use bytes::{Buf as _, Bytes};
use futures_util::StreamExt;
use tokio::sync::mpsc;

use super::{ByteStream, TargetError};

/// Bytes handed over at once.
const CHUNK: usize = 256 * 1024;
/// Chunks that may wait.
const WAITING: usize = 8;

type Chunk = io::Result<Bytes>;

/// What a blocking writer writes, as a stream. The writer runs on a thread of its own and ends when the stream is
/// dropped; its failure ends the stream with an error.
pub fn written(write: impl FnOnce(&mut dyn Write) -> io::Result<()> + Send + 'static) -> ByteStream {
    let (sender, receiver) = mpsc::channel::<Chunk>(WAITING);
    tokio::task::spawn_blocking(move || {
        let mut out = Writing { sender: sender.clone(), buffer: Vec::with_capacity(CHUNK) };
        if let Err(error) = write(&mut out).and_then(|()| out.flush()) {
            // The reader is gone.
            let _ = sender.blocking_send(Err(error));
        }
    });
    let chunks = futures_util::stream::unfold(receiver, |mut receiver| async move {
        let chunk = receiver.recv().await?;
        Some((chunk, receiver))
    });
    Box::pin(chunks.map(|chunk| chunk.map_err(|e| broken("writing a stream", &e))))
}

/// What a blocking filter makes of a stream, as a stream. The filter runs on a thread of its own; it sees an error where the
/// source broke, and its own failure ends the result with an error.
pub fn filtered(
    mut source: ByteStream,
    filter: impl FnOnce(&mut dyn Read, &mut dyn Write) -> io::Result<()> + Send + 'static,
) -> ByteStream {
    let (sender, receiver) = mpsc::channel::<Option<Chunk>>(WAITING);
    tokio::spawn(async move {
        while let Some(chunk) = source.next().await {
            if sender.send(Some(chunk.map_err(io::Error::other))).await.is_err() {
                return;
            }
        }
        let _ = sender.send(None).await;
    });
    written(move |out| filter(&mut Reading { receiver, chunk: Bytes::new(), ended: false }, out))
}

struct Writing {
    sender: mpsc::Sender<Chunk>,
    buffer: Vec<u8>,
}

impl Write for Writing {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.buffer.extend_from_slice(bytes);
        if self.buffer.len() >= CHUNK {
            self.flush()?;
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        if self.buffer.is_empty() {
            return Ok(());
        }
        let chunk = Bytes::from(std::mem::replace(&mut self.buffer, Vec::with_capacity(CHUNK)));
        self.sender.blocking_send(Ok(chunk)).map_err(|_| io::ErrorKind::BrokenPipe.into())
    }
}

/// Hands a stream to a blocking reader on a thread of its own, and returns its result. The reader sees an error
/// where the stream broke, and where this future was dropped.
pub async fn read<T: Send + 'static>(
    stream: ByteStream,
    take: impl FnOnce(&mut dyn Read) -> T + Send + 'static,
) -> Result<T, TargetError> {
    read_owned(stream, move |mut reader| take(&mut *reader)).await
}

/// The same for readers that go to another thread.
pub async fn read_owned<T: Send + 'static>(
    mut stream: ByteStream,
    take: impl FnOnce(Box<dyn Read + Send>) -> T + Send + 'static,
) -> Result<T, TargetError> {
    let (sender, receiver) = mpsc::channel::<Option<Chunk>>(WAITING);
    let reader = tokio::task::spawn_blocking(move || {
        let reading = Reading { receiver, chunk: Bytes::new(), ended: false };
        take(Box::new(reading))
    });
    while let Some(chunk) = stream.next().await {
        // The reader has what it wants, or failed and says so itself.
        if sender.send(Some(chunk.map_err(io::Error::other))).await.is_err() {
            break;
        }
    }
    let _ = sender.send(None).await;
    reader.await.map_err(|e| broken("reading a stream", &io::Error::other(e)))
}

struct Reading {
    receiver: mpsc::Receiver<Option<Chunk>>,
    chunk: Bytes,
    ended: bool,
}

impl Read for Reading {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while self.chunk.is_empty() && !self.ended {
            match self.receiver.blocking_recv() {
                Some(Some(chunk)) => self.chunk = chunk?,
                Some(None) => self.ended = true,
                // A sender that vanished without a word was dropped in the middle.
                None => return Err(io::Error::other("interrupted")),
            }
        }
        let count = self.chunk.len().min(buffer.len());
        self.chunk.copy_to_slice(&mut buffer[..count]);
        Ok(count)
    }
}

fn broken(operation: &str, error: &io::Error) -> TargetError {
    TargetError::Broken { operation: operation.to_owned(), message: error.to_string() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn what_is_written_on_one_side_is_read_on_the_other() {
        let bytes: Vec<u8> = (0..1_000_000u32).map(|n| (n % 251) as u8).collect();
        let sent = bytes.clone();
        let stream = written(move |out| out.write_all(&sent));
        let taken = read(stream, |reader| {
            let mut all = Vec::new();
            reader.read_to_end(&mut all).map(|_| all)
        });
        assert!(taken.await.unwrap().unwrap() == bytes);
    }

    #[tokio::test]
    async fn a_filter_passes_on_what_it_wants_and_every_failure() {
        let filter = |chunks: Vec<Result<Bytes, TargetError>>| async {
            let source: ByteStream = Box::pin(futures_util::stream::iter(chunks));
            let every_other = filtered(source, |from, to| {
                let mut pair = [0; 2];
                while from.read(&mut pair[..1])? == 1 {
                    from.read_exact(&mut pair[1..])?;
                    to.write_all(&pair[..1])?;
                }
                Ok(())
            });
            let parts: Result<Vec<Bytes>, TargetError> = futures_util::TryStreamExt::try_collect(every_other).await;
            parts.map(|parts| parts.concat())
        };
        assert_eq!(filter(vec![Ok("abc".into()), Ok("def".into())]).await.unwrap(), b"ace");
        let broken = || TargetError::Broken { operation: "reading".into(), message: "the line broke".into() };
        let error = filter(vec![Ok("ab".into()), Err(broken())]).await.unwrap_err();
        assert!(error.to_string().contains("the line broke"), "{error}");
        assert!(filter(vec![Ok("abc".into())]).await.is_err());
    }

    #[tokio::test]
    async fn a_failure_on_one_side_is_told_on_the_other() {
        let stream = written(|out| {
            out.write_all(b"begun")?;
            Err(io::Error::other("the disk broke"))
        });
        let taken = read(stream, |reader| {
            let mut all = Vec::new();
            reader.read_to_end(&mut all).map(|_| all)
        });
        assert!(taken.await.unwrap().unwrap_err().to_string().contains("the disk broke"));
    }
}
