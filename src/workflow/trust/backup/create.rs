//! `aictl backup create`: dumps every data service, volumes and the configuration into one set.

use clap::Args;
use serde::Serialize;

use crate::backup::{BackupError, LoadedSet, Part, SAFETY, shrinkage};
use crate::compose::model::Stack;
use crate::error::{ErrorKind, Result};
use crate::event::human;
use crate::plan::{ContainerOperation, Observed, ObservedInstance, Phase, Plan, Scope, StartTurn, StepId};
use crate::project::LoadedProject;
use crate::release::left_stopped;
use crate::session::backup::{
    BackupSettings, DumpRunner, DumpSource, DumpSteps, HeldWrites, ServicePart, SummaryKeeper, check_services,
    excluded, left_out, new_set, only, open_to_write, receiver_steps, service_parts,
};
use crate::session::deploy::WritesHold;
use crate::session::load::load_stack;
use crate::session::past_operations::PastOperations;
use crate::session::report::{Block, Cell, Report, Tone, to_json};
use crate::session::steps_report::planned_blocks;
use crate::session::transaction::Transaction;
use crate::session::{Context, WorkflowError};
use crate::target::Target;

/// Arguments of `backup create`.
#[derive(Debug, Clone, Default, Args)]
pub struct CreateArgs {
    /// Tag for the set; repeatable
    #[arg(long, value_name = "TAG")]
    pub tag: Vec<String>,
    /// Back up this service only; repeatable
    #[arg(long, value_name = "SERVICE")]
    pub only: Vec<String>,
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
    /// Whether it has some of the services only.
    partial: bool,
    steps: Vec<String>,
    parts: Vec<CreatedPart>,
    bytes: u64,
    added_bytes: u64,
    skew_ms: i64,
    /// Whether writing requests were held until all dumps had begun.
    writes_held: bool,
    left_out: Vec<String>,
    shrunk: Vec<String>,
    /// Why services cannot be restored to a point in time from this set although they should.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    without_base: Vec<String>,
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
    let observed = target.observe(&Scope { proxy: proxy.clone(), ..loaded.scope(Some(&stack)) }).await?;
    let all = service_parts(&stack, &observed, &settings.policy)?;
    let (parts, partial) = chosen(all, &args.only)?;
    let missing = left_out(&parts, &observed, &excluded(&stack, &settings.policy));
    let left_out = if args.only.is_empty() { say_left_out(context, missing) } else { Vec::new() };
    let set = new_set(context, &loaded.name, args.tag)?;
    let hold = hold(context, (&loaded.project, &stack), &observed);
    let mut plan = receiver_steps(&stack, &parts, &observed);
    plan.then(dump_steps((&set.set, &parts), hold.as_ref()).plan(&loaded.name, &observed));
    start_left_stopped(context, &*target, &observed, &mut plan).await?;
    let planned = CreateReport::planned(context, &settings, &plan);
    let report = CreateReport { set: set.set.clone(), partial, left_out, ..planned };
    if context.options.dry_run {
        check_repository(&settings).await?;
        return Ok(report);
    }
    check_services(&*target, &parts).await?;
    let source = DumpSource { loaded: &loaded, stack: &stack, target: &*target, settings: &settings };
    let (repository, _lock) = open_to_write(context, &settings).await?;
    let sets = repository.sets(Some(&loaded.name)).await?.sets;
    let before = previous(&sets);
    let mut runner = source.runner(context, (repository, set), parts).await?;
    (runner.partial, runner.physical, runner.proxy) = (partial, Some(sets), Scope { proxy, ..loaded.narrow_scope() });
    let mut transaction = Transaction::new(context, target.clone(), loaded.narrow_scope(), "backup create");
    transaction.data = Some(&runner);
    let outcome = transaction.run(&|_: &Observed| Ok(plan.clone())).await?;
    keep_summary(context, &runner).await;
    Ok(CreateReport {
        shrunk: say_shrunk(context, (&before, &runner.stored())),
        ..report.done(&runner, outcome.incomplete.is_empty())
    })
}

fn dump_steps<'a>((set, parts): (&'a str, &'a [ServicePart]), hold: Option<&'a HeldWrites>) -> DumpSteps<'a> {
    DumpSteps { set: Some(set), parts, phase: Phase::Retire, cause: "requested", hold }
}

async fn keep_summary(context: &Context, runner: &DumpRunner<'_>) {
    let (project, repository) = (runner.set.project.as_str(), &runner.repository);
    SummaryKeeper { project, repository, target: runner.target, operation: "backup create" }.keep(context).await;
}

