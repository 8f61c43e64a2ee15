//! `aictl bundle load`: verifies every byte of a bundle, then loads its images and unpacks its files.
//! Reads the file and the engine; returns what was loaded, with the digests that were held against each other.
//! Never loads anything of a bundle that is truncated, altered, incomplete or for other machines.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Instant;

use clap::Args;
use serde::Serialize;

use super::bundle_path::refuse_stream;
use super::unpack;
use crate::error::Result;
use crate::event::{Event, Reporter, human};
use crate::image::bundle::{Bundle, BundledImage};
use crate::image::{Digest, ImageError, architecture, runs};
use crate::input_file::LocalFiles;
use crate::plan::{BundleImage, ImageOperation, ObservedImage, Phase, Plan, Scope};
use crate::session::engine_images::{ENGINE_WIDE, engine};
use crate::session::report::{Block, Cell, Report, Tone, to_json};
use crate::session::transaction::Transaction;
use crate::session::{Context, WorkflowError};
use crate::target::Target;

#[derive(Debug, Clone, Serialize)]
struct LoadedImage {
    reference: String,
    /// The digest of the configuration in the bundle, which the engine's id was found to be.
    id: String,
    /// The digest of the OCI manifest, as `bundle save` printed it.
    manifest: String,
    loaded: bool,
}

/// Arguments of `bundle load`.
#[derive(Debug, Clone, Args)]
pub struct LoadArgs {
    /// File to read; may be compressed with gzip
    pub bundle: PathBuf,
    /// Also extract the project files to this directory; existing files are not overwritten
    #[arg(long, value_name = "DIR")]
    pub to: Option<PathBuf>,
}

/// What was loaded.
#[derive(Debug, Serialize)]
pub struct LoadReport {
    bundle: PathBuf,
    project: String,
    environment: Option<String>,
    dry_run: bool,
    images: Vec<LoadedImage>,
    directory: Option<PathBuf>,
    files: Vec<String>,
    absent_files: Vec<String>,
}

/// Loads.
pub(super) async fn run(context: &Context, args: LoadArgs) -> Result<LoadReport> {
    let (path, directory) = places(context, &args)?;
    let bundle = verified(context, &path).await?;
    if let Some(directory) = &directory {
        unpack::check(directory, &bundle)?;
    }
    let target = engine(context, None).await?;
    let architecture = architecture(&target.observe_engine().await?.architecture).to_owned();
    let present = target.need_images()?.observe_images().await?;
    let wanted: Vec<BundledImage> =
        bundle.contents().images.iter().filter(|image| !is_there(&present, image)).cloned().collect();
    check_architecture(&wanted, &architecture)?;
    check_layers(&bundle, &path, &wanted, &present)?;
    let mut absent_files = Vec::new();
    if !context.options.dry_run {
        if !wanted.is_empty() {
            load(context, target, &path, &wanted).await?;
        }
        if let Some(directory) = &directory {
            absent_files = unpack::unpack(directory, &bundle)?;
        }
    }
    let image = |image: &BundledImage| LoadedImage {
        reference: image.reference.clone(),
        id: image.id.to_string(),
        manifest: image.manifest.digest.to_string(),
        loaded: wanted.contains(image),
    };
    let contents = bundle.contents();
    Ok(LoadReport {
        bundle: path,
        project: contents.project.clone(),
        environment: contents.environment.clone(),
        dry_run: context.options.dry_run,
        images: contents.images.iter().map(image).collect(),
        files: directory.iter().flat_map(|_| contents.files.iter().map(|file| file.path.clone())).collect(),
        directory,
        absent_files,
    })
}

/// The bundle, and where its files go; that need not exist yet.
fn places(context: &Context, args: &LoadArgs) -> Result<(PathBuf, Option<PathBuf>)> {
    refuse_stream(&args.bundle, "load")?;
    let path = context.cwd.join(&args.bundle);
    let Some(to) = &args.to else { return Ok((path, None)) };
    let directory = context.cwd.join(to);
    if directory.exists() && !directory.is_dir() {
        let message = format!("{} is not a directory", to.display());
        let hint = Some("nothing was loaded; name a new or existing directory: `--to DIR`".to_owned());
        return Err(WorkflowError::Usage { message, hint }.into());
    }
    Ok((path, Some(directory)))
}

