//! `aictl backup verify`: reads every file of the repository back, compares a set with its digests, and decodes its dumps.

use std::collections::BTreeSet;
use std::time::Duration;

use clap::Args;
use serde::Serialize;

use super::sets::{OpenSets, ProjectSettings, settings};
use crate::backup::{
    AffectedSet, BackupError, Damage, FileCheck, Finding, FoundSets, LoadedSet, LockKind, SetState, damaged_packs,
};
use crate::error::{Error, ErrorKind, Result};
use crate::event::human;
use crate::session::Context;
use crate::session::backup::{SummaryKeeper, decode, record};
use crate::session::endpoint::endpoint;
use crate::session::load::load_project_file;
use crate::session::report::{Block, Cell, Report, Tone, to_json};

/// How long reaching the engine may take, where it is not needed for the verification.
const CONNECTING: Duration = Duration::from_secs(10);

/// Arguments of `backup verify`.
#[derive(Debug, Clone, Default, Args)]
pub struct VerifyArgs {
    /// Set to verify; the newest complete one by default
    #[arg(value_name = "SET")]
    pub backup_set: Option<String>,
    /// Verify all sets
    #[arg(long, conflicts_with = "backup_set")]
    pub all: bool,
    /// Do not decode the dumps in scratch containers; needs no engine
    #[arg(long)]
    pub no_decode: bool,
    /// Repair the index first: damaged index files are replaced, and lost content is no longer named
    #[arg(long)]
    pub repair_index: bool,
}

/// What was verified.
#[derive(Debug, Default, Serialize)]
pub struct VerifyReport {
    sets: Vec<String>,
    /// What was done to the index.
    repaired: Vec<String>,
    files: u64,
    bytes: u64,
    decoded: bool,
    damage: Vec<Damage>,
    affected: Vec<String>,
}

/// Verifies.
pub(super) async fn run(context: &Context, args: VerifyArgs) -> Result<VerifyReport> {
    let mut settings = settings(context).await?;
    let mut repaired = Vec::new();
    if args.repair_index {
        let open = OpenSets::open_with(context, settings, LockKind::Exclusive).await?;
        if !context.options.dry_run {
            repaired = repair(&open).await?;
        }
        settings = ProjectSettings { project: open.project, settings: open.settings };
    }
    let files = match settings.settings.location.exists().await? {
        true => settings.settings.location.check_files().await?,
        false => FileCheck::default(),
    };
    let FileCheck { files, bytes, damage } = files;
    let mut report = VerifyReport { files, bytes, damage, repaired, ..VerifyReport::default() };
    match look(context, (&args, settings), &mut report).await {
        Ok(()) => {}
        Err(error) if is_damage(&error) || !report.damage.is_empty() && !is_refusal(&error) => {
            report.damage.push(Damage::new("repository", error.to_string()));
        }
        Err(error) => return Err(error),
    }
    report.damage.sort();
    report.damage.dedup();
    Ok(report)
}

/// Makes the index anew, and altered packs with it.
async fn repair(open: &OpenSets) -> Result<Vec<String>> {
    let files = open.settings.location.check_files().await?;
    let mut repaired = open.repository.repair_index(damaged_packs(&files.damage)).await?;
    open.repository.forget_whole().await?;
    if repaired.is_empty() {
        repaired.push("nothing to repair".to_owned());
    }
    Ok(repaired)
}

fn is_damage(error: &Error) -> bool {
    matches!(error.downcast_ref(), Some(BackupError::Damaged { .. } | BackupError::Index { .. }))
}

/// Whether it says nothing about the repository.
fn is_refusal(error: &Error) -> bool {
    matches!(
        error.downcast_ref(),
        Some(BackupError::Locked { .. } | BackupError::NoSet { .. } | BackupError::Target(_))
    )
}

async fn look(
    context: &Context,
    (args, settings): (&VerifyArgs, ProjectSettings),
    report: &mut VerifyReport,
) -> Result<()> {
    let open = OpenSets::open_with(context, settings, LockKind::Shared).await?;
    report.damage.extend(open.repository.check_references().await?);
    let FoundSets { sets: all, unreadable } = open.all().await?;
    report.damage.extend(unreadable);
    let lost = find_lost(context, &open, report).await?;
    for set in all.iter().filter(|set| !set.is_complete()) {
        let name = set.found.id.set.clone();
        match args.all {
            true => report.damage.push(Damage::new(name, "the set is incomplete")),
            // It was not asked for; one that was is judged with its parts.
            false => context.reporter.note(format!("backup set {name} is incomplete")),
        }
    }
    let chosen: Vec<LoadedSet> = match args.all {
        true => all.into_iter().filter(LoadedSet::is_complete).collect(),
        false => vec![open.choose(all, args.backup_set.as_deref())?],
    };
    for set in &chosen {
        report.sets.push(set.found.id.set.clone());
        let is_lost = lost.contains(&set.found.id.set);
        let judged = Judging { args, open: &open, is_lost }.judge(context, set).await?;
        report.decoded |= judged.decoded;
        report.damage.extend(judged.damage);
    }
    keep(context, &open).await;
    Ok(())
}

