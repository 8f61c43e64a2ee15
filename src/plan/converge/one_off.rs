//! A one-off container of a service: what must stand before it, and the container itself.
//! Reads what is wanted and what was found; returns the plan of what it waits for, and its complete spec.
//! The service's own containers are not changed.

use super::options::Wanted;
use super::planner::Planner;
use super::spec::{Namespaces, Slot, container_spec};
use crate::compose::model::Service;
use crate::plan::{ContainerSpec, Observed, Plan, PlanError, labels, order};

/// How a one-off container differs from its service's own.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct OneOff<'a> {
    /// The service.
    pub service: &'a str,
    /// Distinguishes it from other one-offs.
    pub slug: &'a str,
    /// Answer to the service's names on its networks too.
    pub use_aliases: bool,
    /// The engine removes it when it ends.
    pub auto_remove: bool,
    /// A terminal, or only streams; absent when detached.
    pub interactive: Option<bool>,
}

/// Networks, volumes and dependencies, started and awaited as the service asks. `wanted` selects the service and those of
/// its dependencies that may be started.
pub fn plan_before_one_off(wanted: &Wanted<'_>, observed: &Observed, name: &str) -> Result<Plan, PlanError> {
    let mut planner = Planner::new(wanted, observed);
    planner.resources()?;
    for other in order::sorted(&order::dependencies(wanted.stack))? {
        let Some(service) = wanted.stack.services.get(&other) else { continue };
        if other != name && wanted.is_selected(&other) {
            planner.service(&other, service);
        } else {
            planner.unselected(&other);
        }
    }
    let waits = wanted.stack.services.get(name).map(|s| s.depends_on.keys().any(|d| wanted.is_selected(d)));
    if let Some(service) = wanted.stack.services.get(name)
        && waits == Some(true)
    {
        planner.gates(service);
    }
    Ok(planner.plan)
}

/// The container. `service` is the stack's with the command line's wishes applied, its `container_name` set.
pub fn one_off_spec(wanted: &Wanted<'_>, observed: &Observed, service: &Service, one_off: OneOff<'_>) -> ContainerSpec {
    let standing = |parent: &str| {
        let mut found: Vec<_> =
            observed.instances.iter().filter(|c| c.service == parent && !c.one_off && c.state.is_up()).collect();
        found.sort_by_key(|c| c.number);
        found.first().map(|c| c.id.clone())
    };
    let service = Namespaces::resolve(service, standing).apply(service);
    let image = service.image_or_default(&wanted.stack.name, one_off.service);
    let image_id = observed.image_id(&image);
    let slot = Slot { service: one_off.service, number: 1, replaces: None, temporary_name: false, image_id };
    let mut spec = container_spec(wanted, &service, slot);
    spec.labels.insert(labels::ONE_OFF.to_owned(), "True".to_owned());
    spec.labels.insert(labels::SLUG.to_owned(), one_off.slug.to_owned());
    if !one_off.use_aliases {
        // Others must not reach it under the service's name.
        for attachment in &mut spec.networks {
            attachment.aliases = vec![spec.name.clone()];
        }
    }
    spec.auto_remove = one_off.auto_remove;
    spec.interactive = one_off.interactive;
    spec
}
