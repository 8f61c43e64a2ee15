//! Recording what a verification or a drill found of a set, in the repository.

use super::dump_runner::now_ms;
use crate::backup::{Finding, LoadedSet, Repository, SetCheck};
use crate::error::Result;
use crate::session::Context;

/// Records a finding; nothing in a dry run. Damage that cannot be recorded is a warning, so that it is still reported.
pub async fn record(context: &Context, (repository, set): (&Repository, &LoadedSet), finding: Finding) -> Result<()> {
    if context.options.dry_run {
        return Ok(());
    }
    let mark = SetCheck { finding, at_ms: now_ms() };
    let owner = &context.owner;
    match (repository.mark(set, mark, (&owner.host, &owner.user)).await, finding) {
        (Err(error), Finding::Damaged) => {
            context.reporter.warn(format!("damage of backup set {} was not recorded: {error}", set.found.id.set));
            Ok(())
        }
        (recorded, _) => Ok(recorded?),
    }
}
