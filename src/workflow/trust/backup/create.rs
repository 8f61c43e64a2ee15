//! `aictl backup create`: dumps every data service, volumes and the configuration into one set.

use clap::Args;
use serde::Serialize;

use crate::backup::{CONFIGURATION, LockKind, Repository, SetId};
use crate::compose::model::Stack;
use crate::error::{ErrorKind, Result};
use crate::event::human;
use crate::plan::{ContainerOperation, DataOperation, Observed, Phase, Plan, Scope, StartTurn, StepId};
use crate::project::LoadedProject;
use crate::session::backup::{
    BackupSettings, DumpRunner, ServicePart, configuration, excluded, left_out, lock_owner, service_parts, what,
};
use crate::session::deploy::WritesHold;
use crate::session::load::load_stack;
use crate::session::report::{Block, Cell, Report, Tone, to_json};
use crate::session::steps_report::planned_blocks;
use crate::session::transaction::Transaction;
use crate::session::{Context, WorkflowError};

/// Arguments of `backup create`.
#[derive(Debug, Clone, Default, Args)]
pub struct CreateArgs {
    /// Tag for the set; repeatable
    #[arg(long, value_name = "TAG")]
    pub tag: Vec<String>,
}

/// One part of a set.
#[derive(Debug, Serialize)]
pub struct CreatedPart {
    name: String,
    kind: &'static str,
    /// When its dump began, in milliseconds since 1970.
    began_ms: i64,
    files: usize,
    bytes: u64,
}

/// What was created, or would be by a dry run.
#[derive(Debug, Default, Serialize)]
pub struct CreateReport {
    set: String,
    repository: String,
    dry_run: bool,
    complete: bool,
    steps: Vec<String>,
    parts: Vec<CreatedPart>,
    bytes: u64,
    added_bytes: u64,
    skew_ms: i64,
    /// Whether writing requests were held until all dumps had begun.
    writes_held: bool,
    left_out: Vec<String>,
}

/// Creates a set.
pub(super) async fn run(context: &Context, args: CreateArgs) -> Result<CreateReport> {
    check_tags(&args.tag)?;
    let mut loaded = load_stack(context)?;
    let stack = loaded.take_stack(context)?;
    let settings = BackupSettings::load(context, &loaded.project, Some(&stack)).await?;
    settings.check_place(context, &loaded.project)?;
    let target = loaded.connect(context).await?;
    let proxy = loaded.routing_proxy().map(|proxy| proxy.service.clone());
    let scope = Scope { proxy, ..loaded.narrow_scope() };
    let observed = target.observe(&Scope { proxy: scope.proxy.clone(), ..loaded.scope(Some(&stack)) }).await?;
    let parts = service_parts(&stack, &observed, &settings.policy)?;
    let excluded = excluded(&stack, &settings.policy);
    let left_out = left_out(&parts, &observed, &excluded);
    for left in &left_out {
        context.reporter.warn(format!("{left} is not part of the backup; see `backup.include` in aictl.yaml"));
    }
    let set = SetId { set: set_id(context)?, project: loaded.name.clone(), tags: args.tag };
    let hold = hold(context, (&loaded.project, &stack), &observed);
    let plan = plan(&loaded.name, Dumps { set: &set.set, parts: &parts, hold: hold.as_ref() }, &observed);
    let report = CreateReport { set: set.set.clone(), left_out, ..CreateReport::planned(context, &settings, &plan) };
    if context.options.dry_run {
        if settings.location.exists() {
            open(context, &settings).await?;
        }
        return Ok(report);
    }
    let configuration = configuration::collect(context, &loaded, (&stack, &*target)).await?;
    let repository = open(context, &settings).await?;
    let _lock = repository.lock(lock_owner(context), LockKind::Shared).await?;
    let mut runner = DumpRunner::new(&*target, repository, set);
    runner.environment.clone_from(&loaded.project.environment_name);
    runner.origin = (context.owner.host.clone(), context.owner.user.clone());
    (runner.parts, runner.excluded, runner.configuration) = (parts, excluded, configuration);
    runner.proxy = scope;
    let mut transaction = Transaction::new(context, target.clone(), loaded.narrow_scope(), "backup create");
    transaction.data = Some(&runner);
    let outcome = transaction.run(&|_: &Observed| Ok(plan.clone())).await?;
    Ok(report.done(&runner, outcome.incomplete.is_empty()))
}

/// The hold of writing requests; where there is a proxy and it cannot hold them, that is said.
fn hold(context: &Context, files: (&LoadedProject, &Stack), observed: &Observed) -> Option<WritesHold> {
    let reason = match WritesHold::of(context, files, observed) {
        Ok(found) => match found? {
            Ok(hold) => return Some(hold),
            Err(reason) => reason,
        },
        Err(error) => error.messages().join(": "),
    };
    context.reporter.warn(format!("writing requests are not held while the dumps begin: {reason}"));
    None
}

/// What is dumped, into which set, and what holds writing requests meanwhile.
struct Dumps<'a> {
    set: &'a str,
    parts: &'a [ServicePart],
    hold: Option<&'a WritesHold>,
}

