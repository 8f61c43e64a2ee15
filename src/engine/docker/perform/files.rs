//! Secrets and configs put into a created container as files, before it starts.
//! Reads the files of a spec; sends one tar archive, or one per directory when the root is read-only.
//! Never leaves a copy on the operator's disk.

use std::collections::{BTreeMap, BTreeSet};

use crate::engine::docker::connection::Connection;
use crate::engine::docker::convert::parent;
use crate::engine::docker::copy;
use crate::plan::{ContainerSpec, CopiedFile};
use crate::target::TargetError;

pub(super) async fn put(connection: &Connection, container: &str, spec: &ContainerSpec) -> Result<(), TargetError> {
    if spec.files.is_empty() {
        return Ok(());
    }
    if !spec.service.read_only {
        let missing = missing_directories(connection, container, &spec.files).await?;
        let tar = archive("/", &missing, spec.files.iter())?;
        return copy::put(connection, container, "/", tar).await;
    }
    let mut by_directory = BTreeMap::<&str, Vec<&CopiedFile>>::new();
    for file in &spec.files {
        by_directory.entry(parent(&file.target)).or_default().push(file);
    }
    for (directory, files) in by_directory {
        let tar = archive(directory, &BTreeSet::new(), files.into_iter())?;
        copy::put(connection, container, directory, tar).await?;
    }
    Ok(())
}

/// Directories above the files that the image lacks. They are sent along, because engines before 23 create what is
/// implied with mode 0600, where no user but root could read anything; existing ones are not, for that would change them.
async fn missing_directories(
    connection: &Connection,
    container: &str,
    files: &[CopiedFile],
) -> Result<BTreeSet<String>, TargetError> {
    let mut missing = BTreeSet::new();
    let mut known = BTreeSet::new();
    for file in files {
        let mut directory = parent(&file.target);
        while directory != "/" && known.insert(directory.to_owned()) {
            if copy::stat(connection, container, directory).await?.is_some() {
                break;
            }
            missing.insert(directory.to_owned());
            directory = parent(directory);
        }
    }
    Ok(missing)
}

fn archive<'a>(
    base: &str,
    directories: &BTreeSet<String>,
    files: impl Iterator<Item = &'a CopiedFile>,
) -> Result<Vec<u8>, TargetError> {
    let inside = |path: &str| path.strip_prefix(base).unwrap_or(path).trim_start_matches('/').to_owned();
    let mut tar = copy::Archive::default();
    for directory in directories {
        tar.directory(&inside(directory), 0o755)?;
    }
    for file in files {
        let access = copy::FileAccess { uid: file.uid, gid: file.gid, mode: file.mode };
        tar.file(&inside(&file.target), &file.content, access)?;
    }
    tar.finish()
}
