//! What an unquoted scalar means: the core schema of YAML 1.2, with everything ambiguous left as the text it is.
//! Reads text; returns a JSON value.
//! Never takes `yes`, `on`, `NO`, `0755`, `1:30` or a date for anything but text.

use serde_json::Value;

/// The value of a scalar where any value may stand.
pub(super) fn resolve(text: &str, plain: bool) -> Value {
    if !plain {
        return Value::String(text.to_owned());
    }
    match text {
        "" | "~" | "null" | "Null" | "NULL" => Value::Null,
        "true" | "True" | "TRUE" => Value::Bool(true),
        "false" | "False" | "FALSE" => Value::Bool(false),
        _ => number(text).unwrap_or_else(|| Value::String(text.to_owned())),
    }
}

/// Whether an unquoted scalar is no value at all.
pub(super) fn is_null(text: &str, plain: bool) -> bool {
    plain && matches!(text, "" | "~" | "null" | "Null" | "NULL")
}

/// What YAML 1.1 would have read as true or false and 1.2 does not.
pub(super) fn old_boolean(text: &str) -> Option<bool> {
    match text.to_ascii_lowercase().as_str() {
        "yes" | "on" | "y" => Some(true),
        "no" | "off" | "n" => Some(false),
        _ => None,
    }
}

fn number(text: &str) -> Option<Value> {
    let digits = text.strip_prefix(['-', '+']).unwrap_or(text);
    if !digits.starts_with(|c: char| c.is_ascii_digit() || c == '.') || has_leading_zero(digits) {
        return None;
    }
    if !digits.bytes().all(|b| b.is_ascii_digit() || matches!(b, b'.' | b'e' | b'E' | b'+' | b'-')) {
        return None;
    }
    let text = text.strip_prefix('+').unwrap_or(text);
    if let Ok(whole) = text.parse::<i64>() {
        return Some(whole.into());
    }
    if let Ok(whole) = text.parse::<u64>() {
        return Some(whole.into());
    }
    // A whole number no integer holds is an identifier, not a quantity.
    if digits.bytes().all(|b| b.is_ascii_digit()) || !digits.bytes().any(|b| b.is_ascii_digit()) {
        return None;
    }
    text.parse::<f64>().ok().and_then(serde_json::Number::from_f64).map(Value::Number)
}

/// `0755` is octal to YAML 1.1 and decimal to 1.2: it stays text.
fn has_leading_zero(digits: &str) -> bool {
    digits.len() > 1 && digits.starts_with('0') && digits.as_bytes()[1].is_ascii_digit()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn unquoted_scalars_mean_what_yaml_1_2_says() {
        for (text, value) in [
            ("", json!(null)),
            ("~", json!(null)),
            ("true", json!(true)),
            ("False", json!(false)),
            ("8000", json!(8000)),
            ("-3", json!(-3)),
            ("+3", json!(3)),
            ("1.5", json!(1.5)),
            ("1e3", json!(1000.0)),
            ("18446744073709551615", json!(u64::MAX)),
        ] {
            assert_eq!(resolve(text, true), value, "{text:?}");
        }
    }

    #[test]
    fn what_is_ambiguous_stays_text() {
        for text in [
            "yes",
            "no",
            "on",
            "NO",
            "0755",
            "1:30",
            "2024-11-21",
            "1_000",
            "0x10",
            ".",
            "-",
            "1.2.3",
            "99999999999999999999",
            ".inf",
        ] {
            assert_eq!(resolve(text, true), json!(text), "{text:?}");
        }
        assert_eq!(resolve("true", false), json!("true"));
        assert_eq!(resolve("", false), json!(""));
    }
}
