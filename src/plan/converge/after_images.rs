//! A convergence that follows steps which make images: what they give is not known yet, so steps that depend on it carry
//! a guard. One plan then says both what happens if an image turns out changed and what happens if it does not.
//! Pure: plans once for each image that may change and puts the plans together.

use std::collections::{BTreeMap, BTreeSet};

use super::options::Wanted;
use super::{image_of, plan_converge};
use crate::plan::{Guard, KnownImage, Observed, Operation, Plan, PlanError, Step, StepId, labels};

/// A function that plans from what was found.
pub type Planning<'a> = &'a dyn Fn(&Observed) -> Result<Plan, PlanError>;

/// The steps of `images` and, after them, those of `planning`, in one plan.
pub fn plan_after_images(
    wanted: &Wanted<'_>,
    observed: &Observed,
    images: Plan,
    planning: Option<Planning<'_>>,
) -> Result<Plan, PlanError> {
    let converge = |observed: &Observed| plan_converge(wanted, observed);
    let planning = planning.unwrap_or(&converge);
    let used: BTreeSet<String> =
        wanted.stack.services.iter().map(|(name, service)| image_of(wanted.stack, name, service)).collect();
    let made: BTreeSet<String> = images.steps.iter().filter_map(|step| makes(&step.operation)).collect();
    let pending: BTreeSet<String> = made.intersection(&used).cloned().collect();
    let guarded = plan_guarded(observed, pending, planning)?;
    let mut plan = images;
    plan.then(guarded);
    Ok(plan)
}

pub(in crate::plan) fn makes(operation: &Operation) -> Option<String> {
    match operation {
        Operation::Image(image) => image.makes().map(str::to_owned),
        Operation::Network(_)
        | Operation::Volume(_)
        | Operation::Container(_)
        | Operation::Wait(_)
        | Operation::Proxy(_)
        | Operation::Task(_)
        | Operation::Check(_)
        | Operation::Data(_)
        | Operation::Cluster(_) => None,
    }
}

/// Plans under the assumption that nothing changes, that each image alone does, and that all do.
fn plan_guarded(observed: &Observed, pending: BTreeSet<String>, planning: Planning<'_>) -> Result<Plan, PlanError> {
    let known: Vec<KnownImage> = pending.iter().filter_map(|reference| known(observed, reference)).collect();
    let mut now = observed.clone();
    for reference in &pending {
        now.images.entry(reference.clone()).or_default();
    }
    now.pending_images = pending;
    let same = planning(&now)?;
    if known.is_empty() {
        return Ok(same);
    }
    let changed = planning(&with_changed(&now, &known))?;
    let mut alone = Vec::new();
    for image in &known {
        alone.push((image, planning(&with_changed(&now, std::slice::from_ref(image)))?));
    }
    Ok(Merge { same, changed, alone, known: &known }.merged())
}

/// An image that was there before and that a container runs: whether it changes makes a difference.
pub(in crate::plan) fn known(observed: &Observed, reference: &str) -> Option<KnownImage> {
    let image = observed.images.get(reference)?;
    Some(KnownImage { reference: reference.to_owned(), id: image.id.clone() })
}

pub(in crate::plan) fn with_changed(observed: &Observed, images: &[KnownImage]) -> Observed {
    let mut observed = observed.clone();
    for image in images {
        if let Some(found) = observed.images.get_mut(&image.reference) {
            labels::PENDING_IMAGE.clone_into(&mut found.id);
        }
    }
    observed
}

/// The plans to be put together.
struct Merge<'a> {
    same: Plan,
    changed: Plan,
    alone: Vec<(&'a KnownImage, Plan)>,
    known: &'a [KnownImage],
}

/// A step of the merged plan before its place is known: predecessors by node.
struct Node {
    step: Step,
    after: BTreeSet<usize>,
    unless: BTreeSet<usize>,
}

