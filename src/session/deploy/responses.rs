//! The share of 5xx responses in the log of a proxy, before and after a switch.

use std::time::Duration;

use serde_json::Value;
use time::OffsetDateTime;

/// Fewer failed responses say nothing.
const FEWEST: u64 = 3;
/// Only this much of the time after the switch counts, so that a late rise is not hidden by what went well before it.
const RECENT: Duration = Duration::from_secs(60);

/// How a quoted user agent of our own requests begins.
const OWN_AGENT: &str = "\"aictl/";

/// Responses of some time, and how many of them were 5xx.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Responses {
    pub(super) all: u64,
    pub(super) failed: u64,
}

impl Responses {
    fn share(self) -> f64 {
        if self.all == 0 { 0.0 } else { self.failed as f64 / self.all as f64 }
    }
}

/// The responses around a switch.
#[derive(Debug)]
pub(super) struct ResponseLog {
    switched: OffsetDateTime,
    before: Responses,
    after: Vec<(OffsetDateTime, bool)>,
    total: Responses,
}

impl ResponseLog {
    pub(super) const fn new(switched: OffsetDateTime) -> Self {
        let none = Responses { all: 0, failed: 0 };
        Self { switched, before: none, after: Vec::new(), total: none }
    }

    /// Adds a line of the log; one without a status is passed over, and so are requests of our own checks.
    pub(super) fn add(&mut self, time: OffsetDateTime, line: &str) {
        let Some(status) = status(line).filter(|_| !line.contains(OWN_AGENT)) else { return };
        let failed = (500..600).contains(&status);
        let counted = if time < self.switched { &mut self.before } else { &mut self.total };
        counted.all += 1;
        counted.failed += u64::from(failed);
        if time >= self.switched {
            self.after.push((time, failed));
            self.after.retain(|(at, _)| time - *at <= RECENT);
        }
    }

    /// All responses since the switch.
    pub(super) const fn total(&self) -> Responses {
        self.total
    }

    /// In words, when more responses fail than before the switch: more than twice the share and one in a hundred.
    pub(super) fn rise(&self) -> Option<String> {
        let failed = self.after.iter().filter(|(_, failed)| *failed).count() as u64;
        let recent = Responses { all: self.after.len() as u64, failed };
        let risen = recent.failed >= FEWEST && recent.share() > self.before.share().mul_add(2.0, 0.01);
        risen.then(|| {
            let percent = |responses: Responses| format!("{:.1} %", responses.share() * 100.0);
            let (now, then) = (percent(recent), percent(self.before));
            format!("{failed} of the last {} responses were 5xx ({now}; before the switch {then})", recent.all)
        })
    }
}

/// The status in a line of an access log: after the quoted request, as `combined` has it, or the key `status` of JSON.
fn status(line: &str) -> Option<u16> {
    if line.trim_start().starts_with('{') {
        let value: Value = serde_json::from_str(line).ok()?;
        let status = &value["status"];
        return status.as_u64().or_else(|| status.as_str()?.parse().ok()).and_then(|status| status.try_into().ok());
    }
    let after_request = line.split("\" ").skip(1);
    let digits =
        |rest: &str| rest.get(..3).filter(|digits| digits.bytes().all(|byte| byte.is_ascii_digit()))?.parse().ok();
    after_request.filter(|rest| rest.get(3..4).is_none_or(|next| next == " ")).find_map(digits)
}

#[cfg(test)]
mod tests {
    use super::*;

    const SWITCHED: OffsetDateTime = OffsetDateTime::UNIX_EPOCH;

    fn line(status: u16) -> String {
        format!(r#"10.0.0.1 - - [27/Nov/2026:17:00:00 +0000] "GET /a?q=\x22 HTTP/1.1" {status} 12 "-" "curl/8" "-""#)
    }

    /// Responses a second apart: before the switch (negative) and after it.
    fn log(of: &[(i64, u16)]) -> ResponseLog {
        let mut log = ResponseLog::new(SWITCHED);
        of.iter().for_each(|(second, status)| log.add(SWITCHED + time::Duration::seconds(*second), &line(*status)));
        log
    }

    #[test]
    fn the_status_is_found_in_usual_formats() {
        assert_eq!(status(&line(502)), Some(502));
        assert_eq!(status(r#"{"time": 1, "status": "503"}"#), Some(503));
        assert_eq!(status(r#"{"status": 200}"#), Some(200));
        for other in ["2026/11/27 [error] 29#29: connect() failed", "", "{", r#"a "b" 12"#, r#"say "x" 5021 "y""#] {
            assert_eq!(status(other), None, "{other}");
        }
    }

    #[test]
    fn a_rise_needs_more_failures_than_before_the_switch() {
        assert_eq!(log(&[(-1, 200), (1, 200), (2, 500), (3, 500)]).rise(), None, "too few");
        let words = log(&[(-1, 200), (1, 200), (2, 500), (3, 500), (4, 502)]).rise().unwrap();
        assert_eq!(words, "3 of the last 4 responses were 5xx (75.0 %; before the switch 0.0 %)");
        let as_before = [(-4, 500), (-3, 500), (-2, 200), (-1, 200), (1, 500), (2, 500), (3, 500), (4, 200)];
        assert_eq!(log(&as_before).rise(), None, "not twice as many");
    }

    #[test]
    fn a_late_rise_is_not_hidden_by_what_went_well_before() {
        let mut of: Vec<(i64, u16)> = (1..300).map(|second| (second, 200)).collect();
        of.extend((300..303).map(|second| (second, 500)));
        let log = log(&of);
        assert!(log.rise().unwrap().starts_with("3 of the last 61 "), "{log:?}");
        assert_eq!(log.total(), Responses { all: 302, failed: 3 });
        let mut own = ResponseLog::new(SWITCHED);
        own.add(SWITCHED, &line(500).replace("curl/8", "aictl/0.1.0"));
        assert_eq!(own.total(), Responses::default());
    }
}
