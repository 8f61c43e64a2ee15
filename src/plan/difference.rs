//! The differences between two JSON documents, by path: `environment.ROUND`, `ports[0].published`.

use serde_json::{Map, Value};

/// A value that is missing or different in one of the documents.
#[derive(Debug, Clone, PartialEq)]
pub struct Difference {
    /// Where: keys and indexes from the root.
    pub path: Vec<String>,
    /// The value before; none where it was added.
    pub before: Option<Value>,
    /// The value after; none where it was removed.
    pub after: Option<Value>,
}

impl Difference {
    /// The path in one word: `ports[0].published`.
    pub fn place(&self) -> String {
        let mut place = String::new();
        for part in &self.path {
            if !place.is_empty() && !part.starts_with('[') {
                place.push('.');
            }
            place.push_str(part);
        }
        place
    }
}

/// The differences in the order of the documents. A list of another length is one difference.
pub fn differences(before: &Value, after: &Value) -> Vec<Difference> {
    let mut found = Vec::new();
    compare(&mut Vec::new(), (Some(before), Some(after)), &mut found);
    found
}

fn compare(path: &mut Vec<String>, (before, after): (Option<&Value>, Option<&Value>), found: &mut Vec<Difference>) {
    match (before, after) {
        (Some(Value::Object(old)), Some(Value::Object(new))) => objects(path, (old, new), found),
        (Some(Value::Array(old)), Some(Value::Array(new))) if old.len() == new.len() => {
            for (index, pair) in old.iter().zip(new).enumerate() {
                path.push(format!("[{index}]"));
                compare(path, (Some(pair.0), Some(pair.1)), found);
                path.pop();
            }
        }
        (before, after) if before == after => {}
        (before, after) => {
            found.push(Difference { path: path.clone(), before: before.cloned(), after: after.cloned() });
        }
    }
}

fn objects(
    path: &mut Vec<String>,
    (old, new): (&Map<String, Value>, &Map<String, Value>),
    found: &mut Vec<Difference>,
) {
    let added = new.keys().filter(|key| !old.contains_key(*key));
    for key in old.keys().chain(added) {
        path.push(key.clone());
        compare(path, (old.get(key), new.get(key)), found);
        path.pop();
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn each_difference_has_its_place_and_both_values() {
        let before = json!({ "image": "a", "ports": [{ "target": 80 }], "command": ["x"], "gone": 1, "same": [1] });
        let after = json!({ "image": "b", "ports": [{ "target": 81 }], "command": ["x", "y"], "same": [1], "new": {} });
        let found: Vec<_> =
            differences(&before, &after).iter().map(|d| (d.place(), d.before.clone(), d.after.clone())).collect();
        let place = |place: &str, before, after| (place.to_owned(), before, after);
        assert_eq!(
            found,
            [
                place("image", Some(json!("a")), Some(json!("b"))),
                place("ports[0].target", Some(json!(80)), Some(json!(81))),
                place("command", Some(json!(["x"])), Some(json!(["x", "y"]))),
                place("gone", Some(json!(1)), None),
                place("new", None, Some(json!({}))),
            ]
        );
    }
}
