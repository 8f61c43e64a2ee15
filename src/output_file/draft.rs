//! A file that is being written: under a temporary name in the directory it will be in, given its name when it is whole.
//! Reads nothing; syncs content and directory to disk before and after the rename.
//! Never leaves the temporary name behind when writing fails.

use std::ffi::OsStr;
use std::fs::File;
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::atomic::{AtomicUsize, Ordering};

use rustix::fs::{
    AtFlags, Gid, Mode, OFlags, RenameFlags, Uid, fchmod, fchown, openat, renameat, renameat_with, unlinkat,
};
use rustix::io::Errno;

use super::stale::{self, PREFIX};

/// Random names that are tried.
const ATTEMPTS: usize = 16;

/// Files that are being written right now.
static OPEN: AtomicUsize = AtomicUsize::new(0);

/// Whether a file is being written: whoever ends the process now leaves it under its temporary name.
pub fn is_writing() -> bool {
    OPEN.load(Ordering::SeqCst) > 0
}

/// A file under a temporary name, gone when it is dropped before it gets its own.
#[derive(Debug)]
pub(super) struct Draft {
    directory: OwnedFd,
    temporary: String,
    file: File,
    named: bool,
}

impl Draft {
    /// An empty file in a directory; the umask applies to the mode.
    pub(super) fn create(directory: BorrowedFd<'_>, mode: u32) -> io::Result<Self> {
        let directory = directory.try_clone_to_owned()?;
        let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        for _ in 0..ATTEMPTS {
            let temporary = temporary_name()?;
            match openat(&directory, &temporary, flags, Mode::from_raw_mode(mode)) {
                Ok(file) => {
                    OPEN.fetch_add(1, Ordering::SeqCst);
                    stale::lock(&file);
                    return Ok(Self { directory, temporary, file: file.into(), named: false });
                }
                Err(Errno::EXIST) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Err(io::ErrorKind::AlreadyExists.into())
    }

    pub(super) fn file(&mut self) -> &mut File {
        &mut self.file
    }

    /// Sets the mode whatever the umask.
    pub(super) fn set_mode(&self, mode: u32) -> io::Result<()> {
        Ok(fchmod(&self.file, Mode::from_raw_mode(mode))?)
    }

    /// Gives the file to another owner, as far as this process may: only root gives files away.
    pub(super) fn set_owner(&self, uid: u32, gid: u32) -> io::Result<()> {
        let owner = |uid: Option<u32>| fchown(&self.file, uid.map(Uid::from_raw), Some(Gid::from_raw(gid)));
        match owner(Some(uid)).or_else(|_| owner(None)) {
            Ok(()) | Err(Errno::PERM) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }

    /// Takes the place of what has the name.
    pub(super) fn replace(mut self, name: &OsStr) -> io::Result<()> {
        self.file.sync_all()?;
        self.rename(name)?;
        self.sync_directory()
    }

    /// The same for one of many files of a copy, which can be made again: syncing each would take longer than the copy.
    pub(super) fn replace_unsynced(mut self, name: &OsStr) -> io::Result<()> {
        self.rename(name)
    }

    fn rename(&mut self, name: &OsStr) -> io::Result<()> {
        renameat(&self.directory, &self.temporary, &self.directory, name)?;
        self.named = true;
        Ok(())
    }

    /// Takes a name that nothing has; `AlreadyExists` when something has it by now.
    pub(super) fn publish(mut self, name: &OsStr) -> io::Result<()> {
        self.file.sync_all()?;
        match renameat_with(&self.directory, &self.temporary, &self.directory, name, RenameFlags::NOREPLACE) {
            Ok(()) => self.named = true,
            // Not every file system knows the flag; a hard link refuses a name that is taken, too.
            Err(Errno::INVAL | Errno::NOSYS | Errno::OPNOTSUPP) => {
                rustix::fs::linkat(&self.directory, &self.temporary, &self.directory, name, AtFlags::empty())?;
            }
            Err(error) => return Err(error.into()),
        }
        self.sync_directory()
    }

    /// Best effort: a directory may be writable and not readable.
    fn sync_directory(&self) -> io::Result<()> {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        match openat(self.directory.as_fd(), ".", flags, Mode::empty()).and_then(rustix::fs::fsync) {
            Err(error @ (Errno::IO | Errno::NOSPC | Errno::DQUOT)) => Err(error.into()),
            _ => Ok(()),
        }
    }
}

/// A name that nothing has.
pub(super) fn temporary_name() -> io::Result<String> {
    Ok(format!("{PREFIX}{:016x}", getrandom::u64().map_err(io::Error::other)?))
}

impl Drop for Draft {
    fn drop(&mut self) {
        if !self.named {
            let _ = unlinkat(&self.directory, &self.temporary, AtFlags::empty());
        }
        OPEN.fetch_sub(1, Ordering::SeqCst);
    }
}
