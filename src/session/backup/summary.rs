//! What is known of a project's backups, kept on its target when a verb has looked at the repository, so that `status` can
//! show it without repository and password.

use std::time::Duration;

use serde::Serialize;

use crate::backup::{Finding, LoadedSet, Repository, SetState};
use crate::error::Result;
use crate::event::human;
use crate::release::{BackupSummary, KnownSet, ProvenSet, StateDocument};
use crate::session::report::{Block, Cell, Tone};
use crate::session::{Context, WorkflowError};
use crate::target::{Target, TargetError};

/// How long recording it may take.
const LIMIT: Duration = Duration::from_secs(10);

/// Age and quality of the backups, for `status`. What is not known is `null`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct BackupStatus {
    /// The newest set that has everything.
    pub newest_set: Option<String>,
    /// Its age in seconds: what a restore would lose now.
    pub rpo_seconds: Option<u64>,
    /// The newest set that a drill restored.
    pub proven_set: Option<String>,
    /// Its age in seconds.
    pub proven_age_seconds: Option<u64>,
    /// How long its restore took, in milliseconds.
    pub rto_ms: Option<u64>,
}

impl BackupStatus {
    /// The status at a time in seconds since 1970.
    pub fn at(now: i64, summary: Option<BackupSummary>) -> Self {
        let BackupSummary { newest, proven, .. } = summary.unwrap_or_default();
        let age = |time: i64| u64::try_from(now - time).unwrap_or_default();
        Self {
            rpo_seconds: newest.as_ref().map(|set| age(set.time)),
            newest_set: newest.map(|set| set.set),
            proven_age_seconds: proven.as_ref().map(|set| age(set.time)),
            rto_ms: proven.as_ref().and_then(|set| set.restore_ms),
            proven_set: proven.map(|set| set.set),
        }
    }

    /// One line.
    pub fn block(&self) -> Block {
        let age = |seconds: Option<u64>| {
            seconds.map_or_else(|| "unknown".to_owned(), |seconds| human::duration(Duration::from_secs(seconds)))
        };
        let took = self.rto_ms.map_or_else(|| "unknown".to_owned(), |ms| human::duration(Duration::from_millis(ms)));
        let of = |set: &Option<String>| set.as_ref().map(|set| format!(" ({set})")).unwrap_or_default();
        let text = format!(
            "backups: RPO {}{}, newest proven set {}{}, RTO {took}",
            age(self.rpo_seconds),
            of(&self.newest_set),
            self.proven_age_seconds
                .map_or_else(|| "unknown".to_owned(), |_| format!("{} old", age(self.proven_age_seconds))),
            of(&self.proven_set),
        );
        Block::Line(vec![Cell::new(text, if self.proven_set.is_some() { Tone::Plain } else { Tone::Warn })])
    }
}

/// What sets, oldest first, say of the backups.
fn summary_of(sets: &[LoadedSet]) -> BackupSummary {
    let newest = |is_wanted: fn(&LoadedSet) -> bool| sets.iter().rev().find(|set| set.is_default() && is_wanted(set));
    let restore_ms = |set: &LoadedSet| {
        set.mark().and_then(|mark| match mark.finding {
            Finding::Proven { took_ms } => Some(took_ms),
            Finding::Verified | Finding::Damaged => None,
        })
    };
    let known = |set: &LoadedSet| KnownSet { set: set.found.id.set.clone(), time: set.found.time };
    BackupSummary {
        newest: newest(|set| set.state() != SetState::Damaged).map(known),
        verified: newest(|set| set.state() >= SetState::Verified).map(known),
        proven: newest(|set| set.state() == SetState::Proven).map(|set| ProvenSet {
            set: set.found.id.set.clone(),
            time: set.found.time,
            restore_ms: restore_ms(set),
        }),
    }
}

/// Where the state of the backups is read, and where it is kept.
#[derive(Clone, Copy)]
pub struct SummaryKeeper<'a> {
    /// The project.
    pub project: &'a str,
    /// Its repository.
    pub repository: &'a Repository,
    /// Where the project runs.
    pub target: &'a dyn Target,
    /// The verb, for the lock.
    pub operation: &'a str,
}

impl SummaryKeeper<'_> {
    /// Keeps what the repository says now. A failure is a warning: the verb has done its work. Nothing in a dry run, and
    /// where nothing of the project runs.
    pub async fn keep(self, context: &Context) {
        if context.options.dry_run {
            return;
        }
        let kept = tokio::select! {
            kept = tokio::time::timeout(LIMIT, self.replace(context)) => kept,
            () = context.interrupted() => Ok(Err(WorkflowError::Interrupted.into())),
        };
        let problem = match kept {
            Ok(Ok(())) => return,
            Ok(Err(error)) => error.to_string(),
            Err(_) => format!("no answer within {}s", LIMIT.as_secs()),
        };
        context.reporter.warn(format!("`aictl status` does not show the state of the backups after this: {problem}"));
    }

    async fn replace(self, context: &Context) -> Result<()> {
        let Self { project, target, .. } = self;
        let summary = summary_of(&self.repository.sets(Some(project)).await?.sets);
        let is_kept =
            BackupSummary::of(target.load_document(project, StateDocument::Backups).await?).as_ref() == Some(&summary);
        if is_kept || !target.has_state(project, false).await? {
            return Ok(());
        }
        // The lock of an operation that died stays for the next change to find.
        if let Some(holder) = target.observe_lease(project).await? {
            return Err(TargetError::Locked { project: project.to_owned(), holder: Box::new(holder) }.into());
        }
        let bytes = serde_json::to_vec(&summary).map_err(|error| WorkflowError::Refused {
            message: format!("the state of the backups cannot be stored: {error}"),
            hint: None,
        })?;
        let lease = target.acquire(project, &context.owner_of(self.operation)).await?;
        let stored = target.store_document(&lease, StateDocument::Backups, &bytes).await;
        target.release(lease).await?;
        Ok(stored?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(status: &BackupStatus) -> String {
        match status.block() {
            Block::Line(cells) => cells.into_iter().map(|cell| cell.text).collect(),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn ages_are_those_of_the_sets_and_nothing_recorded_is_unknown() {
        let newest = Some(KnownSet { set: "b".into(), time: 3600 });
        let proven = Some(ProvenSet { set: "a".into(), time: 0, restore_ms: Some(2500) });
        let status = BackupStatus::at(7200, Some(BackupSummary { newest, verified: None, proven }));
        assert_eq!(text(&status), "backups: RPO 1h (b), newest proven set 2h old (a), RTO 2.5s");
        let unknown = BackupStatus::at(7200, None);
        assert_eq!(text(&unknown), "backups: RPO unknown, newest proven set unknown, RTO unknown");
    }
}
