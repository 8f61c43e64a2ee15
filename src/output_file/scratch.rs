//! A folder for files that exist only while something else is made of them.
//! Reads nothing; the folder is only its owner's and is removed with everything in it when it is dropped.
//! Never holds what the operator asked for.

use std::fs::File;
use std::io;
use std::os::fd::AsFd;
use std::path::{Path, PathBuf};

use super::error::OutputError;
use super::stale::{self, PREFIX};

/// A private folder that goes away by itself.
#[derive(Debug)]
pub struct Scratch {
    folder: tempfile::TempDir,
    /// Locked while the folder is in use.
    _lock: Option<File>,
}

impl Scratch {
    /// In a folder of the operator's, hidden.
    pub(super) fn beside(folder: &Path) -> Result<Self, OutputError> {
        let folder = if folder.as_os_str().is_empty() { Path::new(".") } else { folder };
        if let Ok(opened) = File::open(folder) {
            stale::remove_stale(opened.as_fd());
        }
        let made = tempfile::Builder::new().prefix(PREFIX).tempdir_in(folder);
        made.map(Self::locked).map_err(|error| OutputError::io(folder, error))
    }

    fn locked(folder: tempfile::TempDir) -> Self {
        let lock = File::open(folder.path()).ok();
        lock.iter().for_each(stale::lock);
        Self { folder, _lock: lock }
    }

    /// Where the system keeps temporary files.
    pub fn temporary(prefix: &str) -> Result<Self, OutputError> {
        let made = tempfile::Builder::new().prefix(prefix).tempdir();
        made.map(Self::locked).map_err(|error| OutputError::io(&std::env::temp_dir(), error))
    }

    /// The folder.
    pub fn path(&self) -> &Path {
        self.folder.path()
    }

    /// A path in it.
    pub fn at(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// A file in it, empty; one of the name is emptied.
    pub fn create(&self, name: &str) -> io::Result<File> {
        File::create(self.at(name))
    }

    /// Opens a file in the directory for reading.
    pub fn open(&self, name: &str) -> io::Result<File> {
        File::open(self.at(name))
    }

    /// Gives a file in it another name.
    pub fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        std::fs::rename(self.at(from), self.at(to))
    }
}
