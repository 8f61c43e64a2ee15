//! Server-side apply as the field manager `helm`, and the trial of it by which a change is foreseen.
//! Reads an object; returns what applying would do, or does it.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use k8s_openapi::apimachinery::pkg::apis::meta::v1::ManagedFieldsEntry;
use kube::ResourceExt as _;
use kube::api::{Api, DynamicObject, Patch, PatchParams, ValidationDirective};
use kube::core::response::Status;
use serde_json::{Value, json};

use super::KubernetesCluster;
use super::cluster::json_of;
use super::error_mapping::{is_conflict, is_invalid, is_missing, map, said, status_of};
use super::managed_fields::{MANAGER, by_helm_update, upgraded, without_dropped};
use crate::plan::Outcome;
use crate::plan::cluster::{ClusterObject, Judged, ObjectRef, ObjectState, changed_paths, judge};
use crate::target::TargetError;

/// A definition that was changed just before is served this much later.
const SETTLES: Duration = Duration::from_secs(5);
const LOOK: Duration = Duration::from_millis(300);

/// Where an object is tried whose own namespace does not exist yet.
const ELSEWHERE: &str = "default";

pub(super) const RELEASE_NAME: &str = "meta.helm.sh/release-name";
const RELEASE_NAMESPACE: &str = "meta.helm.sh/release-namespace";

/// An object's owner among releases: `namespace/name`.
pub(super) fn owner(object: &Value) -> Option<String> {
    let annotation = |name: &str| object.get("metadata")?.get("annotations")?.get(name)?.as_str().map(str::to_owned);
    Some(format!("{}/{}", annotation(RELEASE_NAMESPACE).unwrap_or_default(), annotation(RELEASE_NAME)?))
}

/// How an apply is meant.
#[derive(Clone, Copy)]
struct ApplyOptions {
    trial: bool,
    force: bool,
}

impl KubernetesCluster {
    /// The object with Helm's marks of ownership, in its namespace.
    fn owned(&self, object: &ClusterObject, release: Option<&str>, is_namespaced: bool) -> Value {
        self.learn([&object.body]);
        let mut body = object.body.clone();
        let mut put = |at: &str, name: &str, value: &str| {
            let metadata = body.as_object_mut().map(|body| body.entry("metadata").or_insert_with(|| json!({})));
            if let Some(Value::Object(metadata)) = metadata {
                let entry = metadata.entry(at).or_insert_with(|| json!({}));
                if entry.is_null() {
                    *entry = json!({});
                }
                if let Value::Object(entry) = entry {
                    entry.insert(name.to_owned(), value.into());
                }
            }
        };
        if let Some(release) = release {
            put("labels", "app.kubernetes.io/managed-by", "Helm");
            put("annotations", RELEASE_NAME, release);
            put("annotations", RELEASE_NAMESPACE, &self.namespace);
        }
        if is_namespaced && object.reference.namespace.is_none() {
            body["metadata"]["namespace"] = self.namespace.clone().into();
        }
        body
    }

    async fn patch(
        &self,
        object: &ClusterObject,
        release: Option<&str>,
        options: ApplyOptions,
    ) -> Result<Value, kube::Error> {
        let found = self.api_of(&object.reference).await;
        let Ok(Some(api)) = found else {
            let kind = format!("the cluster has no kind {} {}", object.reference.api_version, object.reference.kind);
            return Err(kube::Error::Api(Status::failure(&kind, "NotFound").with_code(404).boxed()));
        };
        let is_namespaced = self.kind_of(&object.reference).await.ok().flatten().is_some_and(|(_, inside)| inside);
        let body = self.owned(object, release, is_namespaced);
        let params = PatchParams {
            dry_run: options.trial,
            force: options.force,
            field_manager: Some(MANAGER.to_owned()),
            field_validation: Some(ValidationDirective::Strict),
        };
        let applied = api.patch(&object.reference.name, &params, &Patch::Apply(&body)).await?;
        serde_json::to_value(&applied).map_err(kube::Error::SerdeError)
    }

