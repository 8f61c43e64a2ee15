//! `aictl backup restore`: brings a set, or one service of it, back into the running stack or an empty one.

use std::sync::Arc;

use clap::Args;
use serde::Serialize;

use super::list::time_of;
use super::sets::OpenSets;
use crate::backup::{BackupError, CONFIGURATION, LoadedSet, LockKind, Manifest, Part, PartKind, StoredPart};
use crate::error::{ErrorKind, Result};
use crate::event::human;
use crate::plan::{DataOperation, Observed, Phase, Plan};
use crate::session::backup::configuration::RestoredFiles;
use crate::session::backup::{RestoreRunner, ServicePart, configuration, service_parts, what};
use crate::session::load::{LoadedStack, load_project_file, load_stack};
use crate::session::report::{Block, Cell, Report, Tone, to_json};
use crate::session::start_stack::{StartRequest, start_stack};
use crate::session::steps_report::planned_blocks;
use crate::session::transaction::Transaction;
use crate::session::{Context, WorkflowError};
use crate::target::Target;

/// Restore a backup set into the stack
#[derive(Debug, Clone, Default, Args)]
pub struct RestoreArgs {
    /// Set to restore; the newest complete one by default
    #[arg(value_name = "SET")]
    pub backup_set: Option<String>,
    /// Restore this service only; repeatable
    #[arg(long, value_name = "SERVICE")]
    pub service: Vec<String>,
}

/// What was restored, or would be by a dry run.
#[derive(Debug, Default, Serialize)]
pub struct RestoreReport {
    set: String,
    time: String,
    dry_run: bool,
    steps: Vec<String>,
    files: Vec<String>,
    differing_files: Vec<String>,
    failed: Vec<String>,
}

/// Restores.
pub(super) async fn run(context: &Context, args: RestoreArgs) -> Result<RestoreReport> {
    refuse_files(context, &args)?;
    let open = OpenSets::open(context, LockKind::Shared).await?;
    let set = open.choose(open.all().await?, args.backup_set.as_deref())?;
    let manifest = complete(&set)?.clone();
    let parts = wanted(&manifest, &args.service)?;
    let mut report = RestoreReport {
        set: manifest.set.clone(),
        time: time_of(manifest.time),
        dry_run: context.options.dry_run,
        ..RestoreReport::default()
    };
    if args.service.is_empty() {
        let RestoredFiles { written, differ } = restore_files(context, (&open, &set), &manifest).await?;
        (report.files, report.differing_files) = (written, differ);
    }
    let found = Engine::observe(context, &open, &parts).await?;
    let plan = plan(&found.loaded.name, (&manifest.set, &parts));
    report.steps = plan.lines();
    if context.options.dry_run {
        return Ok(report);
    }
    confirm(context, (&found, &manifest), &parts)?;
    let found = found.with_services(context, &open, &parts).await?;
    let runner = found.runner(&open, set);
    let mut transaction =
        Transaction::new(context, found.target.clone(), found.loaded.narrow_scope(), "backup restore");
    transaction.data = Some(&runner);
    report.failed = transaction.run(&|_: &Observed| Ok(plan.clone())).await?.incomplete;
    if report.failed.len() == plan.steps.len() && !plan.is_empty() {
        let message = format!("nothing was restored: {}", report.failed.join(", "));
        return Err(WorkflowError::Refused { message, hint: None }.into());
    }
    Ok(report)
}

/// Only sets are restored, not the files of other tools.
fn refuse_files(context: &Context, args: &RestoreArgs) -> Result<()> {
    match &args.backup_set {
        Some(name) if name.contains(['/', '.']) || context.cwd.join(name).is_file() => {
            Err(WorkflowError::Unsupported {
                what: format!("restoring the file `{name}`"),
                hint: "name a set; list the sets with `aictl backup list`".to_owned(),
            }
            .into())
        }
        _ => Ok(()),
    }
}

fn complete(set: &LoadedSet) -> Result<&Manifest> {
    let incomplete = || BackupError::BadSet { set: set.found.id.set.clone(), reason: "it is incomplete".to_owned() };
    let manifest = set.manifest.as_ref().filter(|_| set.is_complete());
    manifest.ok_or_else(|| incomplete().into())
}

