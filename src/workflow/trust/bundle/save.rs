//! `aictl bundle save`: images, files and aictl into one file that appears whole or not at all.
//! Reads the project and the engine's archive of the images as it streams; returns what the file holds.
//! Never keeps an image in memory, and leaves nothing behind when it fails.

use std::collections::BTreeSet;
use std::io::Read;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::time::Instant;

use clap::Args;
use futures_util::StreamExt;
use serde::Serialize;

use super::bundle_path::refuse_stream;
use super::files::{Collected, collect};
use crate::error::Result;
use crate::event::{Event, human};
use crate::image::bundle::{
    BlobStore, Bundle, BundledFile, BundledImage, Contents, FORMAT, TakenImage, take_archive, write_bundle,
};
use crate::image::{Digest, ImageError, Reference};
use crate::input_file::LocalFiles;
use crate::output_file::{Content, Existing, OutputError, OutputFile, Rules};
use crate::plan::{Observed, ObservedImage};
use crate::session::attached_process::Passed;
use crate::session::context::quoted_word;
use crate::session::load::{LoadedStack, load_stack};
use crate::session::report::{Block, Cell, Report, Tone, one_of_reports, to_json};
use crate::session::{Context, WorkflowError};
use crate::target::{ByteStream, Target, TargetError, bridge};

/// Where aictl itself is in a bundle.
const BINARY: &str = "bin/aictl";

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
    /// Include a file that is left out because it contains secrets; repeatable
    #[arg(long, value_name = "FILE")]
    pub include: Vec<PathBuf>,
    /// Do not include the aictl binary
    #[arg(long)]
    pub without_binary: bool,
}

/// An image in the bundle.
#[derive(Debug, Serialize)]
pub struct SavedImage {
    reference: String,
    /// The digest of the configuration: what the engine calls it, here and where it is loaded.
    id: String,
    /// The digest of the OCI manifest.
    manifest: String,
}

/// What was saved, or would be by a dry run.
#[derive(Debug, Serialize)]
pub struct SaveReport {
    bundle: PathBuf,
    dry_run: bool,
    size: u64,
    images: Vec<SavedImage>,
    files: Vec<String>,
    left_out: Vec<String>,
    omitted: Vec<String>,
    omitted_size: u64,
}

one_of_reports! {
    /// Report of `bundle save`.
    pub enum SaveAnswer {
        /// Saved to a file.
        Saved(SaveReport),
        /// Written to standard output.
        Streamed(Passed),
    }
}

/// Saves.
pub(super) async fn run(context: &Context, args: SaveArgs) -> Result<SaveAnswer> {
    let out = place(context, &args)?;
    let path = out.path().to_owned();
    let loaded = load_stack(context)?;
    let collected = collect(context, &loaded, &args.include)?;
    refuse_own_files(&path, &loaded, &collected)?;
    let target = loaded.connect(context).await?;
    let observed = target.observe(&loaded.scope(None)).await?;
    let references = references(&loaded, &observed)?;
    let left_out = collected.left_out.iter().map(|(path, reason)| format!("{path}: {reason}")).collect();
    if context.options.dry_run {
        let files = file_names(&collected, !args.without_binary);
        return Ok(planned(path, &references, (files, left_out)).into());
    }
    let earlier = args.base.as_ref().map(|old| Bundle::open(&context.cwd.join(old), &LocalFiles)).transpose()?;
    let (known, since) = earlier.map(|old| (old.known(), Some(old.index().clone()))).unwrap_or_default();
    let contents = empty(&loaded, since);
    let to_standard_output = out.is_standard_output();
    let work = Work { out, known, contents, collected, binary: !args.without_binary };
    let began = Instant::now();
    let subject = format!("bundle {}", path.display());
    let started = Event::StepStarted { key: 0, verb: "save", subject: subject.clone(), cause: "requested".to_owned() };
    context.reporter.report(started);
    let (contents, size) = match work.run(context, &*target, &references).await {
        Ok(written) => written,
        Err(error) => {
            let (message, took) = (error.to_string(), began.elapsed());
            context.reporter.report(Event::StepFailed { key: 0, verb: "save", subject, message, took });
            return Err(error);
        }
    };
    let (detail, took) = (Some(human::bytes(size)), began.elapsed());
    context.reporter.report(Event::StepFinished { key: 0, verb: "Saved", subject, detail, took });
    if to_standard_output {
        // Nothing may follow the bundle there.
        return Ok(Passed::default().into());
    }
    Ok(report(path, size, &contents, left_out).into())
}

