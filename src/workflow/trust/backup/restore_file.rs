//! `aictl backup restore FILE`: puts a dump that another tool wrote in place of a database. The file is read to its end before
//! anything changes.

use super::file_to_restore::FileToRestore;
use super::restore_report::{RestoreArgs, RestoreReport};
use super::restore_target::{RestoreTarget, Restoring};
use super::sets::OpenSets;
use crate::backup::{
    FORMAT, FileFormat, FoundSet, LoadedSet, LockKind, Manifest, Part, PartKind, PlainFile, SetId, redis,
};
use crate::error::{Result, nearest};
use crate::session::backup::{FileCheck, ServicePart, check_file, check_services};
use crate::session::{Context, WorkflowError};

/// Whether a name is one of a file: ids of sets have neither dots nor slashes.
pub(super) fn is_file_name(name: &str) -> bool {
    name.contains(['/', '.'])
}

/// Restores a file.
pub(super) async fn run(context: &Context, args: &RestoreArgs, name: &str) -> Result<RestoreReport> {
    if args.source.into.is_some() {
        return Err(WorkflowError::usage("a whole project is restored from a set, not from a file").into());
    }
    let file = PlainFile::read(context.cwd.join(name)).await?;
    let open = OpenSets::open(context, LockKind::Shared).await?;
    let sets = open.readable(context).await?;
    let found = RestoreTarget::observe(context, &open, &[]).await?;
    let (part, what) = part_of(&found, args, &file)?;
    let parts = [part];
    let restored = FileToRestore { file: &file, name, what: &what };
    let back = found.way_back(context, (&sets, &parts), args.no_safety_set).await?;
    let mut report = RestoreReport::of_file(context, name);
    report.safety_set = back.set();
    report.steps = found.plan_of(&parts, back.safety.as_ref(), restored.steps(&parts)).lines();
    if back.safety.is_some() {
        open.repository.check_content().await?;
    }
    if context.options.dry_run {
        return Ok(report);
    }
    confirm(context, &found, (&parts, restored))?;
    // Before the services start, where there is a container whose image has the tools.
    let checked = decode(&found, &file, &parts).await?;
    let found = found.with_services(context, &open, (&parts, back.interrupted)).await?;
    check_services(&*found.target, &found.services).await?;
    if !checked {
        decode(&found, &file, &parts).await?;
    }
    let set = stand_in(&found.loaded.name, &file, &parts);
    let (file, recoveries) = (Some(restored), None);
    let restore =
        Restoring { context, open: &open, found: &found, parts: &parts, set: &set, recoveries, whole: false, file };
    report.failed = restore.run(back.safety, report.safety_set.as_deref()).await?;
    Ok(report)
}

/// Decodes the file with the tools of its service; not where that has no container.
async fn decode(found: &RestoreTarget, file: &PlainFile, parts: &[Part]) -> Result<bool> {
    let mut checked = false;
    for part in parts {
        let service = found.services.iter().find(|service| service.service == part.name);
        if let Some(service) = service.filter(|service| service.container.is_some()) {
            check_file(&*found.target, &found.loaded.name, FileCheck { service, file, part }).await?;
            checked = true;
        }
    }
    Ok(checked)
}

/// What stands for the set of a restore of a file: its id names what is left aside meanwhile.
fn stand_in(project: &str, file: &PlainFile, parts: &[Part]) -> LoadedSet {
    let id = SetId { set: file.id().to_owned(), project: project.to_owned(), tags: Vec::new() };
    let manifest = Manifest {
        format: FORMAT,
        set: id.set.clone(),
        project: id.project.clone(),
        environment: None,
        time: 0,
        skew_ms: 0,
        added_bytes: 0,
        partial: true,
        parts: parts.to_vec(),
    };
    let found = FoundSet { id, time: 0, snapshots: Vec::new(), manifest: None, marks: Vec::new() };
    LoadedSet { found, manifest: Some(manifest) }
}

