//! The charts of charts/: both Helms accept them and make of every values file what aictl makes of it.

use std::path::{Path, PathBuf};
use std::process::Command;

use aictl::input_file::LocalFiles;
use aictl::project::{ProjectArgs, load_project};
use aictl::session::templates::render_files;
use serde_yaml_ng::Value;

use super::judge::{Helm, aictl};
use super::trap::Case;

/// Values that would be drawn anew by each rendering.
const SECRETS: &str = "--set secrets.postgresPassword=a,secrets.appDbPassword=b,secrets.monitorDbPassword=c \
                       --set secrets.secretKey=d,secrets.jwtSecretKey=e,secrets.adminPassword=f \
                       --set secrets.qdrantApiKey=g,secrets.redisPassword=h";

/// What a cluster with the Prometheus operator has.
const OPERATOR: &str =
    "--api-versions monitoring.coreos.com/v1/ServiceMonitor --api-versions monitoring.coreos.com/v1/PrometheusRule";

/// Our databases are somebody else's.
const EXTERNAL: &str = "--set postgresql.enabled=false,database.external.host=db.example.com \
                        --set redis.enabled=false,cache.externalUrl=redis://cache.example.com:6380/0 \
                        --set qdrant.externalUrl=https://qdrant.example.com";

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

fn chart() -> PathBuf {
    root().join("charts/ai-assistant")
}

/// The values that the example's environment gives, as a file.
fn rendered_values(folder: &Path) -> String {
    let example = root().join("examples/ai-assistant");
    let args = ProjectArgs { directory: &example, file: None, environment: Some("cluster"), set: &[] };
    let project = load_project(&args, &LocalFiles).unwrap();
    let source = project.environment.chart.clone().unwrap();
    assert_eq!(example.join(&source.path).canonicalize().unwrap(), chart(), "the example's chart is that of charts/");
    let file = render_files(&project, &source.values).unwrap().remove(0);
    let path = folder.join(file.name);
    std::fs::write(&path, file.text).unwrap();
    path.display().to_string()
}

/// Every values file with what else may be chosen.
fn lines(values: &str) -> Vec<String> {
    let production = "--values values-production.yaml";
    let mut lines = vec![String::new(), production.to_owned(), format!("--values {values}")];
    lines.push(format!("{production} {OPERATOR}"));
    lines.push(format!("{OPERATOR} {EXTERNAL}"));
    lines.push("--set frontend.enabled=false,networkPolicies.enabled=false,cache.enabled=false".to_owned());
    lines.push("--set global.existingSecret=mine,global.storageClass=fast,qdrant.enabled=true".to_owned());
    lines.iter().map(|line| format!("--name shop {SECRETS} {line}")).collect()
}

#[test]
fn our_charts_render_as_helm_renders_them_with_all_their_values_files() {
    let Some(helms) = Helm::find_both() else { return };
    let folder = tempfile::tempdir().unwrap();
    for line in lines(&rendered_values(folder.path())) {
        let case = Case::new(&line, false);
        let ours = aictl(&chart(), &case.words);
        assert!(ours.ok, "[{line}]: {}", ours.errors);
        for helm in &helms {
            let theirs = helm.template(&chart(), &case.words);
            assert_eq!(super::difference(&case, &ours, &theirs), None, "helm {} [{line}]", helm.major);
        }
    }
}

#[test]
fn our_charts_pass_the_strict_lint_of_both_helms() {
    let Some(helms) = Helm::find_both() else { return };
    let folder = tempfile::tempdir().unwrap();
    let rendered = rendered_values(folder.path());
    for values in ["values.yaml", "values-production.yaml", &rendered] {
        for helm in &helms {
            let outcome = helm.lint(&chart(), values, super::KUBERNETES);
            assert!(outcome.ok, "helm {} {values}: {}{}", helm.major, outcome.text, outcome.errors);
            assert!(!outcome.text.contains("[WARNING]"), "helm {} {values}: {}", helm.major, outcome.text);
        }
    }
    for subchart in ["postgresql", "redis"] {
        for helm in &helms {
            let outcome = helm.lint(&chart().join("charts").join(subchart), "values.yaml", super::KUBERNETES);
            assert!(outcome.ok, "helm {} {subchart}: {}{}", helm.major, outcome.text, outcome.errors);
        }
    }
}

/// The documents of a rendering by kind and name.
fn objects(line: &str) -> Vec<(String, Value)> {
    let case = Case::new(&format!("--name shop {SECRETS} {line}"), false);
    let rendered = aictl(&chart(), &case.words);
    assert!(rendered.ok, "[{line}]: {}", rendered.errors);
    let documents =
        rendered.documents().into_iter().flat_map(|(_, value)| value.unwrap().as_sequence().unwrap().clone());
    let key = |object: &Value| {
        format!("{}/{}", object["kind"].as_str().unwrap(), object["metadata"]["name"].as_str().unwrap())
    };
    documents.map(|object| (key(&object), object)).collect()
}

fn has(objects: &[(String, Value)], name: &str) -> bool {
    objects.iter().any(|(key, _)| key == name)
}

