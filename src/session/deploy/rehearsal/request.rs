//! Decides whether a deploy is rehearsed, by its options and aictl.yaml, and notes what the verdict is valid for.

use super::report::RehearsalReport;
use super::run::Rehearsing;
use crate::error::Result;
use crate::project::Rehearsal;
use crate::session::Context;
use crate::session::deploy::prepare::Prepared;
use crate::session::deploy::rehearsed_plan::{RehearsedPlan, load_verdict};
use crate::session::deploy::saved_plan::SavedFrom;
use crate::session::deploy::ship::Shipping;
use crate::session::load::LoadedStack;

/// Rehearses a deploy where `--rehearse` was given (`requested`) or aictl.yaml says `when-possible`. From then on a deploy
/// that must be rehearsed is refused without a verdict.
pub async fn rehearse(
    context: &Context,
    loaded: &LoadedStack,
    prepared: &mut Prepared,
    requested: bool,
) -> Result<Option<RehearsalReport>> {
    let policy = loaded.project.environment.deploy.rehearse;
    if !requested && policy.is_none() {
        return Ok(None);
    }
    let stored = load_verdict(&*prepared.target, &loaded.name).await?;
    let required = (requested || policy == Some(Rehearsal::Required)) && !context.options.dry_run;
    let valid_for = SavedFrom { context, loaded, prepared }.rehearsed(stored, required)?;
    let mut found = None;
    if requested || policy == Some(Rehearsal::WhenPossible) {
        let Prepared { target, releases, .. } = &*prepared;
        let shipping = Shipping { context, loaded, target: target.clone(), releases, approval: None, data: None };
        let rehearsing = Rehearsing { context, loaded, prepared, valid_for: &valid_for, optional: !requested };
        found = rehearsing.run(&shipping).await?;
    }
    for report in found.iter().filter(|report| report.passed()) {
        report.lines().into_iter().chain([report.last_line()]).for_each(|line| context.reporter.note(line));
    }
    let stored = load_verdict(&*prepared.target, &loaded.name).await?;
    prepared.shipment.rehearsed = Some(RehearsedPlan { stored, ..valid_for });
    Ok(found)
}
