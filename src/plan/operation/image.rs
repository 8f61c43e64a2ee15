//! Operations on images: pull, build, load, remove.
//! Data and its description.
//! Never decides whether an image is needed.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde::Serialize;

use super::description::{Description, ENGINE_CALL, LONG_TRANSFER};
use super::summary;
use crate::compose::model::Build;
use crate::event::human;
use crate::image::Reference;
use crate::release::OperationKind;

/// Where an image is looked for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum ImageSource {
    /// The registry its name says.
    Registry,
    /// Another registry, under this name.
    Mirror { reference: String },
    /// A bundle file.
    Bundle { file: PathBuf },
    /// A recipe that stands for it: `builds` are made where they are absent, in this order, then `image` gets its name.
    Recipe { recipe: String, image: String, builds: Vec<RecipeBuild> },
    /// A source that is known not to have it, for the account of all sources.
    Excluded { source: String, reason: String },
}

/// An image to be built from a recipe this binary brings.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct RecipeBuild {
    /// Name of the recipe.
    pub recipe: String,
    /// What the image is called.
    pub image: String,
    /// Labels it gets.
    pub labels: BTreeMap<String, String>,
    /// Whether earlier builds are ignored.
    pub no_cache: bool,
}

/// An image of a bundle, by what it must be once it is on the engine.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct BundleImage {
    /// Its name.
    pub reference: String,
    /// Digest of its configuration.
    pub id: String,
    /// Digest of its manifest: the id on engines that keep images as registries do.
    pub manifest: String,
}

/// An image that comes from another engine: its configuration, and the layers that are missing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ImageTransfer {
    /// The first service that uses it.
    pub service: String,
    /// Its name on both engines.
    pub image: String,
    /// Its id on the engine it comes from.
    pub id: String,
    /// The address of that engine.
    pub from: String,
    /// Digests of the layers that are sent.
    pub layers: Vec<String>,
    /// How many layers are already there.
    pub present: usize,
    /// Bytes to be sent.
    pub bytes: u64,
}

impl RecipeBuild {
    fn subject(&self) -> String {
        format!("image {} from recipe {}", self.image, self.recipe)
    }
}

impl ImageTransfer {
    fn subject(&self) -> String {
        let (sent, all) = (self.layers.len(), self.layers.len() + self.present);
        let amount = format!("{sent} of {}, {}", human::count(all, "layer"), human::bytes(self.bytes));
        format!("image {} from {} ({amount})", self.image, self.from)
    }
}

/// A change of the images of an engine.
#[derive(Clone, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum ImageOperation {
    /// Makes an image present from the first of its sources that has it.
    Pull {
        service: String,
        image: String,
        platform: Option<String>,
        /// Where it is looked for, in this order; its registry alone when empty.
        sources: Vec<ImageSource>,
    },
    /// Builds the image of a recipe this binary brings.
    BuildRecipe(RecipeBuild),
    /// Builds a service's image and tags it.
    Build {
        service: String,
        image: String,
        #[serde(serialize_with = "summary::build")]
        build: Box<Build>,
        platform: Option<String>,
        no_cache: bool,
        pull: bool,
    },
    /// Loads images of a bundle file; each must then be what the bundle says.
    Load { bundle: PathBuf, images: Vec<BundleImage> },
    /// Sends an image of another engine, without the layers that are present.
    Transfer(ImageTransfer),
    /// Sends an image to the registry that its name says.
    Push { service: String, image: String },
    /// Gives an image, named by reference or id, another name: `repository:tag`; without a tag the one that keeps it for
    /// rollbacks, `release-ID`.
    Tag { service: String, image: String, repository: String, tag: Option<String> },
    /// Removes an image.
    Remove { image: String },
}

summary::debug_as_serialised!(ImageOperation);

/// Prefix of the tags that keep images for rollbacks.
const KEPT: &str = "release-";

/// The tag that keeps an image for rollbacks, from the image's id.
pub fn release_tag(id: &str) -> String {
    let digits = id.strip_prefix("sha256:").unwrap_or(id);
    format!("{KEPT}{}", digits.get(..12).unwrap_or(digits))
}

/// The repository of those tags.
pub fn release_repository(project: &str, service: &str) -> String {
    format!("{project}-{service}")
}