    /// What applying an object would do.
    pub(super) async fn foresee(
        &self,
        object: &ClusterObject,
        release: Option<&str>,
    ) -> Result<ObjectState, TargetError> {
        let reference = &object.reference;
        if self.api_of(reference).await?.is_none() {
            return Ok(ObjectState::NoKind);
        }
        let live = self.live(reference).await?;
        if let (Some(live), Some(release)) = (&live, release) {
            match owner(live) {
                Some(found) if found == format!("{}/{release}", self.namespace) => {}
                found => return Ok(of_another(object, live, found)),
            }
        }
        if live.as_ref().is_some_and(|live| live.pointer("/metadata/deletionTimestamp").is_some()) {
            return Ok(ObjectState::Deleting);
        }
        let mut trial = self.patch(object, release, ApplyOptions { trial: true, force: false }).await;
        // Fields of an earlier `helm upgrade` without server-side apply are ours to take.
        if let Err(error) = &trial
            && is_conflict(error)
            && owners(error).iter().all(|owner| owner.starts_with("helm:"))
        {
            trial = self.patch(object, release, ApplyOptions { trial: true, force: true }).await;
        }
        if let (Ok(after), Some(before)) = (&trial, &live)
            && let Some(dropped) = self.without_fields_of_patches(reference, before, after).await.transpose()
        {
            trial = dropped;
        }
        match (trial, live) {
            (Ok(after), Some(before)) => Ok(compared(&before, &after)),
            (Ok(_), None) => Ok(ObjectState::Absent),
            (Err(error), None) if is_missing(&error) => Ok(ObjectState::Absent),
            (Err(error), _) => self.refusal(reference.to_string(), error),
        }
    }

    /// What the API server says of an object whose namespace does not exist yet, by a trial in another namespace: only
    /// that the object itself is invalid counts there.
    pub(super) async fn foresee_elsewhere(
        &self,
        object: &ClusterObject,
        release: Option<&str>,
    ) -> Result<ObjectState, TargetError> {
        let mut there = object.clone();
        there.reference.namespace = Some(ELSEWHERE.to_owned());
        there.body["metadata"]["namespace"] = ELSEWHERE.into();
        // A trial on an object of the same name would be about that one; who may not read there may not try either.
        if !matches!(self.live(&there.reference).await, Ok(None)) {
            return Ok(ObjectState::Unknown);
        }
        match self.patch(&there, release, ApplyOptions { trial: true, force: false }).await {
            Err(error) if is_invalid(&error) && !is_missing(&error) => {
                self.refusal(object.reference.to_string(), error)
            }
            _ => Ok(ObjectState::Unknown),
        }
    }

    /// The object as it would be once fields of Helm's client-side patches are handed over: a trial cannot hand them over,
    /// so that what the chart dropped would seem to stay. None where nothing is dropped.
    async fn without_fields_of_patches(
        &self,
        reference: &ObjectRef,
        before: &Value,
        after: &Value,
    ) -> Result<Option<Value>, kube::Error> {
        let entries = before.pointer("/metadata/managedFields").cloned().unwrap_or_default();
        let Ok(entries) = serde_json::from_value::<Vec<ManagedFieldsEntry>>(entries) else { return Ok(None) };
        let Some(pruned) = without_dropped(&entries, after) else { return Ok(None) };
        let Ok(Some(api)) = self.api_of(reference).await else { return Ok(None) };
        // The server sets defaults again: many of the fields that Helm's patches hold are nothing else.
        let operations = serde_json::from_value(replacement(before, &pruned)).map_err(kube::Error::SerdeError)?;
        let params = PatchParams { dry_run: true, field_manager: Some(MANAGER.to_owned()), ..Default::default() };
        let patched = api.patch(&reference.name, &params, &Patch::Json::<()>(operations)).await?;
        serde_json::to_value(&patched).map(Some).map_err(kube::Error::SerdeError)
    }

    fn refusal(&self, subject: String, error: kube::Error) -> Result<ObjectState, TargetError> {
        if is_conflict(&error) {
            return Ok(ObjectState::Conflict { owners: owners(&error) });
        }
        match status_of(&error) {
            Some(status) if (400..=500).contains(&status.code) && status.code != 401 => {
                Ok(ObjectState::Refused { reason: said(status) })
            }
            _ => Err(map(&self.address, &format!("comparing {subject}"), error)),
        }
    }

    /// Applies an object.
    pub(super) async fn apply(
        &self,
        object: &ClusterObject,
        release: Option<&str>,
        force: bool,
    ) -> Result<Outcome, TargetError> {
        let doing = format!("applying {}", object.reference);
        self.may_change(&doing)?;
        self.adopt_fields(object, &doing).await?;
        let began = Instant::now();
        let applied = loop {
            match self.patch(object, release, ApplyOptions { trial: false, force }).await {
                Err(error) if is_custom(&object.reference) && is_invalid(&error) && began.elapsed() < SETTLES => {
                    tokio::time::sleep(LOOK).await;
                }
                applied => break applied,
            }
        };
        applied.map_err(|error| match status_of(&error).map(|status| status.code) {
            Some(409) => TargetError::Refused {
                operation: doing.clone(),
                status: 409,
                message: format!("another field manager owns what would change: {}", owners(&error).join(", ")),
            },
            _ => map(&self.address, &doing, error),
        })?;
        Ok(Outcome::default())
    }

