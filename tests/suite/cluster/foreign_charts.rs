//! Charts that set none of the usual labels: their pods are found by their owners.

use super::project::ClusterProject;

/// A chart as others write them: no label of Helm's anywhere.
const UNLABELLED: &str = r#"apiVersion: apps/v1
kind: Deployment
metadata: { name: web }
spec:
  selector: { matchLabels: { role: web } }
  template:
    metadata: { labels: { role: web } }
    spec:
      terminationGracePeriodSeconds: 1
      containers:
        - { name: web, image: "aictl-lab/tool:1", imagePullPolicy: IfNotPresent,
            command: [tool, serve, --port, "8080", --text, one],
            readinessProbe: { httpGet: { path: /, port: 8080 }, periodSeconds: 1 } }
---
apiVersion: apps/v1
kind: StatefulSet
metadata: { name: store }
spec:
  serviceName: store
  selector: { matchLabels: { role: store } }
  template:
    metadata: { labels: { role: store } }
    spec:
      terminationGracePeriodSeconds: 1
      containers:
        - { name: store, image: "aictl-lab/tool:1", imagePullPolicy: IfNotPresent, command: [tool, serve, --port, "8080"] }
"#;

#[test]
fn pods_are_found_whatever_labels_the_chart_sets() {
    let Some(project) = ClusterProject::new("unlabelled") else { return };
    project.write("chart/templates/all.yaml", UNLABELLED);
    project.aictl(&["deploy"]).ended(0);
    let status = project.aictl(&["status"]).ended(0).stdout;
    assert!(status.contains("web") && status.contains("store"), "{status}");
    assert!(project.aictl(&["logs", "web"]).ended(0).stdout.contains("ready"));
    project.aictl(&["exec", "-T", "store", "true"]).ended(0);
    project.write("there.txt", "text");
    project.aictl(&["cp", "there.txt", "web:/tmp/there.txt"]).ended(0);
    assert!(project.aictl(&["health"]).ended(0).stdout.contains("web"));
    let other = "apiVersion: v1\nkind: Pod\nmetadata: { name: stranger, labels: { app.kubernetes.io/instance: shop } }\n\
                 spec: { restartPolicy: Never, containers: [ { name: a, image: 'aictl-lab/tool:1', imagePullPolicy: \
                 IfNotPresent, command: [sh, -c, 'exit 3'] } ] }\n";
    project.apply(other);
    project.kubectl(&["wait", "--for=jsonpath={.status.phase}=Failed", "pod/stranger", "--timeout=60s"]);
    let status = project.aictl(&["status"]).ended(0).stdout;
    assert!(!status.contains("stranger"), "{status}");
}

#[test]
fn a_command_that_does_not_exist_is_told_from_one_that_failed() {
    let Some(project) = ClusterProject::new("nocommand") else { return };
    project.aictl(&["deploy"]).ended(0);
    let outcome = project.aictl(&["exec", "-T", "api", "no-such-command"]).ended(127);
    assert!(outcome.stderr.contains("command `no-such-command` not found"), "{}", outcome.stderr);
    assert!(!outcome.stderr.contains("Internal error"), "{}", outcome.stderr);
    project.aictl(&["exec", "-T", "api", "/etc/passwd"]).ended(126);
    project.aictl(&["exec", "-T", "api", "sh", "-c", "exit 4"]).ended(4);
}
