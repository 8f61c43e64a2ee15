//! A plan: steps with causes, ordered by what must come before what, in three phases.
//! A value: printable, savable, comparable.
//! Never executes itself.

use std::collections::BTreeMap;

use serde::Serialize;

use super::{ImageOperation, Operation};

/// Index of a step in its plan.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub struct StepId(pub usize);

/// Prepare the new side, switch, retire the old one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Phase {
    /// A failure here removes what was made.
    Prepare,
    /// A failure here switches back.
    Switch,
    /// A failure here warns.
    Retire,
}

/// An image as it was when the plan was made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct KnownImage {
    /// Its name.
    pub reference: String,
    /// Its id then.
    pub id: String,
}

/// A condition of a step that is known only once earlier steps have ended; the executor evaluates it then.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Guard {
    /// One of these images is not what it was.
    ImageChanged { images: Vec<KnownImage> },
    /// Each of them is what it was.
    ImageUnchanged { images: Vec<KnownImage> },
}

impl Guard {
    /// Whether the step is to be carried out, given the ids that images have now. One that is not listed has not changed.
    pub fn holds(&self, now: &BTreeMap<String, String>) -> bool {
        let changed = |image: &KnownImage| now.get(&image.reference).is_some_and(|id| *id != image.id);
        match self {
            Self::ImageChanged { images } => images.iter().any(changed),
            Self::ImageUnchanged { images } => !images.iter().any(changed),
        }
    }
}

/// Steps that start one container of a service, of whose containers some may fail.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Allowance {
    /// The service.
    pub service: String,
    /// The container.
    pub container: String,
    /// How many containers of the service may fail.
    pub most: usize,
}

/// One operation, why it is done, and what must be done before it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Step {
    /// What is done.
    pub operation: Operation,
    /// Why, in words: `image changed`.
    pub cause: String,
    /// Steps that must have ended well before.
    pub after: Vec<StepId>,
    /// Phase.
    pub phase: Phase,
    /// Carried out only when this holds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub guard: Option<Guard>,
    /// Its failure is a warning, and what waits for it goes on.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub tolerant: bool,
    /// Its failure is a warning as long as not more containers of its service fail than this allows.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub allowance: Option<Allowance>,
    /// How to take it back when a later step of its group fails.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub undo: Vec<Operation>,
    /// Once one of these steps ended well, the undo is void: what was made is in use.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub undo_unless: Vec<StepId>,
}

/// What will be done, in an order that can be followed.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Plan {
    /// Project it is for.
    pub project: String,
    /// The steps; `after` only points to earlier ones.
    pub steps: Vec<Step>,
    /// Names of the containers the steps refer to by id, for people.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub names: BTreeMap<String, String>,
    /// The first of the steps that clear away what the stack leaves behind. They may be carried out while the project's
    /// state on the target is being retired.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub closing: Option<StepId>,
    /// What the operator should know before it runs.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub warnings: Vec<String>,
}

impl Plan {
    /// Whether nothing needs doing.
    pub fn is_empty(&self) -> bool {
        self.steps.is_empty()
    }

    /// Whether there is nothing to do but to wait; also where there is nothing at all.
    pub fn only_waits(&self) -> bool {
        self.steps.iter().all(|step| step.operation.is_wait())
    }

    /// Bytes that are sent to the engine from another one.
    pub fn transfer_bytes(&self) -> u64 {
        let bytes = |step: &Step| match &step.operation {
            Operation::Image(ImageOperation::Transfer(transfer)) => transfer.bytes,
            _ => 0,
        };
        self.steps.iter().map(bytes).sum()
    }

