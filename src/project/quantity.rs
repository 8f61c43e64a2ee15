//! Sizes, periods and schedules as people write them.
//! Reads text; returns bytes and durations, or what is wrong in words.
//! Never reads a clock.

use std::borrow::Cow;
use std::time::Duration;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer};

/// A number of bytes, written `512MiB`, `8GiB`, `20GB` or as a plain number.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct ByteSize(pub u64);

/// Nobody means a period longer than this, and clocks cannot add every one.
const LONGEST: Duration = Duration::from_secs(365 * 86_400);

/// A length of time, written `30s`, `10m`, `1h30m` or `7d`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Period(pub Duration);

impl std::str::FromStr for ByteSize {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || format!("invalid size `{text}`; write `512MiB`, `8GiB` or `20GB`");
        let text = text.trim();
        let end = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
        let (digits, unit) = text.split_at(end);
        let amount: f64 = digits.parse().map_err(|_| wrong())?;
        let factor: u64 = match unit.trim().to_ascii_lowercase().as_str() {
            "" | "b" => 1,
            "kb" => 1000,
            "mb" => 1000_u64.pow(2),
            "gb" => 1000_u64.pow(3),
            "tb" => 1000_u64.pow(4),
            // A bare letter is binary, as in Compose and the engine.
            "k" | "ki" | "kib" => 1 << 10,
            "m" | "mi" | "mib" => 1 << 20,
            "g" | "gi" | "gib" => 1 << 30,
            "t" | "ti" | "tib" => 1 << 40,
            _ => return Err(wrong()),
        };
        Ok(Self((amount * factor as f64) as u64))
    }
}

impl std::str::FromStr for Period {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || format!("invalid duration `{text}`; write `30s`, `10m` or `1h30m`");
        let too_long = || format!("duration `{text}` is longer than the maximum of one year (`365d`)");
        let mut rest = text.trim();
        let mut total = Duration::ZERO;
        if rest.is_empty() {
            return Err(wrong());
        }
        while !rest.is_empty() {
            let digits = rest.find(|c: char| !c.is_ascii_digit() && c != '.').ok_or_else(wrong)?;
            let (amount, tail) = rest.split_at(digits);
            let amount: f64 = amount.parse().map_err(|_| wrong())?;
            let letters = tail.find(|c: char| c.is_ascii_digit()).unwrap_or(tail.len());
            let (unit, tail) = tail.split_at(letters);
            let seconds = match unit.trim() {
                "ms" => 0.001,
                "s" => 1.0,
                "m" => 60.0,
                "h" => 3600.0,
                "d" => 86_400.0,
                "w" => 604_800.0,
                _ => return Err(wrong()),
            };
            let part = Duration::try_from_secs_f64(amount * seconds).ok();
            total =
                part.and_then(|part| total.checked_add(part)).filter(|total| *total <= LONGEST).ok_or_else(too_long)?;
            rest = tail;
        }
        Ok(Self(total))
    }
}

/// What is wrong with five fields of cron, if anything.
pub(super) fn cron_fault(text: &str) -> Option<String> {
    const FIELDS: [(&str, u32, u32); 5] =
        [("minute", 0, 59), ("hour", 0, 23), ("day", 1, 31), ("month", 1, 12), ("weekday", 0, 7)];
    if matches!(text, "@hourly" | "@daily" | "@weekly" | "@monthly") {
        return None;
    }
    let fields: Vec<&str> = text.split_whitespace().collect();
    if fields.len() != FIELDS.len() {
        return Some(format!("invalid schedule `{text}`: {} fields instead of 5, as in `0 3 * * *`", fields.len()));
    }
    fields.iter().zip(FIELDS).find_map(|(field, (name, low, high))| {
        let fits = field.split(',').all(|part| is_cron_part(part, low, high));
        (!fits).then(|| format!("invalid schedule `{text}`: {name} `{field}` is not in {low}-{high}"))
    })
}

