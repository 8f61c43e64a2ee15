//! What a cluster would refuse of a release, found before anything is changed.
//! Reads what is wanted and what was observed; returns every object that would be refused, with the reason and the way out.

use super::{ClusterRelease, ObjectRef, ObjectState, ObservedCluster};
use crate::plan::PlanError;

/// An object the cluster would refuse.
struct Refusal {
    reason: String,
    way_out: Option<&'static str>,
}

/// Fails where the cluster would refuse any of the objects.
pub(super) fn check_refusals(wanted: &ClusterRelease, observed: &ObservedCluster) -> Result<(), PlanError> {
    let (mut refused, mut hints) = (Vec::new(), Vec::new());
    // Definitions that stay as they are cannot be refused.
    let definitions = wanted.definitions.iter().filter(|object| wanted.applies_definition(observed, object));
    for object in wanted.objects.iter().chain(definitions) {
        let Some(state) = observed.objects.get(&object.reference.key()) else { continue };
        let Some(Refusal { reason, way_out }) = refusal((wanted, observed), &object.reference, state) else { continue };
        refused.push(format!("{}: {reason}", object.reference));
        hints.extend(way_out.map(str::to_owned));
    }
    hints.dedup();
    if refused.is_empty() { Ok(()) } else { Err(PlanError::Cluster { refused, hints }) }
}

/// The way out where the definition of an object's kind differs and stays.
fn upgrade_hint(wanted: &ClusterRelease, observed: &ObservedCluster, object: &ObjectRef) -> Option<&'static str> {
    let definition = wanted.definition_of(object).filter(|definition| wanted.definitions.contains(definition))?;
    let state = observed.objects.get(&definition.reference.key());
    let differs = matches!(state, Some(ObjectState::Differs { .. } | ObjectState::Conflict { .. }));
    differs.then_some("change the definition of its kind with `aictl deploy --upgrade-crds`")
}

fn no_kind(object: &ObjectRef) -> String {
    let ObjectRef { kind, api_version, .. } = object;
    format!("the cluster has no kind {kind} of {api_version}; its custom resource definition is not installed")
}

fn refusal(
    (wanted, observed): (&ClusterRelease, &ObservedCluster),
    object: &ObjectRef,
    state: &ObjectState,
) -> Option<Refusal> {
    let take = Some("take it over with `aictl deploy --take-ownership`");
    let (reason, way_out) = match state {
        ObjectState::Refused { reason } if !wanted.changes_definition(observed, object) => {
            (reason.clone(), upgrade_hint(wanted, observed, object))
        }
        ObjectState::NoKind if wanted.definition_of(object).is_none() => (no_kind(object), None),
        ObjectState::Foreign { release, .. } if !wanted.take_ownership => {
            (format!("it belongs to the Helm release {release}"), take)
        }
        ObjectState::Unowned { .. } if !wanted.take_ownership => {
            ("it exists and belongs to no Helm release".to_owned(), take)
        }
        ObjectState::Conflict { owners } if !wanted.force => {
            let reason = format!("another field manager owns what would change: {}", owners.join(", "));
            (reason, Some("take the fields over with `aictl deploy --force-conflicts`"))
        }
        ObjectState::Absent
        | ObjectState::Same { .. }
        | ObjectState::Differs { .. }
        | ObjectState::Present { .. }
        | ObjectState::Unknown
        | ObjectState::NoKind
        | ObjectState::Foreign { .. }
        | ObjectState::Unowned { .. }
        | ObjectState::Refused { .. }
        | ObjectState::Deleting
        | ObjectState::Conflict { .. } => return None,
    };
    Some(Refusal { reason, way_out })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::plan::cluster::ClusterObject;

    #[test]
    fn a_kind_that_nothing_defines_is_refused_with_its_name() {
        let object = |body| ClusterObject::of(body).unwrap();
        let thing = object(json!({"apiVersion": "x.io/v1", "kind": "Thing", "metadata": {"name": "a"}}));
        let observed =
            ObservedCluster { objects: [(thing.reference.key(), ObjectState::NoKind)].into(), ..Default::default() };
        let mut wanted = ClusterRelease { objects: vec![thing], ..Default::default() };
        let error = check_refusals(&wanted, &observed).unwrap_err().to_string();
        assert!(error.contains("Thing a: the cluster has no kind Thing of x.io/v1"), "{error}");
        wanted.definitions.push(object(json!({
            "apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition", "metadata": {"name": "things.x.io"},
            "spec": {"group": "x.io", "names": {"kind": "Thing"}}
        })));
        assert!(check_refusals(&wanted, &observed).is_ok());
    }

    #[test]
    fn an_object_whose_definition_changes_first_is_not_refused() {
        let object = |body| ClusterObject::of(body).unwrap();
        let thing = object(json!({"apiVersion": "x.io/v1", "kind": "Thing", "metadata": {"name": "a"}}));
        let definition = object(json!({
            "apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition", "metadata": {"name": "things.x.io"},
            "spec": {"group": "x.io", "names": {"kind": "Thing"}}
        }));
        let states = [
            (thing.reference.key(), ObjectState::Refused { reason: "unknown field".to_owned() }),
            (definition.reference.key(), ObjectState::Differs { paths: Vec::new() }),
        ];
        let observed = ObservedCluster { objects: states.into(), ..Default::default() };
        let mut wanted = ClusterRelease { objects: vec![thing], definitions: vec![definition], ..Default::default() };
        let Err(PlanError::Cluster { hints, .. }) = check_refusals(&wanted, &observed) else { panic!("not refused") };
        assert!(hints[0].contains("--upgrade-crds"), "{hints:?}");
        wanted.upgrade_definitions = true;
        assert!(check_refusals(&wanted, &observed).is_ok());
    }
}
