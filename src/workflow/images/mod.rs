//! `aictl images build|ls|summary|prune`: the images of the project and of the recipes.
//! Reads the engine, the recipes and, where there are any, the project's files.
//! Never touches an image a container uses.

mod build;
mod listing;
mod prune;
mod sources;
mod summary;
mod supplies;
mod wanted;

use clap::{Args, Subcommand};

use super::load::{LoadedStack, docker_host, load_named, load_project_file};
use super::report::Report;
use crate::compose::ComposeError;
use crate::error::Result;
use crate::target::Target;
use crate::workflow::Context;

pub use sources::{Freshness, RecipeSteps};
pub use supplies::Supplies;
pub use wanted::{ImageOptions, Only, PullWhen, plan_images};

/// The name under which changes of images that belong to no project exclude each other.
pub(super) const ENGINE_WIDE: &str = "aictl-images";

/// Build images from recipes; list, measure and remove images
#[derive(Debug, Clone, Args)]
pub struct ImagesArgs {
    /// What to do
    #[command(subcommand)]
    pub action: ImagesAction,
}

/// The actions of `images`.
#[derive(Debug, Clone, Subcommand)]
pub enum ImagesAction {
    /// Build images from the recipes this binary brings: without names those the project uses
    Build(BuildRecipesArgs),
    /// List the images of the project and of recipes
    Ls(ListArgs),
    /// Show how much disk the images take, by where they came from
    Summary(ListArgs),
    /// Remove images of the project and of recipes that no container uses; says which and asks first
    Prune,
}

/// Arguments of `images build`.
#[derive(Debug, Clone, Default, Args)]
pub struct BuildRecipesArgs {
    /// Recipes; see `images build --list`
    pub names: Vec<String>,
    /// Every recipe
    #[arg(long, conflicts_with = "names")]
    pub all: bool,
    /// Ignore what earlier builds left, and build although nothing changed
    #[arg(long)]
    pub no_cache: bool,
    /// List the recipes and build nothing
    #[arg(long)]
    pub list: bool,
}

/// Arguments of `images ls` and `images summary`.
#[derive(Debug, Clone, Default, Args)]
pub struct ListArgs {
    /// Every image on the engine
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

/// The project here, when there is one: recipes need none.
fn project(context: &Context) -> Result<Option<LoadedStack>> {
    match load_named(context) {
        Ok(loaded) => Ok(Some(loaded)),
        Err(error) if matches!(error.downcast_ref::<ComposeError>(), Some(ComposeError::NotFound { .. })) => Ok(None),
        Err(error) => Err(error),
    }
}

/// The engine of the project here, or the one the surroundings name.
pub(super) async fn engine(context: &Context, project: Option<&LoadedStack>) -> Result<std::sync::Arc<dyn Target>> {
    match project {
        Some(loaded) => loaded.connect(context).await,
        None => {
            let host = load_project_file(context).ok().and_then(|project| docker_host(&project));
            Ok(context.connector.connect(host.as_deref()).await?)
        }
    }
}
