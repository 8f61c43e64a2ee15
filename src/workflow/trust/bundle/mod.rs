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

/// Carry images, configuration and aictl itself in one file
#[derive(Debug, Clone, Args)]
pub struct BundleArgs {
    /// What to do
    #[command(subcommand)]
    pub action: BundleAction,
}

/// The actions of `bundle`.
#[derive(Debug, Clone, Subcommand)]
pub enum BundleAction {
    /// Write the images of the environment, the project's files and aictl into a file
    Save(SaveArgs),
    /// Verify a bundle, then load its images; with --to also unpack its files
    Load(LoadArgs),
}

/// Arguments of `bundle save`.
#[derive(Debug, Clone, Args)]
pub struct SaveArgs {
    /// The file to write: a tar of an OCI image layout
    pub bundle: PathBuf,
    /// Overwrite a file that is not a bundle
    #[arg(long)]
    pub force: bool,
    /// An earlier bundle: layers it has are left out, and loading needs them present
    #[arg(long, value_name = "BUNDLE")]
    pub base: Option<PathBuf>,
    /// Leave aictl itself out
    #[arg(long)]
    pub without_binary: bool,
}

/// Arguments of `bundle load`.
#[derive(Debug, Clone, Args)]
pub struct LoadArgs {
    /// The file to read
    pub bundle: PathBuf,
    /// Unpack the project's files into this directory; nothing there is overwritten
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
    let message = "a bundle is a file, and `-` names none".to_owned();
    let hint = Some(format!("`aictl bundle {verb} shop.tar`; a file of that name is `./-`"));
    Err(WorkflowError::Usage { message, hint }.into())
}
