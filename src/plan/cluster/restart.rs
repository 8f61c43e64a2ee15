//! A rollout restart: every pod of the chosen workloads is replaced, a few at a time.
//! Reads the objects of the release; returns one restart and one wait per workload.

use std::time::Duration;

use super::{ClusterObject, ObjectRef, ObjectState, ObservedCluster};
use crate::plan::{ClusterOperation, Phase, Plan};

/// A workload's name as a service: without that of the release.
pub fn service_of(workload: &str, release: &str) -> String {
    let short = workload.strip_prefix(release).and_then(|rest| rest.strip_prefix('-'));
    short.filter(|short| !short.is_empty()).unwrap_or(workload).to_owned()
}

fn restarts(object: &ObjectRef) -> bool {
    object.group() == "apps" && matches!(object.kind.as_str(), "Deployment" | "StatefulSet" | "DaemonSet")
}

/// The services of a release that can be restarted.
pub fn restarted_services(objects: &[ClusterObject], release: &str) -> Vec<String> {
    let workloads = objects.iter().filter(|object| restarts(&object.reference));
    workloads.map(|object| service_of(&object.reference.name, release)).collect()
}

/// The workloads of these services; all that can be restarted where none is named.
pub fn restarted(objects: &[ClusterObject], release: &str, services: &[String]) -> Vec<ObjectRef> {
    let chosen = |object: &&ClusterObject| {
        let service = service_of(&object.reference.name, release);
        restarts(&object.reference) && (services.is_empty() || services.contains(&service))
    };
    objects.iter().filter(chosen).map(|object| object.reference.clone()).collect()
}

/// How workloads are restarted.
pub struct RestartRun {
    /// The release.
    pub release: String,
    /// The time that is written to their pod templates, RFC 3339.
    pub at: String,
    /// The longest wait for one of them.
    pub timeout: Duration,
}

/// Restarts workloads, and waits for each.
pub fn plan_restart(workloads: &[ObjectRef], observed: &ObservedCluster, run: &RestartRun) -> Plan {
    let mut plan = Plan { project: run.release.clone(), ..Plan::default() };
    for reference in workloads {
        if !matches!(observed.objects.get(&reference.key()), Some(ObjectState::Present { .. })) {
            plan.warnings.push(format!("{reference} does not exist and is not restarted"));
            continue;
        }
        let restart = ClusterOperation::Restart { object: reference.clone(), at: run.at.clone() };
        let restarted = plan.push(Phase::Switch, restart, "restart requested", &[]);
        let ready = ClusterOperation::Await { object: reference.clone(), timeout: run.timeout };
        plan.push(Phase::Switch, ready, "it restarts", &[restarted]);
    }
    plan
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_service_is_its_workload_without_the_name_of_the_release() {
        assert_eq!(service_of("shop-api", "shop"), "api");
        assert_eq!(service_of("shop", "shop"), "shop");
        assert_eq!(service_of("redis", "shop"), "redis");
        assert_eq!(service_of("shopping", "shop"), "shopping");
    }

    #[test]
    fn the_named_workloads_are_restarted_and_awaited() {
        let object = |name: &str| {
            ClusterObject::of(json!({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": name}}))
                .unwrap()
        };
        let objects = [object("shop-api"), object("shop-web"), object("shop-gone")];
        let present = ObjectState::Present { keep: false, foreign: false };
        let states = objects[..2].iter().map(|object| (object.reference.key(), present.clone()));
        let observed = ObservedCluster { objects: states.collect(), ..Default::default() };
        let plan = |services: &[String]| {
            let run = RestartRun { release: "shop".into(), at: "now".into(), timeout: Duration::from_secs(1) };
            plan_restart(&restarted(&objects, "shop", services), &observed, &run).lines()
        };
        assert_eq!(plan(&["web".to_owned()]).len(), 2);
        assert_eq!(plan(&[]).len(), 4);
        assert_eq!(restarted_services(&objects, "shop"), ["api", "web", "gone"]);
    }
}
