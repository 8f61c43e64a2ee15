//! The only module that prints: reports to stdout, everything else to stderr, all of it through one redactor.
//! Builds the reporter and the prompt; turns reports and errors into output and exit codes.
//! Never decides what happens, only how it looks.

mod error;
mod json;
mod logs;
mod once;
mod options;
mod plain;
mod printable;
mod prompt;
mod raw_mode;
mod region;
mod report;
mod screen;
mod steps;
mod style;
mod table;
mod terminal;
mod terminal_capabilities;

use std::io::Write;
use std::sync::Arc;

pub use error::{error_json, error_text};
pub use logs::LogOptions;
pub use options::{OutputFormat, ProgressMode, UiOptions};
pub use raw_mode::{RawMode, watch_size};
pub use report::{Look, draw};
pub use terminal_capabilities::Facts;

use crate::error::{Error, ErrorKind};
use crate::event::{OutputStream, Prompt, Reporter};
use crate::secret::Redactor;
use crate::session::report::Report;
use screen::Screen;
use style::Paint;

/// Everything that writes and asks, built once from what the terminal is and what the command line wants.
pub struct Ui {
    facts: Facts,
    options: UiOptions,
    redactor: Arc<Redactor>,
    screen: Arc<Screen>,
    reporter: Arc<dyn Reporter>,
}

impl Ui {
    /// Builds the writers. Nothing is written yet.
    pub fn new(facts: Facts, options: UiOptions, redactor: Arc<Redactor>) -> Self {
        let mode = options.progress.resolve(&facts, options.output);
        let plain = || Screen::new(Box::new(std::io::stderr()));
        let screen = Arc::new(if mode == ProgressMode::Tty { Screen::live() } else { plain() });
        let paint = Paint::new(facts.color_stderr);
        let verbose = options.verbose;
        let reporter: Arc<dyn Reporter> = match mode {
            ProgressMode::Quiet => Arc::new(plain::Plain::new(screen.clone(), redactor.clone(), paint).quiet()),
            ProgressMode::Json => Arc::new(json::Json::new(screen.clone(), redactor.clone())),
            ProgressMode::Tty => Arc::new(terminal::Terminal::new(screen.clone(), redactor.clone(), paint, verbose)),
            ProgressMode::Plain | ProgressMode::Auto => {
                Arc::new(plain::Plain::new(screen.clone(), redactor.clone(), paint))
            }
        };
        let reporter = Arc::new(printable::Printable::new(reporter, redactor.clone()));
        let reporter = Arc::new(once::Once::new(reporter));
        Self { facts, options, redactor, screen, reporter }
    }

    /// Reports what happens.
    pub fn reporter(&self) -> Arc<dyn Reporter> {
        self.reporter.clone()
    }

    /// Who is asked.
    pub fn prompt(&self) -> Arc<dyn Prompt> {
        Arc::new(prompt::TerminalPrompt::new(
            self.facts.stdin_tty && self.facts.stderr_tty,
            self.options.yes,
            self.screen.clone(),
            self.redactor.clone(),
        ))
    }

    /// Where log lines and the bytes of processes go.
    pub fn output(&self, options: LogOptions) -> Arc<dyn OutputStream> {
        let json = self.options.output == OutputFormat::Json;
        let paint = Paint::new(self.facts.color_stdout);
        let form = logs::LineForm { json, paint };
        Arc::new(logs::StandardOutput::new(options, form, self.screen.clone(), self.redactor.clone()))
    }

    /// Writes a report to stdout and returns its exit code. A reader that went away is no failure.
    pub fn show(&self, report: &dyn Report) -> u8 {
        let look = Look { format: self.options.output, width: self.facts.width, color: self.facts.color_stdout };
        let text = draw(report, &look, &self.redactor);
        let written = self.screen.above(|| {
            let mut stdout = std::io::stdout().lock();
            stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush())
        });
        match written {
            Err(e) if e.kind() != std::io::ErrorKind::BrokenPipe => {
                self.screen.write(&format!(
                    "error: the command completed, but its output could not be written to stdout: {e}\n"
                ));
                ErrorKind::Failed.exit_code()
            }
            _ => report.exit_code(),
        }
    }

    /// Writes an error to stderr and returns its exit code.
    pub fn fail(&self, error: &Error) -> u8 {
        let machine = self.options.output == OutputFormat::Json || self.options.progress == ProgressMode::Json;
        let text = if machine {
            format!("{}\n", error_json(error, &self.redactor))
        } else {
            error_text(error, &self.redactor, self.facts.color_stderr)
        };
        self.screen.write(&text);
        error.kind().exit_code()
    }
}
