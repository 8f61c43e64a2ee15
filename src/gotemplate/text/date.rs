//! Dates by Go's layouts, in which the example date `Mon Jan 2 15:04:05 MST 2006` stands for the parts.

use time::{Date, Month, OffsetDateTime, PrimitiveDateTime, Time, UtcOffset};

const MONTHS: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];

/// Parts of a layout, longer ones before those they begin with.
const PARTS: &[&str] = &[
    "January",
    "Jan",
    "Monday",
    "Mon",
    "MST",
    "2006",
    "Z07:00:00",
    "Z070000",
    "Z07:00",
    "Z0700",
    "Z07",
    "-07:00:00",
    "-070000",
    "-07:00",
    "-0700",
    "-07",
    "002",
    "01",
    "02",
    "03",
    "04",
    "05",
    "06",
    "15",
    "PM",
    "pm",
    "__2",
    "_2",
    "1",
    "2",
    "3",
    "4",
    "5",
];

/// The next part of a layout: text before it, the part, the rest.
fn next(layout: &str) -> Option<(&str, &str, &str)> {
    for (at, _) in layout.char_indices() {
        let rest = &layout[at..];
        // `_2006` is a blank line and the year.
        if rest.starts_with("_2006") {
            continue;
        }
        if let Some(part) = PARTS.iter().find(|part| rest.starts_with(**part)) {
            let more = rest[part.len()..].chars().next();
            let word = (*part == "Jan" || *part == "Mon") && more.is_some_and(|c| c.is_ascii_lowercase());
            if !word {
                return Some((&layout[..at], part, &rest[part.len()..]));
            }
        }
        if let Some(length) = fraction(rest) {
            return Some((&layout[..at], &rest[..length], &rest[length..]));
        }
    }
    None
}

/// The length of `.000` or `.999`.
fn fraction(text: &str) -> Option<usize> {
    let mut characters = text.chars();
    let digit = matches!(characters.next(), Some('.' | ',')).then(|| characters.next())??;
    if !matches!(digit, '0' | '9') {
        return None;
    }
    let length = 1 + text[1..].chars().take_while(|c| *c == digit).count();
    let ends = !text[length..].starts_with(|c: char| c.is_ascii_digit());
    ends.then_some(length)
}

/// `Time.Format`.
pub fn formatted(time: OffsetDateTime, layout: &str) -> String {
    let mut out = String::new();
    let mut rest = layout;
    while let Some((before, part, after)) = next(rest) {
        out.push_str(before);
        out.push_str(&part_of(time, part));
        rest = after;
    }
    out + rest
}

fn part_of(time: OffsetDateTime, part: &str) -> String {
    let hour12 = (time.hour() + 11) % 12 + 1;
    let month = u8::from(time.month());
    let name = MONTHS[usize::from(month - 1)];
    let weekday = time.weekday().to_string();
    match part {
        "2006" => format!("{:04}", time.year()),
        "06" => format!("{:02}", time.year().rem_euclid(100)),
        "January" => name.into(),
        "Jan" => name[..3].into(),
        "01" => format!("{month:02}"),
        "1" => month.to_string(),
        "Monday" => weekday,
        "Mon" => weekday[..3].into(),
        "02" => format!("{:02}", time.day()),
        "_2" => format!("{:2}", time.day()),
        "2" => time.day().to_string(),
        "002" => format!("{:03}", time.ordinal()),
        "__2" => format!("{:3}", time.ordinal()),
        "15" => format!("{:02}", time.hour()),
        "03" => format!("{hour12:02}"),
        "3" => hour12.to_string(),
        "04" => format!("{:02}", time.minute()),
        "4" => time.minute().to_string(),
        "05" => format!("{:02}", time.second()),
        "5" => time.second().to_string(),
        "PM" => if time.hour() < 12 { "AM" } else { "PM" }.into(),
        "pm" => if time.hour() < 12 { "am" } else { "pm" }.into(),
        "MST" if time.offset().is_utc() => "UTC".into(),
        "MST" => zone(time.offset(), "-07"),
        zone_part if zone_part.starts_with('Z') && time.offset().is_utc() => "Z".into(),
        zone_part if zone_part.starts_with(['Z', '-']) => zone(time.offset(), zone_part),
        digits => second_fraction(time, digits),
    }
}

fn zone(offset: UtcOffset, part: &str) -> String {
    let (hours, minutes, seconds) = offset.as_hms();
    let sign = if offset.is_negative() { '-' } else { '+' };
    let (hours, minutes, seconds) = (hours.unsigned_abs(), minutes.unsigned_abs(), seconds.unsigned_abs());
    match &part[1..] {
        "07" => format!("{sign}{hours:02}"),
        "07:00" => format!("{sign}{hours:02}:{minutes:02}"),
        "0700" => format!("{sign}{hours:02}{minutes:02}"),
        "07:00:00" => format!("{sign}{hours:02}:{minutes:02}:{seconds:02}"),
        _ => format!("{sign}{hours:02}{minutes:02}{seconds:02}"),
    }
}

fn second_fraction(time: OffsetDateTime, part: &str) -> String {
    let digits = format!("{:09}", time.nanosecond());
    let digits = &digits[..(part.len() - 1).min(9)];
    if part.ends_with('0') {
        return format!("{}{digits}", &part[..1]);
    }
    let digits = digits.trim_end_matches('0');
    if digits.is_empty() { String::new() } else { format!("{}{digits}", &part[..1]) }
}

/// `Time.String`.
pub fn shown(time: OffsetDateTime) -> String {
    formatted(time, "2006-01-02 15:04:05.999999999 -0700 MST")
}

