//! Several clusters: one after the other, stopping at the first failure; the report names each.

use super::project::{CLUSTERS, ClusterProject};

fn setting(project: &ClusterProject, context: &str) -> String {
    project.kubectl_on(context, &["get", "configmap", "shop-settings", "-o", "jsonpath={.data.a}"])
}

#[test]
fn a_failure_stops_before_the_next_cluster() {
    let Some(project) = ClusterProject::on("several", &CLUSTERS) else { return };
    let said = project.aictl(&["deploy"]).ended(0).stdout;
    assert!(CLUSTERS.iter().all(|cluster| said.contains(cluster)), "{said}");
    let said = project.aictl(&["history"]).ended(78).stderr;
    assert!(said.contains("lab, second, third"), "{said}");
    project.values("settings: { a: \"2\" }\nreplicas: 3\n");
    let plan = project.aictl(&["plan", "--exit-code"]).ended(6).stdout;
    assert!(CLUSTERS.iter().all(|cluster| plan.contains(cluster)), "{plan}");
    project.kubectl_on("second", &["create", "quota", "few", "--hard=pods=1"]);
    let third = project.versions("third");
    let said = project.aictl(&["deploy"]).ended(30).stderr;
    assert!(said.contains("lab: shop: release 2"), "{said}");
    assert!(said.contains("second: failed") && said.contains("third: not touched"), "{said}");
    assert_eq!(CLUSTERS.map(|cluster| setting(&project, cluster)), ["2", "1", "1"]);
    assert_eq!(project.versions("third"), third);
    // Now the first one fails: nothing changed anywhere.
    project.values("settings: { a: \"3\" }\nreplicas: 4\n");
    project.kubectl_on("lab", &["create", "quota", "few", "--hard=pods=1"]);
    let said = project.aictl(&["deploy"]).ended(20).stderr;
    assert!(said.contains("second: not touched"), "{said}");
    assert_eq!(CLUSTERS.map(|cluster| setting(&project, cluster)), ["2", "1", "1"]);
    for cluster in ["lab", "second"] {
        project.kubectl_on(cluster, &["delete", "quota", "few"]);
    }
    project.aictl(&["deploy"]).ended(0);
    assert_eq!(CLUSTERS.map(|cluster| setting(&project, cluster)), ["3", "3", "3"]);
    project.aictl(&["stop", "--remove"]).ended(0);
    assert_eq!(project.kubectl_on("third", &["get", "deployments", "-o", "name"]), "");
}
