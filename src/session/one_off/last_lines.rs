//! The last lines of a command's output, for the record of its failure.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};

use crate::event::{Channel, LogLine, OutputStream};

/// Lines that are kept, and the characters of each.
const LINES: usize = 20;
const LONGEST: usize = 500;

/// Passes output on and keeps its last lines.
pub(super) struct LastLines {
    shown: Arc<dyn OutputStream>,
    kept: Mutex<Kept>,
}

#[derive(Default)]
struct Kept {
    lines: VecDeque<String>,
    /// The line that has not ended.
    open: Vec<u8>,
}

impl LastLines {
    pub(super) fn new(shown: Arc<dyn OutputStream>) -> Self {
        Self { shown, kept: Mutex::default() }
    }

    /// The last lines, oldest first.
    pub(super) fn lines(&self) -> Vec<String> {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        kept.end_line();
        kept.lines.iter().cloned().collect()
    }
}

impl Kept {
    fn end_line(&mut self) {
        let text = String::from_utf8_lossy(&std::mem::take(&mut self.open)).trim_end().to_owned();
        if text.is_empty() {
            return;
        }
        if self.lines.len() == LINES {
            self.lines.pop_front();
        }
        self.lines.push_back(text);
    }
}

impl OutputStream for LastLines {
    fn log(&self, line: &LogLine) -> std::io::Result<()> {
        self.shown.log(line)
    }

    fn bytes(&self, channel: Channel, bytes: &[u8]) -> std::io::Result<()> {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        for byte in bytes {
            match byte {
                b'\n' => kept.end_line(),
                byte if kept.open.len() < LONGEST => kept.open.push(*byte),
                _ => {}
            }
        }
        drop(kept);
        self.shown.bytes(channel, bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Nowhere;

    impl OutputStream for Nowhere {
        fn log(&self, _: &LogLine) -> std::io::Result<()> {
            Ok(())
        }

        fn bytes(&self, _: Channel, _: &[u8]) -> std::io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn the_last_lines_are_kept_and_long_ones_cut() {
        let last = LastLines::new(Arc::new(Nowhere));
        for number in 0..30 {
            last.bytes(Channel::Stdout, format!("line {number}\n").as_bytes()).unwrap();
        }
        last.bytes(Channel::Stderr, "x".repeat(10_000).as_bytes()).unwrap();
        let lines = last.lines();
        assert_eq!((lines.len(), lines[0].as_str(), lines[19].len()), (LINES, "line 11", LONGEST));
    }
}
