//! What templates see as `.Capabilities`: the version of Kubernetes, its API versions, and Helm's own version.

use std::rc::Rc;

use aictl_gotemplate::{Object, Value};

use super::error::ChartError;

/// API versions that Helm assumes without a cluster.
const ASSUMED: &str = "v1 admissionregistration.k8s.io/v1 admissionregistration.k8s.io/v1alpha1 \
    admissionregistration.k8s.io/v1beta1 internal.apiserver.k8s.io/v1alpha1 apps/v1 apps/v1beta1 apps/v1beta2 \
    authentication.k8s.io/v1 authentication.k8s.io/v1alpha1 authentication.k8s.io/v1beta1 authorization.k8s.io/v1 \
    authorization.k8s.io/v1beta1 autoscaling/v1 autoscaling/v2 batch/v1 batch/v1beta1 certificates.k8s.io/v1 \
    certificates.k8s.io/v1beta1 certificates.k8s.io/v1alpha1 coordination.k8s.io/v1alpha2 coordination.k8s.io/v1beta1 \
    coordination.k8s.io/v1 discovery.k8s.io/v1 discovery.k8s.io/v1beta1 events.k8s.io/v1 events.k8s.io/v1beta1 \
    extensions/v1beta1 flowcontrol.apiserver.k8s.io/v1 flowcontrol.apiserver.k8s.io/v1beta1 \
    flowcontrol.apiserver.k8s.io/v1beta2 flowcontrol.apiserver.k8s.io/v1beta3 lifecycle.k8s.io/v1alpha1 \
    networking.k8s.io/v1 networking.k8s.io/v1beta1 node.k8s.io/v1 node.k8s.io/v1alpha1 node.k8s.io/v1beta1 policy/v1 \
    policy/v1beta1 rbac.authorization.k8s.io/v1 rbac.authorization.k8s.io/v1beta1 rbac.authorization.k8s.io/v1alpha1 \
    resource.k8s.io/v1 resource.k8s.io/v1beta2 resource.k8s.io/v1beta1 resource.k8s.io/v1alpha3 \
    scheduling.k8s.io/v1alpha3 scheduling.k8s.io/v1beta1 scheduling.k8s.io/v1 storage.k8s.io/v1beta1 storage.k8s.io/v1 \
    storage.k8s.io/v1alpha1 storagemigration.k8s.io/v1 storagemigration.k8s.io/v1beta1 apiextensions.k8s.io/v1beta1 \
    apiextensions.k8s.io/v1";

/// The version of Kubernetes that Helm 4.3.1 was built for.
const BUILT_FOR: [u64; 2] = [1, 37];

/// A version of Kubernetes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KubeVersion {
    /// In full: `v1.33.4-gke.1245000`.
    pub version: String,
    /// Without what providers append; charts are checked against it.
    pub normal: String,
    major: u64,
    minor: u64,
}

impl KubeVersion {
    /// Reads a version as Kubernetes does: two or three numbers, then anything after `-` or `+`.
    pub fn parse(text: &str) -> Result<Self, ChartError> {
        let wrong = || ChartError::NotAVersion { given: text.to_owned() };
        let bare = text.strip_prefix('v').unwrap_or(text);
        let end = bare.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(bare.len());
        let (numbers, rest) = bare.split_at(end);
        // `1.30.` and `1.30x` are no versions, `1.30.0-gke.1` is one.
        let numbers: Option<Vec<u64>> = numbers.split('.').map(|number| number.parse().ok()).collect();
        let numbers = numbers.filter(|numbers| numbers.len() >= 2).ok_or_else(wrong)?;
        if !rest.is_empty() && !rest.starts_with(['-', '+']) {
            return Err(wrong());
        }
        let part = |at: usize| numbers.get(at).copied().unwrap_or_default();
        let (major, minor) = (part(0), part(1));
        let shown: Vec<String> = (0..numbers.len().max(3)).map(|at| part(at).to_string()).collect();
        Ok(Self { version: format!("v{bare}"), normal: format!("v{}", shown.join(".")), major, minor })
    }
}

impl Default for KubeVersion {
    fn default() -> Self {
        let [major, minor] = BUILT_FOR;
        let version = format!("v{major}.{minor}.0");
        Self { normal: version.clone(), version, major, minor }
    }
}

/// What a cluster can do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Capabilities {
    pub kube_version: KubeVersion,
    /// `apps/v1`, and with a kind `apps/v1/Deployment`.
    pub api_versions: Vec<String>,
}