/// The parts to restore: those of the named services, or all.
fn wanted(manifest: &Manifest, services: &[String]) -> Result<Vec<Part>> {
    for service in services {
        if manifest.part(service).is_none_or(|part| part.kind == PartKind::Configuration) {
            return Err(BackupError::NoPart { set: manifest.set.clone(), service: service.clone() }.into());
        }
    }
    let is_wanted =
        |part: &&Part| part.kind != PartKind::Configuration && (services.is_empty() || services.contains(&part.name));
    Ok(manifest.parts.iter().filter(is_wanted).cloned().collect())
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

/// The engine with what runs there.
struct Engine {
    loaded: LoadedStack,
    target: Arc<dyn Target>,
    observed: Observed,
    services: Vec<ServicePart>,
}

impl Engine {
    async fn observe(context: &Context, open: &OpenSets, parts: &[Part]) -> Result<Self> {
        let loaded = load_stack(context)?;
        open.settings.check_place(context, &loaded.project)?;
        let target = loaded.connect(context).await?;
        let observed = target.observe(&loaded.scope(None)).await?;
        let Some(stack) = &loaded.stack else {
            return Err(WorkflowError::usage("the project has no compose files").into());
        };
        let services = service_parts(stack, &observed, &open.settings.policy)?;
        let missing = parts.iter().find(|part| !services.iter().any(|service| service.service == part.name));
        if let Some(part) = missing {
            let message = format!("the set has data of `{}`, which the project does not back up", part.name);
            let hint =
                Some(format!("restore the others with `--service NAME`, or add `{}` to `backup.include`", part.name));
            return Err(WorkflowError::Configuration { message, hint }.into());
        }
        Ok(Self { loaded, target, observed, services })
    }

    fn runner(&self, open: &OpenSets, set: LoadedSet) -> RestoreRunner<'_> {
        RestoreRunner {
            target: &*self.target,
            repository: open.repository.clone(),
            set,
            project: self.loaded.name.clone(),
            parts: self.services.clone(),
            observed: self.observed.clone(),
        }
    }

    /// Services that do not run are started first: their data is restored by the services themselves.
    async fn with_services(self, context: &Context, open: &OpenSets, parts: &[Part]) -> Result<Self> {
        let is_up = |part: &&Part| {
            let service = self.services.iter().find(|service| service.service == part.name);
            let container = service.and_then(|service| service.container.as_ref());
            // A volume can be restored into a container that does not run.
            container.is_some_and(|container| container.state.is_up() || part.kind == PartKind::Volume)
        };
        let down: Vec<String> = parts.iter().filter(|part| !is_up(part)).map(|part| part.name.clone()).collect();
        if down.is_empty() {
            return Ok(self);
        }
        start_stack(context, load_stack(context)?, StartRequest::of(context, down)).await?;
        Self::observe(context, open, parts).await
    }
}

fn plan(project: &str, (set, parts): (&str, &[Part])) -> Plan {
    let mut plan = Plan { project: project.to_owned(), ..Plan::default() };
    let mut before = None;
    for part in parts {
        let restore =
            DataOperation::Restore { part: part.name.clone(), what: what(part.kind).to_owned(), set: set.to_owned() };
        // One after the other; one that fails leaves the others.
        before = Some(plan.push(Phase::Retire, restore, "requested", &before.into_iter().collect::<Vec<_>>()));
    }
    plan
}

/// Says what is overwritten, and asks; nothing is where no service has a container.
fn confirm(context: &Context, (found, manifest): (&Engine, &Manifest), parts: &[Part]) -> Result<()> {
    let exists = |part: &&Part| found.services.iter().any(|s| s.service == part.name && s.container.is_some());
    let overwritten: Vec<String> = parts
        .iter()
        .filter(exists)
        .map(|part| {
            let names = part.files.iter().map(|file| file.of.as_str()).filter(|of| !of.is_empty());
            format!("{} of {} ({})", what(part.kind), part.name, names.collect::<Vec<_>>().join(", "))
        })
        .map(|line| line.replace(" ()", ""))
        .collect();
    if overwritten.is_empty() {
        return Ok(());
    }
    let age = (context.unix_time() - manifest.time).max(0);
    context.reporter.note(format!(
        "on {}, the following is replaced with the state of {} ({} ago): {}",
        found.observed.engine.address,
        time_of(manifest.time),
        human::duration(std::time::Duration::from_secs(age.unsigned_abs())),
        overwritten.join("; ")
    ));
    Ok(context.prompt.confirm(&format!("restore backup set {} into {}?", manifest.set, found.loaded.name))?)
}

impl Report for RestoreReport {
    fn blocks(&self) -> Vec<Block> {
        let mut blocks: Vec<Block> =
            self.files.iter().map(|file| Block::Line(vec![format!("file {file}").into()])).collect();
        if self.dry_run {
            blocks.extend(planned_blocks(&self.steps));
            return blocks;
        }
        let (word, tone) =
            if self.failed.is_empty() { ("restored", Tone::Good) } else { ("partially restored", Tone::Bad) };
        let line = format!("{word} backup set {} of {}", self.set, self.time);
        blocks.push(Block::Line(vec![Cell::new(line, tone)]));
        blocks
    }

    fn json(&self) -> serde_json::Value {
        to_json(self)
    }

    fn exit_code(&self) -> u8 {
        if self.failed.is_empty() { 0 } else { ErrorKind::Partial.exit_code() }
    }
}
