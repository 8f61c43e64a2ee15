//! Durations as Go writes and reads them, with the day and week units compose files may use.
//! Reads `1h2m3.5s` or `1d`, returns nanoseconds, and the reverse.
//! Never accepts a number without a unit, except zero.

const UNITS: [(&str, i64); 10] = [
    ("ns", 1),
    ("us", 1_000),
    ("\u{b5}s", 1_000),
    ("\u{3bc}s", 1_000),
    ("ms", 1_000_000),
    ("s", 1_000_000_000),
    ("m", 60_000_000_000),
    ("h", 3_600_000_000_000),
    ("d", 86_400_000_000_000),
    ("w", 604_800_000_000_000),
];

/// The Go text of a duration: `1h0m0s`, `1.5s`, `100ms`.
pub fn format(nanos: i64) -> String {
    if nanos == 0 {
        return "0s".to_owned();
    }
    let sign = if nanos < 0 { "-" } else { "" };
    let total = nanos.unsigned_abs();
    if total < 1_000_000_000 {
        let (unit, size) = match total {
            0..1_000 => ("ns", 1),
            1_000..1_000_000 => ("\u{b5}s", 1_000),
            _ => ("ms", 1_000_000),
        };
        return format!("{sign}{}{unit}", decimal(total, size));
    }
    let seconds = decimal(total % 60_000_000_000, 1_000_000_000);
    let minutes = total / 60_000_000_000;
    match (minutes / 60, minutes % 60) {
        (0, 0) => format!("{sign}{seconds}s"),
        (0, minutes) => format!("{sign}{minutes}m{seconds}s"),
        (hours, minutes) => format!("{sign}{hours}h{minutes}m{seconds}s"),
    }
}

fn decimal(value: u64, unit: u64) -> String {
    let whole = value / unit;
    let rest = value % unit;
    if rest == 0 {
        return whole.to_string();
    }
    let width = unit.ilog10() as usize;
    let fraction = format!("{rest:0width$}");
    format!("{whole}.{}", fraction.trim_end_matches('0'))
}

/// Nanoseconds of a duration text; the error is Go's words.
pub fn parse(text: &str) -> Result<i64, String> {
    let invalid = || format!("time: invalid duration {text:?}");
    let unsigned = text.strip_prefix(['-', '+']).unwrap_or(text);
    if unsigned == "0" {
        return Ok(0);
    }
    if unsigned.is_empty() {
        return Err(invalid());
    }
    let mut rest = unsigned;
    let mut total: i64 = 0;
    while !rest.is_empty() {
        let (nanos, after) = component(rest)
            .map_err(|reason| reason.map_or_else(invalid, |r| format!("time: {r} in duration {text:?}")))?;
        total = total.checked_add(nanos).ok_or_else(invalid)?;
        rest = after;
    }
    Ok(if text.starts_with('-') { -total } else { total })
}

/// One number and its unit; the error says what was wrong, or nothing when the text is no duration at all.
fn component(text: &str) -> Result<(i64, &str), Option<String>> {
    let number_end = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
    let (number, rest) = text.split_at(number_end);
    if !number.bytes().any(|c| c.is_ascii_digit()) || number.matches('.').count() > 1 {
        return Err(None);
    }
    let unit_end = rest.find(|c: char| c.is_ascii_digit() || c == '.').unwrap_or(rest.len());
    let (unit, after) = rest.split_at(unit_end);
    if unit.is_empty() {
        return Err(Some("missing unit".to_owned()));
    }
    let Some((_, size)) = UNITS.iter().find(|(name, _)| *name == unit) else {
        return Err(Some(format!("unknown unit {unit:?}")));
    };
    let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
    let whole = if whole.is_empty() { 0 } else { whole.parse::<i64>().map_err(|_| None)? };
    let nanos = whole.checked_mul(*size).ok_or(None)?.checked_add(scaled(fraction, *size)).ok_or(None)?;
    Ok((nanos, after))
}

fn scaled(fraction: &str, size: i64) -> i64 {
    let mut value: i128 = 0;
    let mut scale: i128 = 1;
    for digit in fraction.bytes().take(18) {
        value = value * 10 + i128::from(digit - b'0');
        scale *= 10;
    }
    i64::try_from(value * i128::from(size) / scale).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::{format, parse};

    #[test]
    fn durations_are_read_and_written_as_go_does() {
        let cases = [
            ("1m30s", "1m30s"),
            ("90s", "1m30s"),
            ("1.5h", "1h30m0s"),
            ("100ms", "100ms"),
            ("1.5ms", "1.5ms"),
            ("0", "0s"),
            ("2us", "2\u{b5}s"),
            ("1d", "24h0m0s"),
            ("-1.25s", "-1.25s"),
            ("1h", "1h0m0s"),
        ];
        for (input, output) in cases {
            assert_eq!(format(parse(input).unwrap()), output, "{input}");
        }
    }

    #[test]
    fn a_number_without_unit_is_refused() {
        assert_eq!(parse("10").unwrap_err(), "time: missing unit in duration \"10\"");
        assert_eq!(parse("10x").unwrap_err(), "time: unknown unit \"x\" in duration \"10x\"");
        assert!(parse("abc").is_err());
    }
}
