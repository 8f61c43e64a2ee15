//! `aictl push --to ENV`: images of services from the engine of this machine to the engine of an environment.
//! Reads both engines; returns what was sent.
//! Never uses a registry.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use serde::Serialize;

use crate::compose::model::Stack;
use crate::error::Result;
use crate::event::human;
use crate::image::ImageError;
use crate::plan::order::with_dependencies;
use crate::plan::{ImageOperation, ImageTransfer, Observed, Operation, Plan};
use crate::session::endpoint::destination;
use crate::session::load::load_stack;
use crate::session::report::{Block, Cell, Report, Tone, to_json};
use crate::session::steps_report::planned_blocks;
use crate::session::transaction::Transaction;
use crate::session::transfer::{Offers, Sent, Source, Standing, TransferSteps, Transfers, source};
use crate::session::{Context, WorkflowError};
use crate::target::Target;

/// One image of the report.
#[derive(Debug, Serialize)]
pub struct PushedImage {
    image: String,
    /// Whether it was sent, or in a dry run would be.
    sent: bool,
    bytes: u64,
    layers_sent: usize,
    layers_present: usize,
    #[serde(skip_serializing_if = "Option::is_none")]
    attempts: Option<usize>,
}

/// What was sent.
#[derive(Debug, Serialize)]
pub struct PushReport {
    from: String,
    to: String,
    environment: String,
    dry_run: bool,
    bytes: u64,
    /// Free bytes where the engine keeps images, if known.
    disk_free: Option<u64>,
    images: Vec<PushedImage>,
    #[serde(skip)]
    steps: Vec<String>,
}

/// Sends the images of these services, with or without those they depend on.
pub(super) async fn send(context: &Context, to: &str, services: &[String], deps: bool) -> Result<PushReport> {
    let context = &of_destination(context, to)?;
    let mut loaded = load_stack(context)?;
    let stack = loaded.take_stack_with(context, services)?;
    let images = images(&stack, &with_dependencies(&stack, services, deps)?);
    let (source, target) = engines(context, &loaded.project, to).await?;
    let references = images.keys().cloned().collect();
    let offers = Offers::load(context, source, &*target, &references).await?;
    refuse(&offers, to)?;
    let planning = |observed: &Observed| plan(&stack, &images, (observed, &offers));
    let transfers = Transfers::new(&loaded.name, target.clone(), &offers);
    let mut transaction = Transaction::new(context, target.clone(), loaded.scope(Some(&stack)), "push");
    transaction.transfers = Some(&transfers);
    let outcome = transaction.run(&planning).await?;
    let planned: BTreeMap<&str, &ImageTransfer> =
        outcome.plan.steps.iter().filter_map(|s| transfer(&s.operation)).collect();
    let sent = transfers.sent();
    let images: Vec<PushedImage> =
        images.keys().map(|image| pushed(image, planned.get(image.as_str()).copied(), sent.get(image))).collect();
    Ok(PushReport {
        from: offers.source.address.clone(),
        to: offers.engine.address.clone(),
        environment: to.to_owned(),
        dry_run: context.options.dry_run,
        bytes: images.iter().map(|image| image.bytes).sum(),
        disk_free: offers.room,
        images,
        steps: outcome.plan.lines(),
    })
}

/// The same context for the environment that gets the images.
fn of_destination(context: &Context, to: &str) -> Result<Context> {
    if context.options.environment.as_ref().is_some_and(|environment| environment != to) {
        let message = "`--env` and `--to` name different environments".to_owned();
        let hint = Some(format!("images come from this machine's engine: `aictl push --to {to}`"));
        return Err(WorkflowError::Usage { message, hint }.into());
    }
    let mut context = context.clone();
    context.options.environment = Some(to.to_owned());
    Ok(context)
}

/// Images with the first service that uses each.
fn images(stack: &Stack, selected: &BTreeSet<String>) -> BTreeMap<String, String> {
    let mut images = BTreeMap::new();
    let services = stack.services.iter().filter(|(name, s)| selected.contains(*name) && s.provider.is_none());
    for (name, service) in services {
        images.entry(service.image_or_default(&stack.name, name)).or_insert_with(|| name.clone());
    }
    images
}

