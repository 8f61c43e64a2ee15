//! The reporter for pipes, CI and dumb terminals: finished lines, and the output of builds as it comes; or warnings alone.
//! Reads events, writes lines to the screen.
//! Never moves the cursor and never writes a line twice.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use super::screen::Screen;
use super::steps::{self, Ended};
use super::style::Paint;
use crate::event::{Event, Reporter};
use crate::secret::Redactor;

/// Plain lines.
pub(super) struct Plain {
    screen: Arc<Screen>,
    redactor: Arc<Redactor>,
    paint: Paint,
    quiet: bool,
    subjects: Mutex<HashMap<usize, String>>,
}

impl Plain {
    pub(super) fn new(screen: Arc<Screen>, redactor: Arc<Redactor>, paint: Paint) -> Self {
        Self { screen, redactor, paint, quiet: false, subjects: Mutex::default() }
    }

    /// `--progress quiet`: nothing but warnings, which may hold what is needed to act.
    pub(super) fn quiet(self) -> Self {
        Self { quiet: true, ..self }
    }

    fn line(&self, event: &Event) -> Option<String> {
        let paint = self.paint;
        let mut subjects = self.subjects.lock().unwrap_or_else(PoisonError::into_inner);
        match event {
            Event::StepStarted { key, subject, .. } => {
                subjects.insert(*key, subject.clone());
                None
            }
            Event::StepProgressed { .. } => None,
            Event::StepOutput { key, line } => {
                let subject = subjects.get(key).map_or("", String::as_str);
                Some(steps::output(paint, subject, line))
            }
            Event::StepFinished { key, verb, subject, detail, took } => {
                subjects.remove(key);
                Some(steps::finished(paint, &Ended { verb, subject, detail: detail.as_deref(), took: *took }))
            }
            Event::StepFailed { key, verb, subject, message, took } => {
                subjects.remove(key);
                Some(steps::failed(paint, &Ended { verb, subject, detail: Some(message), took: *took }))
            }
            Event::StepDropped { key } => {
                subjects.remove(key);
                None
            }
            Event::Warning { message, hint } => Some(steps::warning(paint, message, hint.as_deref())),
            Event::Note { message } => Some(steps::note(paint, message)),
        }
    }
}

impl Reporter for Plain {
    fn report(&self, event: Event) {
        if self.quiet && !matches!(event, Event::Warning { .. }) {
            return;
        }
        if let Some(line) = self.line(&event) {
            self.screen.write(&format!("{}\n", self.redactor.redact(&line)));
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::secret::Secret;
    use crate::ui::screen::tests::Memory;

    #[test]
    fn quiet_lets_warnings_through_and_nothing_else() {
        let memory = Memory::default();
        let screen = Arc::new(Screen::new(Box::new(memory.clone())));
        let quiet = Plain::new(screen, Arc::default(), Paint::new(false)).quiet();
        quiet.note("nothing to do".into());
        quiet.report(Event::StepOutput { key: 1, line: "x".into() });
        quiet.warn("orphan `old-1`".into());
        assert_eq!(memory.text(), "warning: orphan `old-1`\n");
    }

    #[test]
    fn lines_come_as_things_end_and_hold_no_secret() {
        let memory = Memory::default();
        let redactor = Arc::new(Redactor::new(&[Secret::new("hunter2-hunter2")]));
        let plain = Plain::new(Arc::new(Screen::new(Box::new(memory.clone()))), redactor, Paint::new(false));
        let took = Duration::from_millis(1500);
        plain.report(Event::StepStarted { key: 1, verb: "build", subject: "image web".into(), cause: "new".into() });
        plain.report(Event::StepOutput { key: 1, line: "login with hunter2-hunter2\r\n".into() });
        plain.report(Event::StepFinished { key: 1, verb: "Built", subject: "image web".into(), detail: None, took });
        plain.report(Event::StepFailed {
            key: 2,
            verb: "start",
            subject: "container db-1".into(),
            message: "port 5432 is taken".into(),
            took,
        });
        plain.warn("orphan `old-1`".into());
        insta::assert_snapshot!(memory.text(), @r"
                     image web | login with [redacted]
               Built image web  (1.5s)
              Failed start container db-1  port 5432 is taken  (1.5s)
        warning: orphan `old-1`
        ");
    }
}
