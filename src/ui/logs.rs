//! Streams log lines and the bytes of processes to stdout and stderr.
//! Reads lines and bytes as they come; prefixes, colours and redacts the former, passes the latter on untouched.
//! Never buffers: what has come is on its way.

use std::io::Write;
use std::sync::{Arc, Mutex, PoisonError};

use super::screen::Screen;
use super::style::Paint;
use crate::event::{Channel, LogLine, OutputStream};
use crate::secret::Redactor;

/// How log lines are to look.
#[derive(Debug, Clone, Default)]
pub struct LogOptions {
    /// Leave out `service-N  | `.
    pub no_prefix: bool,
    /// Begin each line with the engine's time.
    pub timestamps: bool,
    /// No colour for the sources, whatever the terminal can do.
    pub no_color: bool,
    /// Names known to come, so that the first line is padded like the last.
    pub sources: Vec<String>,
}

/// How a line is written.
#[derive(Clone, Copy)]
pub(super) struct LineForm {
    /// As a JSON object.
    pub(super) json: bool,
    /// Otherwise in this colour.
    pub(super) paint: Paint,
}

/// The process's own stdout and stderr.
pub(super) struct StandardOutput {
    options: LogOptions,
    json: bool,
    paint: Paint,
    widest: Mutex<usize>,
    screen: Arc<Screen>,
    redactor: Arc<Redactor>,
}

impl StandardOutput {
    pub(super) fn new(options: LogOptions, form: LineForm, screen: Arc<Screen>, redactor: Arc<Redactor>) -> Self {
        let LineForm { json, paint } = form;
        let widest = options.sources.iter().map(|name| console::measure_text_width(name)).max().unwrap_or(0);
        let paint = if options.no_color { Paint::new(false) } else { paint };
        Self { options, json, paint, widest: Mutex::new(widest), screen, redactor }
    }

    fn drawn(&self, line: &LogLine) -> String {
        if self.json {
            let value = crate::session::report::to_json(line);
            return format!("{}\n", self.redactor.redact_json(&value));
        }
        let time = line.time.as_deref().filter(|_| self.options.timestamps);
        let time = time.map(|time| format!("{time} ")).unwrap_or_default();
        format!("{}{time}{}\n", self.prefix(line), self.redactor.redact(&line.message))
    }

    /// `web-1  | `: the name padded to the widest seen and one more, as Compose does.
    fn prefix(&self, line: &LogLine) -> String {
        if self.options.no_prefix {
            return String::new();
        }
        let mut widest = self.widest.lock().unwrap_or_else(PoisonError::into_inner);
        let own = console::measure_text_width(&line.source);
        *widest = own.max(*widest);
        let padding = " ".repeat(*widest - own + 1);
        self.paint.source(&format!("{}{padding} | ", line.source), &line.service)
    }
}

impl OutputStream for StandardOutput {
    fn log(&self, line: &LogLine) -> std::io::Result<()> {
        let text = self.drawn(line);
        self.screen.above(|| {
            let mut stdout = std::io::stdout().lock();
            stdout.write_all(text.as_bytes())?;
            stdout.flush()
        })
    }

    fn expect(&self, sources: &[String]) {
        let widest = sources.iter().map(|name| console::measure_text_width(name)).max().unwrap_or(0);
        let mut known = self.widest.lock().unwrap_or_else(PoisonError::into_inner);
        *known = widest.max(*known);
    }

    fn bytes(&self, channel: Channel, bytes: &[u8]) -> std::io::Result<()> {
        self.screen.above(|| match channel {
            Channel::Stdout => pass(std::io::stdout().lock(), bytes),
            Channel::Stderr => pass(std::io::stderr().lock(), bytes),
        })
    }
}

fn pass(mut out: impl Write, bytes: &[u8]) -> std::io::Result<()> {
    out.write_all(bytes)?;
    out.flush()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::secret::Secret;

    fn line(source: &str, message: &str) -> LogLine {
        LogLine {
            source: source.to_owned(),
            service: source.trim_end_matches(|c: char| c == '-' || c.is_ascii_digit()).to_owned(),
            channel: Channel::Stdout,
            time: Some("2024-11-21T09:00:00.000000001Z".to_owned()),
            message: message.to_owned(),
        }
    }

    fn output(options: LogOptions, json: bool, color: bool) -> StandardOutput {
        let screen = Arc::new(Screen::new(Box::new(std::io::sink())));
        let redactor = Arc::new(Redactor::new(&[Secret::new("s3cr3t-word")]));
        StandardOutput::new(options, LineForm { json, paint: Paint::new(color) }, screen, redactor)
    }

    #[test]
    fn prefixes_are_padded_to_the_widest_name_known() {
        let output = output(LogOptions { sources: vec!["worker-1".into()], ..LogOptions::default() }, false, false);
        assert_eq!(output.drawn(&line("db-1", "ready")), "db-1      | ready\n");
        assert_eq!(output.drawn(&line("a-long-name-12", "x")), "a-long-name-12  | x\n");
        assert_eq!(output.drawn(&line("db-1", "with s3cr3t-word")), "db-1            | with [redacted]\n");
    }

    #[test]
    fn time_and_prefix_are_options() {
        let output = output(LogOptions { no_prefix: true, timestamps: true, ..LogOptions::default() }, false, true);
        assert_eq!(output.drawn(&line("db-1", "ready")), "2024-11-21T09:00:00.000000001Z ready\n");
    }

    #[test]
    fn containers_of_one_service_share_a_colour() {
        let output = output(LogOptions::default(), false, true);
        let code = |source: &str| output.drawn(&line(source, "x")).split(source).next().unwrap().to_owned();
        assert!(code("db-1").starts_with("\x1b["));
        assert_eq!(code("db-1"), code("db-2"));
        assert_ne!(code("db-1"), code("web-1"));
    }

    #[test]
    fn json_is_one_object_a_line() {
        let output = output(LogOptions::default(), true, true);
        insta::assert_snapshot!(output.drawn(&line("db-1", "s3cr3t-word")), @r#"{"source":"db-1","service":"db","channel":"stdout","time":"2024-11-21T09:00:00.000000001Z","message":"[redacted]"}"#);
    }
}
