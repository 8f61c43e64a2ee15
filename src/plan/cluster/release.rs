//! From the objects of a chart and what a cluster has of them to the steps of an install, upgrade, rollback or uninstall.
//! Order as Helm's: definitions, pre hooks, objects by kind, waits, post hooks; then what the release no longer has.
//! An object that applying would not change gets no step, so an unchanged release is an empty plan.

use std::collections::BTreeMap;
use std::time::Duration;

use super::refusals::check_refusals;
use super::{
    ClusterObject, ClusterRelease, HookObject, HookRun, ObjectRef, ObjectState, ObservedCluster, uninstall_rank,
};
use crate::chart::install_rank;
use crate::plan::{ClusterOperation, Phase, Plan, PlanError, StepId};

/// The annotation that keeps an object when its release no longer has it.
pub const KEEP: (&str, &str) = ("helm.sh/resource-policy", "keep");

/// The longest wait for an object that an undo deletes: the failure is not told before.
const MOST_FOR_UNDO: Duration = Duration::from_secs(30);

/// The steps that bring the release up.
///
/// # Errors
/// `PlanError::Cluster` names every object that the cluster would refuse; nothing is changed then.
pub fn plan_release(wanted: &ClusterRelease, observed: &ObservedCluster) -> Result<Plan, PlanError> {
    check_refusals(wanted, observed)?;
    let mut planner = Planner { wanted, observed, plan: Plan { project: wanted.name.clone(), ..Plan::default() } };
    planner.warn_of_definitions();
    let changed = planner.changes();
    if changed || wanted.hooks_changed {
        let begun = planner.prepare();
        let before = planner.hooks(&format!("pre-{}", wanted.event), &begun);
        let applied = planner.apply(&before);
        let ready = planner.await_ready(&applied);
        let after = planner.hooks(&format!("post-{}", wanted.event), &ready);
        planner.prune(&after);
    } else {
        planner.await_ready(&[]);
    }
    Ok(planner.plan)
}

/// The steps that remove the release's objects, in the order in which Helm uninstalls them.
pub fn plan_uninstall(wanted: &ClusterRelease, observed: &ObservedCluster) -> Plan {
    let mut planner = Planner { wanted, observed, plan: Plan { project: wanted.name.clone(), ..Plan::default() } };
    let before = planner.hooks("pre-delete", &[]);
    let mut going: Vec<&ClusterObject> =
        wanted.former.iter().chain(&wanted.leftover).filter(|object| planner.is_present(object)).collect();
    going.sort_by_key(|object| (uninstall_rank(&object.reference.kind), object.reference.clone()));
    going.dedup_by(|one, other| one.reference == other.reference);
    let mut last = before;
    let ranks: Vec<usize> = going.iter().map(|object| uninstall_rank(&object.reference.kind)).collect();
    let mut done: Vec<StepId> = Vec::new();
    for (index, object) in going.iter().enumerate() {
        if index > 0 && ranks[index] != ranks[index - 1] {
            last = std::mem::take(&mut done);
        }
        let delete = ClusterOperation::Delete { object: object.reference.clone(), timeout: wanted.timeout };
        // Not in Retire, where a failure is a warning: what stays would be forgotten with the history.
        done.push(planner.plan.push(Phase::Prepare, delete, "the release is removed", &last));
    }
    let after = if done.is_empty() { last } else { done };
    planner.hooks("post-delete", &after);
    planner.plan
}

struct Planner<'a> {
    wanted: &'a ClusterRelease,
    observed: &'a ObservedCluster,
    plan: Plan,
}

