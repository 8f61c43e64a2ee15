//! `aictl backup prune`: removes the sets that the retention policy does not keep, and the content that only they had.

use std::collections::BTreeSet;

use clap::Args;
use serde::Serialize;

use super::sets::{OpenSets, settings};
use crate::backup::{BackupError, FoundSets, LoadedSet, LockKind, SetState, reasons};
use crate::error::Result;
use crate::event::human;
use crate::project::KeepPolicy;
use crate::session::report::{Block, Cell, Report, Tone, to_json};
use crate::session::{Context, WorkflowError};

/// Arguments of `backup prune`.
#[derive(Debug, Clone, Default, Args)]
pub struct PruneArgs {}

/// What becomes of a set, and why.
#[derive(Debug, Serialize)]
pub struct SetVerdict {
    set: String,
    time: String,
    kept: bool,
    reason: String,
    #[serde(skip)]
    loaded: LoadedSet,
}

/// What was removed, or would be by a dry run.
#[derive(Debug, Serialize)]
pub struct PruneReport {
    dry_run: bool,
    sets: Vec<SetVerdict>,
    freed_bytes: u64,
}

/// Prunes.
pub(super) async fn run(context: &Context, _: PruneArgs) -> Result<PruneReport> {
    let settings = settings(context).await?;
    let rules = settings.settings.policy.keep;
    if rules.is_empty() {
        let message = "backup.keep is empty: everything would be removed but the newest set".to_owned();
        let hint = Some("add `keep: { last: 3, daily: 7, weekly: 4 }` to `backup` in aictl.yaml".to_owned());
        return Err(WorkflowError::Configuration { message, hint }.into());
    }
    let open = OpenSets::open_with(context, settings, LockKind::Exclusive).await?;
    let FoundSets { sets, unreadable } = open.all().await?;
    if !unreadable.is_empty() {
        let files = unreadable.into_iter().map(|file| format!("{}: {}", file.what, file.problem)).collect();
        return Err(BackupError::Unreadable { files }.into());
    }
    let sets = verdicts(sets, &rules);
    let removed = sets.iter().filter(|verdict| !verdict.kept).count();
    check_removable(&open, &sets).await?;
    let mut report = PruneReport { dry_run: context.options.dry_run, sets, freed_bytes: 0 };
    if context.options.dry_run {
        return Ok(report);
    }
    if removed > 0 {
        let names = report.sets.iter().filter(|verdict| !verdict.kept).map(|verdict| verdict.set.as_str());
        context.reporter.note(format!("to be removed: {}", names.collect::<Vec<_>>().join(", ")));
        context.prompt.confirm(&format!("remove {} of {}?", human::count(removed, "backup set"), open.project))?;
    }
    for verdict in report.sets.iter().filter(|verdict| !verdict.kept) {
        open.repository.remove_set(&verdict.loaded).await?;
    }
    let freed = open.repository.prune_content().await;
    if freed.is_err() && removed > 0 {
        context.reporter.warn("the sets are removed, but not yet the content that only they had".to_owned());
    }
    report.freed_bytes = freed?.bytes;
    Ok(report)
}

/// Fails where the removal could not end: content is lost, or a set that stays needs some that the index does not name.
async fn check_removable(open: &OpenSets, verdicts: &[SetVerdict]) -> Result<()> {
    open.repository.check_content().await?;
    let goes = |set: &LoadedSet| verdicts.iter().any(|v| !v.kept && v.set == set.found.id.set);
    let staying: Vec<LoadedSet> = open.repository.sets(None).await?.sets.into_iter().filter(|set| !goes(set)).collect();
    let affected = open.repository.affected(&staying, BTreeSet::new()).await?;
    let files: Vec<String> = affected.into_iter().flat_map(|affected| affected.files).collect();
    if files.is_empty() { Ok(()) } else { Err(BackupError::Unreadable { files }.into()) }
}

