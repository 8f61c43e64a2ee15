//! What was already shown of a container's log, so that reading it again shows the rest and nothing twice.
//! Reads lines as they are shown; says from when on to read again and which of those lines are known.
//! Never keeps more than the last moment: engines write times only slightly out of order.

use std::collections::VecDeque;
use std::hash::{DefaultHasher, Hash, Hasher};

use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use crate::event::LogLine;

/// How far back lines are kept: the two outputs of a process may be written a little out of order.
const WINDOW: i128 = 100_000_000;

const BILLION: i128 = 1_000_000_000;

/// The last moment of what was shown.
#[derive(Debug, Clone, Default)]
pub(super) struct Seen {
    newest: Option<i128>,
    /// Time and fingerprint of each line of the window.
    recent: VecDeque<(i128, u64)>,
}

impl Seen {
    /// Notes a line that is shown.
    pub(super) fn note(&mut self, line: &LogLine) {
        let Some(time) = nanoseconds(line) else { return };
        let newest = self.newest.map_or(time, |newest| newest.max(time));
        self.newest = Some(newest);
        self.recent.push_back((time, fingerprint(line)));
        while self.recent.front().is_some_and(|(time, _)| *time < newest - WINDOW) {
            self.recent.pop_front();
        }
    }

    /// Where to begin reading again, when anything was shown at all.
    pub(super) fn since(&self) -> Option<String> {
        let from = self.newest? - WINDOW;
        Some(format!("{}.{:09}", from.div_euclid(BILLION), from.rem_euclid(BILLION)))
    }

    /// Whether a line that is read again was shown before; each one counts once.
    pub(super) fn knows(&mut self, line: &LogLine) -> bool {
        let Some(time) = nanoseconds(line) else { return false };
        let mark = (time, fingerprint(line));
        match self.recent.iter().position(|known| *known == mark) {
            Some(at) => self.recent.remove(at).is_some(),
            None => false,
        }
    }

    /// Whether a line is newer than everything shown.
    pub(super) fn is_before(&self, line: &LogLine) -> bool {
        match (self.newest, nanoseconds(line)) {
            (Some(newest), Some(time)) => newest < time,
            _ => true,
        }
    }
}

fn nanoseconds(line: &LogLine) -> Option<i128> {
    let time = OffsetDateTime::parse(line.time.as_deref()?, &Rfc3339).ok()?;
    Some(time.unix_timestamp_nanos())
}

fn fingerprint(line: &LogLine) -> u64 {
    let mut hasher = DefaultHasher::new();
    line.channel.hash(&mut hasher);
    line.message.hash(&mut hasher);
    hasher.finish()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::Channel;

    fn line(time: &str, message: &str) -> LogLine {
        LogLine {
            source: String::new(),
            service: String::new(),
            channel: Channel::Stdout,
            time: Some(format!("2026-01-01T00:00:{time}Z")),
            message: message.to_owned(),
        }
    }

    #[test]
    fn what_was_shown_is_known_once_and_what_came_late_is_not() {
        let mut seen = Seen::default();
        for (time, text) in [("01.000000001", "old"), ("05.000000001", "same"), ("05.000000001", "same")] {
            seen.note(&line(time, text));
        }
        assert_eq!(seen.since().as_deref(), Some("1767225604.900000001"));
        assert!(!seen.knows(&line("01.000000001", "old")), "beyond the window");
        assert!(seen.knows(&line("05.000000001", "same")) && seen.knows(&line("05.000000001", "same")));
        assert!(!seen.knows(&line("05.000000001", "same")), "a third one is new");
        assert!(!seen.knows(&line("05.000000000", "late")), "written before, shown never");
        assert!(seen.is_before(&line("06.0", "x")) && !seen.is_before(&line("05.0", "x")));
    }

    #[test]
    fn without_a_history_everything_is_new() {
        let mut seen = Seen::default();
        assert_eq!(seen.since(), None);
        assert!(!seen.knows(&line("01.0", "x")) && seen.is_before(&line("01.0", "x")));
    }
}
