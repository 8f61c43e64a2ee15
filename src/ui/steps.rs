//! How steps, warnings and notes read as lines: a verb column of twelve, the subject, the detail, the time it took.
//! Reads events as data and returns lines without their end.
//! Never writes and never remembers more than the last lines of a step's output.

use std::collections::{HashMap, VecDeque};
use std::time::Duration;

use super::style::Paint;
use crate::event::human;
use crate::session::report::Tone;

/// Width of the verb column.
const VERB: usize = 12;
/// Shorter than this is not worth a figure.
const WORTH_SAYING: Duration = Duration::from_millis(100);
/// How many lines of output a failed step shows.
const TAIL: usize = 20;

/// A step that ended.
pub(super) struct Ended<'a> {
    pub(super) verb: &'a str,
    pub(super) subject: &'a str,
    pub(super) detail: Option<&'a str>,
    pub(super) took: Duration,
}

/// `     Pulled api  registry.local/api@sha256:9f1c  (3.1s)`.
pub(super) fn finished(paint: Paint, step: &Ended<'_>) -> String {
    let mut line = format!("{} {}", paint.strong(&format!("{:>VERB$}", step.verb), Tone::Good), step.subject);
    let detail = step.detail.unwrap_or_default();
    if !detail.is_empty() {
        line.push_str("  ");
        line.push_str(detail);
    }
    // `after 6.2s` says it already.
    if step.took >= WORTH_SAYING && !detail.contains("after ") {
        line.push_str(&paint.tone(&format!("  ({})", human::duration(step.took)), Tone::Dim));
    }
    line
}

/// `      Failed build image web  exit code 1  (2.0s)`: the message's first line, the whole of it ends the run.
pub(super) fn failed(paint: Paint, step: &Ended<'_>) -> String {
    let message = step.detail.and_then(|message| message.lines().next()).unwrap_or_default();
    let took = paint.tone(&format!("  ({})", human::duration(step.took)), Tone::Dim);
    let verb = paint.strong(&format!("{:>VERB$}", "Failed"), Tone::Bad);
    format!("{verb} {} {}  {message}{took}", step.verb, step.subject)
}

/// A line of a step's output, under the verb column.
pub(super) fn output(paint: Paint, subject: &str, line: &str) -> String {
    paint.tone(&format!("{:>VERB$} {subject} | {}", "", line.trim_end()), Tone::Dim)
}

/// `warning: …` and its hint.
pub(super) fn warning(paint: Paint, message: &str, hint: Option<&str>) -> String {
    let mut text = format!("{} {}", paint.strong("warning:", Tone::Warn), indented(message));
    if let Some(hint) = hint {
        text.push_str(&format!("\n{} {}", paint.strong("hint:", Tone::Dim), indented(hint)));
    }
    text
}

/// `note: …`.
pub(super) fn note(paint: Paint, message: &str) -> String {
    format!("{} {}", paint.strong("note:", Tone::Dim), indented(message))
}

/// The lines after the first stand under the text they belong to.
pub(super) fn indented(text: &str) -> String {
    text.trim_end().replace('\n', "\n  ")
}

/// What runs now, for the live region.
pub(super) struct Running {
    pub(super) verb: &'static str,
    pub(super) subject: String,
    pub(super) message: String,
    pub(super) done: Option<u64>,
    pub(super) total: Option<u64>,
}

/// `        pull` and `image redis:7  layer 3 of 5  12.3 MB of 40.1 MB`: the verb column and what stands beside it.
pub(super) fn running(paint: Paint, step: &Running) -> (String, String) {
    let mut rest = step.subject.clone();
    if !step.message.is_empty() {
        rest.push_str(&format!("  {}", step.message));
    }
    match (step.done, step.total) {
        (Some(done), Some(total)) => {
            rest.push_str(&format!("  {} of {}", human::bytes(done), human::bytes(total)));
        }
        (Some(done), None) => rest.push_str(&format!("  {}", human::bytes(done))),
        _ => {}
    }
    (paint.strong(&format!("{:>VERB$}", step.verb), Tone::Dim), rest)
}

/// The last lines of output of each running step, kept for the day it fails.
#[derive(Default)]
pub(super) struct Tails {
    lines: HashMap<usize, VecDeque<String>>,
}

impl Tails {
    pub(super) fn push(&mut self, key: usize, line: String) {
        let tail = self.lines.entry(key).or_default();
        if tail.len() == TAIL {
            tail.pop_front();
        }
        tail.push_back(line);
    }

    pub(super) fn take(&mut self, key: usize) -> VecDeque<String> {
        self.lines.remove(&key).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PLAIN: Paint = Paint::new(false);

    #[test]
    fn finished_steps_align_their_verbs() {
        let ended = |verb, subject, detail, millis| {
            finished(PLAIN, &Ended { verb, subject, detail, took: Duration::from_millis(millis) })
        };
        let lines = [
            ended("Pulled", "api", Some("registry.local/api@sha256:9f1c"), 3_100),
            ended("Healthy", "api@green", Some("after 6.2s"), 6_200),
            ended("Switched", "proxy", Some("blue -> green"), 20),
            ended("Deployed", "prod", Some("revision 12, was 11"), 41_000),
            ended("Created", "network web_default", None, 30),
        ];
        insta::assert_snapshot!(lines.join("\n"), @r"
              Pulled api  registry.local/api@sha256:9f1c  (3.1s)
             Healthy api@green  after 6.2s
            Switched proxy  blue -> green
            Deployed prod  revision 12, was 11  (41s)
             Created network web_default
        ");
    }

    #[test]
    fn colour_adds_codes_and_changes_no_word() {
        let step = Ended { verb: "Created", subject: "volume db", detail: None, took: Duration::from_millis(300) };
        let colored = finished(Paint::new(true), &step);
        assert_eq!(colored, "\x1b[32m\x1b[1m     Created\x1b[0m volume db\x1b[2m  (0.3s)\x1b[0m");
        assert_eq!(console::strip_ansi_codes(&colored), finished(PLAIN, &step));
    }

    #[test]
    fn a_failed_step_shows_the_first_line_of_why() {
        let step = Ended {
            verb: "build",
            subject: "image web",
            detail: Some("exit code 1\nlong story"),
            took: Duration::from_secs(2),
        };
        assert_eq!(failed(PLAIN, &step), "      Failed build image web  exit code 1  (2.0s)");
    }

    #[test]
    fn a_running_step_says_how_far_it_came() {
        let step = Running {
            verb: "pull",
            subject: "image redis:7".to_owned(),
            message: "layer 3 of 5".to_owned(),
            done: Some(12_300_000),
            total: Some(40_100_000),
        };
        let (verb, rest) = running(PLAIN, &step);
        assert_eq!((verb.as_str(), rest.as_str()), ("        pull", "image redis:7  layer 3 of 5  12.3 MB of 40.1 MB"));
    }

    #[test]
    fn warnings_and_notes_say_what_they_are() {
        assert_eq!(
            warning(PLAIN, "two orphans\nweb_old-1", Some("run `aictl start --remove-orphans`")),
            "warning: two orphans\n  web_old-1\nhint: run `aictl start --remove-orphans`"
        );
        assert_eq!(note(PLAIN, "nothing to do"), "note: nothing to do");
    }

    #[test]
    fn only_the_last_lines_of_output_are_kept() {
        let mut tails = Tails::default();
        for number in 0..25 {
            tails.push(1, format!("line {number}"));
        }
        let kept = tails.take(1);
        assert_eq!((kept.len(), kept[0].as_str(), kept[19].as_str()), (20, "line 5", "line 24"));
        assert!(tails.take(1).is_empty());
    }
}
