//! Between blocking readers and writers of archives and streams: a short queue of chunks.
//! Reads and writes chunks; the faster side waits.
//! Never holds more than a few chunks.

use std::io::{self, Read, Write};

use bytes::Bytes;
use futures_util::StreamExt;
use tokio::sync::mpsc::{Receiver, Sender, channel};

use crate::target::{ByteStream, TargetError};

/// Chunks in the queue.
const DEPTH: usize = 8;

/// Bytes of a written chunk.
const CHUNK: usize = 64 * 1024;

/// A blocking writer and the stream of what is written.
pub(super) fn writer() -> (ChunkWriter, ByteStream) {
    let (sender, receiver) = channel(DEPTH);
    let stream = futures_util::stream::unfold(receiver, |mut receiver: Receiver<Bytes>| async move {
        let chunk = receiver.recv().await?;
        Some((Ok::<_, TargetError>(chunk), receiver))
    });
    (ChunkWriter { sender, buffer: Vec::with_capacity(CHUNK) }, stream.boxed())
}

/// Writes into a stream. What is left is sent by `flush`.
pub(super) struct ChunkWriter {
    sender: Sender<Bytes>,
    buffer: Vec<u8>,
}

impl Write for ChunkWriter {
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
        let chunk = std::mem::replace(&mut self.buffer, Vec::with_capacity(CHUNK));
        self.sender.blocking_send(chunk.into()).map_err(|_| io::ErrorKind::BrokenPipe.into())
    }
}

/// The sending end and a blocking reader of what is sent.
pub(super) fn reader() -> (Sender<Bytes>, ChunkReader) {
    let (sender, receiver) = channel(DEPTH);
    (sender, ChunkReader { receiver, chunk: Bytes::new() })
}

/// Reads what was sent.
pub(super) struct ChunkReader {
    receiver: Receiver<Bytes>,
    chunk: Bytes,
}

impl Read for ChunkReader {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while self.chunk.is_empty() {
            match self.receiver.blocking_recv() {
                Some(chunk) => self.chunk = chunk,
                None => return Ok(0),
            }
        }
        let length = buffer.len().min(self.chunk.len());
        buffer[..length].copy_from_slice(&self.chunk.split_to(length));
        Ok(length)
    }
}
