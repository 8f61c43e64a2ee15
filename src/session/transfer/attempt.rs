//! One attempt: chosen layers are streamed to the target, and what it then has is verified.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use futures_util::StreamExt;

use super::offers::Offer;
use crate::event::{Event, Reporter};
use crate::image::Digest;
use crate::plan::transfer::LayerChoice;
use crate::target::{ByteStream, Target, TargetError, bridge};

/// Interval of progress reports.
const TICK: Duration = Duration::from_millis(200);
/// A connection over which nothing goes for this long is cut.
const STALLED: Duration = Duration::from_secs(120);
/// Before the first byte an engine may copy the whole image.
const FIRST_BYTE: Duration = Duration::from_secs(1800);

/// An image under way.
pub(super) struct Attempt<'a> {
    pub(super) offer: &'a Offer,
    pub(super) source: &'a dyn Target,
    pub(super) target: &'a dyn Target,
    /// The id it will have there.
    pub(super) id: &'a str,
    pub(super) progress: (usize, &'a dyn Reporter),
}

impl Attempt<'_> {
    /// Sends the chosen layers and verifies the image, which has no name yet. `sent` counts the bytes.
    pub(super) async fn run(&self, choice: &LayerChoice, sent: &Arc<AtomicU64>) -> Result<(), TargetError> {
        let image = Arc::clone(&self.offer.image);
        let wanted: BTreeSet<Digest> = choice.sent.iter().map(|at| image.layers[*at].digest.clone()).collect();
        let total = image.archive_size(&wanted);
        let layers: Vec<String> = image.layers.iter().map(|layer| layer.diff_id.to_string()).collect();
        let export = self.source.need_images()?.export_images(std::slice::from_ref(&self.offer.id)).await?;
        let archive = bridge::filtered(export, move |from, to| image.write_archive(&wanted, from, to));
        let images = self.target.need_images()?;
        self.watched(images.import_images(counted(archive, sent)), (sent, total)).await?;
        images.check_image(self.id, &layers).await
    }

    /// Reports progress; fails when the stream stalls.
    async fn watched(
        &self,
        load: impl Future<Output = Result<(), TargetError>>,
        (sent, total): (&AtomicU64, u64),
    ) -> Result<(), TargetError> {
        let began = sent.load(Ordering::SeqCst);
        let (mut last, mut since) = (began, Instant::now());
        let mut load = std::pin::pin!(load);
        loop {
            tokio::select! {
                loaded = &mut load => return loaded,
                () = tokio::time::sleep(TICK) => {}
            }
            let now = sent.load(Ordering::SeqCst);
            let patience = if now == began { FIRST_BYTE } else { STALLED };
            if now > last {
                (last, since) = (now, Instant::now());
                let (key, reporter) = self.progress;
                let (done, total) = (Some(now - began), Some(total));
                reporter.report(Event::StepProgressed { key, message: "sending".to_owned(), done, total });
            } else if now - began < total && since.elapsed() >= patience {
                return Err(TargetError::NoAnswer { what: "sending an image".to_owned(), after: patience });
            }
        }
    }
}

fn counted(archive: ByteStream, sent: &Arc<AtomicU64>) -> ByteStream {
    let sent = Arc::clone(sent);
    Box::pin(archive.inspect(move |chunk| {
        if let Ok(chunk) = chunk {
            sent.fetch_add(chunk.len() as u64, Ordering::SeqCst);
        }
    }))
}
