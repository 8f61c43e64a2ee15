//! `aictl backup restore`: brings a set, or one service of it, back into the running stack or an empty one.

use super::abandon::{Abandoned, abandon};
use super::point_in_time::{self, PointInTime, Recoveries};
use super::restore_file;
use super::restore_into::{Found, RestoreSource};
use super::restore_report::{RestoreArgs, RestoreReport};
use super::restore_target::{RestoreTarget, Restoring, restore_steps};
use super::sets::{OpenSets, complete};
use crate::backup::{BackupError, CONFIGURATION, LoadedSet, LockKind, Manifest, Part, PartKind, StoredPart};
use crate::error::{Result, nearest};
use crate::event::human;
use crate::session::backup::configuration::RestoredFiles;
use crate::session::backup::{check_services, configuration, what};
use crate::session::load::load_project_file;
use crate::session::{Context, WorkflowError};

/// Restores.
pub(super) async fn run(context: &Context, args: RestoreArgs) -> Result<RestoreReport> {
    if args.abandon {
        let Abandoned { services: abandoned, steps } = abandon(context).await?;
        return Ok(RestoreReport { abandoned, steps, dry_run: context.options.dry_run, ..RestoreReport::default() });
    }
    if let Some(name) = args.backup_set.as_deref().filter(|name| restore_file::is_file_name(name)) {
        return restore_file::run(context, &args, name).await;
    }
    refuse_database(&args)?;
    if let Some(at) = &args.at {
        return to_point_in_time(context, &args, PointInTime::parse(at)?).await;
    }
    if let Some(source) = RestoreSource::of(context, &args.source)? {
        return from_repository(context, &args, &source).await;
    }
    let open = OpenSets::open(context, LockKind::Shared).await?;
    let sets = open.readable(context).await?;
    let set = open.trusted(context, sets.clone(), args.backup_set.as_deref())?;
    let manifest = complete(&set)?.clone();
    let mut files = RestoredFiles::default();
    let parts = wanted(&manifest, &args.only)?;
    if args.only.is_empty() {
        files = restore_files(context, (&open, &set), &manifest).await?;
    }
    let found = Found { open, sets, set };
    restore_set(context, &args, &found, Content { files, parts, recoveries: None }).await
}

/// What is restored.
struct Content {
    files: RestoredFiles,
    parts: Vec<Part>,
    recoveries: Option<Recoveries>,
}

/// Restores PostgreSQL as it was at a time.
async fn to_point_in_time(context: &Context, args: &RestoreArgs, at: PointInTime) -> Result<RestoreReport> {
    let open = OpenSets::open(context, LockKind::Shared).await?;
    let sets = open.readable(context).await?;
    let recoveries = point_in_time::choose(&open, &sets, (at, &args.only))?;
    let (set, parts) = (recoveries.set()?, recoveries.parts()?);
    for (service, recovery) in &recoveries.services {
        let base = &recovery.base.found.id.set;
        context.reporter.note(format!("{service}: base backup of set {base}, and its WAL up to {}", at.text()));
    }
    context.reporter.note("all other services stay as they are".to_owned());
    let found = Found { open, sets, set };
    let content = Content { files: RestoredFiles::default(), parts, recoveries: Some(recoveries) };
    restore_set(context, args, &found, content).await
}

/// Writes the files of a project into a directory, and restores the project there.
async fn from_repository(context: &Context, args: &RestoreArgs, source: &RestoreSource) -> Result<RestoreReport> {
    let mut found = source.open(context, args.backup_set.as_deref()).await?;
    let files = source.write(context, &found).await?;
    if context.options.dry_run {
        let manifest = complete(&found.set)?;
        found.open.check_needed(context, (&found.set, &manifest.parts)).await?;
        let restores = restore_steps(&manifest.set, &wanted(manifest, &[])?);
        return Ok(RestoreReport { steps: restores.lines(), ..RestoreReport::of(context, manifest, files) });
    }
    let inner = source.enter(context, &mut found)?;
    let parts = wanted(complete(&found.set)?, &args.only)?;
    let restored = restore_set(&inner, args, &found, Content { files, parts, recoveries: None }).await;
    restored.map_err(|error| error.map_hints(|hint| inner.options.addressed(hint)))
}

