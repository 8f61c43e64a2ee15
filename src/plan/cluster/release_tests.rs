//! The steps of an install, upgrade and uninstall.

use std::time::Duration;

use serde_json::json;

use super::{ClusterObject, ClusterRelease, HookObject, ObjectState, ObservedCluster, plan_release, plan_uninstall};
use crate::plan::{ClusterOperation, Operation, StepId};

fn object(kind: &str, name: &str) -> ClusterObject {
    let version = if kind == "Deployment" { "apps/v1" } else { "v1" };
    ClusterObject::of(json!({"apiVersion": version, "kind": kind, "metadata": {"name": name}})).unwrap()
}

fn release() -> ClusterRelease {
    ClusterRelease {
        name: "shop".to_owned(),
        namespace: "shop".to_owned(),
        event: "upgrade",
        objects: vec![object("Deployment", "api"), object("ConfigMap", "settings")],
        timeout: Duration::from_secs(60),
        ..Default::default()
    }
}

fn observed(states: &[(&ClusterObject, ObjectState)]) -> ObservedCluster {
    let objects = states.iter().map(|(object, state)| (object.reference.key(), state.clone())).collect();
    ObservedCluster { namespace: "shop".to_owned(), namespace_exists: true, objects, ..Default::default() }
}

fn same(ready: bool) -> ObjectState {
    ObjectState::Same { ready }
}

#[test]
fn what_applying_would_not_change_is_not_applied() {
    let wanted = release();
    let [api, settings] = [&wanted.objects[0], &wanted.objects[1]];
    let found = observed(&[(api, same(true)), (settings, same(true))]);
    assert!(plan_release(&wanted, &found).unwrap().is_empty());
    let found = observed(&[(api, same(false)), (settings, same(true))]);
    assert_eq!(plan_release(&wanted, &found).unwrap().lines(), ["await Deployment api: it is not ready"]);
}

#[test]
fn kinds_come_in_the_order_of_helm_and_what_left_goes_last() {
    let mut wanted = release();
    wanted.former = vec![object("Service", "old"), object("Deployment", "api")];
    let hook = object("Job", "migrate");
    wanted.hooks =
        vec![HookObject { object: hook, events: vec!["pre-upgrade".to_owned()], weight: 1, delete: Vec::new() }];
    let present = ObjectState::Present { keep: false, foreign: false };
    let paths = vec!["spec.replicas".to_owned()];
    let found = observed(&[
        (&wanted.objects[0], ObjectState::Differs { paths }),
        (&wanted.objects[1], ObjectState::Absent),
        (&wanted.former[0], present),
    ]);
    let plan = plan_release(&wanted, &found).unwrap();
    assert_eq!(
        plan.lines(),
        [
            "run pre-upgrade hook Job migrate: a pre-upgrade hook with weight 1",
            "apply ConfigMap settings: it does not exist",
            "apply Deployment api: spec.replicas change",
            "await Deployment api: it changes",
            "delete Service old: the release no longer has it",
        ]
    );
    assert_eq!(plan.out_of_order(), None);
    let back = |step: &crate::plan::Step| step.undo.clone();
    let undone: Vec<Vec<Operation>> = plan.steps.iter().map(back).collect();
    assert!(matches!(&undone[1][..], [Operation::Cluster(ClusterOperation::Delete { .. })]));
    assert!(matches!(&undone[2][..], [Operation::Cluster(ClusterOperation::Apply { .. })]));
}

#[test]
fn every_object_that_would_be_refused_is_named() {
    let wanted = release();
    let found = observed(&[
        (&wanted.objects[0], ObjectState::Conflict { owners: vec!["kubectl-edit: spec.replicas".to_owned()] }),
        (
            &wanted.objects[1],
            ObjectState::Foreign { release: "other/shop".to_owned(), live: Box::new(wanted.objects[1].clone()) },
        ),
    ]);
    let error = plan_release(&wanted, &found).unwrap_err().to_string();
    assert!(error.contains("kubectl-edit: spec.replicas") && error.contains("other/shop"), "{error}");
    let forced = ClusterRelease { force: true, objects: wanted.objects[..1].to_vec(), ..wanted };
    assert_eq!(plan_release(&forced, &found).unwrap().steps.len(), 2);
}

#[test]
fn an_object_that_is_to_stay_is_not_deleted() {
    let mut wanted = release();
    wanted.objects.clear();
    wanted.former = vec![object("PersistentVolumeClaim", "data"), object("Service", "a")];
    let state = |keep| ObjectState::Present { keep, foreign: false };
    let found = observed(&[(&wanted.former[0], state(true)), (&wanted.former[1], state(false))]);
    assert_eq!(plan_release(&wanted, &found).unwrap().lines(), ["delete Service a: the release no longer has it"]);
    assert_eq!(plan_uninstall(&wanted, &found).lines(), ["delete Service a: the release is removed"]);
}

#[test]
fn what_is_being_deleted_is_gone_before_it_is_applied_again() {
    let wanted = release();
    let found = observed(&[(&wanted.objects[0], same(true)), (&wanted.objects[1], ObjectState::Deleting)]);
    let plan = plan_release(&wanted, &found).unwrap();
    assert_eq!(
        plan.lines(),
        ["delete ConfigMap settings: it is being deleted already", "apply ConfigMap settings: it is being deleted"]
    );
    assert_eq!(plan.steps[1].after, [StepId(0)]);
}

#[test]
fn what_was_taken_over_is_given_back_on_failure() {
    let wanted = ClusterRelease { take_ownership: true, ..release() };
    let live = Box::new(wanted.objects[1].clone());
    let found = observed(&[(&wanted.objects[0], same(true)), (&wanted.objects[1], ObjectState::Unowned { live })]);
    let plan = plan_release(&wanted, &found).unwrap();
    assert!(matches!(&plan.steps[0].undo[..], [Operation::Cluster(ClusterOperation::Restore { .. })]));
}

#[test]
fn an_uninstall_with_hooks_keeps_the_order_of_phases() {
    let mut wanted = release();
    wanted.former = std::mem::take(&mut wanted.objects);
    let events = vec!["post-delete".to_owned()];
    wanted.hooks = vec![HookObject { object: object("Job", "tidy"), events, weight: 0, delete: Vec::new() }];
    let present = ObjectState::Present { keep: false, foreign: false };
    let found = observed(&[(&wanted.former[0], present.clone()), (&wanted.former[1], present)]);
    let plan = plan_uninstall(&wanted, &found);
    assert_eq!((plan.steps.len(), plan.out_of_order()), (3, None));
}

#[test]
fn a_definition_that_differs_is_said_where_nothing_else_changes() {
    let mut wanted = ClusterRelease { objects: Vec::new(), ..release() };
    wanted.definitions = vec![object("CustomResourceDefinition", "things.x.io")];
    let found = observed(&[(&wanted.definitions[0], ObjectState::Differs { paths: Vec::new() })]);
    let plan = plan_release(&wanted, &found).unwrap();
    assert!(plan.is_empty() && plan.warnings[0].contains("--upgrade-crds"), "{:?}", plan.warnings);
}
