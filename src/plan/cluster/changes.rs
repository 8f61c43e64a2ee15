//! Which fields of an object applying would change: the object in the cluster against the API server's own answer to a
//! trial of the change.

use serde_json::Value;

/// What the API server itself keeps.
const KEPT_BY_SERVER: &[&str] = &["managedFields", "resourceVersion", "generation", "uid", "creationTimestamp"];

/// At most this many paths are named.
const MOST: usize = 20;

/// Paths of the fields that differ, in their order; the status and what the API server keeps count for nothing.
pub fn changed_paths(before: &Value, after: &Value) -> Vec<String> {
    let mut found = Vec::new();
    compare("", before, after, &mut found);
    found.truncate(MOST);
    found
}

fn compare(path: &str, before: &Value, after: &Value, found: &mut Vec<String>) {
    match (before, after) {
        (Value::Object(old), Value::Object(new)) => {
            let keys = old.keys().chain(new.keys().filter(|key| !old.contains_key(*key)));
            for key in keys {
                if (path.is_empty() && key == "status")
                    || (path == "metadata" && KEPT_BY_SERVER.contains(&key.as_str()))
                {
                    continue;
                }
                let below = if path.is_empty() { key.clone() } else { format!("{path}.{key}") };
                match (old.get(key), new.get(key)) {
                    (Some(a), Some(b)) => compare(&below, a, b, found),
                    (a, b) if a == b => {}
                    _ => found.push(below),
                }
            }
        }
        (Value::Array(old), Value::Array(new)) if old.len() == new.len() => {
            for (index, (a, b)) in old.iter().zip(new).enumerate() {
                compare(&format!("{path}[{index}]"), a, b, found);
            }
        }
        _ if before == after => {}
        _ => found.push(path.to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn fields_that_differ_are_named_and_what_the_server_keeps_is_not() {
        let before = json!({"metadata": {"generation": 1, "labels": {"a": "1"}}, "spec": {"replicas": 1, "list": [1, 2]},
            "status": {"replicas": 1}});
        let mut after = before.clone();
        after["metadata"]["generation"] = 2.into();
        after["status"]["replicas"] = 2.into();
        assert!(changed_paths(&before, &after).is_empty());
        after["spec"]["replicas"] = 2.into();
        after["spec"]["list"][1] = 3.into();
        after["metadata"]["labels"]["b"] = "2".into();
        assert_eq!(changed_paths(&before, &after), ["metadata.labels.b", "spec.replicas", "spec.list[1]"]);
    }
}