/// The service and the database that a file goes to.
fn part_of(found: &RestoreTarget, args: &RestoreArgs, file: &PlainFile) -> Result<(Part, String)> {
    let kind = match file.format() {
        FileFormat::Archive | FileFormat::Sql => PartKind::Postgres,
        FileFormat::Rdb => PartKind::Redis,
    };
    let service = service_of(found, &args.only, kind)?;
    let (name, of, what) = match file.format() {
        FileFormat::Rdb if args.database.is_some() => {
            return Err(WorkflowError::usage("--database has no effect with an RDB file").into());
        }
        FileFormat::Rdb => (redis::RDB.to_owned(), String::new(), "redis database".to_owned()),
        FileFormat::Archive | FileFormat::Sql => {
            let database = database_of(found, args, service)?;
            (format!("{database}.dump"), database.clone(), format!("database {database}"))
        }
    };
    let part = Part {
        name: service.service.clone(),
        kind,
        started_ms: 0,
        image: String::new(),
        facts: Default::default(),
        files: vec![file.part_file(name, of)],
        snapshot: String::new(),
    };
    Ok((part, what))
}

fn service_of<'f>(found: &'f RestoreTarget, only: &[String], kind: PartKind) -> Result<&'f ServicePart> {
    let known: Vec<&ServicePart> = found.services.iter().filter(|service| service.kind == kind).collect();
    let names = || known.iter().map(|service| service.service.as_str());
    let ask = |message: String| {
        let hint = Some("name the service with `--only SERVICE`".to_owned());
        Err(WorkflowError::Usage { message, hint }.into())
    };
    match (only, known.as_slice()) {
        ([], [one]) => Ok(one),
        ([], []) => ask(format!("the project backs up no {} service", kind.word())),
        ([], _) => ask(format!("several services could take the file: {}", names().collect::<Vec<_>>().join(", "))),
        ([name], _) => match known.iter().find(|service| service.service == *name) {
            Some(service) => Ok(service),
            None => {
                let near = nearest(name, names()).map(|near| format!("; did you mean `{near}`?")).unwrap_or_default();
                ask(format!("`{name}` is not a {} service that the project backs up{near}", kind.word()))
            }
        },
        _ => ask("a file is restored into one service".to_owned()),
    }
}

/// The database that was named, else the only one that is backed up, else the one that the image makes.
fn database_of(found: &RestoreTarget, args: &RestoreArgs, service: &ServicePart) -> Result<String> {
    let of_image = || {
        let declared = found.loaded.stack.as_ref()?.services.get(&service.service)?;
        declared.environment.get("POSTGRES_DB").cloned().flatten().filter(|name| !name.is_empty())
    };
    let named = args.database.clone().or_else(|| match service.data.databases.as_slice() {
        [one] => Some(one.clone()),
        [] => of_image(),
        _ => None,
    });
    named.ok_or_else(|| {
        let message = format!("which database of {} the file replaces is not known", service.service);
        let hint = Some("name it with `--database NAME`".to_owned());
        WorkflowError::Usage { message, hint }.into()
    })
}

/// Says what is overwritten, and asks.
fn confirm(context: &Context, found: &RestoreTarget, (parts, file): (&[Part], FileToRestore<'_>)) -> Result<()> {
    if !found.has_data(parts) {
        return Ok(());
    }
    let service = parts.iter().map(|part| part.name.as_str()).collect::<String>();
    context.reporter.note(format!(
        "on {}, the {} of {service} is replaced with the content of {}, or created",
        found.observed.engine.address, file.what, file.name
    ));
    Ok(context.prompt.confirm(&format!("restore {} into {}?", file.name, found.loaded.name))?)
}

#[cfg(test)]
mod tests {
    use super::is_file_name;

    #[test]
    fn a_name_is_of_a_file_or_of_a_set_and_never_of_both() {
        let files = ["backups/db.sql", "db.dump", "./0123abcd", "/srv/db"];
        assert!(files.iter().all(|name| is_file_name(name)));
        assert!(!is_file_name("0123abcd"));
    }
}
