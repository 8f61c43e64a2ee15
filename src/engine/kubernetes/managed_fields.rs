//! Fields that Helm 3 set by a client-side patch, handed over to the manager that applies on the server's side
//! (as `UpgradeManagedFields` of k8s.io/client-go/util/csaupgrade does), and what an apply after that takes away.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::{FieldsV1, ManagedFieldsEntry};
use serde_json::Value;

/// Helm's field manager: a later `helm upgrade` finds its own fields.
pub(super) const MANAGER: &str = "helm";

fn is_update(entry: &ManagedFieldsEntry) -> bool {
    entry.manager.as_deref() == Some(MANAGER)
        && entry.operation.as_deref() == Some("Update")
        && entry.subresource.as_deref().unwrap_or_default().is_empty()
}

fn is_apply(entry: &ManagedFieldsEntry) -> bool {
    entry.manager.as_deref() == Some(MANAGER) && entry.operation.as_deref() == Some("Apply")
}

/// Whether Helm set fields without server-side apply.
pub(super) fn by_helm_update(entries: &[ManagedFieldsEntry]) -> bool {
    entries.iter().any(is_update)
}

/// The entries with Helm's own ones as one entry of server-side apply.
pub(super) fn upgraded(entries: Vec<ManagedFieldsEntry>) -> Vec<ManagedFieldsEntry> {
    let (ours, mut others): (Vec<_>, Vec<_>) =
        entries.into_iter().partition(|entry| is_update(entry) || is_apply(entry));
    let mut fields = Value::Object(serde_json::Map::new());
    for entry in &ours {
        if let Some(FieldsV1(set)) = &entry.fields_v1 {
            unite(&mut fields, set);
        }
    }
    if let Some(newest) = ours.into_iter().next_back() {
        let fields_v1 = Some(FieldsV1(fields));
        others.push(ManagedFieldsEntry { operation: Some("Apply".to_owned()), fields_v1, ..newest });
    }
    others
}

fn unite(into: &mut Value, other: &Value) {
    let (Value::Object(into), Value::Object(other)) = (into, other) else { return };
    for (key, value) in other {
        unite(into.entry(key.clone()).or_insert_with(|| Value::Object(serde_json::Map::new())), value);
    }
}

/// The answer to a trial without the fields that only Helm's client-side patches still hold: after the handover the same
/// apply takes them away. `live` are the entries before the trial; none where there is nothing of the kind.
pub(super) fn without_dropped(live: &[ManagedFieldsEntry], answer: &Value) -> Option<Value> {
    let answered = answer.pointer("/metadata/managedFields").cloned().unwrap_or_default();
    let answered: Vec<ManagedFieldsEntry> = serde_json::from_value(answered).ok()?;
    let mut kept = Value::Object(serde_json::Map::new());
    for FieldsV1(set) in answered.iter().filter(|entry| !is_update(entry)).filter_map(|entry| entry.fields_v1.as_ref())
    {
        unite(&mut kept, set);
    }
    // The server stores `stringData` as `data`.
    if let Some(texts) = kept.get("f:stringData").cloned() {
        unite(&mut kept, &serde_json::json!({ "f:data": texts }));
    }
    let mut pruned = answer.clone();
    for FieldsV1(set) in live.iter().filter(|entry| is_update(entry)).filter_map(|entry| entry.fields_v1.as_ref()) {
        prune(&mut pruned, set, &kept);
    }
    (pruned != *answer).then_some(pruned)
}

/// Takes away what a set of fields names and no other set keeps.
fn prune(value: &mut Value, set: &Value, kept: &Value) {
    let Value::Object(set) = set else { return };
    for (path, below) in set {
        let Some(kept_below) = kept.get(path) else {
            remove(value, path, below);
            continue;
        };
        // An empty set stands for the field as a whole.
        let is_leaf = kept_below.as_object().is_none_or(serde_json::Map::is_empty);
        if let Some(part) = find(value, path).filter(|_| !is_leaf) {
            prune(part, below, kept_below);
        }
    }
}

