//! Verbs that know Docker engines as well: on a cluster they say what is true there, or refuse by name.

use super::basics::NO_IMAGE;
use super::project::ClusterProject;

#[test]
fn doctor_judges_the_cluster_and_says_nothing_of_docker() {
    let Some(project) = ClusterProject::new("doctor") else { return };
    let said = project.aictl(&["doctor"]).ended(0).stdout;
    assert!(said.contains("Kubernetes v1.") && said.contains("permissions"), "{said}");
    assert!(!said.contains("Docker") && !said.contains("architecture"), "{said}");
    project.configure("target: { kubernetes: [ { context: lab, cluster_uid: other } ] }");
    let said = project.aictl(&["doctor"]).ended(4).stdout;
    assert!(said.contains("failed") && said.contains("UID"), "{said}");
}

#[test]
fn clean_is_refused_and_ls_lists_releases() {
    let Some(project) = ClusterProject::new("cleanls") else { return };
    let said = project.aictl(&["clean"]).ended(78).stderr;
    assert!(said.contains("`clean` on Kubernetes"), "{said}");
    let said = project.aictl(&["--profile", "other", "deploy"]).ended(0).stderr;
    assert!(said.contains("--profile has no effect on Kubernetes"), "{said}");
    let said = project.aictl(&["ls"]).ended(0).stdout;
    assert!(said.contains("shop") && said.contains("running(1)"), "{said}");
}

#[test]
fn a_first_deploy_that_failed_hints_at_what_is_there() {
    let Some(project) = ClusterProject::new("firstfailed") else { return };
    project.values(NO_IMAGE);
    let said = project.aictl(&["deploy"]);
    assert_ne!(said.code, 0);
    assert!(!said.stderr.contains("aictl logs") && said.stderr.contains("aictl explain"), "{}", said.stderr);
    project.aictl(&["explain"]).ended(0);
    let said = project.aictl(&["restart"]).ended(10).stderr;
    assert!(said.contains("no release of shop serves") && said.contains("aictl show"), "{said}");
    project.aictl(&["show"]).ended(0);
}

#[test]
fn every_cluster_is_looked_at_before_the_first_is_changed() {
    let Some(project) = ClusterProject::new("allreached") else { return };
    project.configure("target: { kubernetes: [ { context: lab }, { context: second, cluster_uid: other } ] }");
    let said = project.aictl(&["deploy"]).ended(78).stderr;
    assert!(said.contains("second: failed; no cluster was changed"), "{said}");
    assert!(project.versions("lab").is_empty(), "the first cluster was changed");
    let said = project.aictl(&["plan"]).ended(78).stderr;
    assert!(said.contains("lab: apply Deployment shop-api"), "{said}");
}

#[test]
fn files_that_aictl_yaml_names_are_told_with_their_place() {
    let Some(project) = ClusterProject::new("nofiles") else { return };
    std::fs::remove_file(project.path().join("values.yaml")).unwrap();
    let said = project.aictl(&["plan"]).ended(78).stderr;
    assert!(said.contains("aictl.yaml:7:"), "{said}");
    project.configure("target: { kubernetes: [ { context: labb } ] }");
    let said = project.aictl(&["plan"]).ended(78).stderr;
    assert_eq!(said.matches("did you mean").count(), 1, "{said}");
}

#[test]
fn a_test_of_the_chart_is_no_service() {
    let Some(project) = ClusterProject::new("charttest") else { return };
    project.aictl(&["deploy"]).ended(0);
    project.apply(
        "apiVersion: v1\nkind: Pod\nmetadata: { name: shop-test, labels: { app.kubernetes.io/instance: shop }, annotations: \
         { helm.sh/hook: test } }\nspec: { restartPolicy: Never, containers: [ { name: a, image: 'aictl-lab/tool:1', \
         imagePullPolicy: IfNotPresent, command: [sh, -c, 'exit 3'] } ] }\n",
    );
    project.kubectl(&["wait", "--for=jsonpath={.status.phase}=Failed", "pod/shop-test", "--timeout=60s"]);
    let status = project.aictl(&["status"]).ended(0).stdout;
    assert!(!status.contains("test"), "{status}");
}
