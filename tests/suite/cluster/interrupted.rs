//! Processes that die or meet each other: locks, pending records, a killed deploy, an API server that goes away.

use std::process::Stdio;
use std::time::Duration;

use aictl::release::{HelmRelease, HelmStatus};
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD as BASE64;

use super::project::ClusterProject;
use super::proxy::Proxy;
use crate::support::project::{Outcome, eventually};

/// A deploy that waits for pods that never become ready.
const UNREADY: &str = "probe: { httpGet: null, exec: { command: [\"false\"] }, periodSeconds: 1 }\nsettings: { a: \"2\" }\n\
                       extra: [ { apiVersion: v1, kind: ConfigMap, metadata: { name: added } } ]\n";

fn lease(project: &ClusterProject) -> String {
    project.kubectl(&["get", "leases", "-o", "name"])
}

#[test]
fn one_operation_at_a_time_and_a_dead_one_is_recovered_from() {
    let Some(project) = ClusterProject::new("lease") else { return };
    project.aictl(&["deploy"]).ended(0);
    project.values(UNREADY);
    let mut first = project.command(&["deploy"]).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    eventually("the deploy waits", Duration::from_secs(20), || {
        project.kubectl(&["get", "configmap", "shop-settings", "-o", "jsonpath={.data.a}"]) == "2"
    });
    project.values("settings: { a: \"3\" }\n");
    project.aictl(&["deploy"]).ended(11);
    let status = project.aictl(&["lock", "status"]).ended(0).stdout;
    assert!(status.contains("deploy"), "{status}");
    first.kill().unwrap();
    first.wait().unwrap();
    assert_ne!(lease(&project), "", "the dead process left its lock");
    assert_eq!(project.history().pop().unwrap(), (2, "interrupted".to_owned()));
    let said = project.aictl(&["deploy"]).ended(0).stderr;
    assert!(said.contains("was interrupted"), "{said}");
    assert_eq!(project.object("configmap", "shop-settings")["data"]["a"], "3");
    assert_eq!(project.ready_pods().len(), 1);
    let objects = project.kubectl(&["get", "configmaps", "-o", "name"]);
    assert_eq!(objects, "configmap/kube-root-ca.crt\nconfigmap/shop-settings\n", "what the dead one added is gone");
    let all = project.history();
    let words: Vec<&str> = all.iter().map(|(_, status)| status.as_str()).collect();
    assert_eq!((words[0], words[2]), ("superseded", "deployed"), "{all:?}");
    assert_eq!(lease(&project), "");
    let pending = project.kubectl(&[
        "get",
        "secrets",
        "-l",
        "owner=helm,status in (pending-upgrade, pending-install)",
        "-o",
        "name",
    ]);
    assert_eq!(pending, "", "helm would take it for a lock");
}

#[test]
fn a_deploy_killed_at_any_moment_is_finished_by_the_next_one() {
    let Some(project) = ClusterProject::new("killed") else { return };
    project.aictl(&["deploy"]).ended(0);
    for (round, millis) in [30, 60, 90, 120, 160, 220, 320].into_iter().enumerate() {
        project.values(&format!("settings: {{ a: \"k{round}\" }}\ncommand: [tool, serve, --port, \"8080\", --text, one, --ready-after, \"{round}\"]\n"));
        let mut child = project.command(&["deploy"]).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        std::thread::sleep(Duration::from_millis(millis));
        child.kill().unwrap();
        child.wait().unwrap();
    }
    project.values("settings: { a: \"last\" }\n");
    project.aictl(&["deploy"]).ended(0);
    assert_eq!(project.object("configmap", "shop-settings")["data"]["a"], "last");
    let all = project.history();
    assert_eq!(all.iter().filter(|(_, status)| status == "deployed").count(), 1, "{all:?}");
    assert_eq!(all.last().unwrap().1, "deployed", "{all:?}");
    let helms =
        project.kubectl(&["get", "secrets", "-l", "owner=helm", "-o", "jsonpath={.items[*].metadata.labels.status}"]);
    assert!(!helms.contains("pending"), "{helms}");
    assert_eq!(helms.matches("deployed").count(), 1, "{helms}");
    project.aictl(&["plan", "--exit-code"]).ended(0);
}

#[test]
fn a_release_helm_works_on_is_locked_until_that_is_broken() {
    let Some(project) = ClusterProject::new("pending") else { return };
    project.aictl(&["deploy"]).ended(0);
    // What helm leaves when it is killed.
    let mut secret = project.object("secret", "sh.helm.release.v1.shop.v1");
    let name = project.namespace().to_owned();
    let text = BASE64.decode(secret["data"]["release"].as_str().unwrap()).unwrap();
    let mut release = HelmRelease::decode(&text).unwrap();
    (release.version, release.info.status) = (2, HelmStatus::PendingUpgrade);
    secret["data"]["release"] = BASE64.encode(release.encode().unwrap()).into();
    secret["metadata"] = serde_json::json!({
        "name": "sh.helm.release.v1.shop.v2", "namespace": name,
        "labels": { "name": "shop", "owner": "helm", "status": "pending-upgrade", "version": "2" },
    });
    project.apply(&secret.to_string());
    project.values("settings: { a: \"2\" }\n");
    let said = project.aictl(&["deploy"]).ended(11).stderr;
    assert!(said.contains("helm is at work on revision 2"), "{said}");
    project.aictl(&["lock", "break", "--yes"]).ended(0);
    project.aictl(&["deploy"]).ended(0);
    assert_eq!(project.object("configmap", "shop-settings")["data"]["a"], "2");
}

