//! The methods of dates and durations.

use time::{Date, Month, OffsetDateTime, UtcOffset};

use crate::format;
use crate::text::{date, duration};
use crate::value::Value;

/// Methods of `time.Time`.
pub fn of_time(time: OffsetDateTime, name: &str, arguments: &[Value]) -> Option<Value> {
    let moved = |nanos: i64| time.checked_add(time::Duration::nanoseconds(nanos)).map(Value::Time);
    Some(match (name, arguments) {
        ("Format", [layout]) => Value::str(date::formatted(time, &format::print(layout))),
        ("Unix", []) => Value::int64(time.unix_timestamp()),
        ("UnixNano", []) => Value::int64(i64::try_from(time.unix_timestamp_nanos()).unwrap_or(i64::MAX)),
        ("Year", []) => Value::int(i64::from(time.year())),
        ("Day", []) => Value::int(i64::from(time.day())),
        ("YearDay", []) => Value::int(i64::from(time.ordinal())),
        ("Hour", []) => Value::int(i64::from(time.hour())),
        ("Minute", []) => Value::int(i64::from(time.minute())),
        ("Second", []) => Value::int(i64::from(time.second())),
        ("UTC", []) => Value::Time(time.to_offset(UtcOffset::UTC)),
        ("String", []) => Value::str(date::shown(time)),
        ("IsZero", []) => Value::Bool(time.unix_timestamp() == -62_135_596_800),
        ("AddDate", [Value::Int(years, _), Value::Int(months, _), Value::Int(days, _)]) => {
            Value::Time(add_date(time, (*years, *months, *days))?)
        }
        ("Add", [Value::Duration(nanos)]) => moved(*nanos)?,
        _ => return None,
    })
}

/// Methods of `time.Duration`.
#[expect(clippy::cast_precision_loss, reason = "as Go converts")]
pub fn of_duration(nanos: i64, name: &str) -> Option<Value> {
    Some(match name {
        "Hours" => Value::Float(nanos as f64 / 3.6e12),
        "Minutes" => Value::Float(nanos as f64 / 6e10),
        "Seconds" => Value::Float(nanos as f64 / 1e9),
        "Milliseconds" => Value::int64(nanos / 1_000_000),
        "Microseconds" => Value::int64(nanos / 1_000),
        "Nanoseconds" => Value::int64(nanos),
        "String" => Value::str(duration::shown(nanos)),
        _ => return None,
    })
}

fn add_date(time: OffsetDateTime, by: (i64, i64, i64)) -> Option<OffsetDateTime> {
    let (years, months, days) = by;
    let month = i64::from(u8::from(time.month())) - 1 + months.checked_add(years.checked_mul(12)?)?;
    let year = i32::try_from(i64::from(time.year()) + month.div_euclid(12)).ok()?;
    let month = Month::try_from(u8::try_from(month.rem_euclid(12) + 1).ok()?).ok()?;
    let first = Date::from_calendar_date(year, month, 1).ok()?;
    let date = first.checked_add(time::Duration::days(i64::from(time.day()) - 1 + days))?;
    Some(time.replace_date(date))
}
