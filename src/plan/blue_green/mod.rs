//! A deploy: the new side beside the old, one switch for all routes, the old side drained and removed last.
//! Nothing in the plan is removed before the switch.
//!
//! Services without a second side are replaced as `start` does; on a failure the old containers are restored.

mod checks;
mod deploy;
mod deployment;
mod hold;
mod image_names;
mod memory;
mod proxy;
mod roll;
mod strategy;

mod turn;
mod way_back;

#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

pub use deploy::{Deploy, DeployCheck, DeployTask, OtherSide, WantedProxy};
pub use hold::holding_proxy;
pub use image_names::retag;
pub use strategy::{Choice, obstacle, strategies};

use deployment::Deployment;

use super::converge::after_images::{known, makes, with_changed};
use super::converge::{Wanted, plan_converge};
use super::{Observed, ObservedImage, Phase, Plan, PlanError};

/// The whole plan: `images`, then the deploy.
pub fn plan_deploy(deploy: &Deploy<'_>, images: Plan, observed: &Observed) -> Result<Plan, PlanError> {
    let mut images = images;
    take_back_images(&mut images, observed);
    let mut now = with_pending(&images, observed);
    pin(deploy, (&mut images, &mut now));
    let steps = Deployment::new(deploy, &now).planned()?;
    images.project.clone_from(&deploy.wanted.stack.name);
    images.then(steps);
    Ok(way_back::with_way_back(images))
}

/// The plan of a start beside the proxy: services are replaced in place, the proxy gets its configuration.
pub fn plan_start(wanted: &Wanted<'_>, proxy: &WantedProxy, observed: &Observed) -> Result<Plan, PlanError> {
    if !wanted.is_selected(&proxy.service) {
        return plan_converge(wanted, observed);
    }
    let deploy = Deploy {
        wanted,
        strategies: &BTreeMap::new(),
        proxy: Some(proxy),
        tasks: &[],
        checks: &[],
        pins: &BTreeMap::new(),
        drain: Duration::ZERO,
        bake: Duration::ZERO,
        other_side: &OtherSide::Remove,
        keep_all: false,
        forget: &BTreeSet::new(),
    };
    Deployment::new(&deploy, observed).in_place()
}

/// A pull or build moves a name; when the deploy fails, the name goes back to the image that serves.
fn take_back_images(images: &mut Plan, observed: &Observed) {
    for step in &mut images.steps {
        let Some(before) = makes(&step.operation).and_then(|reference| known(observed, &reference)) else { continue };
        step.undo.push(retag(&before.id, &before.reference, ""));
    }
}

/// What earlier steps make counts as changed: one switch needs one set of services.
fn with_pending(images: &Plan, observed: &Observed) -> Observed {
    let pending: BTreeSet<String> = images.steps.iter().filter_map(|step| makes(&step.operation)).collect();
    let changing: Vec<_> = pending.iter().filter_map(|reference| known(observed, reference)).collect();
    let mut now = with_changed(observed, &changing);
    for reference in &pending {
        now.images.entry(reference.clone()).or_default();
    }
    now.pending_images = pending;
    now
}

/// References of an earlier release lead to its images again.
fn pin(deploy: &Deploy<'_>, (images, now): (&mut Plan, &mut Observed)) {
    let stack = &deploy.wanted.stack;
    for (name, id) in deploy.pins {
        let Some(service) = stack.services.get(name) else { continue };
        let reference = service.image_or_default(&stack.name, name);
        let before = now.images.get(&reference).map(|image| image.id.clone());
        if before.as_ref() == Some(id) || reference.contains('@') {
            continue;
        }
        let done = images.steps.iter().any(|step| step.operation == retag(id, &reference, name));
        if !done {
            let step = images.push(Phase::Prepare, retag(id, &reference, name), "the release uses this image", &[]);
            if let Some(before) = before {
                images.warnings.push(format!(
                    "{reference} now names the image of the earlier release: build or pull the newer one before the next deploy"
                ));
                images.on_failure(step, retag(&before, &reference, name), &[]);
            }
        }
        let image = now.images.get(id).cloned().unwrap_or_default();
        now.images.insert(reference, ObservedImage { id: id.clone(), ..image });
    }
}
