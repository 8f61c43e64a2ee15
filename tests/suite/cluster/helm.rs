//! Both Helms on releases of aictl's, and aictl on theirs.

use std::path::PathBuf;
use std::process::{Command, Stdio};

use serde_json::Value;

use super::project::ClusterProject;
use crate::support::project::{Outcome, skip};

/// One of the real Helms.
struct Helm<'p> {
    program: PathBuf,
    project: &'p ClusterProject,
}

impl<'p> Helm<'p> {
    fn find(project: &'p ClusterProject, variable: &str, folder: &str) -> Option<Self> {
        let cache = std::env::var_os("XDG_CACHE_HOME")
            .map_or_else(|| PathBuf::from(std::env::var_os("HOME").unwrap_or_default()).join(".cache"), PathBuf::from);
        let cached = || cache.join("aictl-lab/tools").join(folder).join("helm");
        let program = std::env::var_os(variable).map_or_else(cached, PathBuf::from);
        if !program.exists() {
            skip("cluster::helm", &format!("the real Helm is not here ({variable}; tests/run builds it)"));
            return None;
        }
        Some(Self { program, project })
    }

    /// What Helm prints; the test ends when it fails.
    #[track_caller]
    fn run(&self, words: &[&str]) -> String {
        let mut command = Command::new(&self.program);
        command.arg("--kubeconfig").arg(self.project.kubeconfig()).args(["--kube-context", "lab"]);
        command.args(["-n", self.project.namespace()]).args(words).current_dir(self.project.path());
        let outcome: Outcome = command.stdin(Stdio::null()).output().unwrap().into();
        outcome.ended(0).stdout
    }

    #[track_caller]
    fn json(&self, words: &[&str]) -> Value {
        serde_json::from_str(&self.run(&[words, &["-o", "json"]].concat())).unwrap()
    }

    /// Revision and status of each release in Helm's history.
    #[track_caller]
    fn history(&self) -> Vec<String> {
        let found = self.json(&["history", "shop"]);
        let word = |one: &Value| format!("{} {}", one["revision"], one["status"].as_str().unwrap_or_default());
        found.as_array().unwrap().iter().map(word).collect()
    }
}

const HELMS: [(&str, &str, &str); 2] =
    [("three", "AICTL_LAB_HELM3", "helm-3.22.0"), ("four", "AICTL_LAB_HELM4", "helm-4.3.1")];

fn helm_works_on_a_release_of_ours((name, variable, folder): (&str, &str, &str)) {
    let Some(project) = ClusterProject::new(&format!("ours-{name}")) else { return };
    let Some(helm) = Helm::find(&project, variable, folder) else { return };
    project.aictl(&["deploy"]).ended(0);
    project.values("settings: { a: \"2\" }\n");
    project.aictl(&["deploy"]).ended(0);
    let listed = helm.json(&["list"]);
    assert_eq!((&listed[0]["revision"], &listed[0]["status"]), (&"2".into(), &"deployed".into()), "{listed}");
    assert_eq!(listed[0]["chart"], "shop-0.1.0");
    assert_eq!(helm.history(), ["1 superseded", "2 deployed"]);
    assert!(helm.run(&["get", "manifest", "shop"]).contains("kind: Deployment"));
    assert_eq!(helm.json(&["get", "values", "shop"]), serde_json::json!({"settings": {"a": "2"}}));
    helm.run(&["rollback", "shop", "1", "--wait"]);
    assert_eq!(project.object("configmap", "shop-settings")["data"]["a"], "1");
    assert_eq!(project.history().last().unwrap(), &(3, "deployed".to_owned()));
    helm.run(&["upgrade", "shop", "chart", "--set-string", "settings.a=4", "--wait"]);
    assert_eq!(project.object("configmap", "shop-settings")["data"]["a"], "4");
    project.values("settings: { a: \"5\" }\n");
    project.aictl(&["deploy"]).ended(0);
    assert_eq!(project.object("configmap", "shop-settings")["data"]["a"], "5");
    assert_eq!(helm.history().last().unwrap(), "5 deployed");
    // To the last good one before, which is Helm's.
    project.aictl(&["rollback", "--to", "4"]).ended(0);
    assert_eq!(project.object("configmap", "shop-settings")["data"]["a"], "4");
    assert_eq!(helm.history().last().unwrap(), "6 deployed");
    helm.run(&["uninstall", "shop", "--wait"]);
    assert_eq!(project.kubectl(&["get", "deployments,configmaps", "-o", "name"]), "configmap/kube-root-ca.crt\n");
}

