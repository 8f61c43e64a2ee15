//! What a scalar means: null, a boolean, a number, a timestamp or text.
//! Reads a tag and the text; returns a value, by the rules of the go-yaml reader.
//! Never takes `yes`, `no`, `on` and `off` for booleans.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use crate::compose::go::time;
use crate::compose::value::Value;

/// Resolves a scalar; the error says what the tag does not fit.
pub(super) fn resolve(tag: Option<&str>, text: &str, plain: bool) -> Result<Value, String> {
    match tag {
        Some("!!binary") => binary(text),
        Some("!!str" | "!") => Ok(Value::Str(text.to_owned())),
        None if !plain => Ok(Value::Str(text.to_owned())),
        None => Ok(resolve_plain(text)),
        Some(tag @ ("!!int" | "!!float" | "!!bool" | "!!null" | "!!timestamp")) => tagged(tag, text),
        // A tag of one's own says nothing about the type: the text stays text.
        Some(_) => Ok(Value::Str(text.to_owned())),
    }
}

/// Base64; bytes that are no text are replaced, as they are in JSON.
fn binary(text: &str) -> Result<Value, String> {
    let bytes = STANDARD.decode(text).map_err(|_| "!!binary value contains invalid base64 data".to_owned())?;
    Ok(Value::Str(String::from_utf8_lossy(&bytes).into_owned()))
}

fn tagged(tag: &str, text: &str) -> Result<Value, String> {
    let value = resolve_plain(text);
    match (tag, value) {
        ("!!float", Value::Int(whole)) =>
        {
            #[expect(clippy::cast_precision_loss, reason = "the tag asks for a float")]
            Ok(Value::Float(whole as f64))
        }
        ("!!int", value @ (Value::Int(_) | Value::Uint(_)))
        | ("!!float", value @ Value::Float(_))
        | ("!!bool", value @ Value::Bool(_))
        | ("!!null", value @ Value::Null)
        | ("!!timestamp", value @ Value::Time(_)) => Ok(value),
        (tag, _) => Err(format!("cannot construct `{text}` as a {tag}")),
    }
}

/// What text without quotes and tag means.
pub(crate) fn resolve_plain(text: &str) -> Value {
    if let Some(value) = word(text) {
        return value;
    }
    match text.as_bytes().first() {
        Some(b'.') => float(text).map_or_else(|| text.into(), Value::Float),
        Some(b'0'..=b'9' | b'+' | b'-') => number_or_time(text),
        _ => text.into(),
    }
}

/// Whether text without quotes means itself.
pub(crate) fn is_plain_text(text: &str) -> bool {
    text != "<<" && matches!(resolve_plain(text), Value::Str(_))
}

fn word(text: &str) -> Option<Value> {
    Some(match text {
        "" | "~" | "null" | "Null" | "NULL" => Value::Null,
        "true" | "True" | "TRUE" => Value::Bool(true),
        "false" | "False" | "FALSE" => Value::Bool(false),
        ".nan" | ".NaN" | ".NAN" => Value::Float(f64::NAN),
        ".inf" | ".Inf" | ".INF" | "+.inf" | "+.Inf" | "+.INF" => Value::Float(f64::INFINITY),
        "-.inf" | "-.Inf" | "-.INF" => Value::Float(f64::NEG_INFINITY),
        "-0" | "-0.0" => Value::Float(-0.0),
        _ => return None,
    })
}

fn number_or_time(text: &str) -> Value {
    if let Some(time) = time::parse(text) {
        return Value::Time(time);
    }
    let digits = text.replace('_', "");
    integer(&digits).or_else(|| styled_float(&digits).map(Value::Float)).unwrap_or_else(|| text.into())
}

/// An integer by Go's base prefixes: `0x`, `0o`, `0b` and the old leading zero.
fn integer(digits: &str) -> Option<Value> {
    let (negative, unsigned) = match digits.as_bytes().first()? {
        b'-' => (true, &digits[1..]),
        b'+' => (false, &digits[1..]),
        _ => (false, digits),
    };
    let lower = unsigned.to_ascii_lowercase();
    let (radix, body) = match lower.as_bytes() {
        [b'0', b'x', ..] => (16, &lower[2..]),
        [b'0', b'o', ..] => (8, &lower[2..]),
        [b'0', b'b', ..] => (2, &lower[2..]),
        [b'0', _, ..] => (8, &lower[1..]),
        _ => (10, lower.as_str()),
    };
    if body.is_empty() || body.starts_with(['+', '-']) {
        return None;
    }
    let magnitude = u64::from_str_radix(body, radix).ok()?;
    match (negative, i64::try_from(magnitude)) {
        (false, Ok(value)) => Some(Value::Int(value)),
        (true, Ok(value)) => Some(Value::Int(-value)),
        (false, Err(_)) if !digits.starts_with('+') => Some(Value::Uint(magnitude)),
        (true, Err(_)) if magnitude == 1 << 63 => Some(Value::Int(i64::MIN)),
        _ => None,
    }
}

/// Digits, an optional fraction and an optional exponent; nothing else is a float.
fn styled_float(text: &str) -> Option<f64> {
    let unsigned = text.strip_prefix(['-', '+']).unwrap_or(text);
    let (mantissa, exponent) = match unsigned.find(['e', 'E']) {
        Some(at) => (&unsigned[..at], Some(&unsigned[at + 1..])),
        None => (unsigned, None),
    };
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|c| c.is_ascii_digit());
    let mantissa_fits = match mantissa.split_once('.') {
        Some(("", fraction)) => digits(fraction),
        Some((whole, fraction)) => digits(whole) && (fraction.is_empty() || digits(fraction)),
        None => digits(mantissa),
    };
    let exponent_fits = exponent.is_none_or(|text| digits(text.strip_prefix(['-', '+']).unwrap_or(text)));
    if mantissa_fits && exponent_fits { float(text) } else { None }
}

fn float(text: &str) -> Option<f64> {
    text.parse::<f64>().ok().filter(|value| value.is_finite())
}
