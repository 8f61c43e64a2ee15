//! A connected cluster: the client, the namespace that verbs work in, and the kinds the cluster knows.

use std::sync::Arc;

use kube::api::{Api, DynamicObject, ListParams};
use kube::{Client, Discovery};
use serde_json::{Value, json};
use tokio::sync::Mutex;

use super::error_mapping::map;
use crate::event::Changes;
use crate::plan::cluster::{ObjectRef, public_names_of, secrets_of};
use crate::secret::Redactor;
use crate::target::TargetError;

/// One namespace of a cluster.
pub struct KubernetesCluster {
    pub(super) client: Client,
    /// The API server, as messages name it.
    pub(super) address: String,
    /// The namespace of the release.
    pub(super) namespace: String,
    /// Nothing is changed.
    pub(super) read_only: bool,
    /// Told before anything is changed.
    pub(super) changes: Changes,
    /// Learns the secrets of every object that passes by, so that no text of the API server can show one.
    pub(super) redactor: Arc<Redactor>,
    /// The kinds, read once and again where one is missing.
    pub(super) kinds: Mutex<Option<Arc<Discovery>>>,
}

impl KubernetesCluster {
    /// Fails in a dry run, whatever a verb forgets; tells the operator's watcher otherwise.
    pub(super) fn may_change(&self, doing: &str) -> Result<(), TargetError> {
        if self.read_only {
            return Err(TargetError::CannotPerform {
                operation: doing.to_owned(),
                reason: "this is a dry run".to_owned(),
            });
        }
        self.changes.begin();
        Ok(())
    }

    /// What of these objects must not be shown is struck from all texts from now on.
    pub(super) fn learn<'o>(&self, objects: impl IntoIterator<Item = &'o Value>) {
        let (mut secrets, mut names) = (Vec::new(), vec![self.namespace.clone()]);
        for object in objects {
            secrets.extend(secrets_of(object));
            names.extend(public_names_of(object));
        }
        self.redactor.publish(names);
        self.redactor.learn(&secrets);
    }

    /// The API of a kind in the namespace of the release.
    pub(super) fn here<K>(&self) -> Api<K>
    where
        K: kube::Resource<Scope = kube::core::NamespaceResourceScope>,
        K::DynamicType: Default,
    {
        Api::namespaced(self.client.clone(), &self.namespace)
    }

    /// The API for an object; none where the cluster does not know its kind.
    pub(super) async fn api_of(&self, object: &ObjectRef) -> Result<Option<Api<DynamicObject>>, TargetError> {
        let Some((resource, is_namespaced)) = self.kind_of(object).await? else { return Ok(None) };
        let api = if is_namespaced {
            let namespace = object.namespace.as_deref().unwrap_or(&self.namespace);
            Api::namespaced_with(self.client.clone(), namespace, &resource)
        } else {
            Api::all_with(self.client.clone(), &resource)
        };
        Ok(Some(api))
    }

    /// The same; an error where the cluster does not know the kind.
    pub(super) async fn known_api(&self, object: &ObjectRef) -> Result<Api<DynamicObject>, TargetError> {
        let found = self.api_of(object).await?;
        found.ok_or_else(|| TargetError::NotFound {
            kind: "kind",
            name: format!("{} {}", object.api_version, object.kind),
        })
    }

    /// All objects of a kind, in the namespace that is named or in all.
    pub(super) async fn all_of(&self, of: &ObjectRef) -> Result<Value, TargetError> {
        let empty = || json!({ "items": [] });
        let Some((resource, is_namespaced)) = self.kind_of(of).await? else { return Ok(empty()) };
        let api: Api<DynamicObject> = match &of.namespace {
            Some(namespace) if is_namespaced => Api::namespaced_with(self.client.clone(), namespace, &resource),
            _ => Api::all_with(self.client.clone(), &resource),
        };
        let doing = format!("listing objects of kind {}", of.kind);
        let found = api.list(&ListParams::default()).await.map_err(|error| map(&self.address, &doing, error))?;
        let found = json_of(&found, &doing)?;
        self.learn(found.pointer("/items").and_then(Value::as_array).into_iter().flatten());
        Ok(found)
    }

    /// An object as JSON; none where it does not exist.
    pub(super) async fn live(&self, object: &ObjectRef) -> Result<Option<Value>, TargetError> {
        let Some(api) = self.api_of(object).await? else { return Ok(None) };
        let doing = format!("reading {object}");
        match api.get_opt(&object.name).await.map_err(|error| map(&self.address, &doing, error))? {
            Some(found) => {
                let found = json_of(&found, &doing)?;
                self.learn([&found]);
                Ok(Some(found))
            }
            None => Ok(None),
        }
    }
}

/// An object as JSON.
pub(super) fn json_of<T: serde::Serialize>(object: &T, doing: &str) -> Result<Value, TargetError> {
    serde_json::to_value(object)
        .map_err(|error| TargetError::Broken { operation: doing.to_owned(), message: error.to_string() })
}
