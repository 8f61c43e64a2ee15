//! Continuing a bake that was interrupted: what was seen since the switch decides whether the new release stays.

use std::sync::Arc;

use super::releases::Releases;
use super::ship::{ShipReport, Shipment, Shipping};
use crate::error::Result;
use crate::plan::blue_green::OtherSide;
use crate::release::{Record, RecordPhase};
use crate::session::load::LoadedStack;
use crate::session::{Context, WorkflowError};
use crate::target::Target;

/// A bake to continue.
pub struct Resuming<'a> {
    /// The context of the verb.
    pub context: &'a Context,
    /// The project.
    pub loaded: &'a LoadedStack,
    /// The engine.
    pub target: &'a Arc<dyn Target>,
    /// Whether a bake that saw nothing fails.
    pub strict: bool,
}

impl Resuming<'_> {
    /// Watches the release that bakes until its window has passed, then removes the old side, or switches back.
    /// Nothing where no release bakes.
    pub async fn resume(&self, releases: &Releases) -> Result<Option<ShipReport>> {
        let Some(baking) = releases.baking() else { return Ok(None) };
        let Resuming { context, loaded, target, strict } = *self;
        let record = self.record(baking.revision).await?;
        let switched = record.release.as_ref().and_then(|release| release.switched.clone());
        let configuration = releases.configuration(&**target, baking).await?;
        let shipment = Shipment {
            message: baking.release.message.clone(),
            other_side: OtherSide::Judge { since: switched.unwrap_or(record.time.clone()) },
            resumes: Some(record),
            strict,
            ..Shipment::deploy(configuration)
        };
        let shipping = Shipping { context, loaded, target: target.clone(), releases, approval: None, data: None };
        shipping.ship(&shipment).await.map(Some)
    }

    /// The record that was written when the bake started.
    async fn record(&self, revision: u32) -> Result<Record> {
        let records = self.target.load_records(&self.loaded.name).await?;
        let found = records.into_iter().find(|r| r.sequence == revision && r.phase == RecordPhase::Baking);
        let project = self.loaded.name.clone();
        Ok(found.ok_or(WorkflowError::NoOperation { project, number: revision, newest: None })?)
    }
}
