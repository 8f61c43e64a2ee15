//! What a release is to consist of in a cluster.

use std::time::Duration;

use super::{ClusterObject, HookObject, ObjectRef, ObjectState, ObservedCluster};

/// What a release is to consist of.
#[derive(Debug, Clone, Default)]
pub struct ClusterRelease {
    /// Its name.
    pub name: String,
    /// Its namespace.
    pub namespace: String,
    /// `install`, `upgrade` or `rollback`: which hooks run.
    pub event: &'static str,
    /// The objects.
    pub objects: Vec<ClusterObject>,
    /// The hooks.
    pub hooks: Vec<HookObject>,
    /// Custom resource definitions of the chart's `crds` folder.
    pub definitions: Vec<ClusterObject>,
    /// Whether definitions that exist are changed.
    pub upgrade_definitions: bool,
    /// The objects of the release that serves.
    pub former: Vec<ClusterObject>,
    /// The objects of a newer release that was cut off or failed, and may have left some of them.
    pub leftover: Vec<ClusterObject>,
    /// Whether the hooks differ from those of the release that serves.
    pub hooks_changed: bool,
    /// Fields that other managers own are taken over.
    pub force: bool,
    /// Objects that belong to no release or to another one are taken over.
    pub take_ownership: bool,
    /// The longest wait for one object.
    pub timeout: Duration,
}

impl ClusterRelease {
    /// The definition of an object's kind that the release brings.
    pub(super) fn definition_of(&self, object: &ObjectRef) -> Option<&ClusterObject> {
        let text = |body: &ClusterObject, at: &str| body.body.pointer(at).and_then(|v| v.as_str()).map(str::to_owned);
        self.objects.iter().chain(&self.definitions).find(|definition| {
            definition.reference.kind == "CustomResourceDefinition"
                && text(definition, "/spec/group").as_deref() == Some(object.group())
                && text(definition, "/spec/names/kind").as_deref() == Some(object.kind.as_str())
        })
    }

    /// Whether a definition of the chart's `crds` folder is applied: it is new, or those that exist are changed.
    pub(super) fn applies_definition(&self, observed: &ObservedCluster, definition: &ClusterObject) -> bool {
        match observed.objects.get(&definition.reference.key()) {
            Some(ObjectState::Same { .. }) => false,
            Some(ObjectState::Differs { .. } | ObjectState::Conflict { .. }) => self.upgrade_definitions,
            _ => true,
        }
    }

    /// Whether the definition of an object's kind changes before the object is applied, so that what the API server says
    /// of the object now counts for nothing.
    pub(super) fn changes_definition(&self, observed: &ObservedCluster, object: &ObjectRef) -> bool {
        let Some(definition) = self.definition_of(object) else { return false };
        let is_same = matches!(observed.objects.get(&definition.reference.key()), Some(ObjectState::Same { .. }));
        !is_same && (!self.definitions.contains(definition) || self.applies_definition(observed, definition))
    }
}
