//! The output of a task on its way to the terminal.
//! Passes on the bytes of its channels with known secrets redacted, also across pieces.
//! Not used for requested data: the output of `exec` and `run SERVICE` is passed on unchanged.

use std::sync::{Arc, Mutex, PoisonError};

use crate::event::{Channel, LogLine, OutputStream};
use crate::secret::{RedactedStream, Redactor};

/// An output that shows no secret.
pub struct Private {
    shown: Arc<dyn OutputStream>,
    /// Whether all of it is shown on stderr.
    aside: bool,
    /// Of stdout and stderr.
    streams: Mutex<[RedactedStream; 2]>,
}

impl Private {
    /// `aside` shows all of it on stderr, for a verb whose stdout is its report.
    pub fn new(shown: Arc<dyn OutputStream>, redactor: &Arc<Redactor>, aside: bool) -> Self {
        let stream = || RedactedStream::new(redactor.clone());
        Self { shown, aside, streams: Mutex::new([stream(), stream()]) }
    }
}

impl OutputStream for Private {
    fn log(&self, line: &LogLine) -> std::io::Result<()> {
        self.shown.log(line)
    }

    fn bytes(&self, channel: Channel, bytes: &[u8]) -> std::io::Result<()> {
        let mut streams = self.streams.lock().unwrap_or_else(PoisonError::into_inner);
        let ready = streams[usize::from(channel == Channel::Stderr)].push(bytes);
        let shown = if self.aside { Channel::Stderr } else { channel };
        if ready.is_empty() { Ok(()) } else { self.shown.bytes(shown, &ready) }
    }
}

impl Drop for Private {
    fn drop(&mut self) {
        let streams = self.streams.get_mut().unwrap_or_else(PoisonError::into_inner);
        for (stream, channel) in streams.iter_mut().zip([Channel::Stdout, Channel::Stderr]) {
            let rest = stream.finish();
            if !rest.is_empty() {
                // The reader of a process that ended may be gone as well.
                let _ = self.shown.bytes(if self.aside { Channel::Stderr } else { channel }, &rest);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::secret::Secret;

    #[derive(Default)]
    struct Kept(Mutex<Vec<(Channel, Vec<u8>)>>);

    impl OutputStream for Kept {
        fn log(&self, _line: &LogLine) -> std::io::Result<()> {
            Ok(())
        }

        fn bytes(&self, channel: Channel, bytes: &[u8]) -> std::io::Result<()> {
            self.0.lock().unwrap().push((channel, bytes.to_vec()));
            Ok(())
        }
    }

    #[test]
    fn a_secret_in_pieces_is_struck_and_the_channels_stay_apart() {
        let kept = Arc::new(Kept::default());
        let redactor = Arc::new(Redactor::new(&[Secret::new("s3cr3t-word")]));
        let private = Private::new(kept.clone(), &redactor, false);
        private.bytes(Channel::Stdout, b"with s3cr").unwrap();
        private.bytes(Channel::Stderr, b"3t-word").unwrap();
        private.bytes(Channel::Stdout, b"3t-word, ends with s3").unwrap();
        drop(private);
        let all = kept.0.lock().unwrap();
        let of = |wanted: Channel| -> Vec<u8> {
            all.iter().filter(|(channel, _)| *channel == wanted).flat_map(|(_, bytes)| bytes.clone()).collect()
        };
        assert_eq!(String::from_utf8(of(Channel::Stdout)).unwrap(), "with [redacted], ends with s3");
        assert_eq!(of(Channel::Stderr), b"3t-word");
    }
}