/// The dumps, which begin together, and the manifest after them. A part that fails leaves the others. Writing requests are
/// held until all have begun, where that is possible.
fn plan(project: &str, dumps: Dumps<'_>, observed: &Observed) -> Plan {
    let Dumps { set, parts, hold } = dumps;
    let mut plan = Plan { project: project.to_owned(), names: observed.names(), ..Plan::default() };
    let dump = |part: &str, what: &str, service: Option<String>| DataOperation::Dump {
        part: part.to_owned(),
        what: what.to_owned(),
        service,
    };
    let configuration = dump(CONFIGURATION, "project files and secrets", None);
    let mut dumps = vec![plan.push(Phase::Retire, configuration, "requested", &[])];
    let held = hold.filter(|_| !parts.is_empty()).map(|hold| hold_writes(&mut plan, hold, parts.len()));
    for part in parts {
        let stopped = stop(&mut plan, part);
        let operation = dump(&part.service, what(part.kind), Some(part.service.clone()));
        let before: Vec<StepId> = stopped.into_iter().chain(held).collect();
        let dumped = plan.push(Phase::Retire, operation, "requested", &before);
        dumps.push(dumped);
        if let (Some(stopped), Some(container)) = (stopped, &part.container) {
            let (service, id, turn) = (part.service.clone(), container.id.clone(), StartTurn::UntilStarted);
            let start = ContainerOperation::Start { service, container: id, turn };
            let started = plan.push(Phase::Retire, start.clone(), "stopped for the backup", &[stopped, dumped]);
            plan.on_failure(stopped, start, &[started]);
        }
    }
    plan.push(Phase::Retire, DataOperation::Complete { set: set.to_owned() }, "all parts are stored", &dumps);
    plan
}

/// Holds writing requests until the dumps have begun. A failure is a warning: the dumps are made all the same.
fn hold_writes(plan: &mut Plan, hold: &WritesHold, parts: usize) -> StepId {
    let held = plan.push(Phase::Prepare, hold.hold(), "the dumps are of one moment", &[]);
    let begun = DataOperation::AwaitBegun { parts, timeout: hold.time() };
    let begun = plan.push(Phase::Retire, begun, "writing requests are held", &[held]);
    plan.push(Phase::Retire, hold.release(), "all dumps have begun", &[begun]);
    plan.tolerate(held);
    held
}

/// Stops a service whose volumes are copied, where that is wanted.
fn stop(plan: &mut Plan, part: &ServicePart) -> Option<StepId> {
    let container = part.container.as_ref().filter(|container| part.data.stop && container.state.is_up())?;
    let (service, id) = (part.service.clone(), container.id.clone());
    let stop = ContainerOperation::Stop { service, container: id, timeout: None };
    Some(plan.push(Phase::Retire, stop, "its volumes are copied", &[]))
}

/// Opens the repository, or creates it and says so.
async fn open(context: &Context, settings: &BackupSettings) -> Result<Repository> {
    let (location, exists) = (settings.location.clone(), settings.location.exists());
    let opened = tokio::task::spawn_blocking(move || if exists { location.open() } else { location.create() }).await;
    let repository = opened.map_err(|error| WorkflowError::usage(error.to_string()))??;
    if !exists {
        context.reporter.note(format!("created the repository {}", repository.path().display()));
    }
    Ok(repository)
}

fn set_id(context: &Context) -> Result<String> {
    let mut bytes = [0; 4];
    let failed =
        |error: std::io::Error| WorkflowError::File { path: "random numbers".to_owned(), reason: error.to_string() };
    (context.random)(&mut bytes).map_err(failed)?;
    Ok(hex::encode(bytes))
}

fn check_tags(tags: &[String]) -> Result<()> {
    match tags.iter().find(|tag| tag.is_empty() || tag.contains(',') || tag.chars().any(char::is_control)) {
        Some(tag) => Err(WorkflowError::usage(format!("invalid tag `{tag}`: it is empty or has a comma")).into()),
        None => Ok(()),
    }
}

impl CreateReport {
    fn planned(context: &Context, settings: &BackupSettings, plan: &Plan) -> Self {
        Self {
            repository: settings.location.path.display().to_string(),
            dry_run: context.options.dry_run,
            steps: plan.lines(),
            ..Self::default()
        }
    }

    fn done(self, runner: &DumpRunner<'_>, complete: bool) -> Self {
        let stored = runner.stored();
        let bytes = |part: &crate::backup::Part| part.files.iter().map(|file| file.bytes).sum::<u64>();
        let parts: Vec<CreatedPart> = stored
            .iter()
            .map(|part| CreatedPart {
                name: part.name.clone(),
                kind: part.kind.word(),
                began_ms: part.started_ms,
                files: part.files.len(),
                bytes: bytes(part),
            })
            .collect();
        let (added_bytes, skew_ms) = (runner.added(), crate::backup::skew(&stored));
        Self {
            complete,
            writes_held: runner.writes_held(),
            bytes: parts.iter().map(|part| part.bytes).sum(),
            parts,
            added_bytes,
            skew_ms,
            ..self
        }
    }
}

impl Report for CreateReport {
    fn blocks(&self) -> Vec<Block> {
        if self.dry_run {
            return planned_blocks(&self.steps);
        }
        let size = format!(
            "{}, {}, {} new, skew {:.1}s",
            human::count(self.parts.len(), "part"),
            human::bytes(self.bytes),
            human::bytes(self.added_bytes),
            self.skew_ms as f64 / 1000.0
        );
        let (word, tone) = if self.complete { ("complete", Tone::Good) } else { ("incomplete", Tone::Bad) };
        let head = Cell::new(format!("backup set {} is {word}", self.set), tone);
        let held = if self.writes_held { ", writing requests were held" } else { "" };
        let mut blocks = vec![Block::Line(vec![head, format!(": {size}{held}").into()])];
        let first = self.parts.iter().map(|part| part.began_ms).min().unwrap_or_default();
        blocks.extend(self.parts.iter().map(|part| {
            let after = (part.began_ms - first) as f64 / 1000.0;
            Block::Line(vec![format!("  {} began at +{after:.1}s", part.name).into()])
        }));
        blocks
    }

    fn json(&self) -> serde_json::Value {
        to_json(self)
    }

    fn exit_code(&self) -> u8 {
        if self.complete || self.dry_run { 0 } else { ErrorKind::Partial.exit_code() }
    }
}
