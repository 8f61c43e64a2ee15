//! A project on the lab's clusters for one scenario: a small chart, aictl and the judges run on it, and what that left.
//! Skips where there is no lab. Never leaves its namespace behind.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;

use serde_json::Value;
use tempfile::TempDir;

use crate::support::engine_api::clean_up;
use crate::support::project::{Outcome, skip};

/// The clusters of the lab.
pub const CLUSTERS: [&str; 3] = ["lab", "second", "third"];

/// The objects of the chart. What a scenario changes is a value.
const TEMPLATE: &str = r#"apiVersion: apps/v1
kind: Deployment
metadata:
  name: {{ .Release.Name }}-api
  labels: { app.kubernetes.io/instance: {{ .Release.Name }} }
spec:
  replicas: {{ .Values.replicas }}
  selector: { matchLabels: { app: api, app.kubernetes.io/instance: {{ .Release.Name }} } }
  template:
    metadata: { labels: { app: api, app.kubernetes.io/instance: {{ .Release.Name }} } }
    spec:
      terminationGracePeriodSeconds: {{ .Values.grace }}
      containers:
        - name: api
          image: {{ .Values.image }}
          imagePullPolicy: IfNotPresent
          command: {{ toJson .Values.command }}
          {{- with .Values.lifecycle }}
          lifecycle: {{ toJson . }}
          {{- end }}
          {{- with .Values.probe }}
          readinessProbe: {{ toJson . }}
          {{- end }}
---
apiVersion: v1
kind: ConfigMap
metadata: { name: {{ .Release.Name }}-settings }
data: {{ toJson .Values.settings }}
{{- range .Values.extra }}
---
{{ toYaml . }}
{{- end }}
"#;

const VALUES: &str = r#"image: aictl-lab/tool:1
replicas: 1
command: [tool, serve, --port, "8080", --text, one]
probe: { httpGet: { path: /, port: 8080 }, periodSeconds: 1 }
settings: { a: "1" }
grace: 1
extra: []
"#;

/// Where the clusters are.
struct Lab {
    kubeconfig: PathBuf,
    kubectl: PathBuf,
}

/// Starts the clusters once; what is said on failure is in every test that needs them.
fn lab() -> &'static Lab {
    static LAB: OnceLock<Lab> = OnceLock::new();
    LAB.get_or_init(|| {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/lab/cluster-up");
        let outcome: Outcome = Command::new(script).stdin(Stdio::null()).output().unwrap().into();
        let outcome = outcome.ended(0);
        let mut paths = outcome.stdout.lines().map(PathBuf::from);
        Lab { kubeconfig: paths.next().unwrap(), kubectl: paths.next().unwrap() }
    })
}

/// A project of one test, in a namespace of its own.
pub struct ClusterProject {
    folder: TempDir,
    namespace: String,
}

impl ClusterProject {
    /// A project with the chart; none where there is no lab.
    pub fn new(name: &str) -> Option<Self> {
        Self::on(name, &["lab"])
    }

    /// The same for several clusters.
    pub fn on(name: &str, contexts: &[&str]) -> Option<Self> {
        if std::env::var_os("AICTL_LAB").is_none() {
            skip(name, "AICTL_LAB is not set: tests/run prepares an engine and its images");
            return None;
        }
        lab();
        let project =
            Self { folder: tempfile::tempdir().unwrap(), namespace: format!("suite-{name}-{}", std::process::id()) };
        let contexts: Vec<String> = contexts.iter().map(|context| format!("{{ context: {context} }}")).collect();
        project.configure(&format!("target: {{ kubernetes: [ {} ] }}", contexts.join(", ")));
        project.write("chart/Chart.yaml", "apiVersion: v2\nname: shop\nversion: 0.1.0\nappVersion: \"1\"\n");
        project.write("chart/values.yaml", VALUES);
        project.write("chart/templates/all.yaml", TEMPLATE);
        project.write("values.yaml", "");
        Some(project)
    }

    /// Writes aictl.yaml with this target.
    pub fn configure(&self, target: &str) {
        self.write(
            "aictl.yaml",
            &format!(
                "name: shop\ndefault_environment: cluster\nenvironments:\n  cluster:\n    {target}\n    \
                 namespace: {}\n    chart: {{ path: chart, values: [values.yaml] }}\n",
                self.namespace
            ),
        );
    }

