//! What a release brings up, from its record, whoever wrote it: two releases compare as the same where objects and hooks are.
//! Reads Helm's record; returns its objects, and its workloads as services with a digest of the whole.

use std::collections::BTreeMap;

use serde_json::{Map, Value};
use sha2::{Digest, Sha256};

use super::{ClusterObject, service_of};
use crate::chart::{ChartError, objects};
use crate::release::{HelmRelease, ReleasedService};

/// The objects of a release, as its record has them, each once: Helm 4 records an object twice where two templates make
/// it, and the last one is what the cluster got.
pub fn released_objects(release: &HelmRelease) -> Result<Vec<ClusterObject>, ChartError> {
    let bodies = objects("the release record", &release.manifest)?;
    let mut found: Vec<ClusterObject> = Vec::new();
    let mut places: BTreeMap<String, usize> = BTreeMap::new();
    for object in bodies.into_iter().filter_map(ClusterObject::of) {
        match places.get(&object.reference.key_in(&release.namespace)).and_then(|place| found.get_mut(*place)) {
            Some(earlier) => *earlier = object,
            None => {
                places.insert(object.reference.key_in(&release.namespace), found.len());
                found.push(object);
            }
        }
    }
    Ok(found)
}

/// The services of a release. Each has the digest of the whole: a setting in a ConfigMap makes another release too.
pub fn released_services(release: &HelmRelease) -> Result<BTreeMap<String, ReleasedService>, ChartError> {
    let fingerprint = fingerprint(release)?;
    let service = |object: &ClusterObject| {
        let image = object.body.pointer("/spec/template/spec/containers/0/image");
        let image = image.or_else(|| object.body.pointer("/spec/containers/0/image"));
        ReleasedService {
            image: image.and_then(Value::as_str).unwrap_or_default().to_owned(),
            strategy: if object.reference.kind == "Deployment" { "rolling" } else { "recreate" }.to_owned(),
            strategy_cause: object.reference.kind.clone(),
            fingerprint: fingerprint.clone(),
            ..Default::default()
        }
    };
    let workloads = released_objects(release)?.into_iter().filter(|object| object.reference.is_workload());
    let mut services: BTreeMap<String, ReleasedService> =
        workloads.map(|object| (service_of(&object.reference.name, &release.name), service(&object))).collect();
    if services.is_empty() {
        let alone = ReleasedService { image: release.chart_name(), fingerprint, ..Default::default() };
        services.insert(release.name.clone(), alone);
    }
    Ok(services)
}

/// Of the objects and not of their texts, which another version of Helm writes otherwise. It is kept beside the manifest
/// itself.
fn fingerprint(release: &HelmRelease) -> Result<String, ChartError> {
    let mut all = objects("the release record", &release.manifest)?;
    for hook in &release.hooks {
        all.extend(objects(&hook.path, &hook.manifest)?);
    }
    let mut texts: Vec<String> = all.iter().map(|object| sorted(object).to_string()).collect();
    texts.sort();
    let mut whole = Sha256::new();
    texts.iter().for_each(|text| whole.update(text));
    Ok(hex::encode(&whole.finalize()[..8]))
}

/// The same with the keys of each map in order.
fn sorted(value: &Value) -> Value {
    match value {
        Value::Object(map) => {
            let ordered: BTreeMap<&String, Value> = map.iter().map(|(key, value)| (key, sorted(value))).collect();
            Value::Object(ordered.into_iter().map(|(key, value)| (key.clone(), value)).collect::<Map<_, _>>())
        }
        Value::Array(items) => items.iter().map(sorted).collect(),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => value.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::release::{Release, ReleaseCause};

    #[test]
    fn releases_are_the_same_where_their_objects_are_and_not_their_texts() {
        let release = |manifest: &str| {
            let release = HelmRelease { name: "shop".to_owned(), manifest: manifest.to_owned(), ..Default::default() };
            Release::new(ReleaseCause::Deploy, None, released_services(&release).unwrap())
        };
        let one = release(
            "---\n# Source: a\napiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\ndata: {x: \"1\", y: \"2\"}\n",
        );
        let other = release("apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: a\ndata:\n  y: '2'\n  x: '1'\n");
        assert!(one.is_same(&other));
        let changed = release("apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\ndata: {x: \"1\", y: \"3\"}\n");
        assert!(!one.is_same(&changed), "a ConfigMap's setting makes another release");
    }
}
