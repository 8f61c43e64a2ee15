//! What goes wrong in a cluster: each failure has its exit code, its evidence is kept, and what served before serves on.

use std::time::{Duration, Instant};

use super::basics::NO_IMAGE;
use super::project::ClusterProject;

/// A deployed release, then a deploy that fails with this code; what it said.
#[track_caller]
fn fails(project: &ClusterProject, values: &str, words: &[&str], code: i32) -> String {
    project.values(values);
    project.aictl(&[&["deploy"], words].concat()).ended(code).stderr
}

/// The api still answers as it did, and the record of the failure says this.
#[track_caller]
fn serves_and_remembers(project: &ClusterProject, evidence: &str) {
    let command = project.object("deployment", "shop-api");
    let text = command["spec"]["template"]["spec"]["containers"][0]["command"][5].as_str().unwrap_or_default();
    assert_eq!(text, "one", "{command}");
    assert_eq!(project.ready_pods().len(), 1);
    let shown = project.aictl(&["show"]).ended(0).stdout;
    assert!(shown.contains(evidence), "`{evidence}` is not in {shown}");
    let newest = project.history().pop().unwrap();
    assert_eq!(newest.1, "failed");
}

const SERVING: &str = "settings: { a: \"1\" }\n";

fn serving(name: &str) -> Option<ClusterProject> {
    let project = ClusterProject::new(name)?;
    project.values(SERVING);
    project.aictl(&["deploy"]).ended(0);
    Some(project)
}

/// The next deploy works.
#[track_caller]
fn recovers(project: &ClusterProject) {
    project.values("settings: { a: \"9\" }\n");
    project.aictl(&["deploy"]).ended(0);
    assert_eq!(project.object("configmap", "shop-settings")["data"]["a"], "9");
    assert_eq!(project.history().pop().unwrap().1, "deployed");
}

#[test]
fn a_missing_image_fails_at_once() {
    let Some(project) = serving("image") else { return };
    let said = fails(&project, NO_IMAGE, &[], 20);
    assert!(said.contains("UPPER CASE"), "{said}");
    serves_and_remembers(&project, "UPPER CASE");
    recovers(&project);
}

#[test]
fn a_crash_loop_fails_with_the_last_lines() {
    let Some(project) = serving("crash") else { return };
    let said = fails(&project, "command: [tool, crash]\nprobe: null\n", &[], 20);
    assert!(said.contains("crash loop") && said.contains("| crashing"), "{said}");
    serves_and_remembers(&project, "crashing");
}

#[test]
fn a_probe_that_fails_times_out() {
    let Some(project) = serving("probe") else { return };
    let values = "probe: { httpGet: null, exec: { command: [\"false\"] }, periodSeconds: 1 }\n";
    let said = fails(&project, values, &["--timeout", "15"], 20);
    assert!(said.contains("within 15s") && said.contains("Readiness probe failed"), "{said}");
    serves_and_remembers(&project, "Readiness probe failed");
}

#[test]
fn a_first_install_that_fails_leaves_no_workload() {
    let Some(project) = ClusterProject::new("first") else { return };
    let said = fails(&project, NO_IMAGE, &[], 1);
    assert!(said.contains("UPPER CASE"), "{said}");
    assert_eq!(project.kubectl(&["get", "deployments", "-o", "name"]), "");
    recovers(&project);
}

const HOOK: &str = r#"apiVersion: batch/v1
kind: Job
metadata:
  name: migrate
  annotations: { helm.sh/hook: pre-upgrade, helm.sh/hook-delete-policy: "before-hook-creation,hook-failed" }
spec:
  backoffLimit: 0
  template:
    spec:
      restartPolicy: Never
      containers:
        - name: migrate
          image: aictl-lab/tool:1
          imagePullPolicy: IfNotPresent
          command: [/bin/sh, -c, "echo no such column; exit {{ .Values.code }}"]
"#;