#[test]
fn what_is_switched_off_or_unknown_to_the_cluster_is_not_rendered() {
    let all = objects(&format!("--values values-production.yaml {OPERATOR}"));
    let optional = [
        ("StatefulSet/shop-postgres", EXTERNAL),
        ("StatefulSet/shop-redis", EXTERNAL),
        ("ServiceMonitor/shop-api", "--values values-production.yaml"),
        ("PrometheusRule/shop", "--values values-production.yaml"),
        ("HorizontalPodAutoscaler/shop-api", ""),
        ("Ingress/shop", ""),
        ("StatefulSet/shop-qdrant", ""),
        ("Deployment/shop-frontend", "--set frontend.enabled=false"),
        ("Secret/shop-secrets", "--set global.existingSecret=mine"),
        ("NetworkPolicy/shop-default-deny", "--set networkPolicies.enabled=false"),
    ];
    for (name, without) in optional {
        assert!(has(&all, name), "{name} is not rendered");
        assert!(!has(&objects(without), name), "{name} is rendered with [{without}]");
    }
    let deployment = |objects: Vec<(String, Value)>| {
        objects.into_iter().find(|(key, _)| key == "Deployment/shop-api").unwrap().1["spec"]["replicas"].clone()
    };
    assert_eq!(deployment(objects("")).as_u64(), Some(2));
    assert!(deployment(all).is_null(), "replicas are the autoscaler's");
}

/// Everything that a pod needs to be let into a namespace with the restricted policy, and to end in order.
#[test]
fn every_pod_is_restricted_and_has_longer_to_end_than_its_drain() {
    let objects = objects(&format!("--values values-production.yaml {OPERATOR}"));
    let mut pods = 0;
    for (name, object) in &objects {
        let spec = if name.starts_with("Pod/") { &object["spec"] } else { &object["spec"]["template"]["spec"] };
        let Some(containers) = spec["containers"].as_sequence() else { continue };
        pods += 1;
        assert_eq!(spec["securityContext"]["runAsNonRoot"].as_bool(), Some(true), "{name}");
        assert_eq!(spec["automountServiceAccountToken"].as_bool(), Some(false), "{name}");
        let first = spec["initContainers"].as_sequence().into_iter().flatten();
        for container in containers.iter().chain(first) {
            let security = &container["securityContext"];
            assert_eq!(security["readOnlyRootFilesystem"].as_bool(), Some(true), "{name}");
            assert_eq!(security["allowPrivilegeEscalation"].as_bool(), Some(false), "{name}");
            assert_eq!(security["capabilities"]["drop"][0].as_str(), Some("ALL"), "{name}");
            for kind in ["requests", "limits"] {
                assert!(container["resources"][kind]["memory"].is_string(), "{name} has no {kind} of memory");
            }
        }
        let container = &containers[0];
        if name.starts_with("Deployment/") || name.starts_with("StatefulSet/") {
            for probe in ["startupProbe", "livenessProbe", "readinessProbe"] {
                assert!(container[probe].is_mapping(), "{name} has no {probe}");
            }
        }
        if name.starts_with("Deployment/") {
            let stopping = container["lifecycle"]["preStop"]["exec"]["command"][2].as_str().unwrap();
            let pause: u64 = stopping.rsplit_once("sleep ").unwrap().1.parse().unwrap();
            let grace = spec["terminationGracePeriodSeconds"].as_u64().unwrap();
            assert!(pause >= 5 && grace > pause + 20, "{name}: {pause} and {grace} seconds");
            assert_eq!(spec["topologySpreadConstraints"].as_sequence().unwrap().len(), 2, "{name}");
        }
    }
    assert_eq!(pods, 7, "api, frontend, postgres, redis, qdrant, migration and test");
}

#[test]
fn a_value_that_the_chart_does_not_know_is_refused() {
    for (line, word) in [
        ("--set api.replica=3", "replica"),
        ("--set api.replicas=many", "replicas"),
        ("--set postgresql.persistence.size=big", "size"),
        ("--set redis.maxmemoryPolicy=none", "maxmemoryPolicy"),
        ("--set postgresql.enabled=false", "database.external.host"),
        ("--set postgresql.auth.username=other", "different databases or users"),
    ] {
        let outcome = aictl(&chart(), &Case::new(line, true).words);
        assert!(!outcome.ok && outcome.errors.contains(word), "[{line}]: {}", outcome.errors);
    }
}

#[test]
fn the_chart_makes_the_users_of_the_database_as_the_example_does() {
    let script = std::fs::read_to_string(root().join("examples/ai-assistant/postgres/users.sh")).unwrap();
    let statements = script.split_once("<<'SQL'").unwrap().1;
    let (_, map) = objects("").into_iter().find(|(key, _)| key == "ConfigMap/shop-postgres").unwrap();
    let ours = map["data"]["users.sh"].as_str().unwrap();
    assert_eq!(ours.split_once("<<'SQL'").unwrap().1.trim(), statements.trim());
}

impl Helm {
    fn lint(&self, chart: &Path, values: &str, kubernetes: &str) -> super::Outcome {
        let words = ["lint", "--strict", ".", "--kube-version", kubernetes, "--values", values];
        let mut command: Command = self.command(chart);
        super::judge::outcome(command.args(words).output().unwrap())
    }
}
