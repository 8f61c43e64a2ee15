//! The checks of a deploy: of new containers before requests are switched to them, of everything else afterwards.

use std::collections::BTreeMap;

use super::deploy::DeployCheck;
use super::deploy::OtherSide;
use super::deployment::{Deployment, Roll};
use crate::plan::{Bake, CheckOperation, Operation, Phase, StepId};

impl Deployment<'_> {
    /// Checks of services whose requests are to be switched, on their new containers alone.
    pub(super) fn checks_before_the_switch(&mut self) -> Vec<StepId> {
        let checks = self.deploy.checks;
        let mut steps = Vec::new();
        for check in checks {
            let about = self.rolls.iter().find(|roll| check.service.as_ref() == Some(&roll.service));
            let Some(roll) = about.filter(|roll| self.is_new(&roll.service)).cloned() else { continue };
            let run = self.run(check);
            steps.push(self.planner.plan.push(Phase::Prepare, run, "its container is new", &roll.ready));
        }
        steps
    }

    /// The other checks of this release: of services that were replaced in place, of the proxy, and of no service.
    pub(super) fn checks_after_the_switch(&mut self) {
        let stack = self.deploy.wanted.stack;
        if !stack.services.keys().any(|service| self.is_new(service)) {
            return;
        }
        let before = self.all_so_far();
        for check in self.deploy.checks {
            let (cause, due) = match &check.service {
                None => ("a new release serves", true),
                Some(service) if self.rolls.iter().any(|roll| roll.service == *service) => continue,
                // What the image of the proxy suggests says nothing about the new containers.
                Some(service) if self.is_proxy(service) && !check.recognised => ("it leads to new containers", true),
                Some(service) => ("its container is new", self.is_new(service)),
            };
            if due {
                let run = self.run(check);
                self.planner.plan.push(Phase::Switch, run, cause, &before);
            }
        }
    }

    /// Watches the new side while the old one stays, so that the way back is one switch.
    pub(super) fn bake(&mut self) {
        let since = match self.deploy.other_side {
            OtherSide::Judge { since } => Some(since.clone()),
            OtherSide::Remove | OtherSide::Keep => None,
        };
        let continues = |roll: &Roll| since.is_some() && !roll.old.is_empty();
        let new = self.rolls.iter().filter(|roll| roll.switches || continues(roll));
        let containers: BTreeMap<String, String> =
            new.map(|roll| (roll.service.clone(), roll.container.clone())).collect();
        if self.deploy.bake.is_zero() || containers.is_empty() {
            return;
        }
        if self.observed.proxy.as_ref().is_some_and(|proxy| proxy.maintenance) {
            let warning = "no bake: clients get the maintenance page";
            self.planner.plan.warnings.push(warning.to_owned());
            return;
        }
        let before = self.all_so_far();
        let bake = Bake {
            checks: self.deploy.checks.iter().map(|check| check.name.clone()).collect(),
            containers,
            proxy: self.deploy.proxy.map(|proxy| proxy.service.clone()),
            window: self.deploy.bake,
            since,
        };
        let continued = bake.since.is_some();
        let bake = Operation::Check(CheckOperation::Bake(bake));
        let step = self.planner.plan.push(Phase::Switch, bake, "requests were switched", &before);
        if continued {
            self.switch_back_on_failure(step);
        }
    }

    /// Every step before the removals.
    pub(super) fn all_so_far(&self) -> Vec<StepId> {
        let steps = self.planner.plan.steps.iter().enumerate();
        steps.filter(|(_, step)| step.phase != Phase::Retire).map(|(index, _)| StepId(index)).collect()
    }

    fn is_proxy(&self, service: &str) -> bool {
        self.deploy.proxy.is_some_and(|proxy| proxy.service == service)
    }

    /// Whether the deploy makes a container of the service, or takes over the one that an interrupted deploy made.
    fn is_new(&self, service: &str) -> bool {
        let created = self.planner.progress.get(service).is_some_and(|progress| !progress.created.is_empty());
        created || self.adopted.contains(service)
    }

    fn run(&self, check: &DeployCheck) -> Operation {
        let new = self.rolls.iter().map(|roll| (roll.service.clone(), roll.container.clone()));
        let mut containers: BTreeMap<String, String> = new.collect();
        if let Some(service) = &check.service
            && let [only] = self.planner.progress.get(service).map_or(&[][..], |progress| &progress.containers)
        {
            containers.insert(service.clone(), only.clone());
        }
        Operation::Check(CheckOperation::Run {
            check: check.name.clone(),
            service: check.service.clone(),
            containers,
            timeout: check.timeout,
        })
    }
}
