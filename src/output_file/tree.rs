//! Files below a directory the operator named: every step down is taken from the directory before it, never through a link.
//! Reads what has the names; creates directories and files.
//! Never leaves the directory, even when links are created in it meanwhile.

use std::ffi::OsString;
use std::fs::File;
use std::io::{self, Write};
use std::os::fd::{AsFd, OwnedFd};
use std::path::{Component, Path, PathBuf};

use rustix::fs::{AtFlags, CWD, FileType, Mode, OFlags, Stat, mkdirat, openat, statat};
use rustix::io::Errno;

use super::error::OutputError;
use super::place::{Name, kind_name, open_directory};
use super::{Existing, Rules};

/// An open directory.
#[derive(Debug)]
pub struct Tree {
    pub(super) root: OwnedFd,
    pub(super) path: PathBuf,
}

/// What has a name below the directory.
#[derive(Debug)]
pub enum Found {
    /// Nothing.
    Absent,
    /// A file, open for reading.
    File(File),
}

/// A name in the directory that it is in.
pub(super) struct Entry {
    pub(super) directory: OwnedFd,
    pub(super) name: OsString,
    pub(super) found: Option<Stat>,
}

impl Tree {
    /// The directory, created when it is missing, with those above it. It may itself be a link: the operator named it.
    pub fn create(path: &Path) -> Result<Self, OutputError> {
        if let Some(tree) = Self::existing(path)? {
            return Ok(tree);
        }
        std::fs::create_dir_all(path).map_err(|error| OutputError::io(path, error))?;
        Self::opened(path).map_err(|error| OutputError::io(path, error))
    }

    /// The directory, unless nothing has the name.
    pub fn existing(path: &Path) -> Result<Option<Self>, OutputError> {
        match Self::opened(path) {
            Ok(tree) => Ok(Some(tree)),
            Err(Errno::NOENT) if path.symlink_metadata().is_err() => Ok(None),
            Err(Errno::NOTDIR) if path.metadata().is_ok() => {
                Err(OutputError::io(path, io::Error::new(io::ErrorKind::NotADirectory, "it is not a directory")))
            }
            Err(error) => Err(OutputError::io(path, error)),
        }
    }

    fn opened(path: &Path) -> Result<Self, Errno> {
        Ok(Self { root: open_directory(CWD, path)?, path: path.to_owned() })
    }

    /// Fails where the file could not, or may not, be written. Nothing is created.
    pub fn check(&self, name: &Path, existing: Existing) -> Result<(), OutputError> {
        let Some(entry) = self.entry(name, false)? else { return Ok(()) };
        self.named(name, entry)?.check(existing, &self.path.join(name))
    }

    /// Fails for a name that cannot lie below a directory.
    pub fn check_name(name: &Path) -> Result<(), OutputError> {
        parts(name).map(drop)
    }

    /// What has the name; anything but a file is refused.
    pub fn look(&self, name: &Path) -> Result<Found, OutputError> {
        let Some(entry) = self.entry(name, false)? else { return Ok(Found::Absent) };
        let entry = self.named(name, entry)?;
        if entry.found.is_none() {
            return Ok(Found::Absent);
        }
        let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
        let opened = openat(&entry.directory, &entry.name, flags, Mode::empty());
        opened.map(|file| Found::File(file.into())).map_err(|error| OutputError::io(&self.path.join(name), error))
    }

    /// Writes a file, and the directories it is in.
    pub fn write(&self, name: &Path, rules: Rules, bytes: &[u8]) -> Result<(), OutputError> {
        self.write_with(name, rules, |out| out.write_all(bytes))
    }

    /// Writes what a function gives; where that fails, what was there stays.
    pub fn write_with<T>(
        &self,
        name: &Path,
        rules: Rules,
        write: impl FnOnce(&mut dyn Write) -> io::Result<T>,
    ) -> Result<T, OutputError> {
        let path = self.path.join(name);
        let entry = self.entry(name, true)?.ok_or_else(|| OutputError::io(&path, Errno::NOENT))?;
        let named = self.named(name, entry)?;
        named.check(rules.existing, &path)?;
        named.write(rules, &path, write)
    }

    /// The entry as one that can be a file.
    fn named(&self, name: &Path, entry: Entry) -> Result<Name, OutputError> {
        let path = self.path.join(name);
        match entry.kind() {
            None | Some(FileType::RegularFile) => {}
            Some(FileType::Symlink) => return Err(self.link(path)),
            Some(other) => return Err(OutputError::NotAFile { path, what: kind_name(other) }),
        }
        let folder = path.parent().unwrap_or(&self.path).to_owned();
        Ok(Name { directory: entry.directory, folder, name: entry.name, found: entry.found })
    }

    /// The directory a name is in, step by step; none when one is missing and is not to be created.
    pub(super) fn entry(&self, name: &Path, create: bool) -> Result<Option<Entry>, OutputError> {
        let mut parts = parts(name)?;
        let last = parts.pop().ok_or_else(|| OutputError::Outside { name: name.to_owned() })?;
        let mut directory = self.root.try_clone().map_err(|error| OutputError::io(&self.path, error))?;
        let mut path = self.path.clone();
        for part in parts {
            path.push(&part);
            directory = match step(&directory, &part, create) {
                Ok(next) => next,
                Err(Errno::NOENT) if !create => return Ok(None),
                Err(error) => return Err(self.no_step(path, (&directory, &part), error)),
            };
        }
        let found = match statat(&directory, &last, AtFlags::SYMLINK_NOFOLLOW) {
            Ok(found) => Some(found),
            Err(Errno::NOENT) => None,
            Err(error) => return Err(OutputError::io(&path.join(&last), error)),
        };
        Ok(Some(Entry { directory, name: last, found }))
    }

    fn no_step(&self, path: PathBuf, (directory, part): (&OwnedFd, &OsString), error: Errno) -> OutputError {
        let kind = statat(directory, part, AtFlags::SYMLINK_NOFOLLOW).map(|f| FileType::from_raw_mode(f.st_mode));
        match kind {
            Ok(FileType::Symlink) => self.link(path),
            _ => OutputError::io(&path, error),
        }
    }

    pub(super) fn link(&self, path: PathBuf) -> OutputError {
        OutputError::Link { path, below: self.path.clone() }
    }
}

impl Entry {
    pub(super) fn kind(&self) -> Option<FileType> {
        self.found.as_ref().map(|found| FileType::from_raw_mode(found.st_mode))
    }
}

/// One directory down.
fn step(directory: &OwnedFd, part: &OsString, create: bool) -> Result<OwnedFd, Errno> {
    let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let open = || openat(directory.as_fd(), part, flags, Mode::empty());
    match open() {
        Err(Errno::NOENT) if create => {}
        result => return result,
    }
    match mkdirat(directory, part, Mode::from_raw_mode(0o777)) {
        Ok(()) | Err(Errno::EXIST) => open(),
        Err(error) => Err(error),
    }
}

/// The parts of a path that stays below.
fn parts(name: &Path) -> Result<Vec<OsString>, OutputError> {
    let outside = || OutputError::Outside { name: name.to_owned() };
    let mut parts = Vec::new();
    for part in name.components() {
        match part {
            Component::Normal(part) => parts.push(part.to_owned()),
            Component::CurDir => {}
            _ => return Err(outside()),
        }
    }
    Ok(parts)
}