impl Default for Capabilities {
    fn default() -> Self {
        let api_versions = ASSUMED.split_whitespace().map(str::to_owned).collect();
        Self { kube_version: KubeVersion::default(), api_versions }
    }
}

impl Capabilities {
    pub(super) fn as_value(&self) -> Value {
        Value::Object(Rc::new(Shown(self.clone())))
    }
}

struct Shown(Capabilities);

/// The list of API versions.
struct Versions(Vec<String>);

/// A struct of strings.
struct Texts {
    kind: &'static str,
    shown: String,
    fields: Vec<(&'static str, String)>,
    method: Option<(&'static str, String)>,
}

impl Object for Shown {
    fn type_name(&self) -> &str {
        "*common.Capabilities"
    }

    fn field(&self, name: &str) -> Option<Value> {
        match name {
            "KubeVersion" => Some(kube_version(&self.0.kube_version)),
            "APIVersions" => Some(Value::Object(Rc::new(Versions(self.0.api_versions.clone())))),
            "HelmVersion" => Some(helm_version()),
            _ => None,
        }
    }

    fn print(&self) -> String {
        format!("{{{} {}}}", self.0.kube_version.version, self.0.api_versions.join(" "))
    }

    fn plain(&self) -> Value {
        let map = aictl_gotemplate::Map::new();
        for name in ["KubeVersion", "APIVersions", "HelmVersion"] {
            if let Some(Value::Object(object)) = self.field(name) {
                map.set(name, object.plain());
            }
        }
        Value::Map(map)
    }

    fn kind(&self) -> &str {
        "ptr"
    }
}

fn kube_version(version: &KubeVersion) -> Value {
    let fields = vec![
        ("Version", version.version.clone()),
        ("Major", version.major.to_string()),
        ("Minor", version.minor.to_string()),
    ];
    let method = Some(("GitVersion", version.version.clone()));
    Value::Object(Rc::new(Texts { kind: "common.KubeVersion", shown: version.normal.clone(), fields, method }))
}

fn helm_version() -> Value {
    let fields = [("Version", "v4.3"), ("GitCommit", ""), ("GitTreeState", ""), ("GoVersion", "go1.26.8")];
    let mut fields: Vec<_> = fields.map(|(name, text)| (name, text.to_owned())).into();
    fields.push(("KubeClientVersion", format!("v{}.{}", BUILT_FOR[0], BUILT_FOR[1])));
    let texts: Vec<&str> = fields.iter().map(|(_, text)| text.as_str()).collect();
    let shown = format!("{{{}}}", texts.join(" "));
    Value::Object(Rc::new(Texts { kind: "version.BuildInfo", shown, fields, method: None }))
}

impl Object for Texts {
    fn type_name(&self) -> &str {
        self.kind
    }

    fn field(&self, name: &str) -> Option<Value> {
        self.fields.iter().find(|(known, _)| *known == name).map(|(_, text)| Value::str(text.as_str()))
    }

    fn method(&self, name: &str, _: &[Value]) -> Option<Result<Value, String>> {
        match (name, &self.method) {
            ("String", Some(_)) => Some(Ok(Value::str(self.shown.as_str()))),
            (name, Some((known, text))) if name == *known => Some(Ok(Value::str(text.as_str()))),
            _ => None,
        }
    }

    fn print(&self) -> String {
        self.shown.clone()
    }

    fn plain(&self) -> Value {
        let map = aictl_gotemplate::Map::new();
        self.fields.iter().for_each(|(name, text)| map.set(name, Value::str(text.as_str())));
        Value::Map(map)
    }
}

impl Object for Versions {
    fn type_name(&self) -> &str {
        "common.VersionSet"
    }

    fn field(&self, _: &str) -> Option<Value> {
        None
    }

    fn method(&self, name: &str, arguments: &[Value]) -> Option<Result<Value, String>> {
        match (name, arguments) {
            ("Has", [Value::Str(wanted)]) => Some(Ok(Value::Bool(self.0.iter().any(|known| **known == **wanted)))),
            ("Has", _) => Some(Err("Has wants one string".to_owned())),
            _ => None,
        }
    }

    fn print(&self) -> String {
        format!("[{}]", self.0.join(" "))
    }

    fn plain(&self) -> Value {
        Value::strings(self.0.clone())
    }

    fn kind(&self) -> &str {
        "slice"
    }

    fn entries(&self) -> Option<Vec<(Value, Value)>> {
        let entry = |(at, text): (usize, &String)| {
            (Value::int(i64::try_from(at).unwrap_or(i64::MAX)), Value::str(text.as_str()))
        };
        Some(self.0.iter().enumerate().map(entry).collect())
    }
}
