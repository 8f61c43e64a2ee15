//! Getting an image from the first of its sources that has it: its registry, mirrors, a bundle file.
//! Reads the sources in their order; returns what the image is and where it came from.
//! Never waits without end for one source, and tells every failed attempt when all of them failed.

use std::path::Path;
use std::sync::Arc;

use super::super::{DockerEngine, images};
use super::{Progress, created, image, pull};
use crate::image::bundle::{Bundle, BundledImage};
use crate::image::{Digest, ImageError};
use crate::plan::{ImageSource, Outcome};
use crate::target::{Attempt, TargetError, bridge};

/// An image that is wanted.
pub(super) struct Wanted<'a> {
    pub(super) image: &'a str,
    pub(super) platform: Option<&'a str>,
    pub(super) sources: &'a [ImageSource],
}

pub(super) async fn obtain(
    engine: &DockerEngine,
    wanted: &Wanted<'_>,
    progress: Progress<'_>,
) -> Result<Outcome, TargetError> {
    let registry = [ImageSource::Registry];
    let sources = if wanted.sources.is_empty() { &registry[..] } else { wanted.sources };
    let mut attempts = Vec::new();
    for source in sources {
        let words = source.words(wanted.image);
        progress.told(format!("from {words}"), (None, None));
        let error = match from(engine, wanted, source, progress).await {
            Ok(outcome) => return Ok(with_origin(outcome, &words, attempts)),
            // Another source would not help.
            Err(error @ (TargetError::DiskFull { .. } | TargetError::Unreachable { .. })) => return Err(error),
            Err(error) if sources.len() == 1 && matches!(source, ImageSource::Registry) => return Err(error),
            Err(error) => error,
        };
        let credentials = matches!(error, TargetError::RegistryRefused { .. });
        attempts.push(Attempt { source: words, reason: reason(error), credentials });
    }
    Err(TargetError::ImageNowhere { image: wanted.image.to_owned(), attempts })
}

/// `from mirror mirror.local:5000`; refused credentials on the way are worth a warning, a missing image is not.
fn with_origin(mut outcome: Outcome, source: &str, attempts: Vec<Attempt>) -> Outcome {
    let digest = outcome.detail.take().map(|digest| format!("  {digest}")).unwrap_or_default();
    outcome.detail = Some(format!("from {source}{digest}"));
    let refused = attempts.into_iter().filter(|attempt| attempt.credentials);
    outcome.warnings.extend(refused.map(|attempt| format!("{}: {}", attempt.source, attempt.reason)));
    outcome
}

fn reason(error: TargetError) -> String {
    match error {
        TargetError::ImageMissing { reason, .. } | TargetError::RegistryRefused { reason, .. } => reason,
        TargetError::Refused { message, .. } | TargetError::Broken { message, .. } => message,
        other => other.to_string(),
    }
}

async fn from(
    engine: &DockerEngine,
    wanted: &Wanted<'_>,
    source: &ImageSource,
    progress: Progress<'_>,
) -> Result<Outcome, TargetError> {
    match source {
        ImageSource::Registry => pull::pull(engine, wanted.image, wanted.platform, progress).await,
        ImageSource::Mirror { reference } => {
            let pulled = pull::pull(engine, reference, wanted.platform, progress).await?;
            image::tag(&engine.connection, reference, wanted.image).await?;
            Ok(pulled)
        }
        ImageSource::Bundle { file } => from_bundle(engine, wanted.image, file, progress).await,
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
    let found = found.ok_or_else(|| missing("the bundle does not hold it".to_owned()))?;
    if !bundle.contents().omitted.is_empty() {
        let present: Vec<Vec<String>> = engine.all_images().await?.into_iter().map(|image| image.layers).collect();
        let absent: Vec<String> = bundle.missing(&[&found], &present).iter().map(Digest::to_string).collect();
        if !absent.is_empty() {
            return Err(missing(format!(
                "the bundle continues an earlier one whose layers are absent: {}",
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
    let (path, wanted) = (file.to_owned(), image.to_owned());
    let verify = move || {
        let bundle = Bundle::open(&path)?;
        let found = bundle.image(&wanted).cloned();
        if let Some(found) = &found {
            bundle.verify(&[found], false, &mut |_| ())?;
        }
        Ok::<_, ImageError>((Arc::new(bundle), found))
    };
    let verified = tokio::task::spawn_blocking(verify).await.map_err(|e| e.to_string())?;
    verified.map_err(|e| e.to_string())
}
