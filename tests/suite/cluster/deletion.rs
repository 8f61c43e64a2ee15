//! Objects that do not go at once: finalizers and graces are waited for as long as `--timeout` says, and not against Ctrl-C.

use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use super::project::ClusterProject;
use crate::support::engine_api::clean_up;
use crate::support::project::{Outcome, eventually};

const HELD: &str =
    "extra: [ { apiVersion: v1, kind: ConfigMap, metadata: { name: held, finalizers: [ example.com/f ] } } ]\n";

/// A deployed release with an object that a finalizer holds; the finalizer goes with it.
struct Held(ClusterProject);

impl Held {
    fn new(name: &str) -> Option<Self> {
        let held = Self(ClusterProject::new(name)?);
        held.0.values(HELD);
        held.0.aictl(&["deploy"]).ended(0);
        Some(held)
    }

    fn free(&self) {
        if !self.0.kubectl(&["get", "configmap", "held", "--ignore-not-found", "-o", "name"]).is_empty() {
            self.0.kubectl(&[
                "patch",
                "configmap",
                "held",
                "--type=merge",
                "-p",
                "{\"metadata\":{\"finalizers\":null}}",
            ]);
        }
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        clean_up(|| self.free());
    }
}

/// Ctrl-C once `is_there`; how it ended, and how long after.
fn interrupted(project: &ClusterProject, words: &[&str], is_there: &dyn Fn() -> bool) -> (Outcome, Duration) {
    let mut command = project.command(words);
    let child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    eventually("the command waits", Duration::from_secs(30), is_there);
    let began = Instant::now();
    assert!(Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap().success());
    (child.wait_with_output().unwrap().into(), began.elapsed())
}

fn is_deleting(project: &ClusterProject, kind: &str, name: &str) -> bool {
    let path = "jsonpath={.metadata.deletionTimestamp}";
    !project.kubectl(&["get", kind, name, "--ignore-not-found", "-o", path]).is_empty()
}

#[test]
fn an_object_that_is_held_is_waited_for_as_long_as_said_and_not_forgotten() {
    let Some(held) = Held::new("held") else { return };
    let began = Instant::now();
    let said = held.0.aictl(&["stop", "--remove", "--timeout", "3s"]).ended(3).stderr;
    assert!(began.elapsed() < Duration::from_secs(30), "{:?}", began.elapsed());
    assert!(said.contains("example.com/f"), "{said}");
    assert!(!held.0.history().is_empty(), "what stays is not forgotten");
    held.free();
    held.0.aictl(&["stop", "--remove"]).ended(0);
    assert_eq!(held.0.kubectl(&["get", "deployments,configmaps", "-o", "name"]), "configmap/kube-root-ca.crt\n");
}

#[test]
fn the_first_ctrl_c_ends_the_wait_for_a_deletion() {
    let Some(held) = Held::new("held-int") else { return };
    let (outcome, took) = interrupted(&held.0, &["stop", "--remove"], &|| is_deleting(&held.0, "configmap", "held"));
    outcome.ended(130);
    assert!(took < Duration::from_secs(8), "{took:?}");
    assert_eq!(held.0.kubectl(&["get", "leases", "-o", "name"]), "", "the lock was given back");
}

#[test]
fn what_is_being_deleted_is_made_anew_when_it_is_gone() {
    let Some(held) = Held::new("deleting") else { return };
    held.0.kubectl(&["delete", "configmap", "held", "--wait=false"]);
    let plan = held.0.aictl(&["plan", "--exit-code"]).ended(6).stdout;
    assert!(plan.contains("ConfigMap held: it is being deleted"), "{plan}");
    let said = held.0.aictl(&["deploy", "--timeout", "3s"]).ended(1).stderr;
    assert!(said.contains("example.com/f"), "{said}");
    let child = held.0.command(&["deploy"]).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    eventually("the deploy waits", Duration::from_secs(20), || {
        !held.0.kubectl(&["get", "leases", "-o", "name"]).is_empty()
    });
    held.free();
    Outcome::from(child.wait_with_output().unwrap()).ended(0);
    assert!(!is_deleting(&held.0, "configmap", "held"));
    assert_eq!(held.0.object("configmap", "held")["metadata"]["finalizers"][0], "example.com/f");
}

