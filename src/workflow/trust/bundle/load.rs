//! `aictl bundle load`: verifies every byte of a bundle, then loads its images and unpacks its files.
//! Reads the file and the engine; returns what was loaded, with the digests that were held against each other.
//! Never loads anything of a bundle that is truncated, altered, incomplete or for other machines.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Instant;

use serde::Serialize;

use super::LoadArgs;
use crate::error::Result;
use crate::event::{Event, Reporter, human};
use crate::image::bundle::{Bundle, BundledFile, BundledImage};
use crate::image::{Digest, ImageError, architecture, runs};
use crate::plan::{ObservedImage, Scope};
use crate::session::engine_images::{ENGINE_WIDE, engine};
use crate::session::report::{Block, Cell, Report, Tone, to_json};
use crate::session::transaction::{Afterwards, Change};
use crate::session::{Context, WorkflowError};
use crate::target::{Target, bridge};

#[derive(Debug, Clone, Serialize)]
struct LoadedImage {
    reference: String,
    /// The digest of the configuration in the bundle, which the engine's id was found to be.
    id: String,
    /// The digest of the OCI manifest, as `bundle save` told it.
    manifest: String,
    loaded: bool,
}

#[derive(Debug, Serialize)]
struct LoadReport {
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
pub(super) async fn run(context: &Context, args: LoadArgs) -> Result<Box<dyn Report>> {
    let (path, directory) = places(context, &args)?;
    let bundle = verified(context, &path).await?;
    if let Some(directory) = &directory {
        refuse_overwriting(directory, &bundle)?;
    }
    let target = engine(context, None).await?;
    let architecture = architecture(&target.observe_engine().await?.architecture).to_owned();
    let present = target.observe_images().await?;
    let wanted: Vec<BundledImage> =
        bundle.contents().images.iter().filter(|image| !is_there(&present, image)).cloned().collect();
    check(&bundle, &path, (&wanted, &architecture), &present)?;
    let mut absent_files = Vec::new();
    if !context.options.dry_run {
        if !wanted.is_empty() {
            load(context, target, (&bundle, &path), wanted.clone()).await?;
        }
        if let Some(directory) = &directory {
            absent_files = unpack(directory, &bundle)?;
        }
    }
    let image = |image: &BundledImage| LoadedImage {
        reference: image.reference.clone(),
        id: image.id.to_string(),
        manifest: image.manifest.digest.to_string(),
        loaded: wanted.contains(image),
    };
    let contents = bundle.contents();
    Ok(Box::new(LoadReport {
        bundle: path,
        project: contents.project.clone(),
        environment: contents.environment.clone(),
        dry_run: context.options.dry_run,
        images: contents.images.iter().map(image).collect(),
        files: directory.iter().flat_map(|_| contents.files.iter().map(|file| file.path.clone())).collect(),
        directory,
        absent_files,
    }))
}

/// The bundle, and where its files go; that need not exist yet.
fn places(context: &Context, args: &LoadArgs) -> Result<(PathBuf, Option<PathBuf>)> {
    super::refuse_stream(&args.bundle, "load")?;
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
        let bundle = Bundle::open(&path)?;
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

/// Everything that can be known to be wrong before the first byte is sent.
fn check(
    bundle: &Bundle,
    path: &Path,
    (wanted, engine): (&[BundledImage], &str),
    present: &[ObservedImage],
) -> Result<()> {
    if let Some(image) = wanted.iter().find(|image| !engine.is_empty() && !runs(engine, &image.architecture)) {
        let (image, found, engine) = (image.reference.clone(), image.architecture.clone(), engine.to_owned());
        return Err(ImageError::WrongArchitecture { image, found, engine }.into());
    }
    let layers: Vec<Vec<String>> = present.iter().map(|image| image.layers.clone()).collect();
    let missing: Vec<String> =
        bundle.missing(&wanted.iter().collect::<Vec<_>>(), &layers).iter().map(Digest::to_string).collect();
    if !missing.is_empty() {
        return Err(ImageError::Incomplete { file: path.display().to_string(), missing }.into());
    }
    Ok(())
}

/// Hands the images to the engine and holds what it then has against the bundle.
async fn load(
    context: &Context,
    target: Arc<dyn Target>,
    (bundle, path): (&Arc<Bundle>, &Path),
    wanted: Vec<BundledImage>,
) -> Result<()> {
    let words = wanted.iter().map(|image| format!("load image {}: it is in the bundle", image.reference)).collect();
    let scope = Scope { project: ENGINE_WIDE.to_owned(), ..Default::default() };
    let afterwards = Afterwards::Retire { forget: true };
    let change = Change { context, target: target.clone(), scope, operation: "bundle load", afterwards };
    let began = Instant::now();
    let subject = human::count(wanted.len(), "image");
    let cause = format!("from {}", path.display());
    let work = async {
        context.reporter.report(Event::StepStarted { key: 1, verb: "load", subject: subject.clone(), cause });
        let (source, images) = (bundle.clone(), wanted.clone());
        let archive = bridge::written(move |out| source.write_archive(&images.iter().collect::<Vec<_>>(), out));
        target.import_images(archive).await?;
        let present = target.observe_images().await?;
        match wanted.iter().find(|image| !is_there(&present, image)) {
            Some(image) => {
                let (image, id) = (image.reference.clone(), image.id.to_string());
                Err(ImageError::NotLoaded { image, id }.into())
            }
            None => Ok(()),
        }
    };
    let result = change.run_holding(&[], words, work).await;
    let (took, subject) = (began.elapsed(), human::count(wanted.len(), "image"));
    context.reporter.report(match &result {
        Ok(()) => Event::StepFinished { key: 1, verb: "Loaded", subject, detail: None, took },
        Err(error) => Event::StepFailed { key: 1, verb: "load", subject, message: error.to_string(), took },
    });
    result
}

/// Where a file of the bundle goes; one that would leave the directory is refused.
fn place(directory: &Path, file: &BundledFile) -> Result<PathBuf> {
    let parts = file.path.split('/');
    if file.path.is_empty() || parts.into_iter().any(|part| part.is_empty() || part == "." || part == "..") {
        return Err(WorkflowError::usage(format!("{} in the bundle is not a valid relative path", file.path)).into());
    }
    Ok(directory.join(&file.path))
}

/// A file that is there and differs is somebody's work.
fn refuse_overwriting(directory: &Path, bundle: &Bundle) -> Result<()> {
    for file in &bundle.contents().files {
        let path = place(directory, file)?;
        let differs = match std::fs::File::open(&path) {
            Ok(mut there) => digest_of(&mut there).as_ref() != Some(&file.digest),
            Err(_) => path.symlink_metadata().is_ok(),
        };
        if differs {
            let message = format!("{} exists and differs from the one in the bundle", path.display());
            let hint = Some("nothing was loaded; extract to an empty directory: `--to DIR`".to_owned());
            return Err(WorkflowError::Refused { message, hint }.into());
        }
    }
    Ok(())
}

fn digest_of(file: &mut std::fs::File) -> Option<Digest> {
    let mut digester = crate::image::Digester::default();
    std::io::copy(file, &mut digester).ok()?;
    Some(digester.finish())
}

/// Writes the files; returns those the bundle leaves to an earlier one.
fn unpack(directory: &Path, bundle: &Bundle) -> Result<Vec<String>> {
    let mut absent = Vec::new();
    for file in &bundle.contents().files {
        let path = place(directory, file)?;
        if path.exists() {
            continue;
        }
        let failed =
            |e: std::io::Error| WorkflowError::File { path: path.display().to_string(), reason: e.to_string() };
        let parent = path.parent().unwrap_or(directory);
        std::fs::create_dir_all(parent).map_err(failed)?;
        let mode = if file.executable { 0o755 } else { 0o644 };
        let mut temporary = tempfile::Builder::new()
            .prefix(".aictl-")
            .permissions(std::os::unix::fs::PermissionsExt::from_mode(mode))
            .tempfile_in(parent)
            .map_err(failed)?;
        if bundle.write_file(file, temporary.as_file_mut()).map_err(failed)? {
            temporary.persist_noclobber(&path).map_err(|e| failed(e.error))?;
        } else {
            absent.push(file.path.clone());
        }
    }
    Ok(absent)
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
        blocks.push(line("digests of image configurations match the image IDs of the engine".to_owned(), Tone::Dim));
        blocks
    }

    fn json(&self) -> serde_json::Value {
        to_json(self)
    }
}
