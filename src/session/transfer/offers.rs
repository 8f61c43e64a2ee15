//! Which images the engine of this machine offers, what they are made of, and what the target has.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use crate::error::Result;
use crate::event::{Event, human};
use crate::host::disk_space;
use crate::image::Reference;
use crate::image::bundle::{SurveyedImage, survey};
use crate::image::runs;
use crate::plan::{EngineInfo, ObservedImage, Scope};
use crate::session::engine_images::ENGINE_WIDE;
use crate::session::{Context, WorkflowError};
use crate::target::{Target, TargetError, bridge};

/// The engine that images come from.
#[derive(Clone)]
pub struct Source {
    /// Its address.
    pub address: String,
    /// The engine.
    pub target: Arc<dyn Target>,
    /// What images are called there where that differs.
    pub names: BTreeMap<String, String>,
}

impl Source {
    fn name_of(&self, reference: &str) -> String {
        self.names.get(reference).map_or(reference, String::as_str).to_owned()
    }
}

/// An image of the source as the target stands to it.
pub enum Standing {
    /// It can be sent.
    Offered(Offer),
    /// The target has the same image under this name.
    Present,
    /// The source does not have it.
    Absent,
    /// The target does not run images of this architecture.
    OtherPlatform(String),
    /// Its name contains a digest, which only a registry gives.
    Pinned,
}

/// An image that can be sent.
pub struct Offer {
    /// Its id on the source.
    pub id: String,
    /// See `ObservedImage::content`.
    pub content: String,
    /// What it is made of.
    pub image: Arc<SurveyedImage>,
}

/// The images of the source, and the target.
pub struct Offers {
    /// The source.
    pub source: Source,
    /// The target.
    pub engine: EngineInfo,
    /// Free bytes where the target keeps images, if that is known.
    pub room: Option<u64>,
    /// Images of the target.
    pub(super) present: Vec<ObservedImage>,
    standings: BTreeMap<String, Standing>,
}

/// Connects to the engine of this machine: DOCKER_HOST, DOCKER_CONTEXT, the current context or the default socket. `None` where
/// the target is that engine.
pub async fn source(context: &Context, engine: &EngineInfo) -> Result<Option<Source>> {
    let found = context.connector.locate(None)?.only();
    let endpoint = found.map_err(|names| WorkflowError::usage(format!("several engines: {}", names.join(", "))))?;
    if endpoint.address() == engine.address {
        return Ok(None);
    }
    Ok(Some(Source {
        address: endpoint.address().to_owned(),
        target: endpoint.connect().await?,
        names: BTreeMap::new(),
    }))
}

impl std::fmt::Debug for Offers {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Offers").field("from", &self.source.address).finish_non_exhaustive()
    }
}

impl Offers {
    /// Reads the images on the source, unless the target has them; nothing is changed.
    pub async fn load(
        context: &Context,
        source: Source,
        target: &dyn Target,
        references: &BTreeSet<String>,
    ) -> Result<Self> {
        let engine = target.observe_engine().await?;
        let names = references.iter().map(|reference| source.name_of(reference)).collect();
        let (here, there) = (images(&*source.target, &names).await?, images(target, references).await?);
        let present = target.need_images()?.observe_layers().await?;
        let data = Path::new(&engine.host.data_root);
        let seen = engine.local && data.is_absolute();
        let room = if seen { disk_space(data).ok().map(|space| space.free) } else { None };
        let mut offers = Self { source, engine, room, present, standings: BTreeMap::new() };
        for reference in references {
            let standing = offers
                .standing(context, reference, (here.get(&offers.source.name_of(reference)), there.get(reference)))
                .await?;
            offers.standings.insert(reference.clone(), standing);
        }
        Ok(offers)
    }

    /// How the target stands to an image.
    pub fn standings(&self) -> impl Iterator<Item = (&String, &Standing)> {
        self.standings.iter()
    }

    /// An image that can be sent.
    pub fn offer(&self, reference: &str) -> Option<&Offer> {
        match self.standings.get(reference) {
            Some(Standing::Offered(offer)) => Some(offer),
            _ => None,
        }
    }

    async fn standing(
        &self,
        context: &Context,
        reference: &str,
        (here, there): (Option<&ObservedImage>, Option<&ObservedImage>),
    ) -> Result<Standing> {
        if reference.parse::<Reference>().is_ok_and(|parsed| parsed.digest().is_some()) {
            return Ok(Standing::Pinned);
        }
        let Some(here) = here else { return Ok(Standing::Absent) };
        if there.is_some_and(|there| there.content == here.content) {
            return Ok(Standing::Present);
        }
        if !self.engine.architecture.is_empty() && !runs(&self.engine.architecture, &here.architecture) {
            return Ok(Standing::OtherPlatform(here.architecture.clone()));
        }
        let image = Arc::new(self.read(context, reference, here).await?);
        Ok(Standing::Offered(Offer { id: here.id.clone(), content: here.content.clone(), image }))
    }

    async fn read(&self, context: &Context, reference: &str, image: &ObservedImage) -> Result<SurveyedImage> {
        let (subject, began) = (format!("image {reference} on {}", self.source.address), Instant::now());
        let cause = "its layers are compared with those of the target".to_owned();
        context.reporter.report(Event::StepStarted { key: 0, verb: "read", subject: subject.clone(), cause });
        let result = self.surveyed(image).await;
        let took = began.elapsed();
        context.reporter.report(match &result {
            Ok(_) => {
                let detail = Some(human::bytes(image.size));
                Event::StepFinished { key: 0, verb: "Read", subject, detail, took }
            }
            Err(error) => Event::StepFailed { key: 0, verb: "read", subject, message: error.to_string(), took },
        });
        result
    }

    async fn surveyed(&self, image: &ObservedImage) -> Result<SurveyedImage> {
        let archive = self.source.target.need_images()?.export_images(std::slice::from_ref(&image.id)).await?;
        let (architecture, os) = (image.architecture.clone(), image.os.clone());
        Ok(bridge::read(archive, move |archive| survey(archive, (&architecture, &os))).await??)
    }
}

async fn images(
    target: &dyn Target,
    references: &BTreeSet<String>,
) -> std::result::Result<BTreeMap<String, ObservedImage>, TargetError> {
    let images = references.iter().cloned().collect();
    let scope = Scope { project: ENGINE_WIDE.to_owned(), images, ..Default::default() };
    Ok(target.observe(&scope).await?.images)
}
