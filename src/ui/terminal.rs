//! The reporter for a terminal: finished lines above, a live region of what runs now and has run for a moment.
//! Reads events and a monotonic clock; indicatif draws, a thread of its own updates it.
//! Never draws what ends within a quarter of a second.

use std::collections::BTreeMap;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use super::region::{Look, Region};
use super::screen::Screen;
use super::steps::{self, Ended, Running, Tails};
use super::style::Paint;
use crate::event::{Event, Reporter};
use crate::secret::Redactor;

/// How often the region is brought up to date.
const TICK: Duration = Duration::from_millis(125);

/// Lines and a live region.
pub(super) struct Terminal {
    shared: Arc<Shared>,
    ticker: Option<JoinHandle<()>>,
}

struct Shared {
    screen: Arc<Screen>,
    redactor: Arc<Redactor>,
    paint: Paint,
    verbose: bool,
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    running: BTreeMap<usize, (Instant, Running)>,
    region: Option<Region>,
    tails: Tails,
    closed: bool,
}

impl Terminal {
    pub(super) fn new(screen: Arc<Screen>, redactor: Arc<Redactor>, paint: Paint, verbose: bool) -> Self {
        let state = Mutex::new(State { region: screen.bars().cloned().map(Region::new), ..State::default() });
        let changed = Condvar::new();
        let shared = Arc::new(Shared { screen, redactor, paint, verbose, state, changed });
        let ticking = shared.clone();
        // Without the thread nothing is drawn live; that is no reason to fail.
        let ticker = std::thread::Builder::new().name("progress".into()).spawn(move || ticking.tick()).ok();
        Self { shared, ticker }
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        self.shared.lock().closed = true;
        self.shared.changed.notify_all();
        if let Some(ticker) = self.ticker.take() {
            // A ticker that died has nothing left to draw.
            let _ = ticker.join();
        }
        self.shared.lock().region.iter_mut().for_each(Region::clear);
    }
}

impl Reporter for Terminal {
    fn report(&self, event: Event) {
        let mut state = self.shared.lock();
        let lines = state.take_in(event, Instant::now(), (self.shared.paint, self.shared.verbose));
        let text: String = lines.iter().map(|line| format!("{}\n", self.shared.redactor.redact(line))).collect();
        state.drop_ended();
        self.shared.screen.write(&text);
        self.shared.changed.notify_all();
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Sleeps while nothing runs, brings the region up to date while something does.
    fn tick(&self) {
        let mut state = self.lock();
        while !state.closed {
            state = if state.running.is_empty() {
                self.changed.wait(state).unwrap_or_else(PoisonError::into_inner)
            } else {
                self.changed.wait_timeout(state, TICK).unwrap_or_else(PoisonError::into_inner).0
            };
            let width = usize::from(console::Term::stderr().size().1);
            let look = Look { now: Instant::now(), width, paint: self.paint, redactor: &self.redactor };
            let State { running, region, .. } = &mut *state;
            region.iter_mut().for_each(|region| region.refresh(running, look));
        }
    }
}

impl State {
    /// Remembers what the event says and returns the lines that are final.
    fn take_in(&mut self, event: Event, now: Instant, (paint, verbose): (Paint, bool)) -> Vec<String> {
        match event {
            Event::StepStarted { key, verb, subject, .. } => {
                let step = Running { verb, subject, message: String::new(), done: None, total: None };
                self.running.insert(key, (now, step));
                Vec::new()
            }
            Event::StepProgressed { key, message, done, total } => {
                if let Some((_, step)) = self.running.get_mut(&key) {
                    (step.message, step.done, step.total) = (message, done, total);
                }
                Vec::new()
            }
            Event::StepOutput { key, line } => self.output(key, &line, (paint, verbose)),
            Event::StepFinished { key, verb, subject, detail, took } => {
                self.end(key);
                let ended = Ended { verb, subject: &subject, detail: detail.as_deref(), took };
                vec![steps::finished(paint, &ended)]
            }
            Event::StepFailed { key, verb, subject, message, took } => {
                let mut lines: Vec<String> = self.end(key);
                lines.push(steps::failed(paint, &Ended { verb, subject: &subject, detail: Some(&message), took }));
                lines
            }
            Event::StepDropped { key } => {
                self.end(key);
                Vec::new()
            }
            Event::Warning { message, hint } => vec![steps::warning(paint, &message, hint.as_deref())],
            Event::Note { message } => vec![steps::note(paint, &message)],
        }
    }