/// Where the bundle goes. It cannot take the place of the base it is made against: it would need what it overwrote.
fn place(context: &Context, args: &SaveArgs) -> Result<OutputFile> {
    refuse_stream(&args.bundle, "save")?;
    let path = context.cwd.join(&args.bundle);
    if let Some(base) = args.base.as_ref().filter(|base| is_same_file(&path, &context.cwd.join(base))) {
        let message = format!(
            "{} is the base itself and cannot be overwritten by the bundle that depends on it",
            args.bundle.display()
        );
        let hint = Some(format!(
            "write another file: `aictl bundle save NEW --base {}`",
            quoted_word(&base.display().to_string())
        ));
        return Err(WorkflowError::Usage { message, hint }.into());
    }
    let existing = if args.force || Bundle::open(&path, &LocalFiles).is_ok() {
        Existing::Replace
    } else {
        Existing::ReplaceOwn(|_| false)
    };
    OutputFile::open(&path, Rules { existing, content: Content::Plain }).map_err(|error| match error {
        OutputError::Exists { path } => {
            let message = format!("`{}` exists and is not a bundle", path.display());
            let hint = Some("name another file, or overwrite it with `--force`".to_owned());
            WorkflowError::Refused { message, hint }.into()
        }
        other => other.into(),
    })
}

/// A bundle cannot take the place of what it is made from, whatever was asked: `--force` is for files of others.
fn refuse_own_files(path: &Path, loaded: &LoadedStack, collected: &Collected) -> Result<()> {
    let below = collected.files.keys().chain(collected.left_out.keys());
    let mut own = below.map(|name| loaded.project.directory.join(name));
    let env_files = loaded.source.iter().flat_map(|source| &source.env_files);
    if !own.any(|file| is_same_file(path, &file)) && !env_files.into_iter().any(|file| is_same_file(path, file)) {
        return Ok(());
    }
    let message = format!("{} is a file of this project and cannot be overwritten by its bundle", path.display());
    let hint = Some("write another file: `aictl bundle save FILE`".to_owned());
    Err(WorkflowError::Refused { message, hint }.into())
}

/// Whether two paths lead to one file, by whatever links.
fn is_same_file(a: &Path, b: &Path) -> bool {
    let node = |path: &Path| path.metadata().map(|found| (found.dev(), found.ino())).ok();
    node(a).is_some() && node(a) == node(b)
}

/// The files of a bundle in its order.
fn file_names(collected: &Collected, binary: bool) -> Vec<String> {
    let mut names: Vec<String> = collected.files.keys().cloned().collect();
    names.extend(binary.then(|| BINARY.to_owned()));
    names.sort();
    names
}

/// What a bundle of this project says of itself before anything is in it.
fn empty(loaded: &LoadedStack, since: Option<Digest>) -> Contents {
    Contents {
        format: FORMAT,
        aictl: env!("CARGO_PKG_VERSION").to_owned(),
        project: loaded.name.clone(),
        environment: loaded.project.environment_name.clone(),
        images: Vec::new(),
        files: Vec::new(),
        since,
        omitted: Vec::new(),
    }
}

