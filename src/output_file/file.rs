//! One file that the operator named: links are followed, devices and pipes written through, files replaced by a rename.
//! Reads what stands there before anything is written; writes beside it, keeps mode and owner of a file it replaces.
//! Never writes a part: a failure leaves what was there as it was.

use std::ffi::OsStr;
use std::io::{self, Write};
use std::os::fd::AsFd;
use std::path::{Path, PathBuf};

use rustix::fs::{AtFlags, unlinkat};
use rustix::io::Errno;

use super::Rules;
use super::error::OutputError;
use super::place::{self, Name, Place};
use super::scratch::Scratch;
use super::stale;

/// A file that can be written, as far as that can be known without writing.
#[derive(Debug)]
pub struct OutputFile {
    path: PathBuf,
    place: Place,
    rules: Rules,
}

impl OutputFile {
    /// Looks where a path leads and whether writing there is possible and allowed. A pipe is opened, nothing is created.
    pub fn open(path: &Path, rules: Rules) -> Result<Self, OutputError> {
        let place = place::resolve(path)?;
        if let Place::Named(name) = &place {
            name.check(rules.existing, path)?;
        }
        Ok(Self { path: path.to_owned(), place, rules })
    }

    /// The same for a file that must lie below a directory, wherever links lead.
    pub(super) fn open_below(path: &Path, below: &Path, rules: Rules) -> Result<Self, OutputError> {
        let name = place::resolve_below(path, below)?;
        name.check(rules.existing, path)?;
        Ok(Self { path: path.to_owned(), place: Place::Named(name), rules })
    }

    /// The path as it was named.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Whether bytes go through a device or pipe.
    pub fn is_stream(&self) -> bool {
        matches!(&self.place, Place::Stream(_))
    }

    /// Whether bytes go through our own standard output.
    pub fn is_standard_output(&self) -> bool {
        matches!(&self.place, Place::Stream(stream) if stream.is_standard_output)
    }

    /// Folder and name of the file, links followed; none for a device or pipe.
    pub fn location(&self) -> Option<(&Path, &OsStr)> {
        match &self.place {
            Place::Named(name) => Some((&name.folder, &name.name)),
            Place::Stream(_) => None,
        }
    }

    /// Removes the existing file, so that it is not mistaken for the one still to be written.
    pub fn remove_previous(&self) -> Result<(), OutputError> {
        let Place::Named(Name { directory, name, found: Some(_), .. }) = &self.place else { return Ok(()) };
        match unlinkat(directory, name, AtFlags::empty()) {
            Ok(()) | Err(Errno::NOENT) => Ok(()),
            Err(error) => Err(OutputError::io(&self.path, error)),
        }
    }

    /// A folder for what is needed while the file is put together: on the same disk where that is possible.
    pub fn scratch(&self) -> Result<Scratch, OutputError> {
        match &self.place {
            Place::Named(name) => Scratch::beside(&name.folder),
            Place::Stream(_) => Scratch::temporary("aictl-"),
        }
    }

    /// Writes the whole content.
    pub fn write(self, bytes: &[u8]) -> Result<(), OutputError> {
        self.write_with(|out| out.write_all(bytes))
    }

    /// Writes what a function gives; where that fails, what was there stays.
    pub fn write_with<T>(self, write: impl FnOnce(&mut dyn Write) -> io::Result<T>) -> Result<T, OutputError> {
        match self.place {
            Place::Named(name) => {
                stale::remove_stale(name.directory.as_fd());
                name.write(self.rules, &self.path, write)
            }
            Place::Stream(mut stream) => {
                let written = write(&mut stream).and_then(|written| stream.flush().map(|()| written));
                written.map_err(|error| OutputError::io(&self.path, error))
            }
        }
    }
}