#[test]
fn a_missing_permission_is_named() {
    let Some(project) = ClusterProject::new("permission") else { return };
    project.aictl(&["deploy"]).ended(0);
    let account = format!("{}:few", project.namespace());
    project.kubectl(&["create", "serviceaccount", "few"]);
    project.kubectl(&[
        "create",
        "role",
        "few",
        "--verb=*",
        "--resource=secrets,leases,pods,replicasets.apps,deployments.apps",
    ]);
    project.kubectl(&["create", "rolebinding", "few", "--role=few", &format!("--serviceaccount={account}")]);
    let token = project.kubectl(&["create", "token", "few"]);
    let admin = std::fs::read_to_string(project.kubeconfig()).unwrap();
    let (clusters, _) = admin.split_once("users:").unwrap();
    project.write("kubeconfig", &format!("{clusters}users:\n- name: admin\n  user: {{ token: {} }}\n", token.trim()));
    project.values("settings: { a: \"2\" }\n");
    let deploy = || {
        let mut command = project.command(&["deploy"]);
        Outcome::from(command.env("KUBECONFIG", project.path().join("kubeconfig")).output().unwrap())
    };
    let said = deploy();
    assert!(![0, 20].contains(&said.code), "{said:?}");
    assert!(said.stderr.contains("configmaps") && said.stderr.contains("cannot"), "{said:?}");
    project.kubectl(&["create", "role", "more", "--verb=*", "--resource=configmaps"]);
    project.kubectl(&["create", "rolebinding", "more", "--role=more", &format!("--serviceaccount={account}")]);
    eventually("the right is granted", Duration::from_secs(20), || deploy().code == 0);
    assert_eq!(project.object("configmap", "shop-settings")["data"]["a"], "2");
}

#[test]
fn the_cluster_is_the_one_that_is_named() {
    let Some(project) = ClusterProject::new("named") else { return };
    project.configure("target: { kubernetes: [ { context: lba } ] }");
    let said = project.aictl(&["deploy"]).ended(78).stderr;
    assert!(said.contains("no context `lba`") && said.contains("`lab`"), "{said}");
    project.configure("target: { kubernetes: [ { context: lab, cluster_uid: another } ] }");
    let said = project.aictl(&["deploy"]).ended(78).stderr;
    assert!(said.contains("another"), "{said}");
    project.configure("target: { kubernetes: [ { context: lab } ] }");
    let there = std::fs::read_to_string(project.kubeconfig()).unwrap();
    project.write("kubeconfig", &there.replace(":16443", ":1"));
    let mut command = project.command(&["deploy"]);
    let outcome = Outcome::from(command.env("KUBECONFIG", project.path().join("kubeconfig")).output().unwrap());
    let said = outcome.ended(9).stderr;
    assert!(!said.contains("docker"), "{said}");
}

#[test]
fn a_wait_survives_an_api_server_that_is_away_for_a_while() {
    let Some(project) = ClusterProject::new("away") else { return };
    project.aictl(&["deploy"]).ended(0);
    let there = std::fs::read_to_string(project.kubeconfig()).unwrap();
    let proxy = Proxy::to("10.218.0.1:16443");
    project.write("kubeconfig", &there.replace("10.218.0.1:16443", &format!("127.0.0.1:{}", proxy.port())));
    project.values("probe: { httpGet: null, exec: { command: [test, -e, /tmp/ok] }, periodSeconds: 1 }\n");
    let mut command = project.command(&["deploy", "--timeout", "60"]);
    command.env("KUBECONFIG", project.path().join("kubeconfig")).stdout(Stdio::piped()).stderr(Stdio::piped());
    let child = command.spawn().unwrap();
    let newest = || {
        let path = "jsonpath={range .items[*]}{.metadata.name} {.status.phase} {.status.conditions[?(@.type==\"Ready\")].status}{\"\\n\"}{end}";
        let pods = project.kubectl(&["get", "pods", "-l", "app=api", "-o", path]);
        let waiting = pods.lines().find(|line| line.ends_with("Running False"));
        waiting.and_then(|line| line.split(' ').next().map(str::to_owned))
    };
    eventually("the new pod runs", Duration::from_secs(20), || newest().is_some());
    proxy.away(Duration::from_secs(3));
    project.kubectl(&["exec", &newest().unwrap(), "--", "touch", "/tmp/ok"]);
    Outcome::from(child.wait_with_output().unwrap()).ended(0);
    assert_eq!(project.history().pop().unwrap(), (2, "deployed".to_owned()));
}
