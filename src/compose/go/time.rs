//! Timestamps: recognised in YAML, printed as Go prints them.
//! Reads a date or a date and time; keeps it as RFC 3339 with nanoseconds as needed.
//! Never converts between time zones.

/// The RFC 3339 form of a timestamp, when the text is one.
pub(crate) fn parse(text: &str) -> Option<String> {
    let bytes = text.as_bytes();
    if bytes.len() < 8 || !bytes[..4].iter().all(u8::is_ascii_digit) || bytes[4] != b'-' {
        return None;
    }
    let mut reader = Reader { rest: &text[5..] };
    let year: u32 = text[..4].parse().ok()?;
    let month = reader.number(1, 12)?;
    reader.literal('-')?;
    let day = reader.number(1, days_in(year, month))?;
    let date = format!("{year:04}-{month:02}-{day:02}");
    if reader.rest.is_empty() {
        return Some(format!("{date}T00:00:00Z"));
    }
    let separator = reader.rest.chars().next()?;
    reader.literal(separator)?;
    let time = reader.time()?;
    let zone = match separator {
        'T' | 't' => reader.zone()?,
        ' ' => "Z".to_owned(),
        _ => return None,
    };
    reader.rest.is_empty().then(|| format!("{date}T{time}{zone}"))
}

/// The form `fmt.Sprint` gives a time: `2001-01-01 00:00:00 +0000 UTC`.
pub(crate) fn sprint(rfc3339: &str) -> String {
    let Some((date, rest)) = rfc3339.split_once('T') else {
        return rfc3339.to_owned();
    };
    if let Some(time) = rest.strip_suffix('Z') {
        return format!("{date} {time} +0000 UTC");
    }
    let (time, zone) = rest.split_at(rest.len().saturating_sub(6));
    let zone = zone.replace(':', "");
    format!("{date} {time} {zone} {zone}")
}

fn days_in(year: u32, month: u32) -> u32 {
    let leap = (year.is_multiple_of(4) && !year.is_multiple_of(100)) || year.is_multiple_of(400);
    match month {
        2 if leap => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

struct Reader<'a> {
    rest: &'a str,
}

impl Reader<'_> {
    fn literal(&mut self, expected: char) -> Option<()> {
        self.rest = self.rest.strip_prefix(expected)?;
        Some(())
    }

    /// One or two digits within bounds.
    fn number(&mut self, least: u32, most: u32) -> Option<u32> {
        let width = self.rest.bytes().take(2).take_while(u8::is_ascii_digit).count();
        let (digits, rest) = self.rest.split_at(width);
        let value: u32 = digits.parse().ok()?;
        self.rest = rest;
        (least..=most).contains(&value).then_some(value)
    }

    fn time(&mut self) -> Option<String> {
        let hour = self.number(0, 23)?;
        self.literal(':')?;
        let minute = self.number(0, 59)?;
        self.literal(':')?;
        let second = self.number(0, 59)?;
        let mut text = format!("{hour:02}:{minute:02}:{second:02}");
        if self.rest.starts_with(['.', ',']) {
            let digits = self.rest[1..].bytes().take_while(u8::is_ascii_digit).count();
            if digits == 0 {
                return None;
            }
            let fraction = self.rest[1..=digits.min(9)].trim_end_matches('0');
            if !fraction.is_empty() {
                text.push('.');
                text.push_str(fraction);
            }
            self.rest = &self.rest[1 + digits..];
        }
        Some(text)
    }

    fn zone(&mut self) -> Option<String> {
        if let Some(rest) = self.rest.strip_prefix('Z') {
            self.rest = rest;
            return Some("Z".to_owned());
        }
        let zone = self.rest.get(..6)?;
        let bytes = zone.as_bytes();
        let digits = [1, 2, 4, 5].into_iter().all(|at| bytes[at].is_ascii_digit());
        if !matches!(bytes[0], b'+' | b'-') || bytes[3] != b':' || !digits {
            return None;
        }
        self.rest = &self.rest[6..];
        Some(if &zone[1..] == "00:00" { "Z".to_owned() } else { zone.to_owned() })
    }
}

#[cfg(test)]
mod tests {
    use super::{parse, sprint};

    #[test]
    fn timestamps_are_recognised_and_printed_as_go_does() {
        let cases = [
            ("2001-01-01", "2001-01-01T00:00:00Z", "2001-01-01 00:00:00 +0000 UTC"),
            ("2001-12-14t21:59:43.10-05:00", "2001-12-14T21:59:43.1-05:00", "2001-12-14 21:59:43.1 -0500 -0500"),
            ("2001-1-2 3:4:5", "2001-01-02T03:04:05Z", "2001-01-02 03:04:05 +0000 UTC"),
        ];
        for (text, rfc3339, printed) in cases {
            assert_eq!(parse(text).as_deref(), Some(rfc3339));
            assert_eq!(sprint(rfc3339), printed);
        }
        for text in ["2001-13-01", "2001-02-30", "20010101", "1234-5", "2001-01-01x"] {
            assert_eq!(parse(text), None, "{text}");
        }
    }
}
