//! `aictl bundle save|load`: the whole stack as one file, for machines without a registry.
//! Reads the project and the engine, or a bundle file; writes the file, or loads its images and unpacks its files.
//! Never puts a secret into a bundle, and loads nothing of a bundle that is not whole.

mod bundle_path;
mod files;
mod load;
mod save;
mod secret_content;
mod unpack;

use clap::{Args, Subcommand};

use crate::error::Result;
use crate::session::Context;
use crate::session::report::one_of_reports;
use load::LoadReport;
use save::SaveAnswer;

pub use load::LoadArgs;
pub use save::SaveArgs;

/// Save or load images and configuration as one file
#[derive(Debug, Clone, Args)]
pub struct BundleArgs {
    /// Action
    #[command(subcommand)]
    pub action: BundleAction,
}

/// The actions of `bundle`.
#[derive(Debug, Clone, Subcommand)]
pub enum BundleAction {
    /// Save the images, the project files and aictl to a bundle
    Save(SaveArgs),
    /// Verify a bundle and load its images
    Load(LoadArgs),
}

one_of_reports! {
    /// Report of an action of `bundle`.
    pub enum BundleReport {
        /// What was saved.
        Saved(SaveAnswer),
        /// What was loaded.
        Loaded(LoadReport),
    }
}

/// Runs the action.
pub async fn run(context: &Context, args: BundleArgs) -> Result<BundleReport> {
    match args.action {
        BundleAction::Save(args) => Ok(save::run(context, args).await?.into()),
        BundleAction::Load(args) => Ok(load::run(context, args).await?.into()),
    }
}
