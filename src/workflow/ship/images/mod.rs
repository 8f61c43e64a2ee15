//! `aictl images build|ls|summary|prune`: the images of the project and of the recipes.
//! Reads the engine, the recipes and, where there are any, the project's files.
//! Never touches an image a container uses.

mod build;
mod listing;
mod prune;
mod summary;

use clap::{Args, Subcommand};

use crate::error::Result;
use crate::session::Context;
use crate::session::report::one_of_reports;
use crate::session::steps_report::Done;
use build::BuildReport;
use listing::ListReport;
use summary::SummaryReport;

pub use build::BuildRecipesArgs;
pub use listing::ListArgs;

/// Build images from recipes, list and remove images
#[derive(Debug, Clone, Args)]
pub struct ImagesArgs {
    /// Action
    #[command(subcommand)]
    pub action: ImagesAction,
}

/// The actions of `images`.
#[derive(Debug, Clone, Subcommand)]
pub enum ImagesAction {
    /// Build images from the built-in recipes
    Build(BuildRecipesArgs),
    /// List the images of the project and of recipes
    Ls(ListArgs),
    /// Show disk usage of images by origin
    Summary(ListArgs),
    /// Remove unused images of the project and of recipes
    Prune,
}

one_of_reports! {
    /// What an action of `images` answers.
    pub enum ImagesReport {
        /// What was built, or the recipes there are.
        Built(BuildReport),
        /// The images.
        Listed(ListReport),
        /// What they take.
        Summed(SummaryReport),
        /// What was removed.
        Pruned(Done),
    }
}

/// Runs the action.
pub async fn run(context: &Context, args: ImagesArgs) -> Result<ImagesReport> {
    match args.action {
        ImagesAction::Build(args) => Ok(build::run(context, args).await?.into()),
        ImagesAction::Ls(args) => Ok(listing::run(context, args).await?.into()),
        ImagesAction::Summary(args) => Ok(summary::run(context, args).await?.into()),
        ImagesAction::Prune => Ok(prune::run(context).await?.into()),
    }
}
