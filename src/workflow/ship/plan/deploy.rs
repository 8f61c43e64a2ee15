//! The plan of a deploy: its steps, what changes in the configuration, strategies, drift, and the file it is saved to.

use std::path::PathBuf;

use serde::Serialize;

use crate::error::{ErrorKind, Result};
use crate::event::human;
use crate::plan::drift::{Drift, drift};
use crate::project::Rehearsal;
use crate::session::deploy::{
    ConfigurationChange, DeployWishes, PlannedDeploy, Prepared, RehearsedPlan, SavedFrom, Shipping, StoredVerdict,
    configuration_changes, load_verdict, open_saved_plan,
};
use crate::session::load::LoadedStack;
use crate::session::report::{Block, Cell, Report, Tone, to_json};
use crate::session::steps_report::planned_blocks;
use crate::session::{Context, WorkflowError};

/// The options of `plan` that count for a deploy.
#[derive(Debug, Default)]
pub(super) struct DeployPlanArgs {
    /// Services named on the command line.
    pub(super) services: Vec<String>,
    /// `--exit-code`.
    pub(super) exit_code: bool,
    /// `--remove-orphans`.
    pub(super) remove_orphans: bool,
    /// `--out`.
    pub(super) out: Option<PathBuf>,
}

/// How a service is replaced, and why so.
#[derive(Debug, Serialize)]
pub struct Replacement {
    service: String,
    strategy: String,
    reason: String,
}

impl Replacement {
    fn of((service, choice): (&String, &crate::plan::blue_green::Choice)) -> Self {
        Self { service: service.clone(), strategy: choice.word().to_owned(), reason: choice.cause.clone() }
    }
}

/// The report of the plan of a deploy.
#[derive(Debug, Serialize)]
pub struct DeployPlanReport {
    project: String,
    environment: Option<String>,
    /// The current release.
    release: Option<u32>,
    steps: Vec<String>,
    /// What the files change since that release.
    changes: Vec<ConfigurationChange>,
    strategies: Vec<Replacement>,
    /// Where what runs differs from that release.
    drift: Vec<Drift>,
    warnings: Vec<String>,
    /// Bytes of images that are sent to the engine.
    transfer_bytes: u64,
    /// Free bytes where the engine keeps images, if images are sent and that is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    free_bytes: Option<u64>,
    /// The verdict of the rehearsal of this very plan.
    #[serde(skip_serializing_if = "Option::is_none")]
    rehearsal: Option<StoredVerdict>,
    /// Whether a deploy of this plan needs a rehearsal.
    #[serde(skip)]
    needs_rehearsal: bool,
    /// The file with the plan.
    #[serde(skip_serializing_if = "Option::is_none")]
    saved: Option<String>,
    #[serde(skip)]
    code: u8,
}

/// What stands between the plan and a deploy; returns what a rehearsal would be valid for.
async fn say_unfinished(context: &Context, (loaded, prepared): (&LoadedStack, &Prepared)) -> Result<RehearsedPlan> {
    let Prepared { target, releases, .. } = prepared;
    if let Some(lock) = target.observe_lease(&releases.project).await?.filter(|lock| !lock.looks_dead()) {
        context
            .reporter
            .warn(format!("{} is in progress; the plan starts from its intermediate state", lock.summary()));
    } else if let Some(warning) = releases.unfinished_bake() {
        context.reporter.warn(warning);
    }
    rehearsed(context, loaded, prepared).await
}

/// The newest verdict, and what it would be valid for.
async fn rehearsed(context: &Context, loaded: &LoadedStack, prepared: &Prepared) -> Result<RehearsedPlan> {
    let stored = load_verdict(&*prepared.target, &loaded.name).await?;
    let required = loaded.project.environment.deploy.rehearse == Some(Rehearsal::Required);
    SavedFrom { context, loaded, prepared }.rehearsed(stored, required)
}

