//! `aictl backup drill`: restores a set into containers without network, compares it with what was recorded, and removes them.
//! Production is only looked at.

use std::sync::Arc;
use std::time::{Duration, Instant};

use clap::Args;
use serde::Serialize;

use super::sets::{OpenSets, complete};
use crate::backup::{Finding, LoadedSet, LockKind, Manifest};
use crate::compose::model::Stack;
use crate::error::{ErrorKind, Result};
use crate::event::human;
use crate::plan::Observed;
use crate::plan::content::ServiceContent;
use crate::session::backup::{
    PartFinding, RestoreRunner, Sandbox, ServicePart, SummaryKeeper, check_room, data_parts, drill_part,
    drill_questions, lock_owner, record, stores,
};
use crate::session::convergence::load_contents;
use crate::session::load::load_stack;
use crate::session::report::{Block, Cell, Report, Tone, to_json};
use crate::session::{Context, WorkflowError};
use crate::target::Target;

/// Arguments of `backup drill`.
#[derive(Debug, Clone, Default, Args)]
pub struct DrillArgs {
    /// Set to restore; the newest complete one by default
    #[arg(value_name = "SET")]
    pub backup_set: Option<String>,
    /// Keep the containers for inspection; the next drill removes them
    #[arg(long)]
    pub keep: bool,
}

/// What a drill found.
#[derive(Debug, Default, Serialize)]
pub struct DrillReport {
    set: String,
    dry_run: bool,
    proven: bool,
    restore_ms: Option<u64>,
    steps: Vec<String>,
    findings: Vec<PartFinding>,
    kept: Vec<String>,
}

/// Drills.
pub(super) async fn run(context: &Context, args: DrillArgs) -> Result<DrillReport> {
    let open = OpenSets::open(context, LockKind::Shared).await?;
    let set = open.choose(open.readable(context).await?, args.backup_set.as_deref())?;
    let manifest = complete(&set)?.clone();
    let drill = Drill::prepare(context, &open, &manifest).await?;
    let keeper = drill.keeper(&open);
    if let Err(error) = open.check_needed(context, (&set, &manifest.parts)).await {
        keeper.keep(context).await;
        return Err(error);
    }
    let mut report = DrillReport { set: manifest.set.clone(), ..DrillReport::default() };
    if context.options.dry_run {
        (report.dry_run, report.steps) = (true, drill.steps(args.keep));
        return Ok(report);
    }
    let sandbox = drill.sandbox(context).await?;
    let begun = Instant::now();
    let worked = tokio::select! {
        worked = drill.work(&sandbox, (&open, &set), &manifest) => worked,
        () = context.interrupted() => Err(WorkflowError::Interrupted.into()),
    };
    if args.keep && worked.is_ok() {
        report.kept = sandbox.observe().await?.instances.into_iter().map(|container| container.name).collect();
    } else {
        let services: Vec<String> = drill.stores.iter().map(|(part, _)| part.service.clone()).collect();
        sandbox.close(&services).await?;
    }
    report.findings = worked?;
    let took_ms = u64::try_from(begun.elapsed().as_millis()).unwrap_or(u64::MAX);
    report.proven = report.findings.iter().all(|finding| finding.problem.is_none());
    if report.proven {
        report.restore_ms = Some(took_ms);
        record(context, (&open.repository, &set), Finding::Proven { took_ms }).await?;
    } else if report.findings.iter().any(|finding| finding.blames_set && finding.problem.is_some()) {
        record(context, (&open.repository, &set), Finding::Damaged).await?;
    }
    keeper.keep(context).await;
    Ok(report)
}

/// What a drill is made from.
struct Drill {
    project: String,
    stack: Stack,
    target: Arc<dyn Target>,
    contents: std::collections::BTreeMap<String, ServiceContent>,
    /// The services, and the image of each.
    stores: Vec<(ServicePart, String)>,
}

