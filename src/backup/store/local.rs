//! A repository in a directory of this machine.

use std::io::{self, Read as _, Seek as _};
use std::path::PathBuf;

use sha2::{Digest as _, Sha256};

use super::{Entry, FOLDERS, Store, whole};
use crate::output_file;

/// The directory.
#[derive(Debug)]
pub(in crate::backup) struct LocalStore(pub(in crate::backup) PathBuf);

impl Store for LocalStore {
    fn prepare(&self) -> io::Result<()> {
        for folder in FOLDERS {
            output_file::create_private_directory(&self.0.join(folder))?;
        }
        Ok(())
    }

    fn entries(&self, folder: &str) -> io::Result<Vec<Entry>> {
        let read = match std::fs::read_dir(self.0.join(folder)) {
            Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => {
                return Ok(Vec::new());
            }
            read => read?,
        };
        let mut entries = Vec::new();
        for entry in read {
            let entry = entry?;
            let Ok(name) = entry.file_name().into_string() else { continue };
            // A file that was removed meanwhile is not there.
            let Ok(found) = entry.path().metadata() else { continue };
            entries.push(Entry { name, size: (!found.is_dir()).then_some(found.len()) });
        }
        entries.sort();
        Ok(entries)
    }

    fn read(&self, path: &str, range: Option<(u32, u32)>) -> io::Result<Vec<u8>> {
        let Some((offset, length)) = range else { return std::fs::read(self.0.join(path)) };
        let mut file = std::fs::File::open(self.0.join(path))?;
        file.seek(io::SeekFrom::Start(offset.into()))?;
        let mut bytes = Vec::new();
        file.take(length.into()).read_to_end(&mut bytes)?;
        whole(bytes, range)
    }

    fn digest(&self, path: &str) -> io::Result<(u64, String)> {
        let mut file = std::fs::File::open(self.0.join(path))?;
        let (mut hash, mut bytes, mut buffer) = (Sha256::new(), 0, vec![0; 256 * 1024]);
        loop {
            match file.read(&mut buffer)? {
                0 => return Ok((bytes, hex::encode(hash.finalize()))),
                count => {
                    hash.update(&buffer[..count]);
                    bytes += count as u64;
                }
            }
        }
    }

    fn write(&self, path: &str, bytes: &[u8]) -> io::Result<()> {
        let path = self.0.join(path);
        if let Some(folder) = path.parent() {
            output_file::create_private_directory(folder)?;
        }
        output_file::PrivateFile::named(&path).create(bytes)
    }

    fn remove(&self, path: &str) -> io::Result<()> {
        output_file::remove_own(&self.0.join(path))
    }
}
