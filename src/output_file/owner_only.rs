//! A file that only its owner may read: made where nothing is, or replaced while it still holds what was read.
//! Reads the bytes and the place; a file that is replaced keeps its owner.
//! Never replaces a file that was not named.

use std::io::{self, Read};
use std::path::Path;

use rustix::fs::{Mode, OFlags, openat};

use super::error::OutputError;
use super::file::OutputFile;
use super::place::{self, Place};
use super::{Content, Existing, Rules};

/// Creates a file with mode 0600; `AlreadyExists` when something is there, even when it came while we wrote.
pub fn create_private(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let rules = Rules { existing: Existing::Keep, content: Content::Secret };
    OutputFile::open(path, rules).and_then(|file| file.write(bytes)).map_err(OutputError::into_io)
}

/// Replaces a file whose bytes are `before` with `after`, mode 0600, its owner kept; a symbolic link is followed.
/// `InvalidData` when it holds something else by now.
pub fn replace_private(path: &Path, before: &[u8], after: &[u8]) -> io::Result<()> {
    let rules = Rules { existing: Existing::Replace, content: Content::Secret };
    let file = OutputFile::open(path, rules).map_err(OutputError::into_io)?;
    file.write_with(|out| {
        out.write_all(after)?;
        same_bytes(path, before)
    })
    .map_err(OutputError::into_io)
}

fn same_bytes(path: &Path, before: &[u8]) -> io::Result<()> {
    let changed = || io::Error::new(io::ErrorKind::InvalidData, "it was changed by another process meanwhile");
    let Place::Named(name) = place::resolve(path).map_err(OutputError::into_io)? else { return Err(changed()) };
    let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let mut found = Vec::new();
    std::fs::File::from(openat(&name.directory, &name.name, flags, Mode::empty())?).read_to_end(&mut found)?;
    if found == before { Ok(()) } else { Err(changed()) }
}
