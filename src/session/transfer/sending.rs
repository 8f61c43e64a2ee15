//! Sends an image: the layers it builds on are protected, a transfer that was cut is repeated, one that the target rejects is
//! repeated with all layers, and the image gets its name last. On failure the target is left as it was.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use tokio::sync::watch;

use super::attempt::Attempt;
use super::offers::{Offer, Offers};
use crate::event::{Reporter, human};
use crate::execute::TransferRunner;
use crate::image::Digest;
use crate::plan::blue_green::retag;
use crate::plan::transfer::{LayerChoice, all_layers, missing_layers};
use crate::plan::{ImageOperation, ImageStore, ImageTransfer, ObservedImage, Operation, Outcome};
use crate::target::{Target, TargetError};

/// Repository of the tags that keep the layers a transfer builds on.
const PROTECTED: &str = "aictl-transfer";
/// How often a transfer that was cut is repeated.
const REPEATS: u32 = 3;
/// Wait before the first repetition; each further wait is twice as long.
const BACK_OFF: Duration = Duration::from_secs(1);

/// What a transfer took.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Sent {
    /// Bytes of all attempts.
    pub bytes: u64,
    /// Layers sent by the last one.
    pub layers: usize,
    /// Layers that were there.
    pub present: usize,
    /// Number of attempts.
    pub attempts: usize,
}

/// Sends images of the source.
pub struct Transfers<'a> {
    project: &'a str,
    target: Arc<dyn Target>,
    offers: &'a Offers,
    sent: Mutex<BTreeMap<String, Sent>>,
}

impl<'a> Transfers<'a> {
    /// Transfers to a target for a project, which is locked.
    pub fn new(project: &'a str, target: Arc<dyn Target>, offers: &'a Offers) -> Self {
        Self { project, target, offers, sent: Mutex::default() }
    }

    /// What was sent so far, by image.
    pub fn sent(&self) -> BTreeMap<String, Sent> {
        self.sent.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

#[async_trait]
impl TransferRunner for Transfers<'_> {
    async fn transfer(
        &self,
        transfer: &ImageTransfer,
        progress: (usize, &dyn Reporter),
        mut stop: watch::Receiver<bool>,
    ) -> Result<Option<Outcome>, TargetError> {
        let image = &transfer.image;
        let offer = self.offers.offer(image).filter(|offer| offer.id == transfer.id);
        let offer = offer.ok_or_else(|| TargetError::NotFound { kind: "image", name: image.clone() })?;
        let (config, manifest) = offer.image.ids();
        let id = match self.offers.engine.host.image_store {
            ImageStore::Classic => config,
            ImageStore::Containerd => manifest,
        };
        let sending = Sending {
            transfers: self,
            offer,
            image,
            id: id.to_string(),
            mark: Digest::of(format!("{}/{image}", self.project).as_bytes()).short().to_owned(),
            progress,
            undo: Mutex::default(),
            bytes: Arc::default(),
            attempts: AtomicUsize::new(0),
        };
        let result = tokio::select! {
            result = sending.run() => Some(result),
            _ = stop.wait_for(|stop| *stop) => None,
        };
        sending.clean_up().await;
        let Some(choice) = result.transpose()? else { return Ok(None) };
        let (layers, present) = (choice.sent.len(), offer.image.layers.len() - choice.sent.len());
        let attempts = sending.attempts.load(Ordering::SeqCst);
        let sent = Sent { bytes: sending.bytes.load(Ordering::SeqCst), layers, present, attempts };
        let again = if attempts > 1 { format!(" in {attempts} attempts") } else { String::new() };
        let detail = Some(human::bytes(sent.bytes) + &again);
        self.sent.lock().unwrap_or_else(PoisonError::into_inner).insert(image.clone(), sent);
        Ok(Some(Outcome { id: Some(sending.id), detail, ..Default::default() }))
    }
}

/// One image.
struct Sending<'a> {
    transfers: &'a Transfers<'a>,
    offer: &'a Offer,
    image: &'a str,
    /// The id it has on the target.
    id: String,
    /// Identifies project and image in the tags of images that are protected.
    mark: String,
    progress: (usize, &'a dyn Reporter),
    /// What to remove from the target at the end.
    undo: Mutex<BTreeSet<String>>,
    bytes: Arc<AtomicU64>,
    attempts: AtomicUsize,
}

impl Sending<'_> {
    async fn run(&self) -> Result<LayerChoice, TargetError> {
        let (mut whole, mut cuts) = (false, 0);
        loop {
            self.attempts.fetch_add(1, Ordering::SeqCst);
            let error = match self.attempt(whole).await {
                Ok(choice) => return Ok(choice),
                Err(error) => error,
            };
            let mut wait = Duration::ZERO;
            let again = if is_cut(&error) && cuts < REPEATS {
                wait = BACK_OFF * 2u32.pow(cuts);
                cuts += 1;
                "retrying"
            } else if is_rejected(&error) && !whole {
                whole = true;
                "retrying with all layers"
            } else {
                return Err(self.failed(error));
            };
            self.progress.1.warn(format!("the transfer of {} failed: {error}; {again}", self.image));
            tokio::time::sleep(wait).await;
        }
    }