/// Has `status` show what was found. The engine is not needed for anything else where no dumps are decoded.
async fn keep(context: &Context, open: &OpenSets) {
    if context.options.dry_run {
        return;
    }
    let connected = async { Ok::<_, Error>(endpoint(context, &load_project_file(context)?)?.connect().await?) };
    match tokio::time::timeout(CONNECTING, connected).await {
        Ok(Ok(target)) => {
            let (project, repository) = (&open.project, &open.repository);
            SummaryKeeper { project, repository, target: &*target, operation: "backup verify" }.keep(context).await;
        }
        Ok(Err(_)) | Err(_) => context
            .reporter
            .note("the engine was not reached: `aictl status` does not show this verification".to_owned()),
    }
}

/// Finds what is lost with damaged packs, leaves a note of those, and makes every set with something lost damaged.
async fn find_lost(context: &Context, open: &OpenSets, report: &mut VerifyReport) -> Result<BTreeSet<String>> {
    let packs = damaged_packs(&report.damage);
    let affected = open.repository.affected(&open.repository.sets(None).await?.sets, packs.clone()).await?;
    open.note_altered(context, packs).await;
    let mut lost = BTreeSet::new();
    for AffectedSet { set, files } in affected {
        if set.found.manifest.is_some() && set.state() != SetState::Damaged {
            record(context, (&open.repository, &set), Finding::Damaged).await?;
        }
        report.affected.extend(files);
        lost.insert(set.found.id.set);
    }
    Ok(lost)
}

/// What was found of one set.
#[derive(Default)]
struct JudgedSet {
    decoded: bool,
    damage: Vec<Damage>,
}

/// How a set is looked at.
struct Judging<'a> {
    args: &'a VerifyArgs,
    open: &'a OpenSets,
    /// Something of it is lost, and it is damaged already.
    is_lost: bool,
}

impl Judging<'_> {
    /// Reads a set back, decodes it and records what was found.
    async fn judge(&self, context: &Context, set: &LoadedSet) -> Result<JudgedSet> {
        let Self { args, open, is_lost } = *self;
        let mut judged = JudgedSet::default();
        let mut damage = open.repository.check_set(set).await?;
        let mut is_read_fully = false;
        // What is not what was stored need not be decoded; a dry run makes no containers.
        if damage.is_empty() && !is_lost && !args.no_decode && !context.options.dry_run {
            let target = endpoint(context, &load_project_file(context)?)?.connect().await?;
            let decoded = decode(&*target, (&open.repository, set), context.owner.pid).await?;
            is_read_fully = decoded.untried.is_empty();
            judged.damage.extend(decoded.untried);
            damage.extend(decoded.damage);
            judged.decoded = true;
        }
        match damage.is_empty() {
            false if !is_lost => record(context, (&open.repository, set), Finding::Damaged).await?,
            true if is_read_fully && !is_lost => record(context, (&open.repository, set), Finding::Verified).await?,
            true | false => {}
        }
        judged.damage.extend(damage);
        Ok(judged)
    }
}

impl Report for VerifyReport {
    fn blocks(&self) -> Vec<Block> {
        let read = format!(
            "read back {} of the repository, {}",
            human::count(self.files as usize, "file"),
            human::bytes(self.bytes)
        );
        let mut blocks: Vec<Block> =
            self.repaired.iter().map(|done| Block::Line(vec![format!("index: {done}").into()])).collect();
        blocks.push(Block::Line(vec![read.into()]));
        let line = |text: String, tone| Block::Line(vec![Cell::new(text, tone)]);
        blocks.extend(self.damage.iter().map(|found| line(format!("{}: {}", found.what, found.problem), Tone::Bad)));
        blocks.extend(self.affected.iter().map(|file| line(format!("lost: {file}"), Tone::Bad)));
        if self.damage.is_empty() && self.affected.is_empty() {
            let how = if self.decoded {
                "every byte was read back and every dump decoded"
            } else {
                "every byte was read back"
            };
            let sets = human::count(self.sets.len(), "backup set");
            blocks.push(line(format!("verified {sets} ({}): {how}", self.sets.join(", ")), Tone::Good));
        }
        blocks
    }

    fn json(&self) -> serde_json::Value {
        to_json(self)
    }

    fn exit_code(&self) -> u8 {
        if self.damage.is_empty() && self.affected.is_empty() { 0 } else { ErrorKind::ChecksFailed.exit_code() }
    }
}
