//! Fields that Helm 3 set by a client-side patch, handed over to the manager that applies on the server's side
//! (as `UpgradeManagedFields` of k8s.io/client-go/util/csaupgrade does).

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
}
