//! A value as `fmt.Sprint` prints it.
//! Reads any value of the tree, returns text.
//! Never quotes.

use super::{float, time};
use crate::compose::value::Value;

/// The text Go's `fmt.Sprint` gives.
pub(crate) fn sprint(value: &Value) -> String {
    match value {
        Value::Null => "<nil>".to_owned(),
        Value::Bool(value) => value.to_string(),
        Value::Int(value) => value.to_string(),
        Value::Uint(value) => value.to_string(),
        Value::Float(value) => float::sprint(*value),
        Value::Str(text) => text.clone(),
        Value::Time(text) => time::sprint(text),
        Value::List(list) => {
            let items: Vec<_> = list.iter().map(|node| sprint(&node.value)).collect();
            format!("[{}]", items.join(" "))
        }
        Value::Map(map) => {
            let mut entries: Vec<_> = map.iter().map(|(key, node)| format!("{key}:{}", sprint(&node.value))).collect();
            entries.sort();
            format!("map[{}]", entries.join(" "))
        }
    }
}