/// Plans a deploy of the files.
pub(super) async fn run(context: &Context, mut loaded: LoadedStack, args: DeployPlanArgs) -> Result<DeployPlanReport> {
    refuse_services(&args.services)?;
    let out = args.out.as_ref().map(|file| open_saved_plan(context, file)).transpose()?;
    let wishes = DeployWishes { remove_orphans: args.remove_orphans, ..Default::default() };
    let prepared = Box::pin(Prepared::of(context, &mut loaded, wishes)).await?;
    let Prepared { target, releases, current, shipment, .. } = &prepared;
    let shipping = Shipping { context, loaded: &loaded, target: target.clone(), releases, approval: None, data: None };
    let PlannedDeploy { plan, observed, is_new, room } = Box::pin(shipping.plan(shipment)).await?;
    let rehearsed = say_unfinished(context, (&loaded, &prepared)).await?;
    let configuration = &shipment.configuration;
    let (changes, drift) = match current {
        Some(current) => (
            configuration_changes(context, &loaded, (&current.configuration, configuration))?,
            drift(current.expected(), &observed),
        ),
        None => (Vec::new(), Vec::new()),
    };
    let mut saved = None;
    if let Some(out) = out.filter(|_| !context.options.dry_run) {
        saved = Some(out.path().display().to_string());
        SavedFrom { context, loaded: &loaded, prepared: &prepared }.save(&plan, out)?;
    }
    let changed = is_new || !plan.only_waits();
    Ok(DeployPlanReport {
        project: loaded.name.clone(),
        environment: loaded.project.environment_name.clone(),
        release: current.as_ref().map(|current| current.revision),
        steps: if changed { plan.lines() } else { Vec::new() },
        changes,
        strategies: configuration.settings.strategies.iter().map(Replacement::of).collect(),
        drift,
        transfer_bytes: plan.transfer_bytes(),
        free_bytes: room,
        warnings: [releases.older_values(configuration), plan.warnings].concat(),
        saved,
        rehearsal: rehearsed.verdict((&configuration.stack, &observed)).cloned(),
        needs_rehearsal: changed && rehearsed.required,
        code: if args.exit_code && changed { ErrorKind::ChangesPresent.exit_code() } else { 0 },
    })
}

impl DeployPlanReport {
    /// The verdict of its rehearsal, or that one is required.
    fn rehearsed(&self) -> Option<String> {
        let missing = || "not rehearsed yet, which is required: `aictl deploy --rehearse`".to_owned();
        let found = self.rehearsal.as_ref().filter(|_| !self.steps.is_empty()).map(StoredVerdict::line);
        found.or_else(|| self.needs_rehearsal.then(missing))
    }

    /// The disk of the engine after the images were sent. Until an image is unpacked it takes its size twice, for which there is
    /// room: else there would be no plan.
    fn disk_after(&self) -> Option<String> {
        let free = self.free_bytes.filter(|_| self.transfer_bytes > 0)?;
        let after = human::bytes(free.saturating_sub(self.transfer_bytes));
        let (sent, free) = (human::bytes(self.transfer_bytes), human::bytes(free));
        Some(format!("images: {sent} to send; the engine has {free} free, {after} afterwards"))
    }
}

/// A deploy brings up the whole stack.
fn refuse_services(services: &[String]) -> Result<()> {
    if services.is_empty() {
        return Ok(());
    }
    let what = "plans of single services where the environment is deployed to".to_owned();
    Err(WorkflowError::Unsupported { what, hint: "plan the whole deploy with `aictl plan`".to_owned() }.into())
}

impl Report for DeployPlanReport {
    fn blocks(&self) -> Vec<Block> {
        let line = |text: String| Block::Line(vec![text.into()]);
        let mut blocks = Vec::new();
        if let Some(release) = self.release {
            let drift = self.drift.iter().map(|drift| (&drift.service, &drift.message));
            blocks.extend(drift.map(|(service, message)| {
                Block::Line(vec![Cell::new(
                    format!("differs from release {release}: {service}: {message}"),
                    Tone::Warn,
                )])
            }));
            if !self.changes.is_empty() {
                blocks.push(line(format!("changes since release {release}:")));
                blocks.extend(self.changes.iter().map(|change| line(format!("  {}", change.line()))));
            }
        }
        if !self.steps.is_empty() {
            let strategies = self.strategies.iter();
            blocks.extend(strategies.map(|s| line(format!("{}: {}, {}", s.service, s.strategy, s.reason))));
        }
        blocks.extend(planned_blocks(&self.steps));
        blocks.extend(self.rehearsed().map(line));
        blocks.extend(self.disk_after().map(line));
        blocks.extend(
            self.saved.iter().map(|file| line(format!("saved to {file}; run it with `aictl deploy --plan {file}`"))),
        );
        blocks.extend(self.warnings.iter().map(|warning| line(format!("warning: {warning}"))));
        blocks
    }

    fn json(&self) -> serde_json::Value {
        to_json(self)
    }

    fn exit_code(&self) -> u8 {
        self.code
    }
}