impl Merge<'_> {
    fn merged(self) -> Plan {
        let in_same = matches(&self.changed.steps, &self.same.steps);
        // Node numbers of the steps of `same`: those of equal steps of `changed`, else behind them.
        let mut nodes_of_same: Vec<Option<usize>> = vec![None; self.same.steps.len()];
        for (index, found) in in_same.iter().enumerate() {
            if let Some(found) = found {
                nodes_of_same[*found] = Some(index);
            }
        }
        let mut next = self.changed.steps.len();
        let nodes_of_same: Vec<usize> = nodes_of_same
            .into_iter()
            .map(|node| {
                node.unwrap_or_else(|| {
                    next += 1;
                    next - 1
                })
            })
            .collect();
        let mut nodes = self.changed_nodes(&in_same);
        for (index, step) in self.same.steps.iter().enumerate() {
            self.add_same(&mut nodes, step, (nodes_of_same[index], &nodes_of_same));
        }
        let mut plan = Plan { steps: Vec::new(), ..self.same };
        plan.names.extend(self.changed.names);
        let new: Vec<String> =
            self.changed.warnings.into_iter().filter(|warning| !plan.warnings.contains(warning)).collect();
        plan.warnings.extend(new);
        place(&mut plan, nodes);
        plan
    }

    fn changed_nodes(&self, in_same: &[Option<usize>]) -> Vec<Node> {
        let node = |(step, same): (&Step, &Option<usize>)| {
            let guard = same.is_none().then(|| self.guard_of(step));
            let of = |ids: &[StepId]| ids.iter().map(|id| id.0).collect();
            Node { after: of(&step.after), unless: of(&step.undo_unless), step: Step { guard, ..step.clone() } }
        };
        self.changed.steps.iter().zip(in_same).map(node).collect()
    }

    /// A step that is there when nothing changes: the same one as when all do, or one that is left out then.
    fn add_same(&self, nodes: &mut Vec<Node>, step: &Step, (node, nodes_of_same): (usize, &[usize])) {
        let of = |ids: &[StepId]| ids.iter().map(|id| nodes_of_same[id.0]).collect::<BTreeSet<usize>>();
        if let Some(shared) = nodes.get_mut(node) {
            shared.after.extend(of(&step.after));
            shared.unless.extend(of(&step.undo_unless));
            shared.step.cause.clone_from(&step.cause);
            shared.step.undo.clone_from(&step.undo);
            return;
        }
        let gone = |plan: &Plan| !plan.steps.iter().any(|other| is_same(other, step));
        let images: Vec<KnownImage> =
            self.alone.iter().filter(|(_, plan)| gone(plan)).map(|(image, _)| (*image).clone()).collect();
        let images = if images.is_empty() { self.known.to_vec() } else { images };
        let guard = Some(Guard::ImageUnchanged { images });
        nodes.push(Node {
            after: of(&step.after),
            unless: of(&step.undo_unless),
            step: Step { guard, ..step.clone() },
        });
    }

    /// The images whose change alone brings the step about.
    fn guard_of(&self, step: &Step) -> Guard {
        let brings = |plan: &Plan| plan.steps.iter().any(|other| is_same(other, step));
        let images: Vec<KnownImage> =
            self.alone.iter().filter(|(_, plan)| brings(plan)).map(|(image, _)| (*image).clone()).collect();
        Guard::ImageChanged { images: if images.is_empty() { self.known.to_vec() } else { images } }
    }
}

fn is_same(some: &Step, other: &Step) -> bool {
    some.operation == other.operation && some.phase == other.phase && some.tolerant == other.tolerant
}

/// For each step of `some` the equal step of `others`, each of them once.
fn matches(some: &[Step], others: &[Step]) -> Vec<Option<usize>> {
    let mut taken = vec![false; others.len()];
    some.iter()
        .map(|step| {
            let found = others.iter().enumerate().position(|(index, other)| !taken[index] && is_same(step, other));
            if let Some(found) = found {
                taken[found] = true;
            }
            found
        })
        .collect()
}

/// Puts the nodes into an order in which each comes after what it waits for.
fn place(plan: &mut Plan, nodes: Vec<Node>) {
    let mut placed: BTreeMap<usize, StepId> = BTreeMap::new();
    let mut waiting: BTreeMap<usize, Node> = nodes.into_iter().enumerate().collect();
    while !waiting.is_empty() {
        let free = waiting.iter().find(|(_, node)| node.after.iter().all(|before| placed.contains_key(before)));
        // The two plans could only wait for each other if one reversed an order of the other.
        let next = free.or_else(|| waiting.iter().next()).map(|(index, _)| *index).unwrap_or_default();
        let Some(node) = waiting.remove(&next) else { return };
        let after = node.after.iter().filter_map(|before| placed.get(before).copied()).collect();
        placed.insert(next, StepId(plan.steps.len()));
        let unless = node.unless.iter().map(|id| StepId(*id)).collect();
        plan.steps.push(Step { after, undo_unless: unless, ..node.step });
    }
    // Undo conditions point forwards too, so they are translated once everything has its place.
    for step in &mut plan.steps {
        step.undo_unless = step.undo_unless.iter().filter_map(|id| placed.get(&id.0).copied()).collect();
    }
}