    /// Appends a step and returns its id. Ids that do not exist yet are dropped: a step can only wait for earlier ones.
    pub fn push(
        &mut self,
        phase: Phase,
        operation: impl Into<Operation>,
        cause: impl Into<String>,
        after: &[StepId],
    ) -> StepId {
        let id = StepId(self.steps.len());
        let mut after: Vec<StepId> = after.iter().copied().filter(|a| a.0 < id.0).collect();
        after.sort_unstable();
        after.dedup();
        // What waits for the switch belongs to it.
        let switched = |before: &StepId| self.steps.get(before.0).is_some_and(|step| step.phase == Phase::Switch);
        let phase = if phase == Phase::Prepare && after.iter().any(switched) { Phase::Switch } else { phase };
        self.steps.push(Step {
            operation: operation.into(),
            cause: cause.into(),
            after,
            phase,
            guard: None,
            tolerant: false,
            allowance: None,
            undo: Vec::new(),
            undo_unless: Vec::new(),
        });
        id
    }

    /// Says how to take a step back, and which later steps make that void.
    pub fn on_failure(&mut self, step: StepId, undo: impl Into<Operation>, unless: &[StepId]) {
        if let Some(step) = self.steps.get_mut(step.0) {
            step.undo.push(undo.into());
            step.undo_unless.extend_from_slice(unless);
        }
    }

    /// Puts a step right after another one, as part of its phase: what waits for that one waits for it.
    pub fn insert_after(&mut self, before: StepId, operation: impl Into<Operation>, cause: &str) -> StepId {
        let id = StepId(before.0 + 1);
        let Some((phase, guard)) = self.steps.get(before.0).map(|step| (step.phase, step.guard.clone())) else {
            return self.push(Phase::Prepare, operation, cause, &[]);
        };
        let move_up = |at: &mut StepId| at.0 += usize::from(at.0 > before.0);
        for step in &mut self.steps {
            step.after.iter_mut().for_each(move_up);
            step.undo_unless.iter_mut().for_each(move_up);
            if step.after.contains(&before) {
                step.after.push(id);
            }
        }
        self.closing.iter_mut().for_each(move_up);
        let mut alone = Self::default();
        alone.push(phase, operation, cause, &[]);
        self.steps.splice(
            id.0..id.0,
            alone.steps.into_iter().map(|step| Step { after: vec![before], guard: guard.clone(), ..step }),
        );
        id
    }

    /// The step pushed last.
    pub fn last_step(&self) -> Option<StepId> {
        self.steps.len().checked_sub(1).map(StepId)
    }

    /// Makes one step wait for another that is already in the plan.
    pub fn order(&mut self, step: StepId, after: StepId) {
        if let Some(entry) = self.steps.get_mut(step.0)
            && after.0 < step.0
            && !entry.after.contains(&after)
        {
            entry.after.push(after);
        }
    }

    /// Makes a step's failure a warning.
    pub fn tolerate(&mut self, step: StepId) {
        if let Some(step) = self.steps.get_mut(step.0) {
            step.tolerant = true;
        }
    }

    /// Appends another plan whose first steps wait for everything that is in this one.
    pub fn then(&mut self, next: Self) {
        let offset = self.steps.len();
        let all: Vec<StepId> = (0..offset).map(StepId).collect();
        let moved = |ids: Vec<StepId>| ids.into_iter().map(|id| StepId(id.0 + offset)).collect::<Vec<_>>();
        for step in next.steps {
            let after = if step.after.is_empty() { all.clone() } else { moved(step.after) };
            self.steps.push(Step { after, undo_unless: moved(step.undo_unless), ..step });
        }
        self.names.extend(next.names);
        let new = next.warnings.into_iter().filter(|warning| !self.warnings.contains(warning)).collect::<Vec<_>>();
        self.warnings.extend(new);
        if self.project.is_empty() {
            self.project = next.project;
        }
    }

    /// The first step that waits for one of a later phase, or for one that does not come before it: the phases would not
    /// hold, so the executor refuses such a plan.
    pub fn out_of_order(&self) -> Option<StepId> {
        let wrong = |(index, step): &(usize, &Step)| {
            step.after.iter().any(|before| {
                before.0 >= *index || self.steps.get(before.0).is_some_and(|earlier| earlier.phase > step.phase)
            })
        };
        self.steps.iter().enumerate().find(wrong).map(|(index, _)| StepId(index))
    }
}
