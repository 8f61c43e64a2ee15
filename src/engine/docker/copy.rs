//! Files in and out of containers through the engine's archive API.
//! Reads and writes tar streams; `Archive` builds small ones in memory.
//! Never follows a link out of a container: the engine resolves paths inside it.

use std::io;

use bollard::query_parameters::{
    ContainerArchiveInfoOptionsBuilder, DownloadFromContainerOptionsBuilder, UploadToContainerOptionsBuilder,
};
use bytes::Bytes;
use futures_util::stream::{StreamExt, TryStreamExt};

use super::connection::Connection;
use super::error_mapping;
use crate::target::{ByteStream, TargetError};

/// A transfer may take long before the engine answers.
const TRANSFER_MARGIN: std::time::Duration = std::time::Duration::from_secs(24 * 3600);
/// The bit of Go's file mode that says directory.
const GO_DIRECTORY: u32 = 1 << 31;

/// Whose a file is, and who may do what with it.
#[derive(Clone, Copy)]
pub(super) struct FileAccess {
    pub(super) uid: u64,
    pub(super) gid: u64,
    pub(super) mode: u32,
}

impl FileAccess {
    /// A file of root's.
    pub(super) const fn of_root(mode: u32) -> Self {
        Self { uid: 0, gid: 0, mode }
    }
}

/// A tar archive being built.
pub(super) struct Archive(tar::Builder<Vec<u8>>);

impl Default for Archive {
    fn default() -> Self {
        Self(tar::Builder::new(Vec::new()))
    }
}

impl Archive {
    /// Adds a file with its owner, group and mode.
    pub(super) fn file(&mut self, path: &str, content: &[u8], access: FileAccess) -> Result<(), TargetError> {
        let mut header = tar::Header::new_gnu();
        header.set_size(content.len() as u64);
        header.set_mode(access.mode);
        header.set_uid(access.uid);
        header.set_gid(access.gid);
        header.set_mtime(now());
        self.0.append_data(&mut header, path, content).map_err(broken)
    }

    /// Adds a symbolic link, in place of what has that name.
    pub(super) fn link(&mut self, path: &str, target: &str) -> Result<(), TargetError> {
        let mut header = tar::Header::new_gnu();
        header.set_entry_type(tar::EntryType::Symlink);
        header.set_size(0);
        header.set_mode(0o777);
        header.set_mtime(now());
        self.0.append_link(&mut header, path, target).map_err(broken)
    }

    /// Adds a directory of root's.
    pub(super) fn directory(&mut self, path: &str, mode: u32) -> Result<(), TargetError> {
        let mut header = tar::Header::new_gnu();
        header.set_entry_type(tar::EntryType::Directory);
        header.set_size(0);
        header.set_mode(mode);
        header.set_mtime(now());
        self.0.append_data(&mut header, format!("{path}/"), io::empty()).map_err(broken)
    }

    /// The bytes.
    pub(super) fn finish(self) -> Result<Vec<u8>, TargetError> {
        self.0.into_inner().map_err(broken)
    }
}

fn now() -> u64 {
    std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).map_or(0, |d| d.as_secs())
}

fn broken(error: io::Error) -> TargetError {
    TargetError::Broken { operation: "packing files".to_owned(), message: error.to_string() }
}

/// Extracts an archive into an existing directory of a container, running or not.
pub(super) async fn put(
    connection: &Connection,
    container: &str,
    directory: &str,
    archive: Vec<u8>,
) -> Result<(), TargetError> {
    let options = UploadToContainerOptionsBuilder::default().path(directory).build();
    let body = bollard::body_full(Bytes::from(archive));
    let sent = connection.api.upload_to_container(container, Some(options), body).await;
    sent.map_err(|e| path_error(connection, (container, directory), e))
}

/// The same from a stream of any length.
pub(super) async fn put_stream(
    connection: &Connection,
    container: &str,
    directory: &str,
    archive: ByteStream,
) -> Result<(), TargetError> {
    let options = UploadToContainerOptionsBuilder::default().path(directory).build();
    let body = bollard::body_try_stream(archive.map_err(io::Error::other));
    let sent = connection.patient(TRANSFER_MARGIN).upload_to_container(container, Some(options), body).await;
    sent.map_err(|e| path_error(connection, (container, directory), e))
}

/// A path of a container as a tar stream.
pub(super) fn get(connection: &Connection, container: &str, path: &str) -> ByteStream {
    let options = DownloadFromContainerOptionsBuilder::default().path(path).build();
    let api = connection.patient(TRANSFER_MARGIN);
    let (connection, place) = (connection.clone(), (container.to_owned(), path.to_owned()));
    let stream = api.download_from_container(container, Some(options));
    stream.map_err(move |e| path_error(&connection, (&place.0, &place.1), e)).boxed()
}

/// Whether a path exists in a container, and whether it is a directory.
pub(super) async fn stat(connection: &Connection, container: &str, path: &str) -> Result<Option<bool>, TargetError> {
    let options = ContainerArchiveInfoOptionsBuilder::default().path(path).build();
    match connection.api.get_container_archive_info(container, Some(options)).await {
        Ok(found) => Ok(Some(found.file_mode & GO_DIRECTORY != 0)),
        Err(error) => match path_error(connection, (container, path), error) {
            TargetError::NotFound { kind: "path", .. } => Ok(None),
            other => Err(other),
        },
    }
}

/// Where a symbolic link in a container leads, in full; `None` where there is no such link. A look without a copy: the
/// engine starts no process for it.
pub(super) async fn link_target(
    connection: &Connection,
    container: &str,
    path: &str,
) -> Result<Option<String>, TargetError> {
    let options = ContainerArchiveInfoOptionsBuilder::default().path(path).build();
    match connection.api.get_container_archive_info(container, Some(options)).await {
        Ok(found) => Ok(Some(found.link_target).filter(|target| !target.is_empty())),
        Err(error) => match path_error(connection, (container, path), error) {
            TargetError::NotFound { kind: "path", .. } => Ok(None),
            other => Err(other),
        },
    }
}

/// A missing path and a missing container are both 404; only the latter has words.
fn path_error(connection: &Connection, (container, path): (&str, &str), error: bollard::errors::Error) -> TargetError {
    let name = format!("{container}:{path}");
    match error_mapping::map(connection, &format!("copying {name}"), error) {
        TargetError::Refused { status: 404, .. } => TargetError::NotFound { kind: "path", name },
        other => other,
    }
}
