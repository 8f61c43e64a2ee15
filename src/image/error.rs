//! What can be wrong with references, recipes and bundles, as facts.
//! Reads nothing; every message names the thing and the reason.
//! Errors of an engine are those of `target`.

use crate::error::{ErrorKind, Hint};
use crate::output_file::OutputError;

/// A failure of the image module.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ImageError {
    /// Not a reference.
    #[error("invalid image reference `{reference}`: {reason}")]
    InvalidReference { reference: String, reason: String },
    /// No recipe has this name.
    #[error("unknown recipe `{name}`{}", nearest.as_ref().map(|n| format!(" (did you mean `{n}`?)")).unwrap_or_default())]
    UnknownRecipe { name: String, nearest: Option<String>, known: Vec<String> },
    /// A recipe needs one that is not there.
    #[error("recipe `{recipe}` requires unknown recipe `{need}`")]
    UnknownNeed { recipe: String, need: String },
    /// Recipes need each other.
    #[error("recipe dependency cycle: {}", path.join(" -> "))]
    Cycle { path: Vec<String> },
    /// A recipe cannot be built on this machine.
    #[error("recipe `{recipe}` cannot be built here: {reason}")]
    CannotBuild { recipe: String, reason: String, remedy: String },
    /// No recipe builds an image, and no registry has such names.
    #[error("image {image} is not present: names below aictl/ are in no registry, {bundle}, and no recipe builds it{}", nearest.as_ref().map(|n| format!(" (did you mean `{n}`?)")).unwrap_or_default())]
    NoRecipe { image: String, bundle: String, nearest: Option<String> },
    /// Images that are needed are not on the engine.
    #[error("not on the engine: {}", images.join(", "))]
    Absent { images: Vec<String> },
    /// The engine does not run such images.
    #[error("image {image} is for {found}, the engine runs {engine}")]
    WrongArchitecture { image: String, found: String, engine: String },
    /// The engine that is to get an image does not run it.
    #[error("image {image} is for {found}, the engine runs {engine}")]
    OtherPlatform { image: String, found: String, engine: String },
    /// The engine took an image and has another one.
    #[error("the engine does not have {image} as {id} after loading it")]
    NotLoaded { image: String, id: String },
    /// A recipe folder is not one.
    #[error("recipe `{recipe}`: {reason}")]
    BadRecipe { recipe: String, reason: String },
    /// A file could not be read or written.
    #[error("{path}: {reason}")]
    File { path: String, reason: String },
    /// The disk is full.
    #[error("no space left on the disk while writing {path}")]
    DiskFull { path: String },
    /// A file could not be written, and what can be done about it.
    #[error("{message}")]
    Output { message: String, hints: Vec<String> },
    /// What an engine exported is not what was asked for.
    #[error("invalid image archive from the engine: {reason}")]
    BadArchive { reason: String },
    /// A bundle is truncated or altered.
    #[error("{file} is truncated or corrupt: {reason}")]
    BadBundle { file: String, reason: String },
    /// Nothing of it reads like a bundle.
    #[error("{file} is not an aictl bundle: {reason}")]
    NoBundle { file: String, reason: String },
    /// A bundle was written by a newer aictl.
    #[error("{file} has bundle format {found}, this aictl reads {supported}")]
    NewerBundle { file: String, found: u32, supported: u32 },
    /// A delta bundle needs layers of the earlier one.
    #[error("{file} is incremental, and {} layers of its base are missing: {}", missing.len(), missing.join(", "))]
    Incomplete { file: String, missing: Vec<String> },
}

impl From<OutputError> for ImageError {
    fn from(error: OutputError) -> Self {
        Self::Output { message: error.to_string(), hints: error.hints() }
    }
}

impl Hint for ImageError {
    fn kind(&self) -> ErrorKind {
        match self {
            Self::UnknownRecipe { .. } | Self::NoRecipe { .. } | Self::Absent { .. } => ErrorKind::NotFound,
            Self::InvalidReference { .. } | Self::UnknownNeed { .. } | Self::Cycle { .. } | Self::BadRecipe { .. } => {
                ErrorKind::Config
            }
            _ => ErrorKind::Failed,
        }
    }

    fn hints(&self) -> Vec<String> {
        let hint = match self {
            Self::Output { hints, .. } => return hints.clone(),
            Self::UnknownRecipe { known, .. } => format!("known: {}", known.join(", ")),
            Self::DiskFull { .. } => "free some space (check with `df -h`) and run it again".to_owned(),
            Self::BadBundle { .. } => {
                "nothing was loaded; copy it again and compare `sha256sum` on both machines".to_owned()
            }
            Self::NoBundle { .. } => {
                "nothing was loaded; create a bundle on a machine that has the images: `aictl bundle save FILE`"
                    .to_owned()
            }
            Self::CannotBuild { remedy, .. } => remedy.clone(),
            Self::NoRecipe { .. } => "list the recipes with `aictl images build --list`".to_owned(),
            Self::Absent { .. } => "get them with `aictl pull` or `aictl build`".to_owned(),
            Self::WrongArchitecture { engine, .. } => {
                format!("save the bundle on a machine of {engine}: `aictl bundle save FILE`; nothing was loaded")
            }
            Self::OtherPlatform { engine, .. } => {
                format!("build it for {engine}: `docker build --platform linux/{}`", super::architecture(engine))
            }
            Self::Incomplete { .. } => "load its base first: `aictl bundle load BASE`".to_owned(),
            _ => return Vec::new(),
        };
        vec![hint]
    }
}
