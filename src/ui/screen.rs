//! The one hand that writes to stderr: finished lines, above the live region where there is one.
//! Reads finished text; gives it to indicatif where bars are drawn, else to the stream itself.
//! Does not format, and ignores a closed stderr.

use std::io::Write;
use std::sync::{Mutex, MutexGuard, PoisonError};

use indicatif::{MultiProgress, ProgressDrawTarget};

/// stderr, with or without a live region at its end.
pub(super) enum Screen {
    /// Lines only.
    Plain(Mutex<Box<dyn Write + Send>>),
    /// Lines above what runs now.
    Live(MultiProgress),
}

impl Screen {
    /// Lines only, to this stream.
    pub(super) fn new(out: Box<dyn Write + Send>) -> Self {
        Self::Plain(Mutex::new(out))
    }

    /// The terminal behind stderr.
    pub(super) fn live() -> Self {
        Self::Live(MultiProgress::with_draw_target(ProgressDrawTarget::stderr()))
    }

    /// Where bars are added, on a terminal.
    pub(super) fn bars(&self) -> Option<&MultiProgress> {
        match self {
            Self::Plain(_) => None,
            Self::Live(bars) => Some(bars),
        }
    }

    /// Writes text above the live region.
    pub(super) fn write(&self, text: &str) {
        if text.is_empty() {
            return;
        }
        // Nobody is left to hear about a broken stderr.
        let _ = match self {
            Self::Plain(out) => {
                let mut out = lock(out);
                out.write_all(text.as_bytes()).and_then(|()| out.flush())
            }
            Self::Live(bars) => bars.println(text.strip_suffix('\n').unwrap_or(text)),
        };
    }

    /// Runs something that writes to the same terminal by other means, with the live region out of its way.
    pub(super) fn above<R>(&self, write: impl FnOnce() -> R) -> R {
        match self {
            Self::Plain(out) => {
                let _out = lock(out);
                write()
            }
            Self::Live(bars) => bars.suspend(write),
        }
    }
}

fn lock(out: &Mutex<Box<dyn Write + Send>>) -> MutexGuard<'_, Box<dyn Write + Send>> {
    out.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
pub(super) mod tests {
    use std::sync::Arc;

    use indicatif::InMemoryTerm;

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

    /// A terminal of this many columns, and a screen on it.
    pub(in crate::ui) fn terminal(columns: u16) -> (InMemoryTerm, Screen) {
        let terminal = InMemoryTerm::new(24, columns);
        let target = ProgressDrawTarget::term_like(Box::new(terminal.clone()));
        (terminal, Screen::Live(MultiProgress::with_draw_target(target)))
    }

    #[test]
    fn lines_reach_a_stream_as_they_are() {
        let memory = Memory::default();
        let screen = Screen::new(Box::new(memory.clone()));
        screen.write("one\n");
        screen.write("");
        screen.above(|| ());
        screen.write("two\nthree\n");
        assert_eq!(memory.text(), "one\ntwo\nthree\n");
    }

    #[test]
    fn lines_stand_above_the_bars_of_a_terminal() {
        let (terminal, screen) = terminal(80);
        let bar = screen.bars().unwrap().add(indicatif::ProgressBar::new_spinner());
        bar.set_style(indicatif::ProgressStyle::with_template("{msg}").unwrap());
        bar.set_message("running");
        screen.write("done\nmore\n");
        assert_eq!(terminal.contents(), "done\nmore\nrunning");
        bar.finish_and_clear();
        screen.write("end\n");
        assert_eq!(terminal.contents(), "done\nmore\nend");
    }
}
