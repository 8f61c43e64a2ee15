//! TOML as BurntSushi's encoder writes it: simple keys first, then tables, each sorted and indented.

use crate::format;
use crate::value::{Map, Value};

/// A map as TOML; an error in the encoder's words.
pub fn to_toml(value: &Value) -> Result<String, String> {
    let Value::Map(map) = value else {
        return Err("toml: top-level values must be Go maps or structs".into());
    };
    let mut out = String::new();
    table(&mut out, map, &[])?;
    Ok(out)
}

fn key(name: &str) -> String {
    let bare = !name.is_empty() && name.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_'));
    if bare { name.into() } else { format::quoted(name) }
}

fn is_table(value: &Value) -> bool {
    match value {
        Value::Map(_) => true,
        Value::List(list) => !list.items.is_empty() && list.items.iter().all(|item| matches!(item, Value::Map(_))),
        _ => false,
    }
}

fn table(out: &mut String, map: &Map, path: &[String]) -> Result<(), String> {
    let indent = "  ".repeat(path.len().saturating_sub(0));
    for (name, value) in map.pairs().into_iter().filter(|(_, value)| !is_table(value) && !value.is_nil()) {
        out.push_str(&format!("{indent}{} = {}\n", key(&name), scalar(&value)?));
    }
    for (name, value) in map.pairs().into_iter().filter(|(_, value)| is_table(value)) {
        let mut path = path.to_vec();
        path.push(key(&name));
        let indent = "  ".repeat(path.len() - 1);
        match &value {
            Value::Map(inner) => {
                if path.len() == 1 {
                    out.push('\n');
                }
                out.push_str(&format!("{indent}[{}]\n", path.join(".")));
                table(out, inner, &path)?;
            }
            Value::List(list) => {
                for item in list.items.iter().filter_map(Value::map) {
                    out.push_str(&format!("\n{indent}[[{}]]\n", path.join(".")));
                    table(out, item, &path)?;
                }
            }
            _ => {}
        }
    }
    Ok(())
}

fn scalar(value: &Value) -> Result<String, String> {
    Ok(match value {
        Value::Str(text) => format::quoted(text),
        Value::Float(number) => {
            let text = format::float_below(*number, 21);
            if text.contains(['.', 'e', 'N', 'I']) { text } else { text + ".0" }
        }
        Value::List(list) => {
            if list.items.iter().any(Value::is_nil) {
                return Err("toml: cannot encode array with nil element".into());
            }
            let items: Result<Vec<String>, String> = list.items.iter().map(scalar).collect();
            format!("[{}]", items?.join(", "))
        }
        Value::Map(map) => {
            let pairs = map.pairs();
            let items: Result<Vec<String>, String> =
                pairs.iter().map(|(name, value)| Ok(format!("{} = {}", key(name), scalar(value)?))).collect();
            format!("{{{}}}", items?.join(", "))
        }
        other => format::print(other),
    })
}
