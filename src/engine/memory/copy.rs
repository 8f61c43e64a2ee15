//! Files in and out of containers in memory, as tar archives.
//! Reads and writes the files of a container; directories are what files are in.
//! Never touches a disk.

use std::io::Read;

use async_trait::async_trait;
use bytes::Bytes;
use futures_util::stream::{StreamExt, TryStreamExt};

use super::MemoryEngine;
use super::world::StoredFile;
use crate::target::{ByteStream, Copy, TargetError};

/// Directories every container has.
const DIRECTORIES: [&str; 5] = ["/", "/tmp", "/etc", "/run", "/var"];

fn broken(error: &std::io::Error) -> TargetError {
    TargetError::Broken { operation: "copying".to_owned(), message: error.to_string() }
}

fn missing(container: &str, path: &str) -> TargetError {
    TargetError::NotFound { kind: "path", name: format!("{container}:{path}") }
}

#[async_trait]
impl Copy for MemoryEngine {
    async fn copy_out(&self, container: &str, path: &str) -> Result<ByteStream, TargetError> {
        self.alive()?;
        let mut world = self.world();
        let found = world.get(container)?;
        let base = path.rsplit_once('/').map_or("", |(base, _)| base);
        let below = format!("{}/", path.trim_end_matches('/'));
        let mut archive = tar::Builder::new(Vec::new());
        let mut any = false;
        for (name, file) in found.files.iter().filter(|(name, _)| *name == path || name.starts_with(&below)) {
            let mut header = tar::Header::new_gnu();
            header.set_size(file.content.len() as u64);
            header.set_mode(file.mode);
            header.set_uid(file.owner.0);
            header.set_gid(file.owner.1);
            let inside = name.strip_prefix(base).unwrap_or(name).trim_start_matches('/');
            archive.append_data(&mut header, inside, &file.content[..]).map_err(|e| broken(&e))?;
            any = true;
        }
        if !any {
            return Err(missing(container, path));
        }
        let bytes = Bytes::from(archive.into_inner().map_err(|e| broken(&e))?);
        Ok(futures_util::stream::iter([Ok(bytes)]).boxed())
    }

    async fn copy_in(&self, container: &str, directory: &str, archive: ByteStream) -> Result<(), TargetError> {
        let bytes = archive.try_collect::<Vec<_>>().await?.concat();
        if self.observe_path(container, directory).await? != Some(true) {
            return Err(missing(container, directory));
        }
        self.effect(format!("copy into {container}:{directory}"), |world| {
            let found = world.get(container)?;
            for entry in tar::Archive::new(&bytes[..]).entries().map_err(|e| broken(&e))? {
                let mut entry = entry.map_err(|e| broken(&e))?;
                let name = entry.path().map_err(|e| broken(&e))?.to_string_lossy().into_owned();
                let (uid, gid) = (entry.header().uid().unwrap_or(0), entry.header().gid().unwrap_or(0));
                let mode = entry.header().mode().unwrap_or(0o644);
                let mut content = Vec::new();
                entry.read_to_end(&mut content).map_err(|e| broken(&e))?;
                let path = format!("{}/{name}", directory.trim_end_matches('/'));
                found.files.insert(path, StoredFile { content, owner: (uid, gid), mode });
            }
            Ok(())
        })
    }

    async fn observe_path(&self, container: &str, path: &str) -> Result<Option<bool>, TargetError> {
        self.alive()?;
        let mut world = self.world();
        let found = world.get(container)?;
        if found.files.contains_key(path) {
            return Ok(Some(false));
        }
        let below = format!("{}/", path.trim_end_matches('/'));
        let directory = DIRECTORIES.contains(&path) || found.files.keys().any(|name| name.starts_with(&below));
        Ok(directory.then_some(true))
    }
}