    async fn attempt(&self, whole: bool) -> Result<LayerChoice, TargetError> {
        let target = &*self.transfers.target;
        let present = target.need_images()?.observe_layers().await?;
        let layers: Vec<String> = self.offer.image.layers.iter().map(|layer| layer.diff_id.to_string()).collect();
        let choice =
            if whole { all_layers(&layers) } else { missing_layers(&layers, &present, &self.transfers.offers.engine) };
        self.protect(&choice, &present).await?;
        if !present.iter().any(|image| image.id == self.id) {
            self.undo().insert(self.id.clone());
        }
        let source = &*self.transfers.offers.source.target;
        let attempt = Attempt { offer: self.offer, source, target, id: &self.id, progress: self.progress };
        attempt.run(&choice, &self.bytes).await?;
        self.perform(&retag(&self.id, self.image, "")).await?;
        self.undo().remove(&self.id);
        Ok(choice)
    }

    /// Gives the images below a name until the end, so that no prune removes them; tags of a run that was killed are removed too.
    async fn protect(&self, choice: &LayerChoice, present: &[ObservedImage]) -> Result<(), TargetError> {
        let ours = format!("{PROTECTED}:{}-", self.mark);
        let left = present.iter().flat_map(|image| &image.references).filter(|name| name.starts_with(&ours));
        self.undo().extend(left.cloned());
        for base in &choice.bases {
            let digits = base.strip_prefix("sha256:").unwrap_or(base);
            let name = format!("{ours}{}", digits.get(..12).unwrap_or(digits));
            self.undo().insert(name.clone());
            self.perform(&retag(base, &name, "")).await?;
        }
        Ok(())
    }

    async fn perform(&self, operation: &Operation) -> Result<Outcome, TargetError> {
        let (key, reporter) = self.progress;
        self.transfers.target.perform(operation, key, reporter).await
    }

    /// Removes the names that protected images, and an image that was not verified.
    async fn clean_up(&self) {
        let left = std::mem::take(&mut *self.undo());
        // The names first: an image goes only after them.
        let (ids, names): (Vec<_>, Vec<_>) = left.into_iter().partition(|image| *image == self.id);
        for image in names.into_iter().chain(ids) {
            let removed = self.perform(&Operation::Image(ImageOperation::Remove { image: image.clone() })).await;
            if let Err(error) = removed {
                self.progress.1.warn(format!("image {image} was not removed: {error}"));
            }
        }
    }

    fn undo(&self) -> std::sync::MutexGuard<'_, BTreeSet<String>> {
        self.undo.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn failed(&self, error: TargetError) -> TargetError {
        if !is_cut(&error) && !is_rejected(&error) {
            return error;
        }
        TargetError::NotTransferred {
            image: self.image.to_owned(),
            to: self.transfers.offers.engine.address.clone(),
            attempts: self.attempts.load(Ordering::SeqCst),
            reason: error.to_string(),
        }
    }
}

/// The connection broke.
fn is_cut(error: &TargetError) -> bool {
    matches!(error, TargetError::Unreachable { .. } | TargetError::Broken { .. } | TargetError::NoAnswer { .. })
}

/// The target did not take the image: a layer it was thought to have is not there.
fn is_rejected(error: &TargetError) -> bool {
    matches!(error, TargetError::Refused { .. } | TargetError::NotFound { .. })
}
