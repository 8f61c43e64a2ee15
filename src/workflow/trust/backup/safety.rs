//! The way back from a restore: the safety set taken before it, and the one that an interrupted restore left.

use std::time::Duration;

use crate::backup::{LoadedSet, Part};
use crate::error::Result;
use crate::release::{OperationKind, OperationStatus, PastOperation, unfinished_restore};
use crate::session::checks::{CheckPolicy, ChecksAnswer, Selection, run_checks};
use crate::session::load::LoadedStack;
use crate::session::past_operations::PastOperations;
use crate::session::report::Report as _;
use crate::session::{Context, WorkflowError};
use crate::target::Target;

/// How long the checks after a restore may take.
const CHECKS: Duration = Duration::from_secs(120);
/// The verb of a restore in the records.
pub(super) const RESTORE: &str = "backup restore";

/// A restore that was interrupted.
pub(super) struct Interrupted {
    /// The set that holds the state before it; none where nothing was restored yet.
    pub(super) safety: Option<LoadedSet>,
}

/// The last restore, where it was interrupted.
pub(super) async fn interrupted_restore(
    context: &Context,
    (target, project): (&dyn Target, &str),
    sets: &[LoadedSet],
) -> Result<Option<Interrupted>> {
    let past = PastOperations::of(target, project.to_owned()).await?;
    let Some(unfinished) = unfinished_restore(&past.operations) else {
        let last = past.operations.iter().rfind(|operation| operation.operation == RESTORE);
        // Whoever runs now holds the lock, and this command will wait for it or fail.
        if last.is_none_or(|last| last.status != OperationStatus::Interrupted) {
            return Ok(None);
        }
        let wanted = last.map(wanted).unwrap_or_default();
        context.reporter.note(format!(
            "the last restore was interrupted before its safety set was complete: nothing was restored by it{wanted}"
        ));
        return Ok(Some(Interrupted { safety: None }));
    };
    let format = &time::format_description::well_known::Rfc3339;
    let began = time::OffsetDateTime::parse(&unfinished.since, format).map_or(i64::MAX, |began| began.unix_timestamp());
    // The first one after it began: restores that tried to finish it may have taken others, of half-restored data.
    let of_it = |set: &&LoadedSet| set.is_safety() && set.is_complete() && set.found.time >= began;
    let Some(safety) = sets.iter().find(of_it) else {
        context.reporter.warn(
            "the last restore was interrupted: some services may be restored and others not. There is no safety set to \
             go back to"
                .to_owned(),
        );
        return Ok(Some(Interrupted { safety: None }));
    };
    context.reporter.warn(format!(
        "the last restore was interrupted: some services may be restored and others not. The state before it is in \
         safety set {id}; go back to it with `aictl backup restore {id}`",
        id = safety.found.id.set
    ));
    Ok(Some(Interrupted { safety: Some(safety.clone()) }))
}

/// What a restore was asked for: without a name, the next one may choose another set.
fn wanted(restore: &PastOperation) -> String {
    let steps = restore.steps.iter().filter(|step| step.operation == OperationKind::RestoreData);
    let subjects: Vec<&str> = steps.map(|step| step.subject.as_str()).collect();
    if subjects.is_empty() { String::new() } else { format!("; it was to restore {}", subjects.join(", ")) }
}

/// Whether a set has the data of all these parts.
pub(super) fn covers(set: &LoadedSet, parts: &[Part]) -> bool {
    let has = |part: &Part| set.manifest.as_ref().is_some_and(|manifest| manifest.part(&part.name).is_some());
    parts.iter().all(has)
}

/// Whether aictl.yaml has checks that say whether a restored stack works.
pub(super) fn has_declared_checks(loaded: &LoadedStack) -> bool {
    loaded.project.checks().any(|check| check.backup.is_none())
}

/// Runs the checks; fails with what they say.
pub(super) async fn run_declared_checks(context: &Context) -> Result<()> {
    let limit = context.options.timeout.unwrap_or(CHECKS);
    let policy = CheckPolicy { limit: Some(limit), retries: None, await_ready: true, skip_backups: true };
    match run_checks(context, &Selection::default(), (policy, None)).await? {
        ChecksAnswer::Checked(report) if report.exit_code() != 0 => {
            let message = format!("checks failed after the restore: {}", report.failed_names().join(", "));
            Err(WorkflowError::Refused { message, hint: None }.into())
        }
        ChecksAnswer::Checked(_) | ChecksAnswer::Listed(_) => Ok(()),
    }
}
