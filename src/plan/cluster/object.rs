//! One object of a release, and the reference that names it.

use std::fmt;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::plan::operation::debug_as_serialised;

/// The name of an object.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct ObjectRef {
    /// `apps/v1`.
    pub api_version: String,
    /// `Deployment`.
    pub kind: String,
    /// Namespace; none for objects of the whole cluster, and for those in the namespace of the release.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub namespace: Option<String>,
    /// Name.
    pub name: String,
}

impl fmt::Display for ObjectRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.namespace {
            Some(namespace) => write!(f, "{} {namespace}/{}", self.kind, self.name),
            None => write!(f, "{} {}", self.kind, self.name),
        }
    }
}

/// The text at a place of an object, by a JSON pointer; empty where there is none.
pub fn text<'v>(object: &'v Value, at: &str) -> &'v str {
    object.pointer(at).and_then(Value::as_str).unwrap_or_default()
}

impl ObjectRef {
    /// Reads it from an object; none where the object has no kind or name.
    pub fn of(object: &Value) -> Option<Self> {
        let text = |at: &str| Some(text(object, at)).filter(|text| !text.is_empty());
        Some(Self {
            api_version: text("/apiVersion")?.to_owned(),
            kind: text("/kind")?.to_owned(),
            namespace: text("/metadata/namespace").map(str::to_owned),
            name: text("/metadata/name")?.to_owned(),
        })
    }

    /// The group of its API; empty for the core.
    pub fn group(&self) -> &str {
        self.api_version.split_once('/').map_or("", |(group, _)| group)
    }

    /// Whether both name the same object, in whichever version of its API. `home` is the namespace of objects that
    /// name none.
    pub fn is_same(&self, other: &Self, home: &str) -> bool {
        let namespace = |object: &Self| object.namespace.clone().unwrap_or_else(|| home.to_owned());
        self.group() == other.group()
            && self.kind == other.kind
            && self.name == other.name
            && namespace(self) == namespace(other)
    }

    /// Whether it runs pods.
    pub fn is_workload(&self) -> bool {
        matches!(
            (self.group(), self.kind.as_str()),
            ("apps", "Deployment" | "StatefulSet" | "DaemonSet") | ("batch", "Job") | ("", "Pod")
        )
    }

    /// The same for whoever names the namespace and whoever leaves out that it is `home`.
    pub fn key_in(&self, home: &str) -> String {
        Self { namespace: Some(self.namespace.clone().unwrap_or_else(|| home.to_owned())), ..self.clone() }.key()
    }

    /// The key of observed objects: group, kind, namespace and name.
    pub fn key(&self) -> String {
        let namespace = self.namespace.as_deref().unwrap_or_default();
        format!("{}/{}/{namespace}/{}", self.group(), self.kind, self.name)
    }
}

/// An object as it is to be applied. Only its reference is shown or serialised: it may hold secrets, and a plain digest
/// would let them be guessed.
#[derive(Clone, PartialEq, Eq)]
pub struct ClusterObject {
    /// Its name.
    pub reference: ObjectRef,
    /// The object.
    pub body: Value,
}

impl ClusterObject {
    /// Reads it from an object; none where the object has no kind or name.
    pub fn of(body: Value) -> Option<Self> {
        Some(Self { reference: ObjectRef::of(&body)?, body })
    }

    /// The value of a label or annotation: `annotations`, `helm.sh/resource-policy`.
    pub fn meta(&self, kind: &str, name: &str) -> Option<&str> {
        self.body.get("metadata")?.get(kind)?.get(name)?.as_str()
    }
}

impl Serialize for ClusterObject {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.reference.serialize(serializer)
    }
}

debug_as_serialised!(ClusterObject);
