//! The filters templates of configuration need and tera lacks.
//! Reads values; returns text in YAML, JSON, shell or base64.
//! Never reads anything but its arguments.

use base64::Engine as _;
use tera::{Error, Kwargs, State, TeraResult, Value};

/// The filters templates are likely to mean: ours, then tera's own.
pub(super) const NAMES: [&str; 24] = [
    "to_yaml",
    "to_json",
    "quote",
    "shell_quote",
    "nindent",
    "b64encode",
    "required",
    "indent",
    "default",
    "upper",
    "lower",
    "trim",
    "replace",
    "capitalize",
    "title",
    "length",
    "split",
    "join",
    "first",
    "last",
    "sort",
    "unique",
    "keys",
    "values",
];

/// Adds the filters.
pub(super) fn register(tera: &mut tera::Tera) {
    tera.register_filter("to_yaml", to_yaml);
    tera.register_filter("to_json", to_json);
    tera.register_filter("quote", quote);
    tera.register_filter("shell_quote", shell_quote);
    tera.register_filter("nindent", nindent);
    tera.register_filter("b64encode", b64encode);
    tera.register_filter("required", required);
}

/// Block YAML without its last line end; text that would be read as something else is quoted.
fn to_yaml(value: Value, _: Kwargs, _: &State) -> TeraResult<String> {
    let json = json(&value)?;
    let text = serde_saphyr::to_string(&json).map_err(|e| Error::message(format!("cannot be written as YAML: {e}")))?;
    Ok(text.trim_end_matches('\n').to_owned())
}

/// Compact JSON.
fn to_json(value: Value, _: Kwargs, _: &State) -> TeraResult<String> {
    Ok(json(&value)?.to_string())
}

/// A double-quoted string, good as YAML and as JSON.
fn quote(value: Value, _: Kwargs, _: &State) -> TeraResult<String> {
    Ok(serde_json::Value::String(text(&value)?).to_string())
}

/// One word of a POSIX shell.
fn shell_quote(value: Value, _: Kwargs, _: &State) -> TeraResult<String> {
    let text = text(&value)?;
    let word = shlex::try_quote(&text).map_err(|e| Error::message(format!("cannot be a shell word: {e}")))?;
    Ok(word.into_owned())
}

/// A line end, then every line indented by `width`: for a block under its key.
fn nindent(value: Value, arguments: Kwargs, _: &State) -> TeraResult<String> {
    let width: usize = arguments.must_get("width")?;
    let indent = " ".repeat(width);
    let mut out = String::new();
    for line in text(&value)?.lines() {
        out.push('\n');
        if !line.is_empty() {
            out.push_str(&indent);
            out.push_str(line);
        }
    }
    Ok(out)
}

fn b64encode(value: Value, _: Kwargs, _: &State) -> TeraResult<String> {
    Ok(base64::engine::general_purpose::STANDARD.encode(text(&value)?))
}

/// The value itself, or the message where there is none.
fn required(value: Value, arguments: Kwargs, _: &State) -> TeraResult<Value> {
    let message: &str = arguments.must_get("message")?;
    let missing = value.is_undefined() || value.is_none() || value.as_str() == Some("");
    if missing { Err(Error::message(message)) } else { Ok(value) }
}

fn json(value: &Value) -> TeraResult<serde_json::Value> {
    if value.is_undefined() {
        return Err(Error::message("the value is not defined"));
    }
    serde_json::to_value(value).map_err(|e| Error::message(format!("cannot be written: {e}")))
}

/// Text as it is, numbers and booleans as they are written.
fn text(value: &Value) -> TeraResult<String> {
    match json(value)? {
        serde_json::Value::String(text) => Ok(text),
        serde_json::Value::Null => Ok(String::new()),
        scalar @ (serde_json::Value::Bool(_) | serde_json::Value::Number(_)) => Ok(scalar.to_string()),
        _ => Err(Error::message("takes text, a number or a boolean; use `to_json` first")),
    }
}