/// `*`, `5`, `1-5`, `*/10`, `1-30/2`.
fn is_cron_part(part: &str, low: u32, high: u32) -> bool {
    let (range, step) = part.split_once('/').map_or((part, None), |(range, step)| (range, Some(step)));
    if step.is_some_and(|step| step.parse::<u32>().map_or(true, |step| step == 0)) {
        return false;
    }
    let within = |text: &str| text.parse().ok().filter(|number| (low..=high).contains(number));
    match range.split_once('-') {
        _ if range == "*" => true,
        Some((from, to)) => within(from).zip(within(to)).is_some_and(|(from, to)| from <= to),
        None => within(range).is_some(),
    }
}

/// The `format` words of the schema that `shape` checks with the readers above.
pub(super) fn format_fault(format: &str, text: &str) -> Option<String> {
    match format {
        "byte-size" => text.parse::<ByteSize>().err(),
        "period" => text.parse::<Period>().err(),
        "cron" => cron_fault(text),
        _ => None,
    }
}

impl<'de> Deserialize<'de> for ByteSize {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

impl<'de> Deserialize<'de> for Period {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

impl JsonSchema for ByteSize {
    fn schema_name() -> Cow<'static, str> {
        "ByteSize".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": ["string", "number"],
            "format": "byte-size",
            "minimum": 0,
            "pattern": r"^\s*([0-9]+\.?[0-9]*|\.[0-9]+)\s*([bB]|[kKmMgGtT]([iI]?[bB]|[iI])?)?\s*$",
            "description": "A size: `512MiB`, `8GiB`, `20GB`, or a number of bytes.",
        })
    }
}

impl JsonSchema for Period {
    fn schema_name() -> Cow<'static, str> {
        "Period".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": "string",
            "format": "period",
            "pattern": r"^\s*([0-9]+\.?[0-9]*|\.[0-9]+)\s*(ms|[smhdw])\s*([0-9]+\.?[0-9]*\s*(ms|[smhdw])\s*)*$",
            "description": "A duration: `30s`, `10m`, `1h30m`, `7d`.",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_binary_or_decimal_as_written() {
        for (text, bytes) in
            [("8GiB", 8 << 30), ("512MiB", 512 << 20), ("20GB", 20_000_000_000), ("1.5k", 1536), ("42", 42)]
        {
            assert_eq!(text.parse(), Ok(ByteSize(bytes)), "{text}");
        }
        for text in ["", "GiB", "8 gigs", "-1", "1.2.3MB"] {
            assert!(text.parse::<ByteSize>().is_err(), "{text}");
        }
    }

    #[test]
    fn periods_add_up() {
        for (text, seconds) in [("30s", 30), ("10m", 600), ("1h30m", 5400), ("7d", 604_800), ("1500ms", 1)] {
            assert_eq!(text.parse::<Period>().map(|period| period.0.as_secs()), Ok(seconds), "{text}");
        }
        for text in ["", "30", "m", "1x", "s30", "1h 30"] {
            assert!(text.parse::<Period>().is_err(), "{text}");
        }
        assert!("365d".parse::<Period>().is_ok());
        for text in ["366d", "365d1s", "213503982334601d", "213503982334601d213503982334601d", "1e400s"] {
            let text = text.replace("1e400", &"9".repeat(400));
            assert!(text.parse::<Period>().unwrap_err().contains("longer than the maximum"), "{text}");
        }
    }

    #[test]
    fn schedules_have_five_fields_within_their_bounds() {
        for text in ["0 3 * * *", "*/10 0-6 1,15 * 1-5", "@daily"] {
            assert_eq!(cron_fault(text), None, "{text}");
        }
        assert_eq!(cron_fault("0 25 * * *").unwrap(), "invalid schedule `0 25 * * *`: hour `25` is not in 0-23");
        for text in ["", "0 3 * *", "*/0 * * * *", "5-1 * * * *", "a * * * *"] {
            assert!(cron_fault(text).is_some(), "{text}");
        }
    }
}