/// The images of the environment as the engine has them; every one must be there.
fn references(loaded: &LoadedStack, observed: &Observed) -> Result<Vec<(String, ObservedImage)>> {
    let wanted = loaded.stack.as_ref().map(crate::compose::model::Stack::all_images).unwrap_or_default();
    let missing: Vec<String> = wanted.iter().filter(|name| !observed.images.contains_key(*name)).cloned().collect();
    if !missing.is_empty() {
        return Err(ImageError::Absent { images: missing }.into());
    }
    let digested = wanted.iter().find(|name| name.parse::<Reference>().is_ok_and(|r| r.digest().is_some()));
    if let Some(name) = digested {
        let message = format!("{name} is referenced by digest, which the engine does not keep for loaded images");
        let hint = Some("reference it by tag in the compose file; the bundle records its digest".to_owned());
        return Err(WorkflowError::Refused { message, hint }.into());
    }
    Ok(wanted.into_iter().filter_map(|name| Some((name.clone(), observed.images.get(&name)?.clone()))).collect())
}

struct Work {
    out: OutputFile,
    known: BTreeSet<Digest>,
    contents: Contents,
    collected: Collected,
    binary: bool,
}

impl Work {
    async fn run(
        self,
        context: &Context,
        target: &dyn Target,
        references: &[(String, ObservedImage)],
    ) -> Result<(Contents, u64)> {
        if references.is_empty() {
            let store = BlobStore::new(&self.out, self.known.clone())?;
            return Ok(tokio::task::spawn_blocking(move || self.write(store, Vec::new())).await.map_err(joined)??);
        }
        let names: Vec<String> = references.iter().map(|(name, _)| name.clone()).collect();
        let archive = until_interrupted(context, target.need_images()?.export_images(&names).await?);
        let (known, seen) = (self.known.clone(), references.to_vec());
        let taken = bridge::read(archive, move |reader: &mut dyn Read| {
            let mut store = BlobStore::new(&self.out, known)?;
            let images = take_archive(reader, &mut store)?;
            same_ids(&images, &seen)?;
            self.write(store, images.into_iter().map(|taken| taken.image).collect())
        });
        let written = taken.await?;
        if written.is_err() && *context.interrupt.borrow() {
            return Err(WorkflowError::Interrupted.into());
        }
        Ok(written?)
    }

    /// Adds the files to the blobs and writes the bundle.
    fn write(
        self,
        mut store: BlobStore,
        images: Vec<BundledImage>,
    ) -> std::result::Result<(Contents, u64), ImageError> {
        let mut contents = Contents { images, ..self.contents };
        for (path, bytes) in &self.collected.files {
            let blob = store.put_document(bytes)?;
            let executable = self.collected.executable.contains(path);
            contents.files.push(BundledFile { path: path.clone(), executable, digest: blob.digest, size: blob.size });
        }
        if self.binary {
            let failed =
                |e: std::io::Error| ImageError::File { path: "aictl itself".to_owned(), reason: e.to_string() };
            let blob = store.put(&mut std::fs::File::open("/proc/self/exe").map_err(failed)?)?;
            let path = BINARY.to_owned();
            contents.files.push(BundledFile { path, executable: true, digest: blob.digest, size: blob.size });
        }
        write_bundle(self.out, contents, store)
    }
}

fn joined(error: tokio::task::JoinError) -> WorkflowError {
    WorkflowError::File { path: "bundle".to_owned(), reason: error.to_string() }
}

/// The stream, broken off at Ctrl-C: the reader then cleans up before the verb ends.
fn until_interrupted(context: &Context, stream: ByteStream) -> ByteStream {
    let mut interrupt = context.interrupt.clone();
    let pressed = async move {
        if interrupt.wait_for(|pressed| *pressed).await.is_err() {
            std::future::pending::<()>().await;
        }
    };
    let broken = || TargetError::Broken { operation: "saving".to_owned(), message: "interrupted".to_owned() };
    let interrupt = context.interrupt.clone();
    let end = futures_util::stream::once(async move { interrupt.borrow().then(|| Err(broken())) });
    Box::pin(stream.take_until(pressed).chain(end.filter_map(|end| async move { end })))
}