impl Drill {
    /// Looks at the stack and the engine, and checks that there is room. Changes nothing.
    async fn prepare(context: &Context, open: &OpenSets, manifest: &Manifest) -> Result<Self> {
        let mut loaded = load_stack(context)?;
        let stack = loaded.take_stack(context)?;
        let target = loaded.connect(context).await?;
        let engine = target.observe_engine().await?;
        let observed = target.observe(&loaded.scope(Some(&stack))).await?;
        let stores = stores((&stack, &observed), &open.settings.policy, manifest)?;
        check_room(&engine, (manifest, stores.len()), "drill")?;
        let wanted = stores.iter().map(|(part, _)| part.service.clone()).collect();
        let contents = load_contents(&stack, &wanted, engine.local)?;
        Ok(Self { project: loaded.name.clone(), stack, target, contents, stores })
    }

    fn keeper<'a>(&'a self, open: &'a OpenSets) -> SummaryKeeper<'a> {
        let (project, repository) = (&open.project, &open.repository);
        SummaryKeeper { project, repository, target: &*self.target, operation: "backup drill" }
    }

    fn steps(&self, keep: bool) -> Vec<String> {
        let step = |(part, image): &(ServicePart, String)| {
            format!("restore {} of {} into a container of {image}", part.what(), part.service)
        };
        let removal = (!keep).then(|| "remove the scratch containers".to_owned());
        self.stores.iter().map(step).chain(removal).collect()
    }

    async fn sandbox(&self, context: &Context) -> Result<Sandbox<'_>> {
        let mut bytes = [0; 24];
        let failed = |error: std::io::Error| WorkflowError::File {
            path: "random numbers".to_owned(),
            reason: error.to_string(),
        };
        (context.random)(&mut bytes).map_err(failed)?;
        let with = (lock_owner(context), hex::encode(bytes));
        let (sandbox, left) = Sandbox::open((&*self.target, &self.project), with).await?;
        if left > 0 {
            context.reporter.note(format!("removed {} of an earlier drill", human::count(left, "container")));
        }
        Ok(sandbox)
    }

    /// Starts the services and restores one part after the other.
    async fn work(
        &self,
        sandbox: &Sandbox<'_>,
        (open, set): (&OpenSets, &LoadedSet),
        manifest: &Manifest,
    ) -> Result<Vec<PartFinding>> {
        let mut parts = Vec::new();
        let none = ServiceContent::default();
        for (part, image) in &self.stores {
            let content = self.contents.get(&part.service).unwrap_or(&none);
            parts.push(sandbox.start((&self.stack, content), (part, image)).await?);
        }
        let observed: Observed = sandbox.observe().await?;
        let runner = RestoreRunner {
            target: &*self.target,
            repository: open.repository.clone(),
            set: set.clone(),
            file: None,
            project: sandbox.project().to_owned(),
            parts,
            observed,
        };
        let mut findings = Vec::new();
        for part in data_parts(manifest) {
            if let Some(service) = runner.parts.iter().find(|service| service.service == part.name) {
                findings.extend(drill_part(&runner, (part, service)).await?);
            }
        }
        if let Some(questions) = &open.settings.policy.drill {
            findings.extend(drill_questions(&runner, questions, manifest).await);
        }
        Ok(findings)
    }
}

impl Report for DrillReport {
    fn blocks(&self) -> Vec<Block> {
        if self.dry_run {
            return crate::session::steps_report::planned_blocks(&self.steps);
        }
        let line = |finding: &PartFinding| {
            let (text, tone) = match &finding.problem {
                Some(problem) => (format!("{}: {}: {problem}", finding.service, finding.what), Tone::Bad),
                None => (format!("{}: {}", finding.service, finding.what), Tone::Plain),
            };
            Block::Line(vec![Cell::new(text, tone)])
        };
        let mut blocks: Vec<Block> = self.findings.iter().map(line).collect();
        blocks.extend(self.kept.iter().map(|name| Block::Line(vec![format!("kept container {name}").into()])));
        let took = human::duration(Duration::from_millis(self.restore_ms.unwrap_or_default()));
        let last = match self.proven {
            true => Cell::new(format!("backup set {} is proven: restored in {took}", self.set), Tone::Good),
            false => Cell::new(format!("backup set {} failed the drill", self.set), Tone::Bad),
        };
        blocks.push(Block::Line(vec![last]));
        blocks
    }

    fn json(&self) -> serde_json::Value {
        to_json(self)
    }

    fn exit_code(&self) -> u8 {
        if self.proven || self.dry_run { 0 } else { ErrorKind::ChecksFailed.exit_code() }
    }
}
