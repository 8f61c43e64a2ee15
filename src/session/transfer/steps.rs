//! The steps that send images: one after the other, as the layers of one are there for the next.

use std::collections::BTreeSet;

use super::offers::Offers;
use crate::event::human;
use crate::image::Digest;
use crate::plan::transfer::missing_layers;
use crate::plan::{ImageOperation, ImageTransfer, ObservedImage, Phase, Plan, StepId};
use crate::target::TargetError;

/// An engine unpacks what it was sent before it removes the archive.
const COPIES: u64 = 2;

/// The transfers of one plan.
pub struct TransferSteps<'o> {
    offers: &'o Offers,
    present: Vec<ObservedImage>,
    last: Option<StepId>,
    bytes: u64,
}

impl<'o> TransferSteps<'o> {
    /// None yet.
    pub fn new(offers: &'o Offers) -> Self {
        Self { offers, present: offers.present.clone(), last: None, bytes: 0 }
    }

    /// Adds the step that sends an image; none when it is not offered.
    pub fn push(&mut self, plan: &mut Plan, (service, image): (&str, &str), cause: &str) -> Option<StepId> {
        let offer = self.offers.offer(image)?;
        let layers: Vec<String> = offer.image.layers.iter().map(|layer| layer.diff_id.to_string()).collect();
        let choice = missing_layers(&layers, &self.present, &self.offers.engine);
        let sent: Vec<Digest> = choice.sent.iter().map(|at| offer.image.layers[*at].digest.clone()).collect();
        let transfer = ImageTransfer {
            service: service.to_owned(),
            image: image.to_owned(),
            id: offer.id.clone(),
            from: self.offers.source.address.clone(),
            layers: sent.iter().map(Digest::to_string).collect(),
            present: layers.len() - sent.len(),
            bytes: offer.image.archive_size(&sent.into_iter().collect::<BTreeSet<_>>()),
        };
        self.bytes += transfer.bytes;
        self.present.push(ObservedImage { id: offer.id.clone(), layers, ..Default::default() });
        let after: Vec<StepId> = self.last.into_iter().collect();
        let step = plan.push(Phase::Prepare, ImageOperation::Transfer(transfer), cause, &after);
        self.last = Some(step);
        Some(step)
    }

    /// Fails if the target's disk is too small for all of them; what is not known is a warning.
    pub fn check_room(&self, plan: &mut Plan) -> Result<(), TargetError> {
        if self.bytes == 0 {
            return Ok(());
        }
        let needed = self.bytes.saturating_mul(COPIES);
        let engine = &self.offers.engine;
        match self.offers.room {
            Some(free) if free < needed => Err(TargetError::DiskFull {
                operation: "transferring images".to_owned(),
                reason: format!(
                    "{} are needed in {}, {} are free",
                    human::bytes(needed),
                    engine.host.data_root,
                    human::bytes(free)
                ),
            }),
            Some(_) => Ok(()),
            None => {
                let needed = human::bytes(needed);
                plan.warnings
                    .push(format!("the free disk space of {} is unknown; {needed} are needed", engine.address));
                Ok(())
            }
        }
    }
}
