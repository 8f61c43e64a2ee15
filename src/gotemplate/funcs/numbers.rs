//! Arithmetic, with spf13/cast's conversions: floats are truncated, what is no number is 0.

use crate::format;
use crate::signature::{Answer, Call, Function, Param, fixed, variadic};
use crate::value::Value;

pub const TABLE: &[Function] = &[
    fixed("atoi", &[Param::Str], |_, v| Ok(Value::int(v[0].text().and_then(|text| text.parse().ok()).unwrap_or(0)))),
    fixed("int", &[Param::Any], |_, v| Ok(Value::int(to_int(&v[0])))),
    fixed("int64", &[Param::Any], |_, v| Ok(Value::int64(to_int(&v[0])))),
    fixed("float64", &[Param::Any], |_, v| Ok(Value::Float(to_float(&v[0])))),
    fixed("toDecimal", &[Param::Any], |_, v| {
        Ok(Value::int64(i64::from_str_radix(&format::print(&v[0]), 8).unwrap_or(0)))
    }),
    fixed("add1", &[Param::Any], |_, v| Ok(Value::int64(to_int(&v[0]).wrapping_add(1)))),
    variadic("add", &[], Param::Any, |_, v| Ok(Value::int64(v.iter().map(to_int).fold(0, i64::wrapping_add)))),
    fixed("sub", &[Param::Any, Param::Any], |_, v| Ok(Value::int64(to_int(&v[0]).wrapping_sub(to_int(&v[1]))))),
    variadic("mul", &[Param::Any], Param::Any, |_, v| {
        Ok(Value::int64(v.iter().map(to_int).fold(1, i64::wrapping_mul)))
    }),
    fixed("div", &[Param::Any, Param::Any], |_, v| divided(v, i64::wrapping_div)),
    fixed("mod", &[Param::Any, Param::Any], |_, v| divided(v, i64::wrapping_rem)),
    fixed("add1f", &[Param::Any], |_, v| Ok(Value::Float(decimal(to_float(&v[0]) + 1.0)))),
    variadic("addf", &[], Param::Any, |_, v| Ok(Value::Float(v.iter().map(to_float).fold(0.0, |a, b| decimal(a + b))))),
    variadic("subf", &[Param::Any], Param::Any, |_, v| Ok(folded(v, |a, b| a - b))),
    variadic("mulf", &[Param::Any], Param::Any, |_, v| Ok(folded(v, |a, b| a * b))),
    variadic("divf", &[Param::Any], Param::Any, divf),
    variadic("max", &[Param::Any], Param::Any, |_, v| Ok(Value::int64(v.iter().map(to_int).max().unwrap_or(0)))),
    variadic("biggest", &[Param::Any], Param::Any, |_, v| Ok(Value::int64(v.iter().map(to_int).max().unwrap_or(0)))),
    variadic("min", &[Param::Any], Param::Any, |_, v| Ok(Value::int64(v.iter().map(to_int).min().unwrap_or(0)))),
    variadic("maxf", &[Param::Any], Param::Any, |_, v| Ok(folded(v, f64::max))),
    variadic("minf", &[Param::Any], Param::Any, |_, v| Ok(folded(v, f64::min))),
    fixed("ceil", &[Param::Any], |_, v| Ok(Value::Float(to_float(&v[0]).ceil()))),
    fixed("floor", &[Param::Any], |_, v| Ok(Value::Float(to_float(&v[0]).floor()))),
    variadic("round", &[Param::Any, Param::Int], Param::Float, round),
    fixed("until", &[Param::Int], |call, v| {
        let count = to_int(&v[0]);
        until(call, 0, count, if count < 0 { -1 } else { 1 }).map(Value::ints)
    }),
    fixed("untilStep", &[Param::Int, Param::Int, Param::Int], |call, v| {
        until(call, to_int(&v[0]), to_int(&v[1]), to_int(&v[2])).map(Value::ints)
    }),
    variadic("seq", &[], Param::Int, seq),
    fixed("randInt", &[Param::Int, Param::Int], random_int),
];

/// `cast.ToInt64`.
#[expect(clippy::cast_possible_truncation, reason = "as Go truncates")]
pub fn to_int(value: &Value) -> i64 {
    match value {
        Value::Int(value, _) | Value::Duration(value) => *value,
        Value::Float(value) => *value as i64,
        Value::Bool(value) => i64::from(*value),
        Value::Str(text) => integer(text),
        _ => 0,
    }
}

