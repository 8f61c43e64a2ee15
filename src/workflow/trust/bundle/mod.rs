//! `aictl bundle save|load`: the whole stack as one file, for machines without a registry.
//! Reads the project and the engine, or a bundle file; writes the file, or loads its images and unpacks its files.
//! Never puts a secret into a bundle, and loads nothing of a bundle that is not whole.

mod files;
mod load;
mod save;
mod unpack;

use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};

use crate::error::Result;
use crate::session::report::Report;
use crate::session::{Context, WorkflowError};

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

/// Arguments of `bundle save`.
#[derive(Debug, Clone, Args)]
pub struct SaveArgs {
    /// File to write, a tar of an OCI image layout
    pub bundle: PathBuf,
    /// Overwrite a file that is not a bundle
    #[arg(long)]
    pub force: bool,
    /// Earlier bundle whose layers are left out; they must be present when loading
    #[arg(long, value_name = "BUNDLE")]
    pub base: Option<PathBuf>,
    /// Do not include the aictl binary
    #[arg(long)]
    pub without_binary: bool,
}

/// Arguments of `bundle load`.
#[derive(Debug, Clone, Args)]
pub struct LoadArgs {
    /// File to read
    pub bundle: PathBuf,
    /// Also extract the project files to this directory; existing files are not overwritten
    #[arg(long, value_name = "DIR")]
    pub to: Option<PathBuf>,
}

/// Runs the action.
pub async fn run(context: &Context, args: BundleArgs) -> Result<Box<dyn Report>> {
    match args.action {
        BundleAction::Save(args) => save::run(context, args).await,
        BundleAction::Load(args) => load::run(context, args).await,
    }
}

/// A bundle is read more than once and appears by a rename: it is a file.
fn refuse_stream(file: &Path, verb: &str) -> Result<()> {
    if file != Path::new("-") {
        return Ok(());
    }
    let message = "a bundle must be a file, not `-`".to_owned();
    let hint = Some(format!("`aictl bundle {verb} shop.tar`; a file of that name is `./-`"));
    Err(WorkflowError::Usage { message, hint }.into())
}
