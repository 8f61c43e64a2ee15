//! Undoing a whole deploy: nothing is removed before everything new was verified, and until then every step can be
//! undone.

use std::collections::BTreeMap;

use crate::plan::{ContainerOperation, Operation, Phase, Plan, Step, StepId};

/// The plan with the steps of Retire last, each of them after all others, and every undo valid until the first of them
/// was done.
pub(super) fn with_way_back(plan: Plan) -> Plan {
    let mut plan = retire_last(plan);
    let retiring: Vec<StepId> = ids(&plan, |step| step.phase == Phase::Retire);
    let before: Vec<StepId> = ids(&plan, |step| step.phase != Phase::Retire);
    for id in &retiring {
        for earlier in &before {
            plan.order(*id, *earlier);
        }
    }
    let removals = removals(&plan);
    for step in plan.steps.iter_mut().filter(|step| step.phase != Phase::Retire) {
        match &step.operation {
            // Started containers have data in what was made with them: the conditions of converge stay.
            Operation::Network(_) | Operation::Volume(_) => {}
            Operation::Container(ContainerOperation::Start { container, .. }) => {
                step.undo.extend(removals.get(container).cloned());
                step.undo_unless.clear();
            }
            _ => step.undo_unless.clear(),
        }
        if !step.undo.is_empty() {
            step.undo_unless.extend(&retiring);
        }
    }
    plan
}

fn ids(plan: &Plan, pick: impl Fn(&Step) -> bool) -> Vec<StepId> {
    plan.steps.iter().enumerate().filter(|(_, step)| pick(step)).map(|(index, _)| StepId(index)).collect()
}

/// How each container that the plan creates is removed, by its name.
fn removals(plan: &Plan) -> BTreeMap<String, Operation> {
    let removal = |step: &Step| match (&step.operation, step.undo.first()) {
        (Operation::Container(ContainerOperation::Create(spec)), Some(undo)) => Some((spec.name.clone(), undo.clone())),
        _ => None,
    };
    plan.steps.iter().filter_map(removal).collect()
}

/// Moves the steps of Retire behind all others; no other step waits for one of them.
fn retire_last(plan: Plan) -> Plan {
    let mut order: Vec<usize> = (0..plan.steps.len()).collect();
    order.sort_by_key(|index| plan.steps[*index].phase == Phase::Retire);
    let mut places = vec![0; order.len()];
    for (place, index) in order.iter().enumerate() {
        places[*index] = place;
    }
    let moved = |ids: &[StepId]| ids.iter().map(|id| StepId(places[id.0])).collect::<Vec<_>>();
    let steps = order.iter().map(|index| {
        let step = &plan.steps[*index];
        Step { after: moved(&step.after), undo_unless: moved(&step.undo_unless), ..step.clone() }
    });
    Plan { steps: steps.collect(), ..plan.clone() }
}
