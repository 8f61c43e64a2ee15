//! A file that only its owner may read: made where nothing is, or replaced while it still holds what was read.
//! A path that a project chose must lie in the project's folder when all links are followed.

use std::io::{self, Read};
use std::path::{Path, PathBuf};

use rustix::fs::{Mode, OFlags, openat};

use super::error::OutputError;
use super::file::OutputFile;
use super::place::{self, Place};
use super::{Content, Existing, Rules};

/// A file with mode 0600.
#[derive(Debug)]
pub struct PrivateFile {
    path: PathBuf,
    /// The folder that links may not lead out of.
    below: Option<PathBuf>,
}

impl PrivateFile {
    /// A file that the operator named: links are followed wherever they lead.
    pub fn named(path: &Path) -> Self {
        Self { path: path.to_owned(), below: None }
    }

    /// A file whose path a project chose: it must lie in the project's folder, links followed.
    pub fn below(path: &Path, folder: &Path) -> Self {
        Self { path: path.to_owned(), below: Some(folder.to_owned()) }
    }

    /// Fails when the path leads out of the folder. Nothing is created.
    pub fn check(&self) -> Result<(), OutputError> {
        let Some(below) = &self.below else { return Ok(()) };
        match place::resolve_below(&self.path, below) {
            Err(error @ OutputError::LeadsOutside { .. }) => Err(error),
            // Writing says what else is wrong.
            _ => Ok(()),
        }
    }

    /// Creates the file; `AlreadyExists` when something is there, even when it came while we wrote.
    pub fn create(&self, bytes: &[u8]) -> io::Result<()> {
        self.open(Existing::Keep).and_then(|file| file.write(bytes)).map_err(OutputError::into_io)
    }

    /// Replaces the file, whose bytes are `before`, with `after`; its owner stays. `InvalidData` when it holds something
    /// else by now.
    pub fn replace(&self, before: &[u8], after: &[u8]) -> io::Result<()> {
        let file = self.open(Existing::Replace).map_err(OutputError::into_io)?;
        file.write_with(|out| {
            out.write_all(after)?;
            same_bytes(&self.path, before)
        })
        .map_err(OutputError::into_io)
    }

    fn open(&self, existing: Existing) -> Result<OutputFile, OutputError> {
        let rules = Rules { existing, content: Content::Secret };
        match &self.below {
            Some(below) => OutputFile::open_below(&self.path, below, rules),
            None => OutputFile::open(&self.path, rules),
        }
    }
}

fn same_bytes(path: &Path, before: &[u8]) -> io::Result<()> {
    let changed = || io::Error::new(io::ErrorKind::InvalidData, "it was changed by another process meanwhile");
    let Place::Named(name) = place::resolve(path).map_err(OutputError::into_io)? else { return Err(changed()) };
    let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let mut found = Vec::new();
    std::fs::File::from(openat(&name.directory, &name.name, flags, Mode::empty())?).read_to_end(&mut found)?;
    if found == before { Ok(()) } else { Err(changed()) }
}
