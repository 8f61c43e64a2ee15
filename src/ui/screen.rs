//! The one hand that writes to stderr: finished lines above, the live region below them.
//! Reads finished text and the lines of the region; writes them in one piece, so that nothing flickers or mixes.
//! Never formats, and never fails: a stderr that went away is nobody's error.

use std::io::Write;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// stderr and how many lines of live region stand at its end.
pub(super) struct Screen {
    inner: Mutex<Inner>,
}

struct Inner {
    out: Box<dyn Write + Send>,
    drawn: usize,
}

impl Screen {
    pub(super) fn new(out: Box<dyn Write + Send>) -> Self {
        Self { inner: Mutex::new(Inner { out, drawn: 0 }) }
    }

    /// Writes text above the live region; the region itself vanishes until it is drawn again.
    pub(super) fn write(&self, text: &str) {
        self.draw(text, &[]);
    }

    /// Writes text, then the live region below it.
    pub(super) fn draw(&self, text: &str, live: &[String]) {
        let mut inner = self.lock();
        let mut frame = inner.erased();
        frame.push_str(text);
        for line in live {
            frame.push_str(line);
            frame.push('\n');
        }
        inner.drawn = live.len();
        inner.put(&frame);
    }

    /// Runs something that writes to the same terminal by other means, with the live region out of its way.
    pub(super) fn above<R>(&self, write: impl FnOnce() -> R) -> R {
        let mut inner = self.lock();
        let frame = inner.erased();
        inner.drawn = 0;
        inner.put(&frame);
        write()
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Inner {
    /// The codes that take the region away: up to its first line, and clear to the end.
    fn erased(&self) -> String {
        if self.drawn == 0 { String::new() } else { format!("\r\x1b[{}A\x1b[J", self.drawn) }
    }

    fn put(&mut self, frame: &str) {
        if !frame.is_empty() {
            // Nobody is left to hear about a broken stderr.
            let _ = self.out.write_all(frame.as_bytes()).and_then(|()| self.out.flush());
        }
    }
}

#[cfg(test)]
pub(super) mod tests {
    use std::sync::Arc;

    use super::*;

    /// A writer whose content a test can read.
    #[derive(Clone, Default)]
    pub(in crate::ui) struct Memory(Arc<Mutex<Vec<u8>>>);

    impl Memory {
        pub(in crate::ui) fn text(&self) -> String {
            String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
        }
    }

    impl Write for Memory {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0.lock().unwrap().extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn the_live_region_is_taken_away_before_anything_else_is_written() {
        let memory = Memory::default();
        let screen = Screen::new(Box::new(memory.clone()));
        screen.draw("done\n", &["one".to_owned(), "two".to_owned()]);
        screen.draw("more\n", &["two".to_owned()]);
        screen.above(|| ());
        screen.write("end\n");
        assert_eq!(memory.text(), "done\none\ntwo\n\r\x1b[2A\x1b[Jmore\ntwo\n\r\x1b[1A\x1b[Jend\n");
    }
}
