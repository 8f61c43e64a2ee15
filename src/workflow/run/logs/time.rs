//! A point in time as the command line says it: a duration ago, a date with or without time and zone, Unix seconds.
//! Reads the text and the present; returns Unix seconds with nanoseconds, as engines take them.
//! Never asks a clock. A time without a zone is UTC.

use time::format_description::well_known::Rfc3339;
use time::{Date, Month, OffsetDateTime, Time, UtcOffset};

use crate::compose::go::duration;

const BILLION: i128 = 1_000_000_000;

/// Unix seconds with nanoseconds, or nothing when the text is no time. `now` is RFC 3339.
pub(super) fn point(text: &str, now: &str) -> Option<String> {
    let nanoseconds = match seconds(text) {
        Some(seconds) => seconds,
        None => match duration::parse(text) {
            Ok(ago) => OffsetDateTime::parse(now, &Rfc3339).ok()?.unix_timestamp_nanos() - i128::from(ago),
            Err(_) => date_time(text)?.unix_timestamp_nanos(),
        },
    };
    let (whole, rest) = (nanoseconds.div_euclid(BILLION), nanoseconds.rem_euclid(BILLION));
    Some(format!("{whole}.{rest:09}"))
}

/// `1700000000` and `1700000000.5` as nanoseconds.
fn seconds(text: &str) -> Option<i128> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, "0"));
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    if !digits(whole) || !digits(fraction) || fraction.len() > 9 {
        return None;
    }
    let whole: i64 = whole.parse().ok()?;
    let fraction: i128 = format!("{fraction:0<9}").parse().ok()?;
    Some(i128::from(whole) * BILLION + fraction)
}

/// `2026-01-31`, `2026-01-31T15`, `…T15:04`, `…T15:04:05.5`, each with `Z`, `+02:00` or no zone.
fn date_time(text: &str) -> Option<OffsetDateTime> {
    let (date, rest) = match text.split_once(['T', 't', ' ']) {
        Some((date, rest)) => (date, rest),
        None => (text.trim_end_matches('Z'), "00"),
    };
    let mut numbers = date.splitn(3, '-');
    let year = numbers.next()?.parse().ok()?;
    let month = Month::try_from(numbers.next()?.parse::<u8>().ok()?).ok()?;
    let date = Date::from_calendar_date(year, month, numbers.next()?.parse().ok()?).ok()?;
    let (clock, zone) = match rest.find(['Z', 'z', '+', '-']) {
        Some(at) => (&rest[..at], offset(&rest[at..])?),
        None => (rest, UtcOffset::UTC),
    };
    Some(date.with_time(clock_time(clock)?).assume_offset(zone))
}

fn clock_time(text: &str) -> Option<Time> {
    let mut parts = text.splitn(3, ':');
    let hour = parts.next()?.parse().ok()?;
    let minute = parts.next().unwrap_or("0").parse().ok()?;
    let nanoseconds = seconds(parts.next().unwrap_or("0"))?;
    let second = u8::try_from(nanoseconds / BILLION).ok()?;
    Time::from_hms_nano(hour, minute, second, u32::try_from(nanoseconds % BILLION).ok()?).ok()
}

fn offset(text: &str) -> Option<UtcOffset> {
    if text.eq_ignore_ascii_case("z") {
        return Some(UtcOffset::UTC);
    }
    let sign = if text.starts_with('-') { -1 } else { 1 };
    let digits: String = text[1..].chars().filter(|c| *c != ':').collect();
    let number = |range: std::ops::Range<usize>| digits.get(range)?.parse::<i8>().ok();
    UtcOffset::from_hms(sign * number(0..2)?, sign * number(2..4).unwrap_or(0), 0).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_way_of_writing_a_time_is_read() {
        let now = "2026-01-31T12:00:00Z";
        let cases = [
            ("10m", "1769860200.000000000"),
            ("1h30m", "1769855400.000000000"),
            ("0", "0.000000000"),
            ("1769860800", "1769860800.000000000"),
            ("1769860800.25", "1769860800.250000000"),
            ("2026-01-31T12:00:00Z", "1769860800.000000000"),
            ("2026-01-31T12:00:00.5Z", "1769860800.500000000"),
            ("2026-01-31T14:00:00+02:00", "1769860800.000000000"),
            ("2026-01-31T07:00-0500", "1769860800.000000000"),
            ("2026-01-31T12:00", "1769860800.000000000"),
            ("2026-01-31T12", "1769860800.000000000"),
            ("2026-01-31", "1769817600.000000000"),
        ];
        for (text, expected) in cases {
            assert_eq!(point(text, now).as_deref(), Some(expected), "{text}");
        }
    }

    #[test]
    fn what_is_no_time_is_refused() {
        for text in ["", "yesterday", "10x", "2026-13-01", "2026-01-31T25:00", "2026-01", "1.2.3", "T", "-"] {
            assert_eq!(point(text, "2026-01-31T12:00:00Z"), None, "{text}");
        }
    }
}
