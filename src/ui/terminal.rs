//! The reporter for a terminal: finished lines above, a live region of what runs now and has run for a moment.
//! Reads events and a monotonic clock; a thread of its own redraws while anything runs.
//! Never writes a line that wraps in the live region, or it could not be taken away again.

use std::collections::BTreeMap;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use super::paint::Paint;
use super::screen::Screen;
use super::steps::{self, Ended, Running, Tails};
use crate::event::{Event, Reporter, human};
use crate::secret::Redactor;
use crate::workflow::report::Tone;

/// What ends sooner is never drawn live.
const PATIENCE: Duration = Duration::from_millis(250);
/// How often the region is drawn anew.
const TICK: Duration = Duration::from_millis(125);
/// More lines than this say how many more there are.
const MOST_LINES: usize = 10;

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
    tails: Tails,
    closed: bool,
}

impl Terminal {
    pub(super) fn new(screen: Arc<Screen>, redactor: Arc<Redactor>, paint: Paint, verbose: bool) -> Self {
        let (state, changed) = Default::default();
        let shared = Arc::new(Shared { screen, redactor, paint, verbose, state, changed });
        let ticking = shared.clone();
        // Without the thread the region is drawn at events only; that is no reason to fail.
        let ticker = std::thread::Builder::new().name("progress".into()).spawn(move || ticking.tick()).ok();
        Self { shared, ticker }
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        self.shared.lock().closed = true;
        self.shared.changed.notify_all();
        if let Some(ticker) = self.ticker.take() {
            // A ticker that died has nothing left to tell.
            let _ = ticker.join();
        }
        self.shared.screen.write("");
    }
}

impl Reporter for Terminal {
    fn report(&self, event: Event) {
        let now = Instant::now();
        let mut state = self.shared.lock();
        let lines = state.take_in(event, now, (self.shared.paint, self.shared.verbose));
        let text: String = lines.iter().map(|line| format!("{}\n", self.shared.redactor.redact(line))).collect();
        if !text.is_empty() {
            self.shared.screen.draw(&text, &self.shared.live(&state, now));
        }
        self.shared.changed.notify_all();
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn live(&self, state: &State, now: Instant) -> Vec<String> {
        let width = usize::from(console::Term::stderr().size().1);
        let lines = state.live(now, width, self.paint);
        lines.iter().map(|line| self.redactor.redact(line).into_owned()).collect()
    }

    /// Sleeps while nothing runs, redraws while something does.
    fn tick(&self) {
        let mut state = self.lock();
        while !state.closed {
            state = if state.running.is_empty() {
                self.changed.wait(state).unwrap_or_else(PoisonError::into_inner)
            } else {
                self.changed.wait_timeout(state, TICK).unwrap_or_else(PoisonError::into_inner).0
            };
            let live = self.live(&state, Instant::now());
            self.screen.draw("", &live);
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

    fn live(&self, now: Instant, width: usize, paint: Paint) -> Vec<String> {
        let waiting = |(began, step): &(Instant, Running)| {
            let elapsed = now.saturating_duration_since(*began);
            (elapsed >= PATIENCE).then(|| steps::running(paint, step, elapsed, width.saturating_sub(1)))
        };
        let mut lines: Vec<String> = self.running.values().filter_map(waiting).collect();
        if lines.len() > MOST_LINES {
            let more = lines.len() - MOST_LINES;
            lines.truncate(MOST_LINES);
            lines.push(paint.tone(&format!("{:>12} {}", "and", human::count(more, "more step")), Tone::Dim));
        }
        lines
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ui::screen::tests::Memory;

    const LOOK: (Paint, bool) = (Paint::new(false), false);

    fn started(key: usize, verb: &'static str, subject: &str) -> Event {
        Event::StepStarted { key, verb, subject: subject.into(), cause: String::new() }
    }

    #[test]
    fn only_what_has_run_for_a_moment_is_drawn_live() {
        let mut state = State::default();
        let began = Instant::now();
        state.take_in(started(1, "create", "container web-1"), began, LOOK);
        state.take_in(started(2, "pull", "image redis:7"), began + Duration::from_millis(200), LOOK);
        let at = |millis| state.live(began + Duration::from_millis(millis), 80, LOOK.0);
        assert_eq!(at(249), Vec::<String>::new());
        assert_eq!(at(300), ["      create container web-1  0s"]);
        assert_eq!(at(2300), ["      create container web-1  2s", "        pull image redis:7  2s"]);
    }

    #[test]
    fn many_steps_are_counted_instead_of_listed() {
        let mut state = State::default();
        let began = Instant::now();
        for key in 0..14 {
            state.take_in(started(key, "start", "container"), began, LOOK);
        }
        let lines = state.live(began + Duration::from_secs(1), 80, LOOK.0);
        assert_eq!((lines.len(), lines[10].as_str()), (11, "         and 4 more steps"));
    }

    #[test]
    fn the_output_of_a_build_is_shown_when_it_fails() {
        let mut state = State::default();
        let now = Instant::now();
        state.take_in(started(1, "build", "image web"), now, LOOK);
        let quiet = state.take_in(Event::StepOutput { key: 1, line: "E: no such package".into() }, now, LOOK);
        assert!(quiet.is_empty());
        assert_eq!(
            state.live(now + Duration::from_secs(1), 80, LOOK.0),
            ["       build image web  E: no such package  1s"]
        );
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
    fn dropping_the_reporter_takes_the_live_region_away() {
        let memory = Memory::default();
        let screen = Arc::new(Screen::new(Box::new(memory.clone())));
        let terminal = Terminal::new(screen, Arc::default(), Paint::new(false), false);
        terminal.report(started(1, "pull", "image redis:7"));
        let deadline = Instant::now() + Duration::from_secs(10);
        while memory.text().is_empty() && Instant::now() < deadline {
            std::thread::yield_now();
        }
        drop(terminal);
        assert!(memory.text().starts_with("        pull image redis:7  0s\n"), "{:?}", memory.text());
        assert!(memory.text().ends_with("\r\x1b[1A\x1b[J"), "{:?}", memory.text());
    }
}
