//! Dates and durations. The local time zone is UTC.

use time::OffsetDateTime;

use crate::error::Failure;
use crate::format;
use crate::funcs::numbers::to_int;
use crate::signature::{Answer, Call, Function, Param, fixed};
use crate::text::{date, duration};
use crate::value::Value;

pub const TABLE: &[Function] = &[
    fixed("now", &[], |call, _| Ok(Value::Time(call.world.now()))),
    fixed("date", &[Param::Str, Param::Any], |call, v| layout(call, &format::print(&v[0]), &v[1])),
    fixed("htmlDate", &[Param::Any], |call, v| layout(call, "2006-01-02", &v[0])),
    fixed("dateInZone", &[Param::Str, Param::Any, Param::Str], in_zone),
    fixed("date_in_zone", &[Param::Str, Param::Any, Param::Str], in_zone),
    fixed("htmlDateInZone", &[Param::Any, Param::Str], |call, v| {
        in_zone(call, &[Value::str("2006-01-02"), v[0].clone(), v[1].clone()])
    }),
    fixed("dateModify", &[Param::Str, Param::Time], |_, v| Ok(modified(v).unwrap_or_else(|_| v[1].clone()))),
    fixed("date_modify", &[Param::Str, Param::Time], |_, v| Ok(modified(v).unwrap_or_else(|_| v[1].clone()))),
    fixed("mustDateModify", &[Param::Str, Param::Time], |_, v| modified(v)),
    fixed("must_date_modify", &[Param::Str, Param::Time], |_, v| modified(v)),
    fixed("toDate", &[Param::Str, Param::Str], |_, v| {
        let zero = || OffsetDateTime::from_unix_timestamp(-62_135_596_800).unwrap_or(OffsetDateTime::UNIX_EPOCH);
        Ok(Value::Time(date::parse(&format::print(&v[0]), &format::print(&v[1])).unwrap_or_else(zero)))
    }),
    fixed("mustToDate", &[Param::Str, Param::Str], |_, v| {
        let (layout, text) = (format::print(&v[0]), format::print(&v[1]));
        let parsed = date::parse(&layout, &text).map(Value::Time);
        parsed.ok_or_else(|| format!("parsing time {text:?} as {layout:?}: cannot parse").into())
    }),
    fixed("unixEpoch", &[Param::Time], |call, v| Ok(Value::str(moment(call, &v[0]).unix_timestamp().to_string()))),
    fixed("ago", &[Param::Any], |call, v| {
        let passed = call.world.now() - moment(call, &v[0]);
        Ok(Value::str(duration::shown(passed.whole_seconds().saturating_mul(1_000_000_000))))
    }),
    fixed("duration", &[Param::Any], |_, v| {
        // Sprig reads strings and int64; an int, as constants are, counts as nothing.
        let seconds = match &v[0] {
            Value::Str(_) | Value::Int(_, crate::value::IntKind::Int64) => to_int(&v[0]),
            _ => 0,
        };
        Ok(Value::str(duration::shown(seconds.saturating_mul(1_000_000_000))))
    }),
    fixed("durationRound", &[Param::Any], |call, v| Ok(Value::str(rounded(call, &v[0])))),
    fixed("mustToDuration", &[Param::Any], |_, v| as_duration(&v[0]).map(Value::Duration)),
    fixed("durationSeconds", &[Param::Any], |_, v| Ok(in_units(&v[0], 1e9))),
    fixed("durationMinutes", &[Param::Any], |_, v| Ok(in_units(&v[0], 6e10))),
    fixed("durationHours", &[Param::Any], |_, v| Ok(in_units(&v[0], 3.6e12))),
    fixed("durationDays", &[Param::Any], |_, v| Ok(in_units(&v[0], 8.64e13))),
    fixed("durationWeeks", &[Param::Any], |_, v| Ok(in_units(&v[0], 6.048e14))),
    fixed("durationMilliseconds", &[Param::Any], |_, v| Ok(Value::int64(as_duration(&v[0]).unwrap_or(0) / 1_000_000))),
    fixed("durationMicroseconds", &[Param::Any], |_, v| Ok(Value::int64(as_duration(&v[0]).unwrap_or(0) / 1_000))),
    fixed("durationNanoseconds", &[Param::Any], |_, v| Ok(Value::int64(as_duration(&v[0]).unwrap_or(0)))),
    fixed("durationRoundTo", &[Param::Any, Param::Any], |_, v| Ok(to_multiple(v, true))),
    fixed("durationTruncateTo", &[Param::Any, Param::Any], |_, v| Ok(to_multiple(v, false))),
];

