//! The result of a deploy or rollback.

use serde::Serialize;

use super::shipment::Shipment;
use crate::release::ReleaseCause;
use crate::session::Context;
use crate::session::report::{Block, Cell, Report, Tone, to_json};
use crate::session::steps_report::planned_blocks;
use crate::session::transaction::TransactionOutcome;

/// The report of a deploy or rollback.
#[derive(Debug, Serialize)]
pub struct ShipReport {
    /// The steps that were, or in a dry run would be, taken.
    pub steps: Vec<String>,
    /// Whether this was a dry run.
    pub dry_run: bool,
    /// Whether anything was changed.
    pub changed: bool,
    /// Strategy and reason by service.
    pub strategies: Vec<(String, String, String)>,
    /// The revision made.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub revision: Option<u32>,
    /// The revision that served before.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub was: Option<u32>,
    /// The revision that was gone back to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub restored: Option<u32>,
    /// Releases that a rollback passed over, with the reason.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub skipped: Vec<(u32, String)>,
    /// The secrets that got, or in a dry run would get, new values.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub rotated: Vec<String>,
    /// What the rehearsal before it found.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rehearsal: Option<serde_json::Value>,
    project: String,
}

impl ShipReport {
    pub(super) fn new(context: &Context, shipment: &Shipment, was: Option<u32>, outcome: TransactionOutcome) -> Self {
        let strategies = shipment.configuration.settings.strategies.iter();
        Self {
            steps: outcome.plan.lines(),
            dry_run: context.options.dry_run,
            changed: outcome.executed,
            strategies: strategies.map(|(name, c)| (name.clone(), c.word().to_owned(), c.cause.clone())).collect(),
            revision: outcome.number,
            was,
            restored: match shipment.cause {
                ReleaseCause::Deploy | ReleaseCause::Rotate => None,
                ReleaseCause::Rollback { to } => Some(to),
            },
            skipped: Vec::new(),
            rotated: shipment.rotated.clone(),
            rehearsal: None,
            project: shipment.configuration.stack.name.clone(),
        }
    }
}

impl Report for ShipReport {
    fn blocks(&self) -> Vec<Block> {
        let line = |text: String| Block::Line(vec![text.into()]);
        let mut blocks: Vec<Block> =
            self.skipped.iter().map(|(revision, why)| line(format!("release {revision} is skipped: {why}"))).collect();
        if self.dry_run {
            if !self.steps.is_empty() {
                let said =
                    self.strategies.iter().map(|(name, strategy, cause)| line(format!("{name}: {strategy}, {cause}")));
                blocks.extend(said);
            }
            let rotated = self.rotated.iter().map(|key| line(format!("{key}: would get a new value")));
            blocks.extend(rotated);
            blocks.extend(planned_blocks(&self.steps));
            return blocks;
        }
        let words = match (self.revision, self.restored, self.was) {
            (None, Some(to), _) => format!("up to date: release {to} already serves"),
            (None, None, Some(was)) => format!("up to date: release {was}"),
            (None, None, None) => "up to date".to_owned(),
            (Some(revision), Some(to), _) => format!("{}: release {revision}, same as {to}", self.project),
            (Some(revision), None, Some(was)) => format!("{}: release {revision}, was {was}", self.project),
            (Some(revision), None, None) => format!("{}: release {revision}", self.project),
        };
        blocks.extend(self.rotated.iter().map(|key| line(format!("{key}: has a new value"))));
        let tone = if self.revision.is_none() { Tone::Dim } else { Tone::Strong };
        blocks.push(Block::Line(vec![Cell::new(words, tone)]));
        blocks
    }

    fn json(&self) -> serde_json::Value {
        to_json(self)
    }
}
