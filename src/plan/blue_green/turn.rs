//! In which order the services of a deploy change.
//! Reads dependencies and strategies; returns names.
//! Never lets a service lose its only container to a release that has not proved itself, where that can be helped.

use std::collections::BTreeSet;

use super::deployment::Deployment;
use crate::plan::{PlanError, StepId, order};

impl Deployment<'_> {
    /// Services with their dependencies first; whether one is late: replaced in place, and needed by no blue-green service.
    /// Late ones come after all others.
    pub(super) fn in_turn(&self) -> Result<Vec<(String, bool)>, PlanError> {
        let dependencies = order::dependencies(self.deploy.wanted.stack);
        let sorted = order::sorted(&dependencies)?;
        let all = order::transitive(&dependencies);
        let rolled = all.iter().filter(|(name, _)| self.is_blue_green(name));
        let early: BTreeSet<&String> = rolled.flat_map(|(name, needs)| needs.iter().chain([name])).collect();
        let (early, late): (Vec<String>, Vec<String>) = sorted.into_iter().partition(|name| early.contains(name));
        let marked = |names: Vec<String>, late: bool| names.into_iter().map(move |name| (name, late));
        Ok(marked(early, false).chain(marked(late, true)).collect())
    }

    /// Steps after which every new side is ready, and the migrations before it are done.
    pub(super) fn ready_rolls(&self) -> Vec<StepId> {
        self.rolls.iter().flat_map(|roll| roll.ready.iter().copied()).collect()
    }
}