/// A date, or seconds since 1970; anything else is now.
fn moment(call: &Call, value: &Value) -> OffsetDateTime {
    match value {
        Value::Time(time) => *time,
        Value::Int(seconds, _) => OffsetDateTime::from_unix_timestamp(*seconds).unwrap_or_else(|_| call.world.now()),
        _ => call.world.now(),
    }
}

fn layout(call: &Call, layout: &str, value: &Value) -> Answer {
    Ok(Value::str(date::formatted(moment(call, value), layout)))
}

fn in_zone(call: &Call, values: &[Value]) -> Answer {
    let zone = format::print(&values[2]);
    if !matches!(&*zone, "" | "UTC" | "Local" | "GMT" | "Etc/UTC") {
        return Err(Failure::Message(format!("time zone {zone:?} is not supported by aictl; use \"UTC\"")));
    }
    let time = moment(call, &values[1]).to_offset(time::UtcOffset::UTC);
    Ok(Value::str(date::formatted(time, &format::print(&values[0]))))
}

fn modified(values: &[Value]) -> Answer {
    let text = format::print(&values[0]);
    let nanos = duration::parse(&text).ok_or_else(|| format!("time: invalid duration {text:?}"))?;
    let Value::Time(time) = &values[1] else { return Err("wrong type for value; expected time.Time".into()) };
    let moved = time.checked_add(time::Duration::nanoseconds(nanos));
    moved.map(Value::Time).ok_or_else(|| "time out of range".into())
}

fn rounded(call: &Call, value: &Value) -> String {
    let nanos = match value {
        Value::Str(text) => duration::parse(text).unwrap_or(0),
        Value::Int(nanos, crate::value::IntKind::Int64) | Value::Duration(nanos) => *nanos,
        Value::Time(time) => i64::try_from((call.world.now() - *time).whole_nanoseconds()).unwrap_or(i64::MAX),
        _ => 0,
    };
    let seconds = nanos.unsigned_abs() / 1_000_000_000;
    let units = [(365 * 86400, "y"), (30 * 86400, "mo"), (86400, "d"), (3600, "h"), (60, "m"), (1, "s")];
    let found = units.iter().find(|(length, _)| seconds > *length);
    found.map_or_else(|| "0s".into(), |(length, name)| format!("{}{name}", seconds / length))
}

#[expect(clippy::cast_possible_truncation, reason = "as Go truncates")]
fn as_duration(value: &Value) -> Result<i64, Failure> {
    match value {
        Value::Duration(nanos) => Ok(*nanos),
        Value::Int(seconds, _) => {
            seconds.checked_mul(1_000_000_000).ok_or_else(|| format!("duration seconds overflow: {seconds}").into())
        }
        Value::Float(seconds) => Ok((seconds * 1e9) as i64),
        Value::Str(text) => {
            let trimmed = text.trim();
            let seconds = || trimmed.parse::<f64>().ok().map(|seconds| (seconds * 1e9) as i64);
            let parsed = duration::parse(trimmed).or_else(seconds);
            parsed.ok_or_else(|| format!("could not parse duration {text:?}").into())
        }
        Value::Nil | Value::Null => Err("invalid duration".into()),
        other => Err(Failure::Message(format!("unsupported duration type {}", other.type_name()))),
    }
}

#[expect(clippy::cast_precision_loss, reason = "as Go converts")]
fn in_units(value: &Value, unit: f64) -> Value {
    Value::Float(as_duration(value).unwrap_or(0) as f64 / unit)
}

fn to_multiple(values: &[Value], round: bool) -> Value {
    let Ok(nanos) = as_duration(&values[0]) else { return Value::Duration(0) };
    let Some(multiple) = as_duration(&values[1]).ok().filter(|multiple| *multiple > 0) else {
        return Value::Duration(nanos);
    };
    let rest = nanos % multiple;
    let down = nanos - rest;
    let up = round && rest.unsigned_abs() * 2 >= multiple.unsigned_abs();
    Value::Duration(if up { down + multiple * rest.signum() } else { down })
}
