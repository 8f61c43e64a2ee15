//! The terminal of steps nobody types into: no input, what tasks print is talk, and what builds print is left out.
//! Reads a process's output; hands it on line by line as notes.
//! Never writes to standard output: that is for the report.

use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::watch;

use crate::event::{Channel, Event, LogLine, OutputStream, Reporter};
use crate::target::{BoxRead, TerminalSize};
use crate::workflow::Console;

/// Nobody sits there.
pub(super) struct Unattended;

impl Console for Unattended {
    fn is_terminal(&self) -> bool {
        false
    }

    fn stdin(&self) -> BoxRead {
        Box::pin(tokio::io::empty())
    }

    fn raw(&self) -> (Box<dyn Send>, Option<watch::Receiver<TerminalSize>>) {
        (Box::new(()), None)
    }
}

/// A reporter for what is read afterwards: some twenty builds would bury the steps. A failure has its last lines anyway.
pub(super) struct Brief(pub(super) Arc<dyn Reporter>);

impl Reporter for Brief {
    fn report(&self, event: Event) {
        if !matches!(event, Event::StepOutput { .. }) {
            self.0.report(event);
        }
    }
}

/// Output as notes.
pub(super) struct Talk {
    reporter: Arc<dyn Reporter>,
    /// What came after the last line end, of each channel.
    unfinished: Mutex<[Vec<u8>; 2]>,
}

impl Talk {
    pub(super) fn new(reporter: Arc<dyn Reporter>) -> Self {
        Self { reporter, unfinished: Mutex::default() }
    }
}

impl OutputStream for Talk {
    fn log(&self, line: &LogLine) -> std::io::Result<()> {
        self.reporter.note(format!("{}: {}", line.source, line.message));
        Ok(())
    }

    fn bytes(&self, channel: Channel, bytes: &[u8]) -> std::io::Result<()> {
        let mut unfinished = self.unfinished.lock().unwrap_or_else(PoisonError::into_inner);
        let buffer = &mut unfinished[usize::from(channel == Channel::Stderr)];
        buffer.extend_from_slice(bytes);
        while let Some(end) = buffer.iter().position(|byte| *byte == b'\n') {
            let line: Vec<u8> = buffer.drain(..=end).collect();
            self.reporter.note(String::from_utf8_lossy(&line).trim_end().to_owned());
        }
        Ok(())
    }
}

impl Drop for Talk {
    fn drop(&mut self) {
        let unfinished = self.unfinished.get_mut().unwrap_or_else(PoisonError::into_inner);
        for rest in unfinished.iter().filter(|rest| !rest.is_empty()) {
            self.reporter.note(String::from_utf8_lossy(rest).into_owned());
        }
    }
}
