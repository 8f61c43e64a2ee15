//! Getting an image from the first of its sources that has it: its registry, mirrors, a bundle file, a recipe.
//! Reads the sources in their order; returns what the image is and where it came from.
//! Each source has a deadline; the error names every failed attempt.

use std::path::Path;
use std::sync::Arc;

use super::{Progress, created, image, pull, recipe};
use crate::engine::docker::{DockerEngine, images};
use crate::image::bundle::{Bundle, BundledImage};
use crate::image::{Digest, ImageError};
use crate::input_file::LocalFiles;
use crate::plan::{ImageSource, Outcome, RecipeBuild};
use crate::target::{Attempts, TargetError, bridge};

/// An image that is request.
pub(super) struct FetchRequest<'a> {
    pub(super) image: &'a str,
    pub(super) platform: Option<&'a str>,
    pub(super) sources: &'a [ImageSource],
}

pub(super) async fn obtain(
    engine: &DockerEngine,
    request: &FetchRequest<'_>,
    progress: Progress<'_>,
) -> Result<Outcome, TargetError> {
    let mut attempts = Attempts::new(request.image, request.sources);
    for source in attempts.sources() {
        progress.told(format!("from {}", source.words(request.image)), (None, None));
        match from(engine, request, source, progress).await {
            Ok(outcome) => return Ok(attempts.found(source, outcome)),
            Err(error) => attempts.fail(source, error)?,
        }
    }
    Err(attempts.nowhere())
}

async fn from(
    engine: &DockerEngine,
    request: &FetchRequest<'_>,
    source: &ImageSource,
    progress: Progress<'_>,
) -> Result<Outcome, TargetError> {
    let timeout = if request.sources.len() > 1 { pull::FIRST_ANSWER } else { pull::ONLY_ANSWER };
    let pulled = |image| pull::PullRequest { image, platform: request.platform, timeout };
    match source {
        ImageSource::Registry => pull::pull(engine, &pulled(request.image), progress).await,
        ImageSource::Mirror { reference } => {
            let pulled = pull::pull(engine, &pulled(reference), progress).await?;
            image::tag(&engine.connection, reference, request.image).await?;
            Ok(pulled)
        }
        ImageSource::Bundle { file } => from_bundle(engine, request.image, file, progress).await,
        ImageSource::Recipe { image, builds, .. } => {
            let stand_in = RecipeImage { image, request: request.image, builds };
            from_recipe(engine, &stand_in, progress).await
        }
        ImageSource::Excluded { reason, .. } => {
            Err(TargetError::ImageMissing { image: request.image.to_owned(), reason: reason.clone() })
        }
    }
}

/// Verifies the image's part of the bundle, then hands it to the engine and holds what arrived against it.
async fn from_bundle(
    engine: &DockerEngine,
    image: &str,
    file: &Path,
    progress: Progress<'_>,
) -> Result<Outcome, TargetError> {
    let missing = |reason: String| TargetError::ImageMissing { image: image.to_owned(), reason };
    let (bundle, found) = verified(file, image).await.map_err(missing)?;
    let found = found.ok_or_else(|| missing("not in the bundle".to_owned()))?;
    if !bundle.contents().omitted.is_empty() {
        let present: Vec<Vec<String>> = engine.all_images().await?.into_iter().map(|image| image.layers).collect();
        let absent: Vec<String> = bundle.missing(&[&found], &present).iter().map(Digest::to_string).collect();
        if !absent.is_empty() {
            return Err(missing(format!(
                "the bundle is incremental, and layers of its base are missing: {}",
                absent.join(", ")
            )));
        }
    }
    progress.told("loading".to_owned(), (None, None));
    let entry = found.clone();
    let archive = bridge::written(move |out| bundle.write_archive(&[&entry], out));
    engine.load_archive(archive).await?;
    let loaded = images::image(&engine.connection, image).await?;
    if loaded.id != found.id.to_string() && loaded.id != found.manifest.digest.to_string() {
        return Err(missing(format!("the engine has {} after loading {}", loaded.id, found.id)));
    }
    Ok(Outcome { detail: Some(loaded.id.clone()), ..created(loaded.id) })
}

/// Opens the bundle and reads every byte of the image's part; the error is the reason in words.
async fn verified(file: &Path, image: &str) -> Result<(Arc<Bundle>, Option<BundledImage>), String> {
    let (path, request) = (file.to_owned(), image.to_owned());
    let verify = move || {
        let bundle = Bundle::open(&path, &LocalFiles)?;
        let found = bundle.image(&request).cloned();
        if let Some(found) = &found {
            bundle.verify(&[found], false, &mut |_| ())?;
        }
        Ok::<_, ImageError>((Arc::new(bundle), found))
    };
    let verified = tokio::task::spawn_blocking(verify).await.map_err(|e| e.to_string())?;
    verified.map_err(|e| e.to_string())
}

/// An image built from recipes, and the reference it was requested by.
struct RecipeImage<'a> {
    image: &'a str,
    request: &'a str,
    builds: &'a [RecipeBuild],
}

/// Builds what is absent and gives it the request name. What several images are built on is built once: one at a time,
/// and only the images themselves side by side.
async fn from_recipe(
    engine: &DockerEngine,
    wanted: &RecipeImage<'_>,
    progress: Progress<'_>,
) -> Result<Outcome, TargetError> {
    let RecipeImage { image: made, request, builds } = *wanted;
    for needed in builds.iter().filter(|build| build.image != made) {
        let _turn = engine.needed.lock().await;
        build_absent(engine, needed, progress).await?;
    }
    if let Some(build) = builds.iter().find(|build| build.image == made) {
        build_absent(engine, build, progress).await?;
    }
    image::tag(&engine.connection, made, request).await?;
    let found = images::image(&engine.connection, request).await?;
    let warning =
        format!("{request} is replaced by {made}, built from the distribution's packages; not the official image");
    Ok(Outcome { warnings: vec![warning], detail: Some(found.id.clone()), ..created(found.id) })
}

async fn build_absent(engine: &DockerEngine, build: &RecipeBuild, progress: Progress<'_>) -> Result<(), TargetError> {
    match images::image(&engine.connection, &build.image).await {
        Err(TargetError::NotFound { .. }) => recipe::build(engine, build, progress).await.map(drop),
        other => other.map(drop),
    }
}