/// The engine that images come from, and the one they go to.
async fn engines(
    context: &Context,
    project: &crate::project::LoadedProject,
    environment: &str,
) -> Result<(Source, Arc<dyn Target>)> {
    let target = destination(context, project)?.connect().await?;
    match source(context, &target.observe_engine().await?).await? {
        Some(source) => Ok((source, target)),
        None => {
            let message = format!("environment `{environment}` uses the engine that images come from");
            let hint = "name its engine with `target: { docker: { host: … } }` in aictl.yaml, or set DOCKER_HOST to the engine \
                        that has the images"
                .to_owned();
            Err(WorkflowError::Configuration { message, hint: Some(hint) }.into())
        }
    }
}

/// What cannot be sent is named before anything changes.
fn refuse(offers: &Offers, to: &str) -> Result<()> {
    let mut absent = Vec::new();
    for (image, standing) in offers.standings() {
        match standing {
            Standing::Absent => absent.push(image.clone()),
            Standing::OtherPlatform(found) => {
                let (image, found, engine) = (image.clone(), found.clone(), offers.engine.architecture.clone());
                return Err(ImageError::OtherPlatform { image, found, engine }.into());
            }
            Standing::Pinned => {
                let what = format!("sending image {image}, which is named by digest");
                let hint = format!("get it from its registry with `aictl pull --env {to}`");
                return Err(WorkflowError::Unsupported { what, hint }.into());
            }
            Standing::Offered(_) | Standing::Present => {}
        }
    }
    if absent.is_empty() {
        return Ok(());
    }
    Err(WorkflowError::NotOnEngine { images: absent, address: offers.source.address.clone() }.into())
}

/// One step for each image that the target lacks or has with another content.
fn plan(stack: &Stack, images: &BTreeMap<String, String>, (observed, offers): (&Observed, &Offers)) -> Result<Plan> {
    let mut plan = Plan { project: stack.name.clone(), ..Default::default() };
    let mut steps = TransferSteps::new(offers);
    for (image, service) in images {
        let found = observed.images.get(image);
        let same = offers.offer(image).is_none_or(|offer| found.is_some_and(|found| found.content == offer.content));
        if !same {
            let cause =
                if found.is_some() { "the engine has another image of this name" } else { "the image is not present" };
            steps.push(&mut plan, (service, image), cause);
        }
    }
    steps.check_room(&mut plan)?;
    Ok(plan)
}

fn transfer(operation: &Operation) -> Option<(&str, &ImageTransfer)> {
    match operation {
        Operation::Image(ImageOperation::Transfer(transfer)) => Some((&transfer.image, transfer)),
        _ => None,
    }
}

fn pushed(image: &str, planned: Option<&ImageTransfer>, sent: Option<&Sent>) -> PushedImage {
    let planned = planned.map(|transfer| (transfer.bytes, transfer.layers.len(), transfer.present));
    let (bytes, layers_sent, layers_present) =
        sent.map(|sent| (sent.bytes, sent.layers, sent.present)).or(planned).unwrap_or_default();
    PushedImage {
        image: image.to_owned(),
        sent: planned.is_some(),
        bytes,
        layers_sent,
        layers_present,
        attempts: sent.map(|sent| sent.attempts),
    }
}

impl Report for PushReport {
    fn blocks(&self) -> Vec<Block> {
        let line = |text: String, tone| Block::Line(vec![Cell::new(text, tone)]);
        let mut blocks = Vec::new();
        let same = self.images.iter().filter(|image| !image.sent);
        blocks.extend(same.map(|image| line(format!("unchanged {}", image.image), Tone::Plain)));
        if self.dry_run && !self.steps.is_empty() {
            blocks.extend(planned_blocks(&self.steps));
        }
        let (bytes, to) = (human::bytes(self.bytes), &self.to);
        let words = match (self.images.iter().any(|image| image.sent), self.dry_run) {
            (false, _) => format!("up to date: {to} has the images"),
            (true, true) => format!("{bytes} would be sent to {to}"),
            (true, false) => format!("{bytes} sent to {to}"),
        };
        blocks.push(line(words, Tone::Strong));
        blocks
    }

    fn json(&self) -> serde_json::Value {
        to_json(self)
    }
}