/// Restores the data of a set into the project, whose files are there.
async fn restore_set(
    context: &Context,
    args: &RestoreArgs,
    from: &Found,
    Content { files, parts, recoveries }: Content,
) -> Result<RestoreReport> {
    let Found { open, sets, set } = from;
    let manifest = complete(set)?.clone();
    let at = recoveries.as_ref().map(|found| found.at.text());
    let mut report = RestoreReport { at: at.clone(), ..RestoreReport::of(context, &manifest, files) };
    let found = RestoreTarget::observe(context, open, &parts).await?;
    let back = found.way_back(context, (sets, &parts), args.no_safety_set).await?;
    report.safety_set = back.set();
    report.steps = found.plan((&manifest.set, &parts), back.safety.as_ref()).lines();
    check_content(context, from, (&parts, recoveries.as_ref())).await?;
    if back.safety.is_some() {
        open.repository.check_content().await?;
    }
    if context.options.dry_run {
        return Ok(report);
    }
    confirm(context, &found, &Question { manifest: &manifest, parts: &parts, at: at.as_deref() })?;
    let found = found.with_services(context, open, (&parts, back.interrupted)).await?;
    check_services(&*found.target, &found.services).await?;
    let whole = args.source.into.is_some();
    let restore = Restoring {
        context,
        open,
        found: &found,
        parts: &parts,
        set,
        recoveries: recoveries.as_ref(),
        whole,
        file: None,
    };
    report.failed = restore.run(back.safety, report.safety_set.as_deref()).await?;
    Ok(report)
}

/// Reads what is needed before anything is replaced.
async fn check_content(
    context: &Context,
    Found { open, set, .. }: &Found,
    (parts, recoveries): (&[Part], Option<&Recoveries>),
) -> Result<()> {
    match recoveries {
        Some(recoveries) => recoveries.check_needed(context, open).await,
        None => open.check_needed(context, (set, parts)).await,
    }
}

/// A set says itself which databases it restores.
fn refuse_database(args: &RestoreArgs) -> Result<()> {
    match (&args.database, &args.backup_set) {
        (Some(_), Some(set)) => {
            let message = format!("--database has no effect with backup set `{set}`");
            let hint = Some(format!("to restore a file of this name, write `./{set}`"));
            Err(WorkflowError::Usage { message, hint }.into())
        }
        _ => Ok(()),
    }
}

/// The parts to restore: those of the named services, or all.
fn wanted(manifest: &Manifest, services: &[String]) -> Result<Vec<Part>> {
    for service in services {
        if manifest.part(service).is_none_or(|part| part.kind == PartKind::Configuration) {
            let known = manifest.parts.iter().filter(|part| part.kind != PartKind::Configuration);
            let nearest = nearest(service, known.map(|part| part.name.as_str())).map(str::to_owned);
            return Err(BackupError::NoPart { set: manifest.set.clone(), service: service.clone(), nearest }.into());
        }
    }
    let is_wanted =
        |part: &&Part| part.kind != PartKind::Configuration && (services.is_empty() || services.contains(&part.name));
    let mut parts: Vec<Part> = manifest.parts.iter().filter(is_wanted).cloned().collect();
    parts.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(parts)
}

/// Writes the project files that are missing, env files before all: without them the stack cannot be loaded.
async fn restore_files(
    context: &Context,
    (open, set): (&OpenSets, &LoadedSet),
    manifest: &Manifest,
) -> Result<RestoredFiles> {
    let Some(part) = manifest.part(CONFIGURATION) else { return Ok(RestoredFiles::default()) };
    let directory = load_project_file(context)?.directory;
    let stored = StoredPart { repository: &open.repository, set, part };
    let restored = configuration::restore(stored, &directory, context.options.dry_run).await?;
    for file in &restored.differ {
        context.reporter.warn(format!("{file} differs from the backup and stays as it is"));
    }
    Ok(restored)
}

/// What is asked before data is replaced.
struct Question<'a> {
    manifest: &'a Manifest,
    parts: &'a [Part],
    /// The point in time, in place of the set.
    at: Option<&'a str>,
}

/// Says what is overwritten, and asks; nothing is where no service has a container.
fn confirm(context: &Context, found: &RestoreTarget, question: &Question<'_>) -> Result<()> {
    let Question { manifest, parts, at } = question;
    let exists = |part: &&Part| found.has_data(std::slice::from_ref(part));
    let overwritten: Vec<String> = parts
        .iter()
        .filter(exists)
        .map(|part| {
            let names = part.files.iter().map(|file| file.of.as_str()).filter(|of| !of.is_empty());
            let names = match at {
                // Others than those of the base backup may have been made up to then.
                Some(_) => "all databases of that time".to_owned(),
                None => names.collect::<Vec<_>>().join(", "),
            };
            format!("{} of {} ({names})", what(part.kind), part.name)
        })
        .map(|line| line.replace(" ()", ""))
        .collect();
    if overwritten.is_empty() {
        return Ok(());
    }
    let age = (context.unix_time() - manifest.time).max(0);
    let age = human::duration(std::time::Duration::from_secs(age.unsigned_abs()));
    let state = at.map_or_else(|| format!("{} ({age} ago)", human::utc(manifest.time)), str::to_owned);
    context.reporter.note(format!(
        "on {}, the following is replaced with the state of {state}: {}",
        found.observed.engine.address,
        overwritten.join("; ")
    ));
    let what = at.map_or_else(|| format!("backup set {}", manifest.set), |at| format!("the state of {at}"));
    Ok(context.prompt.confirm(&format!("restore {what} into {}?", found.loaded.name))?)
}
