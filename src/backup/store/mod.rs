//! The files of a repository by name, wherever they are. Blocking; every call has a deadline.

mod local;
mod rustic;
mod s3;
mod s3_answers;
mod s3_credentials;
mod s3_signature;
#[cfg(test)]
mod server_tests;
mod sftp;
mod sftp_packets;
mod ssh_process;

use std::fmt::Debug;
use std::io;
use std::time::Duration;

pub(super) use local::LocalStore;
pub(super) use rustic::StoreBackend;
pub(super) use s3::S3Store;
pub use s3_credentials::S3Credentials;
pub(super) use sftp::SftpStore;

/// How long a server may be silent.
const SILENCE: Duration = Duration::from_secs(60);
/// Folders of a new repository.
const FOLDERS: [&str; 5] = ["data", "index", "keys", "locks", "snapshots"];

/// A name in a folder.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Entry {
    /// Its name.
    pub(super) name: String,
    /// Bytes of a file; none for a folder.
    pub(super) size: Option<u64>,
}

/// Files by their path in the repository, as `data/ab/ab12…`.
pub(super) trait Store: Debug + Send + Sync {
    /// Makes the folders of a new repository, where there are folders.
    fn prepare(&self) -> io::Result<()>;

    /// What is in a folder; nothing where it does not exist.
    fn entries(&self, folder: &str) -> io::Result<Vec<Entry>>;

    /// Path and size of the files of a folder and of the folders in it.
    fn files(&self, folder: &str) -> io::Result<Vec<(String, u64)>> {
        let mut files = Vec::new();
        for entry in self.entries(folder)? {
            let path = format!("{folder}/{}", entry.name);
            match entry.size {
                Some(size) => files.push((path, size)),
                None => files.extend(self.files(&path)?),
            }
        }
        Ok(files)
    }

    /// The content of a file, or `length` bytes of it from `offset`.
    fn read(&self, path: &str, range: Option<(u32, u32)>) -> io::Result<Vec<u8>>;

    /// Number of bytes and SHA-256 of a file.
    fn digest(&self, path: &str) -> io::Result<(u64, String)> {
        let bytes = self.read(path, None)?;
        Ok((bytes.len() as u64, hex::encode(super::sealed::hash(&bytes))))
    }

    /// Writes a file whole or not at all.
    fn write(&self, path: &str, bytes: &[u8]) -> io::Result<()>;

    /// Removes a file.
    fn remove(&self, path: &str) -> io::Result<()>;
}

/// Fails where fewer bytes came than were asked for.
fn whole(bytes: Vec<u8>, range: Option<(u32, u32)>) -> io::Result<Vec<u8>> {
    match range {
        Some((_, length)) if bytes.len() != length as usize => Err(io::ErrorKind::UnexpectedEof.into()),
        _ => Ok(bytes),
    }
}