/// Whether a reference is such a tag.
pub fn is_release_tag(reference: &str) -> bool {
    let tag = reference.rsplit_once(':').map(|(_, tag)| tag).and_then(|tag| tag.strip_prefix(KEPT));
    tag.is_some_and(|id| id.len() == 12 && id.bytes().all(|b| b.is_ascii_hexdigit()))
}

/// An id as the engine's tools show it; a reference as it is.
fn short_id(image: &str) -> &str {
    image.strip_prefix("sha256:").and_then(|digits| digits.get(..12)).unwrap_or(image)
}

impl ImageSource {
    /// The source of an image in words: `registry docker.io`, `mirror mirror.local:5000`.
    pub fn words(&self, image: &str) -> String {
        let domain = |name: &str| name.parse::<Reference>().map(|r| r.domain().to_owned()).unwrap_or_default();
        match self {
            Self::Registry => format!("registry {}", domain(image)).trim_end().to_owned(),
            Self::Mirror { reference } => format!("mirror {reference}"),
            Self::Bundle { file } => format!("bundle {}", file.display()),
            Self::Recipe { recipe, .. } => format!("recipe {recipe}"),
            Self::Excluded { source, .. } => source.clone(),
        }
    }
}

impl ImageOperation {
    /// The image that is there, or another one than before, once this ended well.
    pub fn makes(&self) -> Option<&str> {
        match self {
            Self::Pull { image, .. } | Self::Build { image, .. } => Some(image),
            Self::BuildRecipe(build) => Some(&build.image),
            Self::Transfer(transfer) => Some(&transfer.image),
            Self::Load { .. } | Self::Push { .. } | Self::Tag { .. } | Self::Remove { .. } => None,
        }
    }

    pub(in crate::plan) fn describe(&self) -> Description {
        let of = |kind, (infinitive, participle), subject, service: &str, deadline| Description {
            kind,
            infinitive,
            participle,
            subject,
            service: (!service.is_empty()).then(|| service.to_owned()),
            deadline,
        };
        match self {
            Self::Pull { service, image, sources, .. } => {
                let words = fetched(sources);
                of(OperationKind::PullImage, words, format!("image {image}"), service, LONG_TRANSFER)
            }
            Self::BuildRecipe(build) => {
                of(OperationKind::BuildRecipe, ("build", "Built"), build.subject(), "", LONG_TRANSFER)
            }
            Self::Build { service, image, .. } => {
                let subject = format!("image {image} of {service}");
                of(OperationKind::BuildImage, ("build", "Built"), subject, service, LONG_TRANSFER)
            }
            Self::Load { images, .. } => {
                of(OperationKind::LoadImage, ("load", "Loaded"), load_subject(images), "", LONG_TRANSFER)
            }
            Self::Transfer(transfer) => {
                let (kind, words) = (OperationKind::TransferImage, ("transfer", "Transferred"));
                of(kind, words, transfer.subject(), &transfer.service, LONG_TRANSFER)
            }
            Self::Push { service, image } => {
                of(OperationKind::PushImage, ("push", "Pushed"), format!("image {image}"), service, LONG_TRANSFER)
            }
            Self::Tag { service, image, repository, tag } => {
                let subject = tag_subject(image, repository, tag.as_deref());
                of(OperationKind::TagImage, ("tag", "Tagged"), subject, service, ENGINE_CALL)
            }
            Self::Remove { image } => {
                of(OperationKind::RemoveImage, ("remove", "Removed"), format!("image {image}"), "", ENGINE_CALL)
            }
        }
    }
}

/// The words for an image that comes from the first of its sources.
fn fetched(sources: &[ImageSource]) -> (&'static str, &'static str) {
    let loaded = matches!(sources, [ImageSource::Bundle { .. }]);
    if loaded { ("load", "Loaded") } else { ("pull", "Pulled") }
}

fn load_subject(images: &[BundleImage]) -> String {
    let names: Vec<&str> = images.iter().map(|image| image.reference.as_str()).collect();
    match names.as_slice() {
        [one] => format!("image {one}"),
        several => format!("images {}", several.join(", ")),
    }
}

fn tag_subject(image: &str, repository: &str, tag: Option<&str>) -> String {
    let name = tag.map_or_else(|| repository.to_owned(), |tag| format!("{repository}:{tag}"));
    format!("image {} as {name}", short_id(image))
}
