//! Whether the host has the memory that the containers of a deploy may use at the same time.

use super::deployment::Deployment;
use crate::compose::model::Service;

impl Deployment<'_> {
    /// Warns where the memory limits add up to more than the host has. The old side of a service runs beside the new one until
    /// it is removed.
    pub(super) fn say_memory(&mut self) {
        let host = self.observed.engine.memory;
        let services = &self.deploy.wanted.stack.services;
        let limit = |service: &Service| u64::try_from(service.memory_limit()).unwrap_or(0);
        let one_side: u64 = services.values().map(|service| limit(service) * u64::from(service.scale())).sum();
        let old = self.rolls.iter().filter(|roll| roll.old.iter().any(|(serves, _)| *serves));
        let old_side: u64 = old.filter_map(|roll| services.get(&roll.service)).map(limit).sum();
        let creates = self.planner.progress.values().any(|progress| !progress.created.is_empty());
        if host == 0 || !creates || one_side + old_side <= host {
            return;
        }
        let both = match old_side >> 20 {
            0 => String::new(),
            old => format!(", including {old} MiB for old containers until they are removed"),
        };
        let (all, host) = ((one_side + old_side) >> 20, host >> 20);
        let warning = format!("the memory limits total {all} MiB{both}, but the host has {host} MiB");
        self.planner.plan.warnings.push(warning);
    }
}
