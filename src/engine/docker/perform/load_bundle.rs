//! Loading images of a bundle file: one archive for all of them, then each is compared with what the bundle says.
//! Reads a bundle that was verified as a whole before it was planned.
//! Never reports an image as loaded that the engine does not show.

use std::path::Path;

use super::super::{DockerEngine, images};
use super::{Progress, created};
use crate::image::bundle::{Bundle, BundledImage};
use crate::input_file::LocalFiles;
use crate::plan::{BundleImage, Outcome};
use crate::target::{TargetError, bridge};

pub(super) async fn load(
    engine: &DockerEngine,
    file: &Path,
    wanted: &[BundleImage],
    progress: Progress<'_>,
) -> Result<Outcome, TargetError> {
    let missing = |image: &str, reason: String| TargetError::ImageMissing { image: image.to_owned(), reason };
    let bundle = Bundle::open(file, &LocalFiles).map_err(|e| missing(&file.display().to_string(), e.to_string()))?;
    let mut found: Vec<BundledImage> = Vec::new();
    for image in wanted {
        let entry = bundle.image(&image.reference).filter(|entry| entry.id.to_string() == image.id);
        found.push(entry.cloned().ok_or_else(|| missing(&image.reference, "the bundle changed meanwhile".to_owned()))?);
    }
    progress.told(format!("from {}", file.display()), (None, None));
    let archive = bridge::written(move |out| bundle.write_archive(&found.iter().collect::<Vec<_>>(), out));
    engine.load_archive(archive).await?;
    let mut last = String::new();
    for image in wanted {
        let loaded = images::image(&engine.connection, &image.reference).await?;
        if loaded.id != image.id && loaded.id != image.manifest {
            return Err(missing(&image.reference, format!("the engine has {} after loading {}", loaded.id, image.id)));
        }
        last = loaded.id;
    }
    Ok(Outcome { detail: Some(format!("from bundle {}", file.display())), ..created(last) })
}