/// The verdicts, newest first. An incomplete set is removed once a newer one is complete. Sets that no restore chooses by
/// itself are counted apart, so that they never take the place of one that has everything.
fn verdicts(mut sets: Vec<LoadedSet>, rules: &KeepPolicy) -> Vec<SetVerdict> {
    sets.reverse();
    let times = |is_default: bool| -> Vec<i64> {
        let complete = sets.iter().filter(|set| set.is_complete() && set.is_default() == is_default);
        complete.map(|set| set.found.time).collect()
    };
    let (whole, others) = (times(true), times(false));
    let newest = whole.first().copied();
    let (mut whole, mut others) = (reasons(&whole, rules).into_iter(), reasons(&others, rules).into_iter());
    let proven = |set: &&LoadedSet| set.is_default() && set.state() == SetState::Proven;
    let proven = sets.iter().find(proven).map(|set| set.found.id.set.clone());
    let verdict = |loaded: LoadedSet| {
        let reason = match loaded.is_complete() {
            true if loaded.is_default() => {
                let is_last_proven = proven.as_ref() == Some(&loaded.found.id.set);
                let last_proven = is_last_proven.then(|| "newest proven".to_owned());
                whole.next().unwrap_or_default().into_iter().chain(last_proven).collect::<Vec<_>>().join(", ")
            }
            true => others.next().unwrap_or_default().join(", "),
            false if newest.is_none_or(|newest| newest < loaded.found.time) => "no newer set is complete".to_owned(),
            false => String::new(),
        };
        let kept = !reason.is_empty();
        let without = if loaded.is_complete() { "no rule keeps it" } else { "incomplete" };
        let reason = if kept { reason } else { without.to_owned() };
        SetVerdict { set: loaded.found.id.set.clone(), time: human::utc(loaded.found.time), kept, reason, loaded }
    };
    sets.into_iter().map(verdict).collect()
}

impl Report for PruneReport {
    fn blocks(&self) -> Vec<Block> {
        let header = ["SET", "CREATED", "VERDICT", "REASON"].map(str::to_owned).to_vec();
        let row = |verdict: &SetVerdict| {
            let (word, tone) = if verdict.kept { ("keep", Tone::Good) } else { ("remove", Tone::Warn) };
            let (set, time) = (Cell::whole(verdict.set.clone()), Cell::whole(verdict.time.clone()));
            vec![set, time, Cell::new(word, tone), verdict.reason.as_str().into()]
        };
        let mut blocks = vec![Block::Table { header, rows: self.sets.iter().map(row).collect() }];
        let last = match self.dry_run {
            true => Cell::new("nothing was changed", Tone::Dim),
            false => format!("freed {}", human::bytes(self.freed_bytes)).into(),
        };
        blocks.push(Block::Line(vec![last]));
        blocks
    }

    fn json(&self) -> serde_json::Value {
        to_json(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::backup::{FORMAT, Finding, FoundSet, Manifest, SetCheck, SetId};

    fn set(name: &str, time: i64, complete: bool) -> LoadedSet {
        let id = SetId { set: name.into(), project: "shop".into(), tags: Vec::new() };
        let manifest = complete.then(|| Manifest {
            format: FORMAT,
            set: name.into(),
            project: "shop".into(),
            environment: None,
            time,
            skew_ms: 0,
            added_bytes: 0,
            partial: false,
            parts: Vec::new(),
        });
        LoadedSet { found: FoundSet { id, time, snapshots: Vec::new(), manifest: None, marks: Vec::new() }, manifest }
    }

    #[test]
    fn safety_sets_and_partial_sets_never_take_the_place_of_a_whole_one() {
        let mut sets = vec![set("a", 1, true), set("b", 2, true), set("c", 3, true), set("d", 4, true)];
        sets[2].found.id.tags.push(crate::backup::SAFETY.to_owned());
        sets[3].manifest.as_mut().unwrap().partial = true;
        let rules = KeepPolicy { last: 1, ..KeepPolicy::default() };
        let kept: Vec<String> = verdicts(sets, &rules).into_iter().filter(|v| v.kept).map(|v| v.set).collect();
        assert_eq!(kept, ["d", "b"]);
    }

    #[test]
    fn an_incomplete_set_goes_once_a_newer_one_is_complete_and_the_newest_complete_one_stays() {
        let sets = vec![set("a", 1, false), set("b", 2, true), set("c", 3, true), set("d", 4, false)];
        let rules = KeepPolicy { last: 1, ..KeepPolicy::default() };
        let said: Vec<String> =
            verdicts(sets, &rules).into_iter().map(|v| format!("{} {} {}", v.set, v.kept, v.reason)).collect();
        let expected =
            ["d true no newer set is complete", "c true last", "b false no rule keeps it", "a false incomplete"];
        assert_eq!(said, expected);
    }

    #[test]
    fn the_newest_proven_set_stays_whatever_the_rules_say() {
        let mut sets = vec![set("a", 1, true), set("b", 2, true), set("c", 3, true)];
        let mark = SetCheck { finding: Finding::Proven { took_ms: 1 }, at_ms: 1 };
        sets[..2].iter_mut().for_each(|set| set.found.marks.push(mark));
        let rules = KeepPolicy { last: 1, ..KeepPolicy::default() };
        let kept: Vec<String> =
            verdicts(sets, &rules).into_iter().filter(|v| v.kept).map(|v| format!("{} {}", v.set, v.reason)).collect();
        assert_eq!(kept, ["c last", "b newest proven"]);
    }
}