/// `time.ParseInLocation` with UTC.
pub fn parse(layout: &str, text: &str) -> Option<OffsetDateTime> {
    let mut parts = Parts { year: 0, month: 1, day: 1, ..Parts::default() };
    let (mut layout, mut text) = (layout, text);
    while let Some((before, part, after)) = next(layout) {
        text = text.strip_prefix(before)?;
        text = parts.take(part, text)?;
        // A fraction that the layout does not name may follow the seconds.
        if part.ends_with('5') && text.starts_with('.') && !after.starts_with('.') {
            text = parts.take(".9", text)?;
        }
        layout = after;
    }
    text.strip_prefix(layout).filter(|rest| rest.is_empty())?;
    parts.time()
}

#[derive(Default)]
struct Parts {
    year: i32,
    month: u8,
    day: u8,
    hour: u8,
    minute: u8,
    second: u8,
    nanos: u32,
    afternoon: Option<bool>,
    offset: Option<UtcOffset>,
}

impl Parts {
    fn time(self) -> Option<OffsetDateTime> {
        let date = Date::from_calendar_date(self.year, Month::try_from(self.month).ok()?, self.day).ok()?;
        let hour = match self.afternoon {
            Some(afternoon) => self.hour % 12 + if afternoon { 12 } else { 0 },
            None => self.hour,
        };
        let time = Time::from_hms_nano(hour, self.minute, self.second, self.nanos).ok()?;
        Some(PrimitiveDateTime::new(date, time).assume_offset(self.offset.unwrap_or(UtcOffset::UTC)))
    }

    fn take<'t>(&mut self, part: &str, text: &'t str) -> Option<&'t str> {
        match part {
            "2006" | "06" => self.take_year(part, text),
            "January" | "Jan" => {
                let names = MONTHS.iter().map(|name| if part == "Jan" { &name[..3] } else { name });
                let (at, name) = names.enumerate().find(|(_, name)| text.starts_with(name))?;
                self.month = u8::try_from(at + 1).ok()?;
                Some(&text[name.len()..])
            }
            "Monday" | "Mon" => {
                let count = text.bytes().take_while(u8::is_ascii_alphabetic).count();
                Some(&text[if part == "Mon" { count.min(3) } else { count }..])
            }
            "PM" | "pm" => {
                self.afternoon = Some(text.get(..2)?.eq_ignore_ascii_case("pm"));
                Some(&text[2..])
            }
            "MST" => {
                self.offset = Some(UtcOffset::UTC);
                text.strip_prefix("UTC").or_else(|| text.strip_prefix("GMT"))
            }
            part if part.starts_with(['Z', '-']) => self.take_zone(part, text),
            part if part.starts_with(['.', ',']) => self.take_fraction(part, text),
            part => self.take_number(part, text),
        }
    }

    fn take_year<'t>(&mut self, part: &str, text: &'t str) -> Option<&'t str> {
        let (digits, rest) = leading_digits(text, (part.len(), part.len()))?;
        let year: i32 = digits.parse().ok()?;
        self.year = match part {
            "2006" => year,
            _ if year >= 69 => 1900 + year,
            _ => 2000 + year,
        };
        Some(rest)
    }

    fn take_fraction<'t>(&mut self, part: &str, text: &'t str) -> Option<&'t str> {
        let Some(rest) = text.strip_prefix(['.', ',']) else {
            return part.ends_with('9').then_some(text);
        };
        let count = rest.bytes().take_while(u8::is_ascii_digit).count();
        self.nanos = format!("{:0<9}", &rest[..count.min(9)]).parse().ok()?;
        Some(&rest[count..])
    }

    /// A part of one or two digits.
    fn take_number<'t>(&mut self, part: &str, text: &'t str) -> Option<&'t str> {
        let text = if part.starts_with('_') { text.trim_start_matches(' ') } else { text };
        let least = if part.starts_with('0') || part == "15" { 2 } else { 1 };
        let (digits, rest) = leading_digits(text, (least, 2))?;
        let value: u8 = digits.parse().ok()?;
        match part {
            "01" | "1" => self.month = value,
            "02" | "2" | "_2" => self.day = value,
            "15" | "03" | "3" => self.hour = value,
            "04" | "4" => self.minute = value,
            "05" | "5" => self.second = value,
            _ => return None,
        }
        Some(rest)
    }

    fn take_zone<'t>(&mut self, part: &str, text: &'t str) -> Option<&'t str> {
        if let Some(rest) = text.strip_prefix('Z').filter(|_| part.starts_with('Z')) {
            self.offset = Some(UtcOffset::UTC);
            return Some(rest);
        }
        let sign = match text.as_bytes().first()? {
            b'+' => 1,
            b'-' => -1,
            _ => return None,
        };
        let mut values = [0_i8; 3];
        let mut rest = &text[1..];
        let count = part.bytes().filter(u8::is_ascii_digit).count() / 2;
        for (at, value) in values.iter_mut().enumerate().take(count) {
            if at > 0 && part.contains(':') {
                rest = rest.strip_prefix(':')?;
            }
            *value = rest.get(..2)?.parse().ok()?;
            rest = &rest[2..];
        }
        self.offset = UtcOffset::from_hms(sign * values[0], sign * values[1], sign * values[2]).ok();
        self.offset.map(|_| rest)
    }
}

/// The digits that a text begins with, of at least and at most so many, and the rest.
fn leading_digits(text: &str, (least, most): (usize, usize)) -> Option<(&str, &str)> {
    let count = text.bytes().take(most).take_while(u8::is_ascii_digit).count();
    (count >= least).then(|| text.split_at(count))
}