#[test]
fn a_hook_that_fails_keeps_its_log() {
    let Some(project) = serving("hook") else { return };
    project.write("chart/templates/hook.yaml", HOOK);
    let said = fails(&project, "code: 3\nsettings: { a: \"2\" }\n", &[], 20);
    assert!(said.contains("exited with code 3") && said.contains("no such column"), "{said}");
    assert_eq!(project.kubectl(&["get", "jobs", "-o", "name"]), "", "its policy deletes it");
    assert_eq!(project.object("configmap", "shop-settings")["data"]["a"], "1", "nothing was applied after it");
    serves_and_remembers(&project, "no such column");
    project.values("code: 0\nsettings: { a: \"2\" }\n");
    project.aictl(&["deploy"]).ended(0);
    assert_eq!(project.object("configmap", "shop-settings")["data"]["a"], "2");
}

#[test]
fn a_quota_fails_at_once() {
    let Some(project) = serving("quota") else { return };
    project.kubectl(&["create", "quota", "few", "--hard=pods=1"]);
    let began = Instant::now();
    let said = fails(&project, "replicas: 3\n", &[], 20);
    assert!(began.elapsed() < Duration::from_secs(30), "{:?}", began.elapsed());
    assert!(said.contains("exceeded quota: few"), "{said}");
    serves_and_remembers(&project, "exceeded quota: few");
}

#[test]
fn a_field_of_another_manager_is_not_taken_silently() {
    let Some(project) = serving("conflict") else { return };
    project.kubectl(&[
        "patch",
        "deployment",
        "shop-api",
        "--field-manager=operator",
        "-p",
        "{\"spec\":{\"replicas\":3}}",
    ]);
    let said = fails(&project, "replicas: 2\n", &[], 78);
    assert!(said.contains("operator: spec.replicas") && said.contains("--force-conflicts"), "{said}");
    project.aictl(&["deploy", "--force-conflicts"]).ended(0);
    assert_eq!(project.object("deployment", "shop-api")["spec"]["replicas"], 2);
}

const LONE: &str = "extra:\n- { apiVersion: v1, kind: ConfigMap, metadata: { name: lone }, data: { a: \"2\" } }\n";

#[test]
fn an_object_of_nobody_is_not_taken_silently() {
    let Some(project) = serving("nobody") else { return };
    project.kubectl(&["create", "configmap", "lone", "--from-literal=a=1"]);
    let said = fails(&project, LONE, &[], 78);
    assert!(said.contains("ConfigMap lone") && said.contains("--take-ownership"), "{said}");
    assert_eq!(project.object("configmap", "lone")["data"]["a"], "1");
    project.aictl(&["deploy", "--take-ownership"]).ended(0);
    assert_eq!(project.object("configmap", "lone")["data"]["a"], "2");
}

#[test]
fn what_the_cluster_would_refuse_is_found_before_anything_changes() {
    let Some(project) = serving("refused") else { return };
    let before = project.versions("lab");
    let said =
        fails(&project, "extra:\n- { apiVersion: example.com/v1, kind: Thing, metadata: { name: one } }\n", &[], 78);
    assert!(said.contains("the cluster has no kind Thing of example.com/v1"), "{said}");
    let said = fails(
        &project,
        "extra:\n- { apiVersion: v1, kind: ConfigMap, metadata: { name: one }, dat: { a: \"1\" } }\n",
        &[],
        78,
    );
    assert!(said.contains("ConfigMap one") && said.contains("dat"), "{said}");
    let said = fails(&project, "extra:\n- { apiVersion: v1, kind: ConfigMap, data: { a: \"1\" } }\n", &[], 78);
    assert!(said.contains("metadata.name"), "an object without a name is not left out: {said}");
    project.values(SERVING);
    let file = project.path().join("chart/templates/all.yaml");
    let text = std::fs::read_to_string(file).unwrap();
    project.write("chart/templates/all.yaml", &text.replace("app: api,", "app: other,"));
    let said = project.aictl(&["deploy"]).ended(78).stderr;
    assert!(said.contains("Deployment shop-api") && said.contains("spec.selector"), "{said}");
    project.write("chart/templates/all.yaml", &text);
    project.write(
        "chart/templates/bad.yaml",
        "apiVersion: v1\nkind: ConfigMap\nmetadata: { name: x }\ndata: { a: 1: 2 }\n",
    );
    let said = project.aictl(&["deploy"]).ended(78).stderr;
    assert!(said.contains("templates/bad.yaml") && said.contains("line 4"), "{said}");
    assert_eq!(project.versions("lab"), before);
}