/// The exported images are the ones that were inspected, by any of the ids an engine may give them.
fn same_ids(images: &[TakenImage], references: &[(String, ObservedImage)]) -> std::result::Result<(), ImageError> {
    let canonical = |name: &str| name.parse::<Reference>().map(|r| r.canonical()).unwrap_or_default();
    for (name, image) in references {
        let taken = images.iter().find(|taken| canonical(&taken.image.reference) == canonical(name));
        let same = |taken: &TakenImage| taken.ids.iter().any(|id| id.to_string() == image.id);
        if !taken.is_some_and(same) {
            let found = taken.map(|taken| taken.image.id.to_string()).unwrap_or_else(|| "nothing".to_owned());
            let reason = format!("{name} is {} on the engine and {found} in its archive", image.id);
            return Err(ImageError::BadArchive { reason });
        }
    }
    Ok(())
}

fn planned(
    path: PathBuf,
    references: &[(String, ObservedImage)],
    (files, left_out): (Vec<String>, Vec<String>),
) -> SaveReport {
    let image = |(name, image): &(String, ObservedImage)| SavedImage {
        reference: name.clone(),
        id: image.id.clone(),
        manifest: String::new(),
    };
    SaveReport {
        bundle: path,
        dry_run: true,
        size: 0,
        images: references.iter().map(image).collect(),
        files,
        left_out,
        omitted: Vec::new(),
        omitted_size: 0,
    }
}

fn report(path: PathBuf, size: u64, contents: &Contents, left_out: Vec<String>) -> SaveReport {
    let image = |image: &BundledImage| SavedImage {
        reference: image.reference.clone(),
        id: image.id.to_string(),
        manifest: image.manifest.digest.to_string(),
    };
    SaveReport {
        bundle: path,
        dry_run: false,
        size,
        images: contents.images.iter().map(image).collect(),
        files: contents.files.iter().map(|file| file.path.clone()).collect(),
        left_out,
        omitted: contents.omitted.iter().map(|blob| blob.digest.to_string()).collect(),
        omitted_size: contents.omitted.iter().map(|blob| blob.size).sum(),
    }
}

impl Report for SaveReport {
    fn blocks(&self) -> Vec<Block> {
        let line = |text: String, tone| Block::Line(vec![Cell::new(text, tone)]);
        let verb = if self.dry_run { "would contain" } else { "contains" };
        let mut blocks = vec![line(format!("{} {verb}", self.bundle.display()), Tone::Strong)];
        blocks.extend(
            self.images.iter().map(|image| line(format!("  image {}  {}", image.reference, image.id), Tone::Plain)),
        );
        blocks.extend(self.files.iter().map(|file| line(format!("  file  {file}"), Tone::Plain)));
        blocks.extend(self.left_out.iter().map(|file| line(format!("left out {file}"), Tone::Warn)));
        if !self.omitted.is_empty() {
            let (count, size) = (human::count(self.omitted.len(), "blob"), human::bytes(self.omitted_size));
            blocks.push(line(format!("{count} of them are in the base bundle, {size}"), Tone::Dim));
        }
        blocks
    }

    fn json(&self) -> serde_json::Value {
        to_json(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_itself_by_whatever_link() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        std::fs::write(at("base.tar"), "x").unwrap();
        std::fs::write(at("other.tar"), "x").unwrap();
        std::os::unix::fs::symlink("base.tar", at("link.tar")).unwrap();
        std::fs::hard_link(at("base.tar"), at("hard.tar")).unwrap();
        for same in ["base.tar", "./base.tar", "link.tar", "hard.tar"] {
            assert!(is_same_file(&at(same), &at("base.tar")), "{same}");
        }
        assert!(!is_same_file(&at("other.tar"), &at("base.tar")));
        assert!(!is_same_file(&at("none.tar"), &at("none.tar")), "what is not there is told by whoever reads it");
    }

    #[test]
    fn what_a_dry_run_lists_is_what_a_run_writes() {
        let mut collected = Collected::default();
        for name in ["aictl.yaml", "compose.yaml"] {
            collected.files.insert(name.to_owned(), Vec::new());
        }
        assert_eq!(file_names(&collected, true), ["aictl.yaml", BINARY, "compose.yaml"]);
        assert_eq!(file_names(&collected, false), ["aictl.yaml", "compose.yaml"]);
    }
}