/// The pod goes, nothing of the release changes: the deploy only waits for the next one.
#[test]
fn a_deploy_that_only_waits_takes_no_lock() {
    let Some(project) = ClusterProject::new("waits") else { return };
    project.values("command: [tool, serve, --port, \"8080\", --text, one, --ready-after, \"4000\"]\n");
    project.aictl(&["deploy"]).ended(0);
    project.kubectl(&["delete", "pod", "--all", "--wait=false"]);
    eventually("the pod is missed", Duration::from_secs(10), || {
        project.object("deployment", "shop-api")["status"]["readyReplicas"].is_null()
    });
    let said = project.aictl(&["deploy"]).ended(0).stderr;
    assert!(said.contains("Ready"), "{said}");
    assert_eq!(project.history(), [(1, "deployed".to_owned())]);
}

const SLOW_HOOK: &str = r#"apiVersion: batch/v1
kind: Job
metadata:
  name: migrate
  annotations: { helm.sh/hook: pre-upgrade }
spec:
  backoffLimit: 0
  template:
    spec:
      restartPolicy: Never
      terminationGracePeriodSeconds: 1
      containers:
        - { name: migrate, image: aictl-lab/tool:1, imagePullPolicy: IfNotPresent, command: [/bin/sh, -c, "sleep 600"] }
"#;

fn runs(project: &ClusterProject) -> bool {
    let path = "jsonpath={.items[*].status.phase}";
    project.kubectl(&["get", "pods", "-l", "job-name=migrate", "-o", path]).contains("Running")
}

#[test]
fn a_hook_does_not_go_on_after_the_command_gave_it_up() {
    let Some(project) = ClusterProject::new("slow-hook") else { return };
    project.aictl(&["deploy"]).ended(0);
    project.write("chart/templates/hook.yaml", SLOW_HOOK);
    project.values("settings: { a: \"2\" }\n");
    let said = project.aictl(&["deploy", "--timeout", "4s"]).ended(20).stderr;
    assert!(said.contains("migrate"), "{said}");
    eventually("the hook ends", Duration::from_secs(20), || !runs(&project));
    let conditions = project.object("job", "migrate")["status"]["conditions"].to_string();
    assert!(conditions.contains("DeadlineExceeded"), "the job is kept: {conditions}");
    let (outcome, took) = interrupted(&project, &["deploy"], &|| runs(&project));
    outcome.ended(130);
    assert!(took < Duration::from_secs(12), "{took:?}");
    eventually("the hook ends", Duration::from_secs(20), || !runs(&project));
}

#[test]
fn a_pod_is_ready_when_it_runs_its_new_image() {
    let Some(project) = ClusterProject::new("pod") else { return };
    let pod = |image: &str| {
        format!(
            "extra:\n- apiVersion: v1\n  kind: Pod\n  metadata: {{ name: lone }}\n  spec:\n    \
             terminationGracePeriodSeconds: 1\n    containers:\n    - {{ name: a, image: \"{image}\", \
             imagePullPolicy: Never, command: [tool, serve, --port, \"8080\", --text, one] }}\n"
        )
    };
    project.values(&pod("aictl-lab/tool:1"));
    project.aictl(&["deploy"]).ended(0);
    project.values(&pod("aictl-lab/tool:none"));
    let outcome = project.aictl(&["deploy"]);
    assert_ne!(outcome.code, 0, "{}", outcome.stderr);
    assert!(outcome.stderr.contains("aictl-lab/tool:none"), "{}", outcome.stderr);
    assert_eq!(project.history().last().unwrap().1, "failed");
    let image = project.object("pod", "lone")["spec"]["containers"][0]["image"].clone();
    assert_eq!(image, "aictl-lab/tool:1", "the one before is wanted again");
}
