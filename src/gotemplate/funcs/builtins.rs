//! The functions of text/template itself.

use std::cmp::Ordering;

use crate::error::Failure;
use crate::format;
use crate::format::printf::printf;
use crate::signature::{Answer, Call, Function, Param, fixed, unsupported, variadic};
use crate::value::Value;

pub const TABLE: &[Function] = &[
    variadic("and", &[Param::Any], Param::Any, first),
    variadic("or", &[Param::Any], Param::Any, first),
    fixed("not", &[Param::Any], |_, v| Ok(Value::Bool(!v[0].is_true()))),
    fixed("len", &[Param::Any], len),
    variadic("index", &[Param::Any], Param::Any, index),
    variadic("print", &[], Param::Any, |call, v| text(call, sprint(v))),
    variadic("println", &[], Param::Any, |call, v| {
        let words: Vec<String> = v.iter().map(format::print).collect();
        text(call, words.join(" ") + "\n")
    }),
    variadic("printf", &[Param::Str], Param::Any, |call, v| text(call, printf(&format::print(&v[0]), &v[1..]))),
    variadic("html", &[], Param::Any, |call, v| text(call, html(&sprint(v)))),
    variadic("js", &[], Param::Any, |call, v| text(call, js(&sprint(v)))),
    variadic("urlquery", &[], Param::Any, |call, v| text(call, super::paths::query_escaped(&sprint(v)))),
    variadic("call", &[Param::Any], Param::Any, |_, v| {
        Err(Failure::Message(format!("non-function of type {}", v[0].type_name())))
    }),
    variadic("eq", &[Param::Any], Param::Any, eq),
    fixed("ne", &[Param::Any, Param::Any], |_, v| equal(&v[0], &v[1]).map(|same| Value::Bool(!same))),
    fixed("lt", &[Param::Any, Param::Any], |_, v| order(v).map(|order| Value::Bool(order == Some(Ordering::Less)))),
    fixed("le", &[Param::Any, Param::Any], |_, v| {
        order(v).map(|order| Value::Bool(matches!(order, Some(Ordering::Less | Ordering::Equal))))
    }),
    fixed("gt", &[Param::Any, Param::Any], |_, v| order(v).map(|order| Value::Bool(order == Some(Ordering::Greater)))),
    fixed("ge", &[Param::Any, Param::Any], |_, v| {
        order(v).map(|order| Value::Bool(matches!(order, Some(Ordering::Greater | Ordering::Equal))))
    }),
    // Executed by `exec`, which knows the templates; here for their types only.
    fixed("include", &[Param::Str, Param::Any], |_, _| unsupported("include")),
    fixed("tpl", &[Param::Str, Param::Any], |_, _| unsupported("tpl")),
];

fn first(_: &Call, values: &[Value]) -> Answer {
    Ok(values[0].clone())
}

/// Text that counts against the budget.
pub fn text(call: &Call, text: String) -> Answer {
    call.budget.bytes(text.len() as u64)?;
    Ok(Value::str(text))
}

/// `fmt.Sprint`: blanks between operands when neither is a string.
fn sprint(values: &[Value]) -> String {
    let mut out = String::new();
    for (at, value) in values.iter().enumerate() {
        let is_text = |value: &Value| matches!(value, Value::Str(_) | Value::Bytes(_));
        if at > 0 && !is_text(value) && !is_text(&values[at - 1]) {
            out.push(' ');
        }
        out.push_str(&format::print(value));
    }
    out
}

/// Text within a string of JavaScript.
fn js(text: &str) -> String {
    let mut out = String::new();
    for c in text.chars() {
        match c {
            '\\' | '\'' | '"' => out.extend(['\\', c]),
            '<' | '>' | '&' | '=' | '\0'..' ' => out.push_str(&format!("\\u{:04X}", u32::from(c))),
            c if c.is_control() => out.push_str(&format!("\\u{:04X}", u32::from(c))),
            c => out.push(c),
        }
    }
    out
}

fn html(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&#34;").replace('\'', "&#39;")
}

fn len(_: &Call, values: &[Value]) -> Answer {
    let count = match &values[0] {
        Value::Str(text) => text.len(),
        Value::Bytes(bytes) => bytes.len(),
        Value::List(list) => list.items.len(),
        Value::Map(map) => map.len(),
        Value::Nil | Value::Null => return Err("len of nil pointer".into()),
        other => match other {
            Value::Object(object) if object.entries().is_some() => object.entries().map_or(0, |entries| entries.len()),
            _ => return Err(Failure::Message(format!("len of type {}", other.type_name()))),
        },
    };
    Ok(Value::int(i64::try_from(count).unwrap_or(i64::MAX)))
}

