//! Makes text from engines, containers and files safe for a terminal: control characters are escaped, and ids of
//! containers in messages are short. Secrets are redacted first: a cut value would not be recognised.

use std::borrow::Cow;
use std::sync::Arc;

use crate::event::{Event, Reporter};
use crate::secret::Redactor;

/// Hexadecimal digits of an engine's id, and how many of them are shown.
const ID: usize = 64;
const SHORT_ID: usize = 12;

/// Text without control characters but line ends and tabs, and without characters that reverse the direction of text.
pub(super) fn printable(text: &str) -> Cow<'_, str> {
    let is_unsafe = |c: char| {
        let reverses = matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
        reverses || c.is_control() && !matches!(c, '\n' | '\t')
    };
    if !text.contains(is_unsafe) {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len());
    // A terminal's line end, not a way back to the beginning of the line.
    for c in text.replace("\r\n", "\n").chars() {
        if is_unsafe(c) { out.extend(c.escape_default()) } else { out.push(c) }
    }
    Cow::Owned(out)
}

/// A message: printable, with short ids. Digests stay whole.
pub(super) fn message(text: &str) -> String {
    let text = printable(text);
    let mut out = String::with_capacity(text.len());
    let mut rest = &*text;
    while let Some(at) = rest.find(|c: char| c.is_ascii_alphanumeric()) {
        let (before, from) = rest.split_at(at);
        let (word, after) = from.split_at(from.find(|c: char| !c.is_ascii_alphanumeric()).unwrap_or(from.len()));
        out.push_str(before);
        let is_id = word.len() == ID && word.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
        out.push_str(if is_id && !out.ends_with("sha256:") { &word[..SHORT_ID] } else { word });
        rest = after;
    }
    out + rest
}

/// Cleans the text of events for another reporter.
pub(super) struct Printable {
    inner: Arc<dyn Reporter>,
    redactor: Arc<Redactor>,
}

impl Printable {
    pub(super) fn new(inner: Arc<dyn Reporter>, redactor: Arc<Redactor>) -> Self {
        Self { inner, redactor }
    }
}

impl Reporter for Printable {
    fn report(&self, event: Event) {
        let clean = |text: String| message(&self.redactor.redact(&text));
        self.inner.report(match event {
            Event::StepStarted { key, verb, subject, cause } => {
                Event::StepStarted { key, verb, subject: clean(subject), cause: clean(cause) }
            }
            Event::StepProgressed { key, message, done, total } => {
                Event::StepProgressed { key, message: clean(message), done, total }
            }
            // Programs of a build may write in colour.
            Event::StepOutput { key, line } => {
                let line = self.redactor.redact(line.trim_end());
                Event::StepOutput { key, line: printable(&console::strip_ansi_codes(&line)).into_owned() }
            }
            Event::StepFinished { key, verb, subject, detail, took } => {
                Event::StepFinished { key, verb, subject: clean(subject), detail: detail.map(clean), took }
            }
            Event::StepFailed { key, verb, subject, message, took } => {
                Event::StepFailed { key, verb, subject: clean(subject), message: clean(message), took }
            }
            Event::Warning { message, hint } => Event::Warning { message: clean(message), hint: hint.map(clean) },
            Event::Note { message } => Event::Note { message: clean(message) },
            Event::StepDropped { key } => Event::StepDropped { key },
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::secret::Secret;
    use crate::ui::plain::Plain;
    use crate::ui::screen::Screen;
    use crate::ui::screen::tests::Memory;
    use crate::ui::style::Paint;

    #[test]
    fn control_characters_are_escaped_and_lines_stay() {
        assert_eq!(
            printable("a\x1b]0;title\x07\tb\r\nc\rd\u{9b}\u{202e}"),
            "a\\u{1b}]0;title\\u{7}\tb\nc\\rd\\u{9b}\\u{202e}"
        );
        assert!(matches!(printable("größe\n"), Cow::Borrowed(_)));
    }

    #[test]
    fn ids_are_short_and_digests_are_not() {
        let id = "0123456789abcdef".repeat(4);
        assert_eq!(message(&format!("exec in {id}: x")), "exec in 0123456789ab: x");
        let digest = format!("api@sha256:{id}");
        assert_eq!(message(&digest), digest);
        assert_eq!(message(&format!("{id}0")), format!("{id}0"));
    }

    #[test]
    fn an_event_is_redacted_before_anything_of_it_is_cut() {
        let (memory, secret) = (Memory::default(), "0123456789abcdef".repeat(4));
        let redactor = Arc::new(Redactor::new(&[Secret::new(secret.as_str())]));
        let plain = Plain::new(Arc::new(Screen::new(Box::new(memory.clone()))), redactor.clone(), Paint::new(false));
        let reporter = Printable::new(Arc::new(plain), redactor);
        reporter.warn(format!("web\x1b[2J {secret}"));
        reporter.report(Event::StepOutput { key: 1, line: "\x1b[31mred\x1b[0m\x07\n".into() });
        assert_eq!(memory.text(), "warning: web\\u{1b}[2J [redacted]\n              | red\\u{7}\n");
    }
}