/// Takes away one entry of a set: as a whole where the set names it itself, else what it names below.
fn remove(value: &mut Value, path: &str, below: &Value) {
    let is_whole = below.as_object().is_none_or(|below| below.is_empty() || below.contains_key("."));
    if !is_whole {
        if let Some(part) = find(value, path) {
            prune(part, below, &Value::Null);
        }
        return;
    }
    match (value, path.split_once(':')) {
        (Value::Object(map), Some(("f", key))) => {
            map.shift_remove(key);
        }
        (Value::Array(items), Some(_)) => items.retain(|item| !is_named(item, path)),
        _ => {}
    }
}

fn find<'v>(value: &'v mut Value, path: &str) -> Option<&'v mut Value> {
    match (value, path.strip_prefix("f:")) {
        (Value::Object(map), Some(key)) => map.get_mut(key),
        (Value::Array(items), None) => items.iter_mut().find(|item| is_named(item, path)),
        _ => None,
    }
}

/// Whether a path names this item of a list: by its keys (`k:{"name":"A"}`) or by itself (`v:"A"`).
fn is_named(item: &Value, path: &str) -> bool {
    let Some((how, text)) = path.split_once(':') else { return false };
    let Ok(wanted) = serde_json::from_str::<Value>(text) else { return false };
    match (how, wanted) {
        ("k", Value::Object(keys)) => keys.iter().all(|(key, value)| item.get(key) == Some(value)),
        ("v", wanted) => *item == wanted,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn entry(manager: &str, operation: &str, fields: Value) -> ManagedFieldsEntry {
        ManagedFieldsEntry {
            manager: Some(manager.to_owned()),
            operation: Some(operation.to_owned()),
            fields_v1: Some(FieldsV1(fields)),
            ..Default::default()
        }
    }

    #[test]
    fn fields_of_both_ways_become_one_entry_and_those_of_others_stay() {
        let entries = vec![
            entry("helm", "Update", json!({"f:data": {"f:a": {}, "f:b": {}}})),
            entry("kubectl", "Update", json!({"f:data": {"f:c": {}}})),
            entry("helm", "Apply", json!({"f:data": {"f:a": {}, "f:d": {}}})),
        ];
        assert!(by_helm_update(&entries));
        let found = upgraded(entries);
        assert!(!by_helm_update(&found));
        assert_eq!(found.len(), 2);
        assert_eq!(found[1].fields_v1, Some(FieldsV1(json!({"f:data": {"f:a": {}, "f:b": {}, "f:d": {}}}))));
    }

    #[test]
    fn what_only_a_client_side_patch_holds_goes_and_what_others_hold_stays() {
        let env = |name: &str| format!("k:{{\"name\":\"{name}\"}}");
        let live = [entry(
            "helm",
            "Update",
            json!({"f:metadata": {"f:labels": {".": {}, "f:foo": {}}}, "f:data": {".": {}, "f:a": {}, "f:gone": {}, "f:theirs": {}},
                "f:env": {".": {}, env("A"): {".": {}, "f:name": {}}, env("DEBUG"): {".": {}, "f:name": {}}},
                "f:list": {"v:\"x\"": {}, "v:\"y\"": {}}}),
        )];
        let mut answer = json!({"metadata": {"labels": {"foo": "1"}, "name": "c"}, "data": {"a": "1", "gone": "1", "theirs": "1"},
            "env": [{"name": "A"}, {"name": "DEBUG"}], "list": ["x", "y"]});
        let theirs = entry("kubectl", "Update", json!({"f:data": {"f:theirs": {}}}));
        let ours =
            json!({"f:data": {"f:a": {}}, "f:env": {env("A"): {".": {}, "f:name": {}}}, "f:list": {"v:\"x\"": {}}});
        let with = |answer: &mut Value, ours: &Value| {
            let entries = [live[0].clone(), theirs.clone(), entry("helm", "Apply", ours.clone())];
            answer["metadata"]["managedFields"] = serde_json::to_value(entries).unwrap();
        };
        with(&mut answer, &ours);
        let found = without_dropped(&live, &answer).unwrap();
        assert_eq!(found["data"], json!({"a": "1", "theirs": "1"}));
        assert_eq!(found["env"], json!([{"name": "A"}]));
        assert_eq!(found["list"], json!(["x"]));
        assert_eq!(found["metadata"].get("labels"), None);
        assert_eq!(found["metadata"]["name"], "c");
        with(&mut answer, live[0].fields_v1.as_ref().map(|FieldsV1(set)| set).unwrap());
        assert_eq!(without_dropped(&live, &answer), None, "nothing was dropped");
    }
}
