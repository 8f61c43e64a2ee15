//! JSON as Go's encoding/json writes and reads it: keys sorted, `<`, `>` and `&` escaped, whole floats without a point.

use std::collections::BTreeMap;

use crate::format;
use crate::value::{Map, Value};

/// `json.Marshal`.
pub fn to_json(value: &Value) -> String {
    let mut out = String::new();
    write(&mut out, value, true, None);
    out
}

/// The same without escapes for HTML.
pub fn to_raw_json(value: &Value) -> String {
    let mut out = String::new();
    write(&mut out, value, false, None);
    out
}

/// `json.MarshalIndent` with two blanks.
pub fn to_pretty_json(value: &Value) -> String {
    let mut out = String::new();
    write(&mut out, value, true, Some(0));
    out
}

fn write(out: &mut String, value: &Value, html: bool, indent: Option<usize>) {
    match value {
        Value::Nil | Value::Null => out.push_str("null"),
        Value::Float(number) => out.push_str(&number_text(*number)),
        Value::Str(text) => string(out, text, html),
        Value::List(list) if list.nil => out.push_str("null"),
        Value::List(list) => {
            out.push('[');
            let count = list.items.len();
            for (at, item) in list.items.iter().enumerate() {
                separate(out, at, indent);
                write(out, item, html, indent.map(|depth| depth + 1));
            }
            close(out, ']', count, indent);
        }
        Value::Map(map) => {
            out.push('{');
            let pairs = map.pairs();
            for (at, (key, item)) in pairs.iter().enumerate() {
                separate(out, at, indent);
                string(out, key, html);
                out.push_str(if indent.is_some() { ": " } else { ":" });
                write(out, item, html, indent.map(|depth| depth + 1));
            }
            close(out, '}', pairs.len(), indent);
        }
        Value::Object(object) => write(out, &object.plain(), html, indent),
        Value::Bytes(_) => string(out, &format::print(value), html),
        Value::Time(time) => {
            string(out, &crate::text::date::formatted(*time, "2006-01-02T15:04:05.999999999Z07:00"), html)
        }
        Value::Duration(nanos) => out.push_str(&nanos.to_string()),
        Value::Bool(_) | Value::Int(..) => out.push_str(&format::print(value)),
    }
}

fn separate(out: &mut String, at: usize, indent: Option<usize>) {
    if at > 0 {
        out.push(',');
    }
    if let Some(depth) = indent {
        out.push('\n');
        out.push_str(&"  ".repeat(depth + 1));
    }
}

fn close(out: &mut String, bracket: char, count: usize, indent: Option<usize>) {
    if let Some(depth) = indent.filter(|_| count > 0) {
        out.push('\n');
        out.push_str(&"  ".repeat(depth));
    }
    out.push(bracket);
}

/// A float: without exponent from 1e-6 up to 1e21.
pub fn number_text(number: f64) -> String {
    let magnitude = number.abs();
    if magnitude != 0.0 && !(1e-6..1e21).contains(&magnitude) {
        let text = format::float_below(number, -400);
        // `e-07` is written `e-7`.
        return text.replace("e-0", "e-");
    }
    format!("{number}")
}

fn string(out: &mut String, text: &str, html: bool) {
    out.push('"');
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            '\u{8}' => out.push_str("\\b"),
            '\u{c}' => out.push_str("\\f"),
            '<' | '>' | '&' if html => out.push_str(&format!("\\u{:04x}", u32::from(c))),
            '\u{2028}' | '\u{2029}' => out.push_str(&format!("\\u{:04x}", u32::from(c))),
            c if u32::from(c) < 0x20 => out.push_str(&format!("\\u{:04x}", u32::from(c))),
            c => out.push(c),
        }
    }
    out.push('"');
}

/// JSON to a value; every number is a float64.
pub fn from_json(text: &str) -> Result<Value, String> {
    let parsed: serde_json::Value = serde_json::from_str(text).map_err(|error| {
        if text.trim().is_empty() { "unexpected end of JSON input".to_owned() } else { error.to_string() }
    })?;
    Ok(value_of(&parsed))
}

/// A parsed value.
pub fn value_of(value: &serde_json::Value) -> Value {
    match value {
        serde_json::Value::Null => Value::Null,
        serde_json::Value::Bool(value) => Value::Bool(*value),
        serde_json::Value::Number(number) => Value::Float(number.as_f64().unwrap_or(0.0)),
        serde_json::Value::String(text) => Value::str(text.as_str()),
        serde_json::Value::Array(items) => Value::list(items.iter().map(value_of).collect()),
        serde_json::Value::Object(entries) => {
            let entries: BTreeMap<_, _> =
                entries.iter().map(|(key, value)| (key.as_str().into(), value_of(value))).collect();
            Value::Map(Map::of(entries))
        }
    }
}
