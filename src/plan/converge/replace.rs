//! The replacement of a container by a new one with the same number.

use super::planner::{Named, Planner};
use super::rolling::Turns;
use super::spec::Slot;
use crate::plan::{ContainerOperation, ObservedInstance, Operation, Phase, StartTurn, StepId};

/// What stands between an old container and its replacement.
struct Replacement<'a> {
    old: &'a ObservedInstance,
    /// Name of the new one until the old one is gone.
    temporary: String,
    cause: &'a str,
    /// Steps after which it may begin.
    after: Vec<StepId>,
}

impl Planner<'_> {
    /// Create under a temporary name, stop the old, start the new, remove the old, take over the name.
    pub(super) fn replace(&mut self, named: Named<'_>, (old, cause): (&ObservedInstance, &str), turns: &mut Turns) {
        let (name, service) = named;
        let slot =
            Slot { service: name, number: old.number, replaces: Some(old), temporary_name: true, image_id: None };
        let spec = self.spec(service, slot);
        let temporary = spec.name.clone();
        let created = self.create(name, spec, cause);
        let mut after = vec![created];
        after.extend(self.gates(service));
        after.extend(self.proven.iter().copied());
        after.extend(self.turn(name, turns));
        let replacement = Replacement { old, temporary: temporary.clone(), cause, after };
        let (started, after) = if turns.start_first && !self.wanted.options.create_only {
            self.start_before_stop(named, replacement, turns)
        } else {
            self.stop_before_start(named, replacement, turns)
        };
        self.void_undo(created, started);
        let remove = Operation::Container(ContainerOperation::Remove {
            service: name.to_owned(),
            container: old.id.clone(),
            volumes: false,
            force: true,
        });
        let removed = self.plan.push(Phase::Retire, remove, "it was replaced", &after);
        let canonical = service.container_name(&self.wanted.stack.name, name, old.number);
        let rename = Operation::Container(ContainerOperation::Rename {
            service: name.to_owned(),
            container: temporary.clone(),
            name: canonical,
        });
        self.plan.push(Phase::Retire, rename, "the old container gave up the name", &[removed]);
        self.entry(name).replaced = true;
        self.note_container(name, temporary);
    }

    /// Returns the start, and the steps after which the old container may go.
    fn stop_before_start(
        &mut self,
        named: Named<'_>,
        mut replacement: Replacement<'_>,
        turns: &mut Turns,
    ) -> (Option<StepId>, Vec<StepId>) {
        let stopped = self.stop_old(named, replacement.old, &mut replacement.after);
        if self.wanted.options.create_only {
            return (None, replacement.after);
        }
        let started = self.start_in_turn(named, &replacement, turns);
        if let Some(stopped) = stopped {
            self.take_back(replacement.old, stopped, &[started]);
        }
        replacement.after.push(started);
        (Some(started), replacement.after)
    }

    /// The same where both run for a while.
    fn start_before_stop(
        &mut self,
        named: Named<'_>,
        replacement: Replacement<'_>,
        turns: &mut Turns,
    ) -> (Option<StepId>, Vec<StepId>) {
        let started = self.start_in_turn(named, &replacement, turns);
        let mut after: Vec<StepId> = self.plan.last_step().into_iter().collect();
        if let Some(stopped) = self.stop_old(named, replacement.old, &mut after) {
            self.take_back(replacement.old, stopped, &[]);
            turns.note_stop(stopped);
        }
        (Some(started), after)
    }

    fn start_in_turn(&mut self, named: Named<'_>, new: &Replacement<'_>, turns: &mut Turns) -> StepId {
        let started = self.start(named, &new.temporary, new.cause, &new.after);
        self.allow_failure(started, (named.0, &new.temporary), turns);
        turns.note(self.plan.last_step().into_iter().collect());
        started
    }

    /// The old container comes back where the new one cannot start.
    fn take_back(&mut self, old: &ObservedInstance, stopped: StepId, unless: &[StepId]) {
        let restart = Operation::Container(ContainerOperation::Start {
            service: old.service.clone(),
            container: old.id.clone(),
            turn: StartTurn::UntilStarted,
        });
        self.plan.on_failure(stopped, restart, unless);
        // They still run, in a namespace of a container that is gone.
        for sharer in self.sharers(&old.service) {
            self.plan.on_failure(stopped, sharer, &[]);
        }
    }

    fn stop_old(&mut self, named: Named<'_>, old: &ObservedInstance, after: &mut Vec<StepId>) -> Option<StepId> {
        if !old.state.is_up() {
            return None;
        }
        let stopped = match self.handed_over(&old.id) {
            Some(stopped) => stopped,
            None => {
                let after = self.push_before_stop(&old.id, after);
                self.stop(&named, old, "it is being replaced", &after)
            }
        };
        after.push(stopped);
        Some(stopped)
    }
}
