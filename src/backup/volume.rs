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

/// Begins the archives of a container's volumes, given by name and path. Where there are several, each must be read before the
/// next one begins: Docker 20.10 holds a container while it archives from it.
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

/// Moves what a mount holds aside. Where that was done by a restore that was killed, everything else is what it unpacked.
const PUT_ASIDE: &str = r#"
set -e
cd "$1"
if [ -d "$2" ]; then
  find . -mindepth 1 -maxdepth 1 ! -name "$2" -exec rm -rf {} +
else
  mkdir -p "$2.part"
  find . -mindepth 1 -maxdepth 1 ! -name "$2.part" -exec sh -c 'exec mv "$@" "$0/"' "$2.part" {} +
  mv "$2.part" "$2"
fi"#;

/// The reverse, also where not everything was moved.
const PUT_BACK: &str = r#"
set -e
cd "$1"
if [ -d "$2" ]; then
  find . -mindepth 1 -maxdepth 1 ! -name "$2" -exec rm -rf {} +
  mv "$2" "$2.part"
fi
[ -d "$2.part" ] || exit 0
find "$2.part" -mindepth 1 -maxdepth 1 -exec sh -c 'exec mv "$@" .' sh {} +
rmdir "$2.part""#;

const REMOVE_ASIDE: &str = r#"rm -rf "$1/$2""#;

/// Replaces what mounts hold with archives, given with the paths of the mounts; after a failure all of them hold what was
/// there before. `inside` is a container with the volumes, and nothing else may use them.
pub async fn restore(inside: &Inside<'_>, set: &str, archives: Vec<(String, ByteStream)>) -> Result<(), BackupError> {
    let aside = format!(".aictl-before-{set}");
    let paths: Vec<String> = archives.iter().map(|(path, _)| path.clone()).collect();
    let unpacked = unpack(inside, &aside, archives).await;
    let script = if unpacked.is_ok() { REMOVE_ASIDE } else { PUT_BACK };
    let mut ended = Ok(());
    for path in &paths {
        ended = ended.and(inside.answer(script, &[path, &aside]).await.map(drop));
    }
    unpacked.and(ended)
}

async fn unpack(inside: &Inside<'_>, aside: &str, archives: Vec<(String, ByteStream)>) -> Result<(), BackupError> {
    for (path, archive) in archives {
        inside.answer(PUT_ASIDE, &[&path, aside]).await?;
        let parent = path.trim_end_matches('/').rsplit_once('/').map_or("/", |(parent, _)| parent);
        let parent = if parent.is_empty() { "/" } else { parent };
        inside.target.copy_in(&inside.container, parent, archive).await?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::path::Path;

    use super::*;

    fn run(script: &str, folder: &Path) {
        let words = ["-c", script, "sh", folder.to_str().unwrap(), ".before"];
        assert!(std::process::Command::new("/bin/sh").args(words).status().unwrap().success());
    }

    fn held(folder: &Path) -> BTreeSet<String> {
        let entries = folder.read_dir().unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
        entries.collect()
    }

    /// What a restore does to a mount that held two entries, and what it holds then.
    fn after(steps: impl Fn(&Path)) -> String {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join(".old"), "").unwrap();
        std::fs::create_dir(folder.path().join("old")).unwrap();
        steps(folder.path());
        held(folder.path()).into_iter().collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn what_a_mount_held_is_back_whenever_the_restore_was_cut() {
        let unpack = |folder: &Path| std::fs::write(folder.join("new"), "").unwrap();
        // As after a kill in the middle of moving.
        let half_aside = |folder: &Path| {
            std::fs::create_dir(folder.join(".before.part")).unwrap();
            std::fs::rename(folder.join("old"), folder.join(".before.part/old")).unwrap();
        };
        let back = |folder: &Path| run(PUT_BACK, folder);
        let aside = |folder: &Path| run(PUT_ASIDE, folder);
        assert_eq!(after(|f| [&aside as &dyn Fn(&Path), &unpack, &back].iter().for_each(|step| step(f))), ".old old");
        assert_eq!(after(|f| [&half_aside as &dyn Fn(&Path), &back].iter().for_each(|step| step(f))), ".old old");
        assert_eq!(after(back), ".old old");
        // Restores that come after one that was killed.
        let again: [&dyn Fn(&Path); 4] = [&aside, &unpack, &aside, &back];
        assert_eq!(after(|f| again.iter().for_each(|step| step(f))), ".old old");
        let again: [&dyn Fn(&Path); 4] = [&half_aside, &aside, &unpack, &back];
        assert_eq!(after(|f| again.iter().for_each(|step| step(f))), ".old old");
        let well: [&dyn Fn(&Path); 3] = [&aside, &unpack, &|f: &Path| run(REMOVE_ASIDE, f)];
        assert_eq!(after(|f| well.iter().for_each(|step| step(f))), "new");
    }
}
