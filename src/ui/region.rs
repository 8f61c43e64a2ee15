//! The live region: a bar of indicatif for each step that has run for a moment.
//! Reads the running steps and the time; adds, updates and removes bars.
//! Never shows more than ten of them: the rest is counted.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use indicatif::{MultiProgress, ProgressBar, ProgressStyle};

use super::steps::{self, Running};
use super::style::Paint;
use crate::event::human;
use crate::secret::Redactor;
use crate::session::report::Tone;

/// What ends sooner is never drawn live.
const PATIENCE: Duration = Duration::from_millis(250);
/// More lines than this say how many more there are.
const MOST_LINES: usize = 10;

/// What stands behind the text of a bar: two blanks and a time of up to six columns.
const ELAPSED: usize = 8;

/// How the region looks right now.
#[derive(Clone, Copy)]
pub(super) struct Look<'a> {
    pub(super) now: Instant,
    pub(super) width: usize,
    pub(super) paint: Paint,
    pub(super) redactor: &'a Redactor,
}

/// The bars on the screen, by the step they are for.
pub(super) struct Region {
    screen: MultiProgress,
    bars: BTreeMap<usize, ProgressBar>,
    more: Option<ProgressBar>,
}

impl Region {
    pub(super) fn new(screen: MultiProgress) -> Self {
        Self { screen, bars: BTreeMap::new(), more: None }
    }

    /// Takes away the bars of steps that ended.
    pub(super) fn drop_ended(&mut self, running: &BTreeMap<usize, (Instant, Running)>) {
        let Self { screen, bars, .. } = self;
        let runs = |key: &usize, bar: &mut ProgressBar| {
            let runs = running.contains_key(key);
            if !runs {
                take_away(screen, bar);
            }
            runs
        };
        bars.retain(runs);
    }

    /// Draws what has run for a moment.
    pub(super) fn refresh(&mut self, running: &BTreeMap<usize, (Instant, Running)>, look: Look<'_>) {
        let age = |began: &Instant| look.now.saturating_duration_since(*began);
        let mut more = 0;
        for (key, (began, step)) in running.iter().filter(|(_, (began, _))| age(began) >= PATIENCE) {
            if self.bars.len() >= MOST_LINES && !self.bars.contains_key(key) {
                more += 1;
                continue;
            }
            let (verb, rest) = steps::running(look.paint, step);
            let bar = self.bar(*key, age(began));
            let room = look.width.saturating_sub(console::measure_text_width(&verb) + 1 + ELAPSED);
            let rest = look.redactor.redact(&rest);
            bar.set_prefix(verb);
            bar.set_message(console::truncate_str(&rest, room, "…").into_owned());
        }
        self.count(more, look.paint);
    }

    /// The bar of a step, above the count and below the bars of earlier steps.
    fn bar(&mut self, key: usize, age: Duration) -> &ProgressBar {
        let place = self.bars.range(..key).count();
        let screen = &self.screen;
        self.bars.entry(key).or_insert_with(|| {
            let bar = ProgressBar::new_spinner().with_elapsed(age).with_style(style("{prefix} {msg}  {elapsed}"));
            screen.insert(place, bar)
        })
    }

    /// The line under the bars that says how many steps have none.
    fn count(&mut self, more: usize, paint: Paint) {
        if more == 0 {
            let line = self.more.take();
            line.iter().for_each(|line| take_away(&self.screen, line));
            return;
        }
        let screen = &self.screen;
        let line =
            self.more.get_or_insert_with(|| screen.add(ProgressBar::new_spinner().with_style(style("{wide_msg}"))));
        line.set_message(paint.tone(&format!("{:>12} {}", "and", human::count(more, "more step")), Tone::Dim));
    }

    /// Takes everything away.
    pub(super) fn clear(&mut self) {
        let bars = std::mem::take(&mut self.bars).into_values().chain(self.more.take());
        bars.for_each(|bar| take_away(&self.screen, &bar));
    }
}

fn take_away(screen: &MultiProgress, bar: &ProgressBar) {
    bar.finish_and_clear();
    screen.remove(bar);
}

fn style(template: &str) -> ProgressStyle {
    ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_spinner())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ui::screen::tests::terminal;

    fn step(verb: &'static str, subject: &str) -> Running {
        Running { verb, subject: subject.to_owned(), message: String::new(), done: None, total: None }
    }

    fn drawn(region: &mut Region, running: &BTreeMap<usize, (Instant, Running)>, now: Instant) {
        region.refresh(running, Look { now, width: 50, paint: Paint::new(false), redactor: &Redactor::default() });
    }

    #[test]
    fn only_what_has_run_for_a_moment_is_drawn() {
        let (shown, screen) = terminal(50);
        let (mut region, began) = (Region::new(screen.bars().unwrap().clone()), Instant::now());
        let later = began + Duration::from_millis(200);
        let running = BTreeMap::from([
            (1, (began, step("create", "container web-1"))),
            (2, (later, step("pull", "image registry.example.com/team/a-very-long-name:1.2.3"))),
        ]);
        let mut at = |millis| {
            drawn(&mut region, &running, began + Duration::from_millis(millis));
            shown.contents()
        };
        assert_eq!(at(249), "");
        assert_eq!(at(300), "      create container web-1  0s");
        insta::assert_snapshot!(at(2300), @r"
              create container web-1  0s
                pull image registry.example.com/t…  2s
        ");
    }

    #[test]
    fn many_steps_are_counted_instead_of_listed() {
        let (shown, screen) = terminal(50);
        let (mut region, began) = (Region::new(screen.bars().unwrap().clone()), Instant::now());
        let mut running: BTreeMap<_, _> = (0..14).map(|key| (key, (began, step("start", "container")))).collect();
        drawn(&mut region, &running, began + Duration::from_secs(1));
        let lines: Vec<String> = shown.contents().lines().map(str::to_owned).collect();
        assert_eq!((lines.len(), lines[10].as_str()), (11, "         and 4 more steps"));
        running.retain(|key, _| *key > 11);
        region.drop_ended(&running);
        drawn(&mut region, &running, began + Duration::from_secs(1));
        assert_eq!(shown.contents().lines().count(), 2);
        region.clear();
        assert_eq!(shown.contents(), "");
    }
}
