//! Go's fmt: `%v` of every value, `%q`, and printf with its complaints about wrong verbs.

pub mod printf;

use std::fmt::{self, Write as _};

use crate::value::{IntKind, Value};

/// `fmt.Sprint` of one value: `%v`.
pub fn print(value: &Value) -> String {
    let mut out = String::new();
    print_into(&mut out, value, 0);
    out
}

impl fmt::Debug for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&print(self))
    }
}

/// The value as the text of an action.
pub fn output(value: &Value) -> String {
    if value.is_nil() { "<no value>".into() } else { print(value) }
}

fn print_into(out: &mut String, value: &Value, depth: usize) {
    // A map that holds itself has no end; Go overflows its stack.
    if depth > crate::value::DEEPEST {
        out.push('…');
        return;
    }
    match value {
        Value::Nil | Value::Null => out.push_str("<nil>"),
        Value::Bool(value) => out.push_str(if *value { "true" } else { "false" }),
        Value::Int(value, IntKind::Uint64) => out.push_str(&value.cast_unsigned().to_string()),
        Value::Int(value, _) => out.push_str(&value.to_string()),
        Value::Float(value) => out.push_str(&float(*value)),
        Value::Str(text) => out.push_str(text),
        Value::Bytes(bytes) => out.push_str(&String::from_utf8_lossy(bytes)),
        Value::List(list) => {
            out.push('[');
            for (at, item) in list.items.iter().enumerate() {
                out.push_str(if at > 0 { " " } else { "" });
                print_into(out, item, depth + 1);
            }
            out.push(']');
        }
        Value::Map(map) => {
            out.push_str("map[");
            for (at, (key, item)) in map.pairs().into_iter().enumerate() {
                out.push_str(if at > 0 { " " } else { "" });
                out.push_str(&key);
                out.push(':');
                print_into(out, &item, depth + 1);
            }
            out.push(']');
        }
        Value::Object(object) => out.push_str(&object.print()),
        Value::Time(time) => out.push_str(&crate::text::date::shown(*time)),
        Value::Duration(nanos) => out.push_str(&crate::text::duration::shown(*nanos)),
    }
}

/// A float as `%v` prints it: with an exponent from a million on.
pub fn float(value: f64) -> String {
    float_below(value, 6)
}

/// The shortest digits that give the value back, with an exponent from this one on.
pub fn float_below(value: f64, threshold: i32) -> String {
    if value.is_nan() {
        return "NaN".into();
    }
    if value.is_infinite() {
        return if value > 0.0 { "+Inf" } else { "-Inf" }.into();
    }
    let scientific = format!("{value:e}");
    let (digits, exponent) = scientific.split_once('e').unwrap_or((&scientific, "0"));
    let exponent: i32 = exponent.parse().unwrap_or(0);
    if (-4..threshold).contains(&exponent) { format!("{value}") } else { with_exponent(digits, exponent) }
}

/// `1.5e+06`: at least two digits of exponent.
pub fn with_exponent(digits: &str, exponent: i32) -> String {
    format!("{digits}e{}{:02}", if exponent < 0 { '-' } else { '+' }, exponent.abs())
}

/// Go's `%q`.
pub fn quoted(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 2);
    out.push('"');
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\u{7}' => out.push_str("\\a"),
            '\u{8}' => out.push_str("\\b"),
            '\u{c}' => out.push_str("\\f"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            '\u{b}' => out.push_str("\\v"),
            c if u32::from(c) < 0x20 || c == '\u{7f}' => _ = write!(out, "\\x{:02x}", u32::from(c)),
            c if is_printable(c) => out.push(c),
            c if u32::from(c) < 0x10000 => _ = write!(out, "\\u{:04x}", u32::from(c)),
            c => _ = write!(out, "\\U{:08x}", u32::from(c)),
        }
    }
    out.push('"');
    out
}

fn is_printable(c: char) -> bool {
    !(c.is_control()
        || (c.is_whitespace() && c != ' ')
        || matches!(u32::from(c), 0xad | 0x200b..=0x200f | 0x202a..=0x202e | 0x2060..=0x206f | 0xfeff | 0xe000..=0xf8ff))
}