fn a_release_of_helms_is_ours((name, variable, folder): (&str, &str, &str)) {
    let Some(project) = ClusterProject::new(&format!("theirs-{name}")) else { return };
    let Some(helm) = Helm::find(&project, variable, folder) else { return };
    project.values("settings: { a: \"1\", gone: \"1\" }\n");
    helm.run(&["install", "shop", "chart", "-f", "values.yaml", "--create-namespace", "--wait"]);
    let before = project.versions("lab");
    project.aictl(&["plan", "--exit-code"]).ended(0);
    project.aictl(&["deploy"]).ended(0);
    assert_eq!(project.versions("lab"), before, "adopting changes nothing");
    assert_eq!(project.history(), [(1, "deployed".to_owned())]);
    project.values("settings: { a: \"2\" }\n");
    project.aictl(&["deploy"]).ended(0);
    assert_eq!(project.object("configmap", "shop-settings")["data"], serde_json::json!({"a": "2"}), "a key is gone");
    assert_eq!(helm.history(), ["1 superseded", "2 deployed"]);
    project.aictl(&["rollback", "--to", "1"]).ended(0);
    assert_eq!(project.object("configmap", "shop-settings")["data"], serde_json::json!({"a": "1", "gone": "1"}));
    helm.run(&["upgrade", "shop", "chart", "--set-string", "settings.a=4", "--wait"]);
    assert_eq!(project.object("configmap", "shop-settings")["data"], serde_json::json!({"a": "4"}));
    project.aictl(&["stop", "--remove"]).ended(0);
    assert_eq!(helm.json(&["list"]), serde_json::json!([]));
    assert_eq!(project.kubectl(&["get", "deployments,configmaps", "-o", "name"]), "configmap/kube-root-ca.crt\n");
}

#[test]
fn helm_three_works_on_a_release_of_ours() {
    helm_works_on_a_release_of_ours(HELMS[0]);
}

#[test]
fn helm_four_works_on_a_release_of_ours() {
    helm_works_on_a_release_of_ours(HELMS[1]);
}

#[test]
fn a_release_of_helm_three_is_adopted() {
    a_release_of_helms_is_ours(HELMS[0]);
}

#[test]
fn a_release_of_helm_four_is_adopted() {
    a_release_of_helms_is_ours(HELMS[1]);
}

fn what_the_chart_dropped_goes((name, variable, folder): (&str, &str, &str)) {
    let Some(project) = ClusterProject::new(&format!("dropped-{name}")) else { return };
    let Some(helm) = Helm::find(&project, variable, folder) else { return };
    let label = |label: &str| {
        format!("extra: [ {{ apiVersion: v1, kind: ConfigMap, metadata: {{ name: lone, labels: {{ {label} }} }} }} ]\n")
    };
    project.values(&format!("settings: {{ a: \"1\", gone: \"1\" }}\n{}", label("foo: bar, kept: yes1")));
    helm.run(&["install", "shop", "chart", "-f", "values.yaml", "--create-namespace", "--wait"]);
    project.aictl(&["plan", "--exit-code"]).ended(0);
    // Nothing but keys that are left out.
    project.values(&format!("settings: {{ a: \"1\" }}\nprobe: null\n{}", label("kept: yes1")));
    let plan = project.aictl(&["plan", "--exit-code"]).ended(6).stdout;
    assert!(plan.contains("data.gone") && plan.contains("metadata.labels.foo"), "{plan}");
    project.aictl(&["deploy"]).ended(0);
    assert_eq!(project.object("configmap", "shop-settings")["data"], serde_json::json!({"a": "1"}));
    let labels = project.object("configmap", "lone")["metadata"]["labels"].clone();
    assert_eq!((&labels["foo"], &labels["kept"]), (&Value::Null, &"yes1".into()), "{labels}");
    let container = project.object("deployment", "shop-api")["spec"]["template"]["spec"]["containers"][0].clone();
    assert_eq!(container["readinessProbe"], Value::Null, "{container}");
    project.aictl(&["plan", "--exit-code"]).ended(0);
}

#[test]
fn what_a_chart_of_helm_three_dropped_goes() {
    what_the_chart_dropped_goes(HELMS[0]);
}

#[test]
fn what_a_chart_of_helm_four_dropped_goes() {
    what_the_chart_dropped_goes(HELMS[1]);
}

#[test]
fn a_rollback_tells_releases_of_helm_apart() {
    let Some(project) = ClusterProject::new("apart") else { return };
    let (name, variable, folder) = HELMS[0];
    let Some(helm) = Helm::find(&project, variable, folder) else { return };
    helm.run(&["install", "shop", "chart", "--set-string", "settings.a=1", "--create-namespace", "--wait"]);
    for value in ["2", "2"] {
        helm.run(&["upgrade", "shop", "chart", "--set-string", &format!("settings.a={value}"), "--wait"]);
    }
    let said = project.aictl(&["rollback"]).ended(0).stderr;
    assert!(said.contains("release 2 is skipped: it is the same"), "helm {name}: {said}");
    assert_eq!(project.object("configmap", "shop-settings")["data"]["a"], "1");
}
