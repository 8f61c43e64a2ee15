//! What can be wrong with references, recipes and bundles, as facts.
//! Reads nothing; every message names the thing and the reason.
//! Never speaks of an engine: that is `target`'s.

use crate::error::{ErrorKind, Hint};

/// A failure of the image room.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ImageError {
    /// Not a reference.
    #[error("`{reference}` is no image reference: {reason}")]
    InvalidReference { reference: String, reason: String },
    /// No recipe has this name.
    #[error("there is no recipe `{name}`{}", nearest.as_ref().map(|n| format!(" (did you mean `{n}`?)")).unwrap_or_default())]
    UnknownRecipe { name: String, nearest: Option<String>, known: Vec<String> },
    /// A recipe needs one that is not there.
    #[error("recipe `{recipe}` needs `{need}`, and there is no such recipe")]
    UnknownNeed { recipe: String, need: String },
    /// Recipes need each other.
    #[error("recipes need each other in a circle: {}", path.join(" -> "))]
    Cycle { path: Vec<String> },
    /// A recipe folder is not one.
    #[error("recipe `{recipe}`: {reason}")]
    BadRecipe { recipe: String, reason: String },
    /// A file could not be read or written.
    #[error("{path}: {reason}")]
    File { path: String, reason: String },
    /// The disk is full.
    #[error("no space left on the disk while writing {path}")]
    DiskFull { path: String },
    /// What an engine exported is not what was asked for.
    #[error("the engine's archive of images cannot be taken apart: {reason}")]
    BadArchive { reason: String },
    /// A bundle is truncated, altered, or no bundle at all.
    #[error("{file} is no whole bundle: {reason}")]
    BadBundle { file: String, reason: String },
    /// A bundle was written by a newer aictl.
    #[error("{file} has bundle format {found}, this aictl reads {supported}")]
    NewerBundle { file: String, found: u32, supported: u32 },
    /// A delta bundle needs layers of the earlier one.
    #[error("{file} holds only what changed, and {} layers of the earlier bundle are not here: {}", missing.len(), missing.join(", "))]
    Incomplete { file: String, missing: Vec<String> },
}

impl Hint for ImageError {
    fn kind(&self) -> ErrorKind {
        match self {
            Self::UnknownRecipe { .. } => ErrorKind::NotFound,
            Self::InvalidReference { .. } | Self::UnknownNeed { .. } | Self::Cycle { .. } | Self::BadRecipe { .. } => {
                ErrorKind::Config
            }
            _ => ErrorKind::Failed,
        }
    }

    fn hints(&self) -> Vec<String> {
        let hint = match self {
            Self::UnknownRecipe { known, .. } => format!("known: {}", known.join(", ")),
            Self::DiskFull { .. } => "free some space (`df -h` shows where) and run it again".to_owned(),
            Self::BadBundle { .. } => {
                "copy it again and compare `sha256sum` on both machines; nothing was loaded".to_owned()
            }
            Self::Incomplete { .. } => "load the earlier bundle first: `aictl bundle load EARLIER`".to_owned(),
            _ => return Vec::new(),
        };
        vec![hint]
    }
}
