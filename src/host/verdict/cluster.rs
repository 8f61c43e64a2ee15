//! Judges a cluster: that it answers, what this user may do there, and what claims and autoscaling need.
//! Reads what was seen of it; returns findings.

use super::{Finding, Verdict};
use crate::error::Hint as _;
use crate::plan::EngineInfo;
use crate::target::{ClusterFacts, TargetError};

/// The findings on a cluster; `name` is its context.
pub fn cluster_verdicts(name: &str, seen: &Result<(EngineInfo, ClusterFacts), TargetError>) -> Vec<Finding> {
    let (engine, facts) = match seen {
        Ok(seen) => seen,
        Err(error) => {
            let finding = Finding::new("cluster", name, error.to_string());
            let remedy = error.hints().into_iter().next();
            return vec![Finding { verdict: Verdict::Failed, remedy, ..finding }];
        }
    };
    let mut findings =
        vec![Finding::new("cluster", name, format!("Kubernetes {} at {}", engine.version, engine.address))];
    findings.push(match facts.namespace_exists {
        true => Finding::new("namespace", &facts.namespace, "it exists"),
        false => Finding::new("namespace", &facts.namespace, "it does not exist; the first deploy creates it"),
    });
    findings.push(permissions(facts));
    findings.push(match &facts.default_class {
        None => Finding::unseen("storage class", name, "this user may not list storage classes"),
        Some(Some(class)) => Finding::new("storage class", name, format!("{class} is the default")),
        Some(None) => Finding::new("storage class", name, "no default storage class").warning(
            "claims that name no class stay pending; `kubectl get storageclass` lists the classes to name in the values",
        ),
    });
    findings.push(match facts.has_metrics {
        true => Finding::new("metrics API", name, "it is there"),
        false => Finding::unseen("metrics API", name, "not installed: `kubectl top` and autoscaling have no figures"),
    });
    findings
}

fn permissions(facts: &ClusterFacts) -> Finding {
    let namespace = &facts.namespace;
    if facts.denied.is_empty() {
        return Finding::new("permissions", namespace, "all that deploys need");
    }
    let found = format!("this user may not {}", facts.denied.join(", "));
    let remedy = format!("see what is allowed with `kubectl auth can-i --list -n {namespace}`, and ask for the rest");
    Finding::new("permissions", namespace, found).failed(remedy)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cluster_is_judged_by_what_it_lacks() {
        let engine = EngineInfo { version: "v1.34.4".into(), ..Default::default() };
        let facts = ClusterFacts {
            namespace: "web".into(),
            namespace_exists: true,
            denied: vec!["create secrets".into()],
            default_class: Some(None),
            has_metrics: false,
        };
        let verdicts = |facts: ClusterFacts| -> Vec<Verdict> {
            cluster_verdicts("lab", &Ok((engine.clone(), facts))).iter().map(|finding| finding.verdict).collect()
        };
        use Verdict::{Failed, NotChecked, Ok as Well, Warning};
        assert_eq!(verdicts(facts.clone()), [Well, Well, Failed, Warning, NotChecked]);
        let well =
            ClusterFacts { denied: Vec::new(), default_class: Some(Some("fast".into())), has_metrics: true, ..facts };
        assert_eq!(verdicts(well), [Well; 5]);
        let away = TargetError::Unreachable { address: "https://k:6443".into(), reason: "refused".into() };
        let finding = cluster_verdicts("lab", &Err(away)).remove(0);
        assert!(finding.verdict == Failed && finding.remedy.unwrap().contains("kubectl cluster-info"));
    }
}