    pub fn namespace(&self) -> &str {
        &self.namespace
    }

    pub fn path(&self) -> &Path {
        self.folder.path()
    }

    pub fn kubeconfig(&self) -> &'static Path {
        &lab().kubeconfig
    }

    pub fn write(&self, file: &str, text: &str) {
        let path = self.path().join(file);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    /// Replaces the values of the environment.
    pub fn values(&self, text: &str) {
        self.write("values.yaml", text);
    }

    pub fn command(&self, words: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_aictl"));
        command.args(words).current_dir(self.path()).stdin(Stdio::null()).env("KUBECONFIG", &lab().kubeconfig);
        command
    }

    pub fn aictl(&self, words: &[&str]) -> Outcome {
        self.command(words).output().unwrap().into()
    }

    /// kubectl in the project's namespace; the test ends when it fails.
    #[track_caller]
    pub fn kubectl(&self, words: &[&str]) -> String {
        self.kubectl_on("lab", words)
    }

    #[track_caller]
    pub fn kubectl_on(&self, context: &str, words: &[&str]) -> String {
        let mut command = Command::new(&lab().kubectl);
        command.arg("--kubeconfig").arg(&lab().kubeconfig).args(["--context", context, "-n", &self.namespace]);
        let outcome: Outcome = command.args(words).stdin(Stdio::null()).output().unwrap().into();
        outcome.ended(0).stdout
    }

    /// Applies objects in the project's namespace, as kubectl's field manager.
    #[track_caller]
    pub fn apply(&self, objects: &str) {
        self.write("objects.yaml", objects);
        let file = self.path().join("objects.yaml");
        self.kubectl(&["apply", "--server-side", "-f", file.to_str().unwrap()]);
    }

    /// An object of the lab's cluster.
    #[track_caller]
    pub fn object(&self, kind: &str, name: &str) -> Value {
        serde_json::from_str(&self.kubectl(&["get", kind, name, "-o", "json"])).unwrap()
    }

    /// Every object of the namespace with its version, but for events and what the control plane itself keeps there.
    #[track_caller]
    pub fn versions(&self, context: &str) -> Vec<String> {
        const KINDS: &str = "deployments,replicasets,pods,jobs,services,configmaps,secrets,leases,serviceaccounts,\
                             persistentvolumeclaims,resourcequotas,roles,rolebindings";
        let path = "jsonpath={range .items[*]}{.kind}/{.metadata.name} {.metadata.resourceVersion}{\"\\n\"}{end}";
        let found = self.kubectl_on(context, &["get", KINDS, "--ignore-not-found", "-o", path]);
        found.lines().map(str::to_owned).collect()
    }

    /// What the release's history says: revision and status of each operation, oldest first.
    #[track_caller]
    pub fn history(&self) -> Vec<(u64, String)> {
        let found = self.aictl(&["--output", "json", "history"]).ended(0);
        let found: Value = serde_json::from_str(&found.stdout).unwrap();
        let status =
            |one: &Value| one["release_status"].as_str().or(one["status"].as_str()).unwrap_or_default().to_owned();
        let operations = found["operations"].as_array().unwrap().iter();
        let mut all: Vec<(u64, String)> =
            operations.map(|one| (one["number"].as_u64().unwrap(), status(one))).collect();
        all.sort();
        all
    }

    /// A pod of the api that is ready.
    #[track_caller]
    pub fn ready_pods(&self) -> Vec<String> {
        let pods = self.kubectl(&["get", "pods", "-l", "app=api", "-o", "json"]);
        let pods: Value = serde_json::from_str(&pods).unwrap();
        let ready = |pod: &&Value| {
            let conditions = pod["status"]["conditions"].as_array().cloned().unwrap_or_default();
            pod["metadata"]["deletionTimestamp"].is_null()
                && conditions.iter().any(|c| c["type"] == "Ready" && c["status"] == "True")
        };
        let pods = pods["items"].as_array().unwrap().iter().filter(ready);
        pods.map(|pod| pod["metadata"]["name"].as_str().unwrap().to_owned()).collect()
    }
}

impl Drop for ClusterProject {
    fn drop(&mut self) {
        clean_up(|| {
            for context in CLUSTERS {
                self.kubectl_on(
                    context,
                    &["delete", "namespace", &self.namespace, "--ignore-not-found", "--wait=false"],
                );
            }
        });
    }
}
