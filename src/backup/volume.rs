//! Volumes: the engine's archive of each mount as a tar stream, and its way back into an emptied mount.

use std::collections::BTreeMap;

use super::error::BackupError;
use super::inside::{Inside, Shape, begun, shaped};
use super::postgres::{BegunDump, BegunPart};
use crate::target::{ByteStream, Target, bridge};

/// How the file of a volume ends.
pub const TAR: &str = ".tar";

/// An archive ends with empty blocks.
const SHAPE: Shape = Shape { head: b"", ends: |tail| tail.len() == 64 && tail.iter().all(|byte| *byte == 0) };

/// Begins the archives of a container's volumes, given by name and path.
pub async fn begin(
    target: &dyn Target,
    container: &str,
    volumes: &[(String, String)],
) -> Result<BegunPart, BackupError> {
    let mut dumps = Vec::new();
    for (volume, path) in volumes {
        let stream = shaped(target.copy_out(container, path).await?, SHAPE);
        dumps.push(BegunDump { name: format!("{volume}{TAR}"), of: path.clone(), stream: begun(stream).await? });
    }
    Ok(BegunPart { dumps, facts: BTreeMap::new() })
}

/// Reads an archive to its end.
pub async fn decode(archive: ByteStream) -> Result<u64, BackupError> {
    let read = bridge::read(archive, |reader| {
        let mut archive = tar::Archive::new(reader);
        let mut entries = 0;
        for entry in archive.entries()? {
            std::io::copy(&mut entry?, &mut std::io::sink())?;
            entries += 1;
        }
        std::io::copy(&mut archive.into_inner(), &mut std::io::sink())?;
        Ok::<u64, std::io::Error>(entries)
    });
    let wrong = |error: std::io::Error| BackupError::Dump { what: "archive".to_owned(), reason: error.to_string() };
    read.await?.map_err(wrong)
}

/// Empties a mount by moving what it holds aside, unpacks the archive, and removes what was there before; after a failure
/// that is back. `inside` is a container with the volume, and nothing else may use it.
pub async fn restore(inside: &Inside<'_>, (path, set): (&str, &str), archive: ByteStream) -> Result<(), BackupError> {
    let aside = format!(".aictl-before-{set}");
    // After a restore that was killed, what was put aside is the old state.
    let put_aside = "
set -e
cd \"$1\"
[ -d \"$2\" ] && find . -mindepth 1 -maxdepth 1 ! -name \"$2\" -exec rm -rf {} +
mkdir -p \"$2\"
find . -mindepth 1 -maxdepth 1 ! -name \"$2\" -exec mv {} \"$2/\" \\;";
    inside.answer(put_aside, &[path, &aside]).await?;
    let parent = path.trim_end_matches('/').rsplit_once('/').map_or("/", |(parent, _)| parent);
    let parent = if parent.is_empty() { "/" } else { parent };
    let unpacked = inside.target.copy_in(&inside.container, parent, archive).await;
    if let Err(error) = unpacked {
        let put_back = "
set -e
cd \"$1\"
find . -mindepth 1 -maxdepth 1 ! -name \"$2\" -exec rm -rf {} +
find \"$2\" -mindepth 1 -maxdepth 1 -exec mv {} . \\;
rmdir \"$2\"";
        inside.answer(put_back, &[path, &aside]).await?;
        return Err(error.into());
    }
    inside.answer("rm -rf \"$1/$2\"", &[path, &aside]).await.map(drop)
}