/// Reads the whole file once.
async fn verified(context: &Context, path: &Path) -> Result<Arc<Bundle>> {
    let (path, reporter, subject) = (path.to_owned(), context.reporter.clone(), format!("bundle {}", path.display()));
    let began = Instant::now();
    let cause = "a truncated or corrupt bundle is not loaded".to_owned();
    reporter.report(Event::StepStarted { key: 0, verb: "verify", subject: subject.clone(), cause });
    let told = reporter.clone();
    let verify = move || {
        let bundle = Bundle::open(&path, &LocalFiles)?;
        let total = bundle.size();
        let mut step = Step { reporter: &*told, total, last: 0 };
        bundle.verify(&bundle.contents().images.iter().collect::<Vec<_>>(), true, &mut |read| step.tell(read))?;
        Ok::<_, ImageError>(bundle)
    };
    let result = tokio::task::spawn_blocking(verify).await;
    let result = result.map_err(|e| WorkflowError::File { path: "bundle".into(), reason: e.to_string() })?;
    let took = began.elapsed();
    match result {
        Ok(bundle) => {
            let detail = Some(human::bytes(bundle.size()));
            reporter.report(Event::StepFinished { key: 0, verb: "Verified", subject, detail, took });
            Ok(Arc::new(bundle))
        }
        Err(error) => {
            reporter.report(Event::StepFailed { key: 0, verb: "verify", subject, message: error.to_string(), took });
            Err(error.into())
        }
    }
}

/// Tells progress every few megabytes.
struct Step<'s> {
    reporter: &'s dyn Reporter,
    total: u64,
    last: u64,
}

impl Step<'_> {
    fn tell(&mut self, read: u64) {
        if read - self.last >= 8 << 20 {
            self.last = read;
            let (done, total) = (Some(read), Some(self.total));
            self.reporter.report(Event::StepProgressed { key: 0, message: "reading".to_owned(), done, total });
        }
    }
}

/// Whether the engine has this very image under this very name.
fn is_there(present: &[ObservedImage], image: &BundledImage) -> bool {
    let same = |found: &&ObservedImage| is_same(found, image);
    present.iter().filter(same).any(|found| found.references.contains(&image.reference))
}

/// An engine's id is the digest of the configuration, or of the manifest where it keeps images as registries do.
fn is_same(found: &ObservedImage, image: &BundledImage) -> bool {
    [&image.id, &image.manifest.digest].iter().any(|digest| digest.to_string() == found.id)
}

/// Whether the engine must be able to run the images.
fn check_architecture(wanted: &[BundledImage], engine: &str) -> Result<()> {
    if let Some(image) = wanted.iter().find(|image| !engine.is_empty() && !runs(engine, &image.architecture)) {
        let (image, found, engine) = (image.reference.clone(), image.architecture.clone(), engine.to_owned());
        return Err(ImageError::WrongArchitecture { image, found, engine }.into());
    }
    Ok(())
}

/// Whether the engine must have the layers left out of the bundle.
fn check_layers(bundle: &Bundle, path: &Path, wanted: &[BundledImage], present: &[ObservedImage]) -> Result<()> {
    let layers: Vec<Vec<String>> = present.iter().map(|image| image.layers.clone()).collect();
    let missing: Vec<String> =
        bundle.missing(&wanted.iter().collect::<Vec<_>>(), &layers).iter().map(Digest::to_string).collect();
    if !missing.is_empty() {
        return Err(ImageError::Incomplete { file: path.display().to_string(), missing }.into());
    }
    Ok(())
}

/// Hands the images to the engine, which compares what it then has with the bundle.
async fn load(context: &Context, target: Arc<dyn Target>, path: &Path, wanted: &[BundledImage]) -> Result<()> {
    let image = |image: &BundledImage| BundleImage {
        reference: image.reference.clone(),
        id: image.id.to_string(),
        manifest: image.manifest.digest.to_string(),
    };
    let (bundle, images) = (path.to_owned(), wanted.iter().map(image).collect());
    let mut plan = Plan { project: ENGINE_WIDE.to_owned(), ..Default::default() };
    plan.push(Phase::Prepare, ImageOperation::Load { bundle, images }, "the bundle holds what the engine lacks", &[]);
    let scope = Scope { project: ENGINE_WIDE.to_owned(), ..Default::default() };
    let transaction = Transaction::new(context, target, scope, "bundle load").retiring(true);
    transaction.run(&|_| Ok(plan.clone())).await.map(drop)
}

impl Report for LoadReport {
    fn blocks(&self) -> Vec<Block> {
        let line = |text: String, tone| Block::Line(vec![Cell::new(text, tone)]);
        let loaded = if self.dry_run { "would load" } else { "loaded" };
        let mut blocks: Vec<Block> = Vec::new();
        for image in &self.images {
            let verb = if image.loaded { loaded } else { "unchanged" };
            blocks.push(line(format!("{verb} {}  {}", image.reference, image.id), Tone::Plain));
        }
        if let Some(directory) = &self.directory {
            let verb = if self.dry_run { "would unpack" } else { "unpacked" };
            let count = human::count(self.files.len() - self.absent_files.len(), "file");
            blocks.push(line(format!("{verb} {count} into {}", directory.display()), Tone::Plain));
        }
        blocks.extend(self.absent_files.iter().map(|file| line(format!("{file} is in the base bundle"), Tone::Warn)));
        blocks.push(line("the image IDs of the engine match the digests of the bundle".to_owned(), Tone::Dim));
        blocks
    }

    fn json(&self) -> serde_json::Value {
        to_json(self)
    }
}