#[test]
fn a_release_too_large_for_a_record_applies_nothing() {
    let Some(project) = serving("large") else { return };
    // Does not compress.
    let mut state = 1_u64;
    let mut next = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        char::from(b'!' + u8::try_from((state >> 40) % 90).unwrap())
    };
    project.write("chart/large.txt", &(0..1_500_000).map(|_| next()).collect::<String>());
    let said = fails(&project, "settings: { a: \"2\" }\n", &[], 1);
    assert!(said.contains("1048576") && said.contains(".helmignore"), "{said}");
    assert_eq!(project.object("configmap", "shop-settings")["data"]["a"], "1");
    std::fs::remove_file(project.path().join("chart/large.txt")).unwrap();
    recovers(&project);
}

#[test]
fn an_object_taken_over_by_a_release_that_fails_is_given_back() {
    let Some(project) = ClusterProject::new("given-back") else { return };
    project.kubectl(&["create", "namespace", project.namespace()]);
    project.kubectl(&["create", "configmap", "lone", "--from-literal=a=1"]);
    let before = project.object("configmap", "lone");
    fails(&project, &format!("{LONE}{NO_IMAGE}"), &["--take-ownership"], 1);
    let after = project.object("configmap", "lone");
    assert_eq!(after["data"], before["data"]);
    for field in ["labels", "annotations"] {
        assert_eq!(after["metadata"][field], before["metadata"][field], "{after}");
    }
    let managers = |object: &serde_json::Value| {
        let entries = object["metadata"]["managedFields"].as_array().unwrap().iter();
        entries.map(|entry| entry["manager"].as_str().unwrap_or_default().to_owned()).collect::<Vec<_>>()
    };
    let shown = project.kubectl(&["get", "configmap", "lone", "-o", "json", "--show-managed-fields"]);
    assert_eq!(managers(&serde_json::from_str(&shown).unwrap()), ["kubectl-create"]);
}

#[test]
fn an_object_of_two_templates_is_refused_with_both() {
    let Some(project) = serving("twice") else { return };
    let text = |value: &str| {
        format!("apiVersion: v1\nkind: ConfigMap\nmetadata: {{ name: same }}\ndata: {{ a: \"{value}\" }}\n")
    };
    project.write("chart/templates/one.yaml", &text("1"));
    project.write(
        "chart/templates/two.yaml",
        &text("2").replace("name: same", &format!("name: same, namespace: {}", project.namespace())),
    );
    let before = project.versions("lab");
    for verb in ["plan", "deploy"] {
        let said = project.aictl(&[verb]).ended(78).stderr;
        assert!(said.contains("templates/one.yaml") && said.contains("templates/two.yaml"), "{said}");
        assert!(said.contains("ConfigMap"), "{said}");
    }
    assert_eq!(project.versions("lab"), before);
}

#[test]
fn what_is_refused_makes_no_namespace() {
    let Some(project) = ClusterProject::new("no-namespace") else { return };
    for bad in ["metadata: { name: X_Y }", "metadata: { name: one }, dat: { a: \"1\" }"] {
        let values = format!("extra: [ {{ apiVersion: v1, kind: ConfigMap, {bad} }} ]\n");
        project.values(&values);
        project.aictl(&["plan"]).ended(78);
        let said = fails(&project, &values, &[], 78);
        assert!(said.contains("ConfigMap"), "{said}");
        assert_eq!(project.kubectl(&["get", "namespace", project.namespace(), "--ignore-not-found", "-o", "name"]), "");
    }
}