    /// Fields that Helm set without server-side apply become fields of our manager, so that a key that a later release
    /// drops is really gone.
    async fn adopt_fields(&self, object: &ClusterObject, doing: &str) -> Result<(), TargetError> {
        let Some(api) = self.api_of(&object.reference).await? else { return Ok(()) };
        let live = api.get_opt(&object.reference.name).await.map_err(|error| map(&self.address, doing, error))?;
        let Some(live) =
            live.filter(|live| by_helm_update(live.metadata.managed_fields.as_deref().unwrap_or_default()))
        else {
            return Ok(());
        };
        let fields = json_of(&upgraded(live.metadata.managed_fields.clone().unwrap_or_default()), doing)?;
        self.write_managed_fields((&api, &live), fields, doing).await
    }

    /// Writes who manages which fields of an object, unless it changed meanwhile.
    pub(super) async fn write_managed_fields(
        &self,
        (api, live): (&Api<DynamicObject>, &DynamicObject),
        fields: Value,
        doing: &str,
    ) -> Result<(), TargetError> {
        let patch = json!([
            { "op": "replace", "path": "/metadata/managedFields", "value": fields },
            { "op": "replace", "path": "/metadata/resourceVersion", "value": live.metadata.resource_version },
        ]);
        let operations = serde_json::from_value(patch)
            .map_err(|error| TargetError::Broken { operation: doing.to_owned(), message: error.to_string() })?;
        let patch = Patch::Json::<()>(operations);
        api.patch(&live.name_any(), &PatchParams::default(), &patch)
            .await
            .map_err(|error| map(&self.address, doing, error))?;
        Ok(())
    }
}

/// The JSON patch that makes an object out of another one; the status and what the API server keeps stay.
fn replacement(from: &Value, to: &Value) -> Value {
    let mut operations = Vec::new();
    let mut replace = |path: String, old: Option<&Value>, new: Option<&Value>| match (old, new) {
        (old, Some(new)) if old != Some(new) => operations.push(json!({ "op": "add", "path": path, "value": new })),
        (Some(_), None) => operations.push(json!({ "op": "remove", "path": path })),
        _ => {}
    };
    for key in ["labels", "annotations", "finalizers", "ownerReferences"] {
        let at = format!("/metadata/{key}");
        replace(at.clone(), from.pointer(&at), to.pointer(&at));
    }
    let keys = |object: &Value| object.as_object().into_iter().flat_map(|map| map.keys().cloned()).collect::<Vec<_>>();
    let all: BTreeSet<String> = keys(from).into_iter().chain(keys(to)).collect();
    for key in all.iter().filter(|key| !["apiVersion", "kind", "metadata", "status"].contains(&key.as_str())) {
        let at = format!("/{}", key.replace('~', "~0").replace('/', "~1"));
        replace(at, from.get(key), to.get(key));
    }
    operations.into()
}

/// An object that belongs to no release or to another one, as it is: it is given back so when the release fails.
fn of_another(object: &ClusterObject, live: &Value, owner: Option<String>) -> ObjectState {
    let live = Box::new(ClusterObject { reference: object.reference.clone(), body: live.clone() });
    match owner {
        Some(release) => ObjectState::Foreign { release, live },
        None => ObjectState::Unowned { live },
    }
}

/// Whether a kind comes from a definition.
fn is_custom(object: &ObjectRef) -> bool {
    object.group().contains('.') && !object.group().ends_with(".k8s.io")
}

/// The live object against the answer to a trial.
fn compared(before: &Value, after: &Value) -> ObjectState {
    let paths = changed_paths(before, after);
    if paths.is_empty() {
        ObjectState::Same { ready: matches!(judge(before), Judged::Ready(_)) }
    } else {
        ObjectState::Differs { paths }
    }
}

/// The managers that own what would change, each with a field: `kubectl-edit: spec.replicas`.
fn owners(error: &kube::Error) -> Vec<String> {
    let causes = status_of(error).and_then(|status| status.details.as_ref()).map(|details| details.causes.clone());
    let said = |cause: kube::core::response::StatusCause| {
        // conflict with "kubectl-edit" using apps/v1
        let manager = cause.message.split('"').nth(1).unwrap_or("another manager").to_owned();
        format!("{manager}: {}", cause.field.trim_start_matches('.'))
    };
    causes.unwrap_or_default().into_iter().map(said).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_object_is_of_the_release_its_annotations_name() {
        let object = json!({"metadata": {"annotations": {RELEASE_NAME: "shop", RELEASE_NAMESPACE: "web"}}});
        assert_eq!(owner(&object).as_deref(), Some("web/shop"));
        assert_eq!(owner(&json!({"metadata": {}})), None);
    }
}
