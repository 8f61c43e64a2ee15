//! Values for templates: the project's, the environment's over them, `--set` over both.
//! Reads mappings and `key.path=value` arguments; returns one mapping.
//! Never merges lists: the later one replaces the earlier.

use serde_json::{Map, Value};

use super::error::ProjectError;
use super::scalar;

/// Merges `over` into `base`: mappings key by key, anything else replaced.
pub fn merge_values(base: &mut Map<String, Value>, over: &Map<String, Value>) {
    for (key, value) in over {
        match (base.get_mut(key), value) {
            (Some(Value::Object(below)), Value::Object(above)) => merge_values(below, above),
            _ => {
                base.insert(key.clone(), value.clone());
            }
        }
    }
}

/// Applies one `a.b=c`; `c` is typed as an unquoted YAML scalar is, and `"c"` in quotes is always text.
pub fn set_value(values: &mut Map<String, Value>, argument: &str) -> Result<(), ProjectError> {
    let (path, text) = argument.split_once('=').unwrap_or((argument, ""));
    let wrong = |reason: &str| ProjectError::Set { argument: path.to_owned(), reason: reason.to_owned() };
    if !argument.contains('=') {
        return Err(wrong("has no `=`"));
    }
    let mut keys: Vec<&str> = path.split('.').collect();
    let last = keys.pop().unwrap_or_default();
    if last.is_empty() || keys.iter().any(|key| key.is_empty()) {
        return Err(wrong("has an empty key"));
    }
    let mut at = values;
    for key in keys {
        let next = at.entry(key).or_insert_with(|| Value::Object(Map::new()));
        at = next.as_object_mut().ok_or_else(|| wrong(&format!("`{key}` is not a mapping")))?;
    }
    at.insert(last.to_owned(), typed(text));
    Ok(())
}

fn typed(text: &str) -> Value {
    for quote in ['"', '\''] {
        if let Some(inner) = text.strip_prefix(quote).and_then(|rest| rest.strip_suffix(quote)) {
            return Value::String(inner.to_owned());
        }
    }
    scalar::resolve(text, true)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn map(value: Value) -> Map<String, Value> {
        value.as_object().unwrap().clone()
    }

    #[test]
    fn mappings_merge_and_everything_else_is_replaced() {
        let mut base = map(json!({ "api": { "port": 8000, "tags": [1, 2] }, "domain": "localhost" }));
        merge_values(&mut base, &map(json!({ "api": { "workers": 8, "tags": [3] }, "domain": { "name": "x" } })));
        assert_eq!(
            Value::Object(base),
            json!({ "api": { "port": 8000, "tags": [3], "workers": 8 }, "domain": { "name": "x" } })
        );
    }

    #[test]
    fn set_is_typed_as_yaml() {
        let mut values = Map::new();
        for argument in ["a.b=8", "a.c=true", "a.d=yes", "a.e=\"8\"", "f=", "g=x=y", "a.b=9"] {
            set_value(&mut values, argument).unwrap();
        }
        assert_eq!(
            Value::Object(values),
            json!({ "a": { "b": 9, "c": true, "d": "yes", "e": "8" }, "f": null, "g": "x=y" })
        );
    }

    #[test]
    fn a_set_that_cannot_be_read_says_why_without_its_value() {
        let fails = |argument: &str| set_value(&mut map(json!({ "a": 1 })), argument).unwrap_err().to_string();
        assert_eq!(fails("token"), "`--set token`: has no `=`");
        assert_eq!(fails("a..b=s3cret"), "`--set a..b`: has an empty key");
        assert_eq!(fails("a.b=s3cret"), "`--set a.b`: `a` is not a mapping");
    }
}
