//! The verbs of a release's life: deploy, plan, rollback, history, stop, and those that reach into pods.

use std::io::{BufRead as _, BufReader, Write as _};
use std::process::Stdio;
use std::time::Duration;

use super::project::ClusterProject;
use crate::support::project::{Outcome, eventually};

/// The kubelet refuses the name at once; a registry would be asked for another one.
pub const NO_IMAGE: &str = "image: UPPER CASE\n";

fn setting(project: &ClusterProject) -> String {
    project.kubectl(&["get", "configmap", "shop-settings", "-o", "jsonpath={.data.a}"])
}

fn statuses(project: &ClusterProject) -> Vec<String> {
    project.history().into_iter().map(|(number, status)| format!("{number} {status}")).collect()
}

#[test]
fn an_unchanged_deploy_is_an_empty_plan_and_makes_no_revision() {
    let Some(project) = ClusterProject::new("unchanged") else { return };
    project.aictl(&["plan", "--exit-code"]).ended(6);
    let outcome = project.aictl(&["deploy", "--dry-run"]).ended(0);
    assert!(outcome.stdout.contains("apply Deployment shop-api: it does not exist"), "{}", outcome.stdout);
    assert_eq!(project.versions("lab"), Vec::<String>::new(), "a dry run creates nothing");
    project.aictl(&["deploy"]).ended(0);
    assert_eq!(project.ready_pods().len(), 1);
    project.aictl(&["plan", "--exit-code"]).ended(0);
    let before = project.versions("lab");
    project.aictl(&["deploy"]).ended(0);
    assert_eq!(project.versions("lab"), before);
    assert_eq!(statuses(&project), ["1 deployed"]);
}

#[test]
fn a_changed_value_is_a_revision_that_says_what_changed() {
    let Some(project) = ClusterProject::new("changed") else { return };
    project.aictl(&["deploy"]).ended(0);
    project.values("settings: { a: \"2\" }\nreplicas: 2\n");
    let before = project.versions("lab");
    let plan = project.aictl(&["plan", "--exit-code"]).ended(6).stdout;
    assert!(plan.contains("apply ConfigMap shop-settings: data.a change"), "{plan}");
    assert!(plan.contains("apply Deployment shop-api: spec.replicas change"), "{plan}");
    project.aictl(&["deploy", "--dry-run"]).ended(0);
    project.aictl(&["rollback", "--to", "1", "--dry-run"]).ended(0);
    project.aictl(&["stop", "--remove", "--dry-run"]).ended(0);
    assert_eq!(project.versions("lab"), before, "a dry run changes nothing");
    project.aictl(&["deploy", "--message", "two pods"]).ended(0);
    assert_eq!(project.ready_pods().len(), 2);
    assert_eq!(statuses(&project), ["1 superseded", "2 deployed"]);
    let shown = project.aictl(&["show"]).ended(0).stdout;
    assert!(shown.contains("spec.replicas change") && shown.contains("two pods"), "{shown}");
    let explained = project.aictl(&["explain"]).ended(0).stdout;
    assert!(explained.contains("spec.replicas change"), "{explained}");
}

#[test]
fn rollback_goes_to_the_last_good_release() {
    let Some(project) = ClusterProject::new("rollback") else { return };
    project.aictl(&["deploy"]).ended(0);
    project.values("settings: { a: \"2\" }\n");
    project.aictl(&["deploy"]).ended(0);
    project.values(&format!("settings: {{ a: \"3\" }}\n{NO_IMAGE}"));
    project.aictl(&["deploy"]).ended(20);
    assert_eq!(setting(&project), "2", "the failed upgrade was taken back");
    assert_eq!(statuses(&project), ["1 superseded", "2 deployed", "3 failed"]);
    // What was changed by hand since is brought back: to 2, the last good one, not to the failed one before.
    project.kubectl(&["delete", "configmap", "shop-settings"]);
    project.aictl(&["rollback"]).ended(0);
    assert_eq!(setting(&project), "2");
    project.aictl(&["rollback", "--to", "1"]).ended(0);
    assert_eq!(setting(&project), "1");
    let newest = project.history().pop().unwrap();
    assert_eq!(newest.1, "deployed", "{newest:?}");
    project.aictl(&["rollback", "--to", "99"]).ended(10);
}

#[test]
fn a_removed_release_leaves_nothing() {
    let Some(project) = ClusterProject::new("removed") else { return };
    project.values(
        "extra:\n- { apiVersion: v1, kind: ConfigMap, metadata: { name: kept, annotations: { helm.sh/resource-policy: keep } } }\n",
    );
    project.aictl(&["deploy"]).ended(0);
    project.aictl(&["stop", "--remove"]).ended(0);
    eventually("the pods are gone", Duration::from_secs(20), || {
        let left = project.versions("lab");
        let mut left = left.iter().map(|line| line.split(' ').next().unwrap_or_default());
        left.all(|name| ["ConfigMap/kept", "ConfigMap/kube-root-ca.crt", "ServiceAccount/default"].contains(&name))
    });
    project.kubectl(&["get", "configmap", "kept"]);
    assert_eq!(statuses(&project), Vec::<String>::new());
}

#[test]
fn commands_files_and_logs_reach_the_pods() {
    let Some(project) = ClusterProject::new("inside") else { return };
    project.values("replicas: 2\n");
    project.aictl(&["deploy"]).ended(0);
    let mut child = project
        .command(&["exec", "-T", "api", "sh", "-c", "cat; exit 7"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(b"said").unwrap();
    let outcome = Outcome::from(child.wait_with_output().unwrap()).ended(7);
    assert_eq!(outcome.stdout, "said");
    project.aictl(&["exec", "other", "true"]).ended(10);
    let text = "x".repeat(200_000);
    project.write("there.txt", &text);
    project.aictl(&["cp", "there.txt", "api:/tmp/there.txt"]).ended(0);
    project.aictl(&["cp", "api:/tmp/there.txt", "back.txt"]).ended(0);
    assert!(std::fs::read_to_string(project.path().join("back.txt")).unwrap() == text, "the file came back changed");
    let logs = project.aictl(&["logs"]).ended(0).stdout;
    for pod in project.ready_pods() {
        assert!(logs.lines().any(|line| line.contains(&pod) && line.contains("ready")), "{pod} is not in {logs}");
    }
    let status = project.aictl(&["status"]).ended(0).stdout;
    assert_eq!(status.matches("healthy").count(), 2, "{status}");
}

#[test]
fn followed_logs_show_what_is_written_from_now_on() {
    let Some(project) = ClusterProject::new("follow") else { return };
    project.values("command: [tool, lines, \"100000\", --every, \"100\"]\nprobe: null\n");
    project.aictl(&["deploy"]).ended(0);
    let mut child = project.command(&["logs", "-f", "--tail", "1"]).stdout(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let first: Vec<String> = lines.by_ref().take(5).map(Result::unwrap).collect();
    child.kill().unwrap();
    child.wait().unwrap();
    assert_eq!(first.len(), 5, "{first:?}");
    assert!(first[0] != first[4], "{first:?}");
}