/// cast drops a decimal part of zeros, and leading zeros.
fn integer(text: &str) -> i64 {
    let whole = match text.split_once('.') {
        Some((whole, zeros)) if !zeros.is_empty() && zeros.bytes().all(|digit| digit == b'0') => whole,
        _ => text,
    };
    crate::parser::integer(whole).unwrap_or(0)
}

/// `cast.ToFloat64`.
#[expect(clippy::cast_precision_loss, reason = "as Go converts")]
pub fn to_float(value: &Value) -> f64 {
    match value {
        Value::Int(value, _) | Value::Duration(value) => *value as f64,
        Value::Float(value) => *value,
        Value::Bool(value) => f64::from(u8::from(*value)),
        Value::Str(text) => text.parse().unwrap_or(0.0),
        _ => 0.0,
    }
}

fn divided(values: &[Value], operation: fn(i64, i64) -> i64) -> Answer {
    let (a, b) = (to_int(&values[0]), to_int(&values[1]));
    if b == 0 {
        return Err("runtime error: integer divide by zero".into());
    }
    Ok(Value::int64(operation(a, b)))
}

/// Sprig counts in decimals, so that 0.1 + 0.2 is 0.3: fifteen digits of a float are exact.
fn decimal(value: f64) -> f64 {
    format!("{value:.14e}").parse().unwrap_or(value)
}

fn folded(values: &[Value], operation: fn(f64, f64) -> f64) -> Value {
    let [first, others @ ..] = values else { return Value::Float(0.0) };
    Value::Float(others.iter().map(to_float).fold(to_float(first), |a, b| decimal(operation(a, b))))
}

fn divf(_: &Call, values: &[Value]) -> Answer {
    if values[1..].iter().any(|value| to_float(value) == 0.0) {
        return Err("decimal division by 0".into());
    }
    // Sixteen decimal places, as the decimal library keeps.
    let rounded = |value: f64| format!("{value:.16}").parse().unwrap_or(value);
    let [first, others @ ..] = values else { return Ok(Value::Float(0.0)) };
    Ok(Value::Float(others.iter().map(to_float).fold(to_float(first), |a, b| rounded(a / b))))
}

fn round(_: &Call, values: &[Value]) -> Answer {
    let limit = values.get(2).map_or(0.5, to_float);
    let power = 10f64.powi(i32::try_from(to_int(&values[1])).unwrap_or(i32::MAX));
    let digit = power * to_float(&values[0]);
    let rounded = if digit.fract() >= limit { digit.ceil() } else { digit.floor() };
    Ok(Value::Float(rounded / power))
}

fn until(call: &Call, start: i64, stop: i64, step: i64) -> Result<Vec<i64>, crate::error::Failure> {
    if (stop < start && step >= 0) || (stop >= start && step <= 0) {
        return Ok(Vec::new());
    }
    let count = (i128::from(stop) - i128::from(start)).unsigned_abs().div_ceil(u128::from(step.unsigned_abs()));
    // Before anything is allocated: a billion items are a gigabyte.
    call.budget.step(u64::try_from(count).unwrap_or(u64::MAX))?;
    call.budget.bytes(u64::try_from(count).unwrap_or(u64::MAX).saturating_mul(32))?;
    let count = usize::try_from(count).unwrap_or(0);
    Ok(std::iter::successors(Some(start), |at| at.checked_add(step)).take(count).collect())
}

fn seq(call: &Call, values: &[Value]) -> Answer {
    let given: Vec<i64> = values.iter().map(to_int).collect();
    let direction = |start: i64, end: i64| if end < start { -1 } else { 1 };
    let numbers = match given[..] {
        [end] => until(call, 1, end.saturating_add(direction(1, end)), direction(1, end))?,
        [start, end] => until(call, start, end.saturating_add(direction(start, end)), direction(start, end))?,
        [start, step, end] if end < start && step > 0 => Vec::new(),
        [start, step, end] => until(call, start, end.saturating_add(direction(start, end)), step)?,
        _ => Vec::new(),
    };
    let words: Vec<String> = numbers.iter().map(i64::to_string).collect();
    Ok(Value::str(words.join(" ")))
}

fn random_int(call: &Call, values: &[Value]) -> Answer {
    let (low, high) = (to_int(&values[0]), to_int(&values[1]));
    let span = u64::try_from(high.saturating_sub(low)).unwrap_or(0);
    if span == 0 {
        return Err("invalid argument to Intn".into());
    }
    let mut bytes = [0; 8];
    call.world.random(&mut bytes)?;
    Ok(Value::int(low + i64::try_from(u64::from_le_bytes(bytes) % span).unwrap_or(0)))
}
