//! How durations, sizes and ages read in a sentence or a table.
//! Reads a number and returns words of fixed shape.
//! Never reads a clock.

use std::time::Duration;

/// `0.3s`, `3.1s`, `41s`, `2m 5s`, `3h 7m`, `5d 2h`: two units at most.
pub fn duration(value: Duration) -> String {
    let seconds = value.as_secs_f64();
    if seconds < 9.95 {
        return format!("{seconds:.1}s");
    }
    let seconds = seconds.round() as u64;
    match seconds {
        0..60 => format!("{seconds}s"),
        60..3600 => pair(seconds / 60, "m", seconds % 60, "s"),
        3600..86_400 => pair(seconds / 3600, "h", seconds % 3600 / 60, "m"),
        _ => pair(seconds / 86_400, "d", seconds % 86_400 / 3600, "h"),
    }
}

/// `12ms`, from a second on as `duration`: for what mostly takes less than a second.
pub fn short(value: Duration) -> String {
    if value < Duration::from_secs(1) { format!("{}ms", value.as_millis()) } else { duration(value) }
}

fn pair(major: u64, major_unit: &str, minor: u64, minor_unit: &str) -> String {
    if minor == 0 { format!("{major}{major_unit}") } else { format!("{major}{major_unit} {minor}{minor_unit}") }
}

/// `512 B`, `12.3 MB`, `1.1 GB`: decimal units, as the engine and the registries count.
pub fn bytes(value: u64) -> String {
    const UNITS: [&str; 5] = ["kB", "MB", "GB", "TB", "PB"];
    if value < 1000 {
        return format!("{value} B");
    }
    let mut amount = value as f64 / 1000.0;
    let mut unit = 0;
    // 999.95 would be rounded up to 1000.0 of the smaller unit.
    while amount >= 999.95 && unit + 1 < UNITS.len() {
        amount /= 1000.0;
        unit += 1;
    }
    format!("{amount:.1} {}", UNITS[unit])
}

/// `just now`, `41 seconds ago`, `5 minutes ago`, `3 days ago`: one unit, for a table.
pub fn ago(age: Duration) -> String {
    let seconds = age.as_secs();
    let (count, unit) = match seconds {
        0..2 => return "just now".to_owned(),
        2..120 => (seconds, "second"),
        120..7200 => (seconds / 60, "minute"),
        7200..172_800 => (seconds / 3600, "hour"),
        172_800..1_209_600 => (seconds / 86_400, "day"),
        1_209_600..5_184_000 => (seconds / 604_800, "week"),
        5_184_000..63_072_000 => (seconds / 2_592_000, "month"),
        _ => (seconds / 31_536_000, "year"),
    };
    format!("{count} {unit}{} ago", if count == 1 { "" } else { "s" })
}

/// Seconds since 1970 as RFC 3339 in UTC.
pub fn utc(seconds: i64) -> String {
    let time = time::OffsetDateTime::from_unix_timestamp(seconds).ok();
    time.and_then(|time| time.format(&time::format_description::well_known::Rfc3339).ok()).unwrap_or_default()
}

/// `1 service`, `3 services`: a count with its noun.
pub fn count(number: usize, noun: &str) -> String {
    format!("{number} {noun}{}", if number == 1 { "" } else { "s" })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_have_two_units_at_most() {
        for (millis, text) in [
            (0, "0.0s"),
            (340, "0.3s"),
            (3_100, "3.1s"),
            (9_949, "9.9s"),
            (9_960, "10s"),
            (41_400, "41s"),
            (59_700, "1m"),
            (125_000, "2m 5s"),
            (3_600_000, "1h"),
            (11_220_000, "3h 7m"),
            (439_200_000, "5d 2h"),
        ] {
            assert_eq!(duration(Duration::from_millis(millis)), text);
        }
    }

    #[test]
    fn sizes_are_decimal_with_one_digit() {
        for (value, text) in [
            (0, "0 B"),
            (999, "999 B"),
            (1_000, "1.0 kB"),
            (999_949, "999.9 kB"),
            (999_950, "1.0 MB"),
            (12_345_678, "12.3 MB"),
            (1_100_000_000, "1.1 GB"),
            (u64::MAX, "18446.7 PB"),
        ] {
            assert_eq!(bytes(value), text);
        }
    }

    #[test]
    fn ages_have_one_unit() {
        for (seconds, text) in [
            (0, "just now"),
            (41, "41 seconds ago"),
            (300, "5 minutes ago"),
            (7_200, "2 hours ago"),
            (259_200, "3 days ago"),
            (1_300_000, "2 weeks ago"),
            (6_000_000, "2 months ago"),
            (70_000_000, "2 years ago"),
        ] {
            assert_eq!(ago(Duration::from_secs(seconds)), text);
        }
        assert_eq!(count(1, "service"), "1 service");
        assert_eq!(count(0, "service"), "0 services");
    }
}
