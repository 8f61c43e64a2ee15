//! The engine's way of putting two outputs into one stream: frames with a channel and a length.
//! Reads chunks as they come; returns the bytes of each channel, or whole frames.
//! Never guesses: whether there are frames at all is known from the container's terminal.

use bytes::{Buf, Bytes, BytesMut};

use crate::event::Channel;

/// Length of a frame's header: channel, three zero bytes, length.
const HEADER: usize = 8;

/// Takes a stream apart.
#[derive(Debug)]
pub(super) struct Frames {
    tty: bool,
    buffer: BytesMut,
    rest: Option<(Channel, usize)>,
}

impl Frames {
    pub(super) fn new(tty: bool) -> Self {
        Self { tty, buffer: BytesMut::new(), rest: None }
    }

    pub(super) fn push(&mut self, chunk: &[u8]) {
        self.buffer.extend_from_slice(chunk);
    }

    /// The next bytes there are, whether or not their frame is complete.
    pub(super) fn next_bytes(&mut self) -> Option<(Channel, Bytes)> {
        let (channel, rest) = self.current()?;
        let length = rest.min(self.buffer.len());
        if length == 0 && rest > 0 {
            return None;
        }
        self.rest = (rest > length).then_some((channel, rest - length));
        Some((channel, self.buffer.split_to(length).freeze()))
    }

    /// The next whole frame.
    pub(super) fn next_frame(&mut self) -> Option<(Channel, Bytes)> {
        let (channel, length) = self.current()?;
        if self.buffer.len() < length {
            return None;
        }
        self.rest = None;
        Some((channel, self.buffer.split_to(length).freeze()))
    }

    /// Whether the stream ends here within a frame.
    pub(super) fn is_cut(&self) -> bool {
        !self.buffer.is_empty() || self.rest.is_some_and(|(_, rest)| rest > 0)
    }

    fn current(&mut self) -> Option<(Channel, usize)> {
        if self.tty {
            return (!self.buffer.is_empty()).then_some((Channel::Stdout, self.buffer.len()));
        }
        if self.rest.is_none() && self.buffer.len() >= HEADER {
            // 0 is standard input echoed, 1 standard output, 2 standard error, 3 the engine's own complaint.
            let channel = if self.buffer[0] < 2 { Channel::Stdout } else { Channel::Stderr };
            self.buffer.advance(4);
            let length = self.buffer.get_u32() as usize;
            self.rest = Some((channel, length));
        }
        self.rest
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(channel: u8, text: &str) -> Vec<u8> {
        let mut bytes = vec![channel, 0, 0, 0];
        bytes.extend(u32::try_from(text.len()).unwrap().to_be_bytes());
        bytes.extend(text.as_bytes());
        bytes
    }

    #[test]
    fn frames_cut_anywhere_give_the_same_bytes() {
        let stream = [frame(1, "out"), frame(2, ""), frame(2, "error")].concat();
        for cut in 0..stream.len() {
            let mut frames = Frames::new(false);
            let mut whole = Vec::new();
            for part in [&stream[..cut], &stream[cut..]] {
                frames.push(part);
                while let Some((channel, bytes)) = frames.next_bytes() {
                    whole.extend(bytes.iter().map(|b| (channel, *b)));
                }
            }
            let text = |c| whole.iter().filter(|(x, _)| *x == c).map(|(_, b)| char::from(*b)).collect::<String>();
            assert_eq!((text(Channel::Stdout), text(Channel::Stderr)), ("out".into(), "error".into()), "cut at {cut}");
        }
    }

    #[test]
    fn a_stream_that_ends_within_a_frame_is_cut() {
        let stream = [frame(1, "out"), frame(2, "error")].concat();
        for cut in 0..=stream.len() {
            let mut frames = Frames::new(false);
            frames.push(&stream[..cut]);
            while frames.next_bytes().is_some() {}
            assert_eq!(frames.is_cut(), ![0, HEADER + 3, stream.len()].contains(&cut), "cut at {cut}");
        }
    }

    #[test]
    fn a_terminal_has_no_frames() {
        let mut frames = Frames::new(true);
        frames.push(&[1, 0, 0, 0, b'x']);
        assert_eq!(frames.next_bytes().unwrap().1.len(), 5);
        assert_eq!(frames.next_bytes(), None);
    }

    #[test]
    fn whole_frames_wait_for_their_end() {
        let mut frames = Frames::new(false);
        let bytes = frame(1, "line\n");
        frames.push(&bytes[..10]);
        assert_eq!(frames.next_frame(), None);
        frames.push(&bytes[10..]);
        assert_eq!(frames.next_frame().unwrap().1.as_ref(), b"line\n");
    }
}
