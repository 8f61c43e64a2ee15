//! The terminal of unattended steps: no input, output of tasks as progress, output of builds left out.
//! Reads a process's output; hands it on line by line as notes.
//! Never writes to standard output: that is for the report.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::watch;

use crate::event::{Channel, Event, LogLine, OutputStream, Reporter};
use crate::session::Console;
use crate::target::{BoxRead, TerminalSize};

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

/// How many lines of a step that failed are shown.
const LAST_LINES: usize = 20;

/// A reporter for what is read afterwards: the output of some twenty builds would bury the steps, so it is kept back and
/// shown, its end, when the step fails.
pub(super) struct Brief {
    reporter: Arc<dyn Reporter>,
    tails: Mutex<HashMap<usize, VecDeque<String>>>,
}

impl Brief {
    pub(super) fn new(reporter: Arc<dyn Reporter>) -> Self {
        Self { reporter, tails: Mutex::default() }
    }

    fn keep(&self, key: usize, line: String) {
        let mut tails = self.tails.lock().unwrap_or_else(PoisonError::into_inner);
        let tail = tails.entry(key).or_default();
        tail.push_back(line);
        while tail.len() > LAST_LINES {
            tail.pop_front();
        }
    }

    fn take(&self, key: usize) -> VecDeque<String> {
        self.tails.lock().unwrap_or_else(PoisonError::into_inner).remove(&key).unwrap_or_default()
    }
}

impl Reporter for Brief {
    fn report(&self, event: Event) {
        match event {
            Event::StepOutput { key, line } => return self.keep(key, line),
            Event::StepFailed { key, .. } => {
                for line in self.take(key) {
                    self.reporter.report(Event::StepOutput { key, line });
                }
            }
            Event::StepFinished { key, .. } | Event::StepDropped { key } => drop(self.take(key)),
            _ => {}
        }
        self.reporter.report(event);
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

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[derive(Default)]
    struct Kept(Mutex<Vec<String>>);

    impl Reporter for Kept {
        fn report(&self, event: Event) {
            let text = match event {
                Event::StepOutput { line, .. } => line,
                Event::StepFailed { message, .. } => message,
                other => format!("{other:?}"),
            };
            self.0.lock().unwrap().push(text);
        }
    }

    #[test]
    fn only_a_step_that_fails_shows_its_last_lines() {
        let kept = Arc::new(Kept::default());
        let brief = Brief::new(kept.clone());
        for line in 1..=30 {
            brief.report(Event::StepOutput { key: 1, line: format!("good {line}") });
            brief.report(Event::StepOutput { key: 2, line: format!("bad {line}") });
        }
        let (subject, took) = ("image a".to_owned(), Duration::ZERO);
        brief.report(Event::StepFinished { key: 1, verb: "Built", subject: subject.clone(), detail: None, took });
        brief.report(Event::StepFailed { key: 2, verb: "build", subject, message: "broken".into(), took });
        let told = kept.0.lock().unwrap().split_off(1);
        let mut expected: Vec<String> = (11..=30).map(|line| format!("bad {line}")).collect();
        expected.push("broken".to_owned());
        assert_eq!(told, expected);
    }
}