    /// Output is shown at once when asked for, else kept and its last line shown live.
    fn output(&mut self, key: usize, line: &str, (paint, verbose): (Paint, bool)) -> Vec<String> {
        let subject = self.running.get(&key).map_or("", |(_, step)| step.subject.as_str());
        let drawn = steps::output(paint, subject, line);
        if verbose {
            return vec![drawn];
        }
        self.tails.push(key, drawn);
        if let Some((_, step)) = self.running.get_mut(&key) {
            step.message = console::strip_ansi_codes(line.trim()).into_owned();
        }
        Vec::new()
    }

    /// Forgets a step and returns the last lines of its output.
    fn end(&mut self, key: usize) -> Vec<String> {
        self.running.remove(&key);
        self.tails.take(key).into()
    }

    fn drop_ended(&mut self) {
        let Self { running, region, .. } = self;
        region.iter_mut().for_each(|region| region.drop_ended(running));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ui::screen::tests::terminal;

    const LOOK: (Paint, bool) = (Paint::new(false), false);

    fn started(key: usize, verb: &'static str, subject: &str) -> Event {
        Event::StepStarted { key, verb, subject: subject.into(), cause: String::new() }
    }

    #[test]
    fn the_output_of_a_build_is_shown_when_it_fails() {
        let mut state = State::default();
        let now = Instant::now();
        state.take_in(started(1, "build", "image web"), now, LOOK);
        let quiet = state.take_in(Event::StepOutput { key: 1, line: "E: no such package".into() }, now, LOOK);
        assert!(quiet.is_empty());
        assert_eq!(state.running[&1].1.message, "E: no such package");
        let failure = Event::StepFailed {
            key: 1,
            verb: "build",
            subject: "image web".into(),
            message: "exit code 100".into(),
            took: Duration::from_secs(1),
        };
        let lines = state.take_in(failure, now, LOOK);
        assert_eq!(
            lines,
            ["             image web | E: no such package", "      Failed build image web  exit code 100  (1.0s)"]
        );
        assert!(state.running.is_empty());
    }

    #[test]
    fn verbose_shows_output_as_it_comes() {
        let mut state = State::default();
        let now = Instant::now();
        state.take_in(started(1, "build", "image web"), now, LOOK);
        let lines = state.take_in(Event::StepOutput { key: 1, line: "step 1".into() }, now, (LOOK.0, true));
        assert_eq!(lines, ["             image web | step 1"]);
    }

    #[test]
    fn what_runs_is_drawn_after_a_moment_and_gone_with_the_reporter() {
        let (screen, shown) = terminal(60);
        let shown = Arc::new(shown);
        let reporter = Terminal::new(shown, Arc::default(), Paint::new(false), false);
        reporter.note("begun".into());
        reporter.report(started(1, "pull", "image redis:7"));
        assert_eq!(screen.contents(), "note: begun", "nothing is drawn at once");
        let deadline = Instant::now() + Duration::from_secs(10);
        while !screen.contents().contains("redis") && Instant::now() < deadline {
            std::thread::yield_now();
        }
        assert_eq!(screen.contents(), "note: begun\n        pull image redis:7  0s");
        let (subject, took) = ("image redis:7".to_owned(), Duration::from_secs(2));
        reporter.report(Event::StepFinished { key: 1, verb: "Pulled", subject, detail: None, took });
        assert_eq!(screen.contents(), "note: begun\n      Pulled image redis:7  (2.0s)");
        reporter.report(started(2, "pull", "image other"));
        drop(reporter);
        assert_eq!(screen.contents(), "note: begun\n      Pulled image redis:7  (2.0s)");
    }
}
