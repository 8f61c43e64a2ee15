//! Containers of a rolling update that failed although the update went on.

use std::collections::{BTreeMap, BTreeSet};

use crate::plan::Step;

/// Failed containers by service.
#[derive(Debug, Default)]
pub(super) struct Failures(BTreeMap<String, BTreeSet<String>>);

impl Failures {
    /// Whether the failure of a step is one of those that its service allows; it is counted.
    pub(super) fn are_allowed(&mut self, step: &Step) -> bool {
        let Some(allowance) = &step.allowance else { return false };
        let failed = self.0.entry(allowance.service.clone()).or_default();
        failed.insert(allowance.container.clone());
        failed.len() <= allowance.most
    }

    /// Whether an earlier step of the same container failed.
    pub(super) fn gave_up(&self, step: &Step) -> bool {
        let failed = |allowance: &crate::plan::Allowance| {
            self.0.get(&allowance.service).is_some_and(|failed| failed.contains(&allowance.container))
        };
        step.allowance.as_ref().is_some_and(failed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::{Allowance, Phase, Plan, WaitOperation};

    #[test]
    fn containers_are_counted_and_not_their_steps() {
        let mut plan = Plan::default();
        let mut failures = Failures::default();
        let step = |plan: &mut Plan, container: &str| {
            let pause = WaitOperation::Pause { service: "api".into(), time: Default::default() };
            let id = plan.push(Phase::Switch, pause, "", &[]);
            let allowance = Allowance { service: "api".into(), container: container.into(), most: 1 };
            plan.steps[id.0].allowance = Some(allowance);
            plan.steps[id.0].clone()
        };
        let (first, second) = (step(&mut plan, "api-1"), step(&mut plan, "api-2"));
        assert!(!failures.gave_up(&first));
        assert!(failures.are_allowed(&first) && failures.are_allowed(&first));
        assert!(failures.gave_up(&first) && !failures.gave_up(&second));
        assert!(!failures.are_allowed(&second));
    }
}