fn index(_: &Call, values: &[Value]) -> Answer {
    let mut item = values[0].clone();
    if item.is_nil() {
        return Err("index of untyped nil".into());
    }
    for key in &values[1..] {
        item = match &item {
            Value::List(list) => {
                let at = position(key, list.items.len())?;
                list.items[at].clone()
            }
            Value::Str(text) => {
                let at = position(key, text.len())?;
                Value::int(i64::from(text.as_bytes()[at]))
            }
            Value::Map(map) => match key {
                Value::Str(key) => map.get(key).unwrap_or(Value::Null),
                Value::Nil | Value::Null => return Err("value is nil; should be of type string".into()),
                other => {
                    return Err(Failure::Message(format!("value has type {}; should be string", other.type_name())));
                }
            },
            Value::Object(object) => match object.entries() {
                Some(entries) => {
                    let wanted = format::print(key);
                    let found = entries.into_iter().find(|(key, _)| format::print(key) == wanted);
                    found.map_or(Value::Null, |(_, value)| value)
                }
                None => return Err(Failure::Message(format!("can't index item of type {}", object.type_name()))),
            },
            Value::Nil | Value::Null => return Err("index of nil pointer".into()),
            other => return Err(Failure::Message(format!("can't index item of type {}", other.type_name()))),
        };
    }
    Ok(item)
}

fn position(key: &Value, length: usize) -> Result<usize, Failure> {
    match key {
        Value::Int(at, _) => match usize::try_from(*at) {
            Ok(place) if place < length => Ok(place),
            _ => Err(Failure::Message(format!("index out of range: {at}"))),
        },
        Value::Nil | Value::Null => Err("cannot index slice/array with nil".into()),
        other => Err(Failure::Message(format!("cannot index slice/array with type {}", other.type_name()))),
    }
}

fn eq(_: &Call, values: &[Value]) -> Answer {
    let [first, others @ ..] = values else { return Err("missing argument for comparison".into()) };
    if others.is_empty() {
        return Err("missing argument for comparison".into());
    }
    for other in others {
        if equal(first, other)? {
            return Ok(Value::Bool(true));
        }
    }
    Ok(Value::Bool(false))
}

fn equal(a: &Value, b: &Value) -> Result<bool, Failure> {
    Ok(match (a, b) {
        (Value::Nil | Value::Null, b) => b.is_nil(),
        (a, Value::Nil | Value::Null) => a.is_nil(),
        (Value::Bool(a), Value::Bool(b)) => a == b,
        (Value::Int(a, _) | Value::Duration(a), Value::Int(b, _) | Value::Duration(b)) => a == b,
        (Value::Float(a), Value::Float(b)) => a == b,
        (Value::Str(a), Value::Str(b)) => a == b,
        (Value::Bytes(_) | Value::Str(_), Value::Bytes(_) | Value::Str(_)) => format::print(a) == format::print(b),
        (Value::Map(_) | Value::List(_), Value::Map(_) | Value::List(_)) => {
            return Err(Failure::Message(format!("non-comparable type {}: {}", format::print(a), a.type_name())));
        }
        (Value::Map(_) | Value::List(_), _) | (_, Value::Map(_) | Value::List(_)) => {
            return Err("incompatible types for comparison".into());
        }
        (Value::Time(a), Value::Time(b)) => a == b,
        _ => return Err("incompatible types for comparison".into()),
    })
}

fn order(values: &[Value]) -> Result<Option<Ordering>, Failure> {
    Ok(match (&values[0], &values[1]) {
        (Value::Int(a, _) | Value::Duration(a), Value::Int(b, _) | Value::Duration(b)) => Some(a.cmp(b)),
        (Value::Float(a), Value::Float(b)) => a.partial_cmp(b),
        (Value::Str(a), Value::Str(b)) => Some(a.as_bytes().cmp(b.as_bytes())),
        (Value::Bool(_), Value::Bool(_)) => return Err("invalid type for comparison".into()),
        (a, b) => {
            let basic =
                |value: &Value| matches!(value, Value::Int(..) | Value::Float(_) | Value::Str(_) | Value::Bool(_));
            let words =
                if basic(a) && basic(b) { "incompatible types for comparison" } else { "invalid type for comparison" };
            return Err(words.into());
        }
    })
}