/// Starts what a backup that was killed had stopped, after the dumps: volumes that nothing writes to are copied best.
async fn start_left_stopped(
    context: &Context,
    target: &dyn Target,
    observed: &Observed,
    plan: &mut Plan,
) -> Result<()> {
    let is_down = |c: &&ObservedInstance| !c.one_off && !c.state.is_up();
    if !observed.instances.iter().any(|c| is_down(&c)) {
        return Ok(());
    }
    let past = PastOperations::of(target, plan.project.clone()).await?;
    let left = left_stopped(&past.operations);
    let dumps: Vec<StepId> = (0..plan.steps.len()).map(StepId).collect();
    for down in observed.instances.iter().filter(is_down).filter(|c| left.contains(&c.service)) {
        context.reporter.warn(format!("{} was left stopped by a backup that was interrupted; starting it", down.name));
        let (service, container) = (down.service.clone(), down.id.clone());
        let start = ContainerOperation::Start { service, container, turn: StartTurn::UntilStarted };
        plan.push(Phase::Retire, start, "stopped by a backup that was interrupted", &dumps);
    }
    Ok(())
}

fn say_shrunk(context: &Context, (before, stored): (&[Part], &[Part])) -> Vec<String> {
    let shrunk = shrinkage(before, stored);
    shrunk.iter().for_each(|less| context.reporter.warn(less.clone()));
    shrunk
}

/// The parts of the newest set that has everything.
fn previous(sets: &[LoadedSet]) -> Vec<Part> {
    let newest = sets.iter().rfind(|set| set.is_default());
    newest.and_then(|set| set.manifest.clone()).map(|manifest| manifest.parts).unwrap_or_default()
}

/// The named services, all by default, and whether any is left out.
fn chosen(all: Vec<ServicePart>, names: &[String]) -> Result<(Vec<ServicePart>, bool)> {
    let planned = all.len();
    let parts = only(all, names)?;
    let partial = parts.len() < planned;
    Ok((parts, partial))
}

fn say_left_out(context: &Context, left_out: Vec<String>) -> Vec<String> {
    for left in &left_out {
        context.reporter.warn(format!("{left} is not part of the backup; see `backup.include` in aictl.yaml"));
    }
    left_out
}

/// The hold of writing requests; where there is a proxy and it cannot hold them, that is said.
fn hold(context: &Context, files: (&LoadedProject, &Stack), observed: &Observed) -> Option<HeldWrites> {
    let reason = match WritesHold::of(context, files, observed) {
        Ok(found) => match found? {
            Ok(hold) => {
                return Some(HeldWrites { hold: hold.hold(), release: hold.release(), time: hold.time() });
            }
            Err(reason) => reason,
        },
        Err(error) => error.messages().join(": "),
    };
    context.reporter.warn(format!("writing requests are not held while the dumps begin: {reason}"));
    None
}

/// Fails where the repository is there, and a backup could not be written to it.
async fn check_repository(settings: &BackupSettings) -> Result<()> {
    let location = settings.location.clone();
    let opened = tokio::task::spawn_blocking(move || location.open()).await;
    match opened.map_err(|error| WorkflowError::usage(error.to_string()))? {
        Ok(repository) => Ok(repository.check_content().await.map(drop)?),
        Err(BackupError::NoRepository { .. }) => Ok(()),
        Err(error) => Err(error.into()),
    }
}

fn check_tags(tags: &[String]) -> Result<()> {
    let reason = |tag: &String| match tag.as_str() {
        SAFETY => Some("it is reserved for the sets that `aictl backup restore` takes"),
        tag if tag.is_empty() || tag.contains(',') || tag.chars().any(char::is_control) => {
            Some("it is empty or has a comma")
        }
        _ => None,
    };
    match tags.iter().find_map(|tag| Some((tag, reason(tag)?))) {
        Some((tag, reason)) => Err(WorkflowError::usage(format!("invalid tag `{tag}`: {reason}")).into()),
        None => Ok(()),
    }
}

impl CreateReport {
    fn planned(context: &Context, settings: &BackupSettings, plan: &Plan) -> Self {
        Self {
            repository: settings.location.address.to_string(),
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
            without_base: runner.without_base.lock().map(|reasons| reasons.clone()).unwrap_or_default(),
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
        let (word, tone) = match (self.complete, self.partial) {
            (true, false) => ("complete", Tone::Good),
            (true, true) => ("complete with the named services only", Tone::Good),
            (false, _) => ("incomplete", Tone::Bad),
        };
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
        if self.complete && self.without_base.is_empty() || self.dry_run { 0 } else { ErrorKind::Partial.exit_code() }
    }
}