impl Planner<'_> {
    fn state(&self, object: &ObjectRef) -> Option<&ObjectState> {
        self.observed.objects.get(&object.key())
    }

    /// Why an object is applied; none where applying would change nothing.
    fn cause(&self, object: &ObjectRef) -> Option<String> {
        match self.state(object) {
            Some(ObjectState::Same { .. }) => None,
            Some(ObjectState::Differs { paths }) if paths.len() > 3 => {
                Some(format!("{} and {} more fields change", paths[..3].join(", "), paths.len() - 3))
            }
            Some(ObjectState::Differs { paths }) if paths.is_empty() => Some("it differs".to_owned()),
            Some(ObjectState::Differs { paths }) => Some(format!("{} change", paths.join(", "))),
            Some(ObjectState::Conflict { owners }) => Some(format!("taken over: {}", owners.join(", "))),
            Some(ObjectState::Unowned { .. }) => Some("it belongs to no release".to_owned()),
            Some(ObjectState::Deleting) => Some("it is being deleted".to_owned()),
            Some(ObjectState::Refused { .. }) => Some("its definition changes".to_owned()),
            Some(ObjectState::Foreign { release, .. }) => Some(format!("taken over from {release}")),
            _ => Some("it does not exist".to_owned()),
        }
    }

    /// Whether anything is applied or deleted.
    fn changes(&self) -> bool {
        let applies = self.wanted.objects.iter().any(|object| self.cause(&object.reference).is_some());
        applies || !self.leaving().is_empty() || self.new_definitions().next().is_some()
    }

    fn new_definitions(&self) -> impl Iterator<Item = &ClusterObject> {
        self.wanted.definitions.iter().filter(|object| self.wanted.applies_definition(self.observed, object))
    }

    /// Definitions. The namespace is created with the lock, which lies in it.
    fn prepare(&mut self) -> Vec<StepId> {
        let mut begun = Vec::new();
        if !self.observed.namespace_exists {
            self.plan.warnings.push(format!("namespace {} does not exist and is created", self.wanted.namespace));
        }
        let definitions: Vec<ClusterObject> = self.new_definitions().cloned().collect();
        for object in definitions {
            let cause = self.cause(&object.reference).unwrap_or_default();
            let reference = object.reference.clone();
            let apply = ClusterOperation::Apply { object: Box::new(object), release: None, force: self.wanted.force };
            let applied = self.plan.push(Phase::Prepare, apply, cause, &begun.clone());
            let ready = ClusterOperation::Await { object: reference, timeout: self.wanted.timeout };
            begun.push(self.plan.push(Phase::Prepare, ready, "the kinds it defines follow", &[applied]));
        }
        begun
    }

    /// Definitions that differ and stay: said whether or not anything else changes.
    fn warn_of_definitions(&mut self) {
        let stays = |object: &&ClusterObject| {
            let state = self.state(&object.reference);
            matches!(state, Some(ObjectState::Differs { .. } | ObjectState::Conflict { .. }))
                && !self.wanted.upgrade_definitions
        };
        let warning = |object: &ClusterObject| {
            format!(
                "{} differs from the chart's and is not changed; change it with `aictl deploy --upgrade-crds`",
                object.reference
            )
        };
        let warnings: Vec<String> = self.wanted.definitions.iter().filter(stays).map(warning).collect();
        self.plan.warnings.extend(warnings);
    }

    /// The hooks of an event, one after the other.
    fn hooks(&mut self, event: &str, after: &[StepId]) -> Vec<StepId> {
        let mut last = after.to_vec();
        for hook in HookObject::of_event(&self.wanted.hooks, event) {
            let run = HookRun {
                object: hook.object.clone(),
                event: event.to_owned(),
                delete: hook.delete.clone(),
                timeout: self.wanted.timeout,
            };
            let cause = format!("a {event} hook with weight {}", hook.weight);
            last = vec![self.plan.push(Phase::Prepare, ClusterOperation::RunHook(Box::new(run)), cause, &last)];
        }
        last
    }

    /// Applies what differs: kinds in Helm's order, objects of one kind at once.
    fn apply(&mut self, before: &[StepId]) -> Vec<StepId> {
        let mut ranks: BTreeMap<usize, Vec<&ClusterObject>> = BTreeMap::new();
        for object in &self.wanted.objects {
            ranks.entry(install_rank(&object.reference.kind)).or_default().push(object);
        }
        let (mut last, mut all) = (before.to_vec(), Vec::new());
        for objects in ranks.into_values() {
            let mut steps = Vec::new();
            for object in objects {
                let Some(cause) = self.cause(&object.reference) else { continue };
                let release = Some(self.wanted.name.clone());
                let taken = self.state(&object.reference);
                let taken = matches!(taken, Some(ObjectState::Unowned { .. } | ObjectState::Foreign { .. }));
                let force = self.wanted.force || taken;
                let apply = ClusterOperation::Apply { object: Box::new(object.clone()), release, force };
                let gone = self.gone(&object.reference, &last);
                let step = self.plan.push(Phase::Prepare, apply, cause, gone.as_deref().unwrap_or(&last));
                if let Some(undo) = self.undo(object) {
                    self.plan.on_failure(step, undo, &[]);
                }
                steps.push(step);
            }
            if !steps.is_empty() {
                last.clone_from(&steps);
                all.extend(steps);
            }
        }
        if all.is_empty() { before.to_vec() } else { all }
    }

    /// What is being deleted vanishes, whatever is applied to it: the new one follows when it is gone.
    fn gone(&mut self, object: &ObjectRef, after: &[StepId]) -> Option<Vec<StepId>> {
        if !matches!(self.state(object), Some(ObjectState::Deleting)) {
            return None;
        }
        let delete = ClusterOperation::Delete { object: object.clone(), timeout: self.wanted.timeout };
        Some(vec![self.plan.push(Phase::Prepare, delete, "it is being deleted already", after)])
    }

    /// How an applied object is taken back: to what the release that serves has, to what it was before it was taken over,
    /// or away where there was none. What holds data stays.
    fn undo(&self, object: &ClusterObject) -> Option<ClusterOperation> {
        let before = self.wanted.former.iter().find(|f| f.reference.is_same(&object.reference, &self.wanted.namespace));
        if let Some(before) = before {
            let release = Some(self.wanted.name.clone());
            return Some(ClusterOperation::Apply {
                object: Box::new(before.clone()),
                release,
                force: self.wanted.force,
            });
        }
        if let Some(ObjectState::Unowned { live } | ObjectState::Foreign { live, .. }) = self.state(&object.reference) {
            return Some(ClusterOperation::Restore { object: live.clone() });
        }
        let created = matches!(
            self.state(&object.reference),
            Some(ObjectState::Absent | ObjectState::Unknown | ObjectState::NoKind | ObjectState::Deleting) | None
        );
        let holds_data = matches!(
            object.reference.kind.as_str(),
            "PersistentVolumeClaim" | "PersistentVolume" | "Namespace" | "CustomResourceDefinition"
        );
        (created && !holds_data && object.meta("annotations", KEEP.0) != Some(KEEP.1)).then(|| {
            ClusterOperation::Delete {
                object: object.reference.clone(),
                timeout: self.wanted.timeout.min(MOST_FOR_UNDO),
            }
        })
    }

    /// Waits for what was applied, and for what is not ready although nothing changes.
    fn await_ready(&mut self, applied: &[StepId]) -> Vec<StepId> {
        let mut waits = Vec::new();
        for object in &self.wanted.objects {
            let changes = self.cause(&object.reference).is_some();
            let is_ready = matches!(self.state(&object.reference), Some(ObjectState::Same { ready: true }));
            if is_ready || (!changes && !object.reference.is_workload()) || !has_readiness(&object.reference) {
                continue;
            }
            let ready = ClusterOperation::Await { object: object.reference.clone(), timeout: self.wanted.timeout };
            let cause = if changes { "it changes" } else { "it is not ready" };
            waits.push(self.plan.push(Phase::Prepare, ready, cause, applied));
        }
        if waits.is_empty() { applied.to_vec() } else { waits }
    }

    fn is_present(&self, object: &ClusterObject) -> bool {
        matches!(self.state(&object.reference), Some(ObjectState::Present { keep: false, foreign: false }))
    }

    /// Objects of the release that serves which the new one has no longer.
    fn leaving(&self) -> Vec<ObjectRef> {
        let home = &self.wanted.namespace;
        let stays = |former: &ClusterObject| {
            self.wanted.objects.iter().any(|object| object.reference.is_same(&former.reference, home))
        };
        let before = self.wanted.former.iter().chain(&self.wanted.leftover);
        let leaving = before.filter(|former| !stays(former) && self.is_present(former));
        let mut leaving: Vec<ObjectRef> = leaving.map(|former| former.reference.clone()).collect();
        leaving.sort_by_key(|object| (uninstall_rank(&object.kind), object.clone()));
        leaving.dedup();
        leaving
    }

    fn prune(&mut self, after: &[StepId]) {
        for object in self.leaving() {
            let delete = ClusterOperation::Delete { object, timeout: self.wanted.timeout };
            self.plan.push(Phase::Retire, delete, "the release no longer has it", after);
        }
    }
}

/// Whether there is anything to wait for after an object of this kind was applied.
fn has_readiness(object: &ObjectRef) -> bool {
    let known =
        ["", "apps", "batch", "policy", "autoscaling"].contains(&object.group()) || object.group().ends_with(".k8s.io");
    object.is_workload()
        || !known
        || matches!(
            object.kind.as_str(),
            "PersistentVolumeClaim" | "CustomResourceDefinition" | "APIService" | "Service"
        )
}
