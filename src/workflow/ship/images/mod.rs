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
use crate::session::report::Report;

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

/// Arguments of `images build`.
#[derive(Debug, Clone, Default, Args)]
pub struct BuildRecipesArgs {
    /// Recipes to build; by default those the project uses
    pub names: Vec<String>,
    /// Build all recipes
    #[arg(long, conflicts_with = "names")]
    pub all: bool,
    /// Do not use the build cache, and build even if nothing changed
    #[arg(long)]
    pub no_cache: bool,
    /// List the recipes
    #[arg(long, conflicts_with_all = ["names", "all", "no_cache"])]
    pub list: bool,
}

/// Arguments of `images ls` and `images summary`.
#[derive(Debug, Clone, Default, Args)]
pub struct ListArgs {
    /// Show all images on the engine
    #[arg(short = 'a', long)]
    pub all: bool,
}

/// Runs the action.
pub async fn run(context: &Context, args: ImagesArgs) -> Result<Box<dyn Report>> {
    match args.action {
        ImagesAction::Build(args) => build::run(context, args).await,
        ImagesAction::Ls(args) => listing::run(context, args).await,
        ImagesAction::Summary(args) => summary::run(context, args).await,
        ImagesAction::Prune => prune::run(context).await,
    }
}
