//! Where a path leads: a name in an open directory, or something bytes are written through.
//! Reads links, one after the other, each from the directory that holds it; opens a device or pipe for writing.
//! Never creates, truncates or removes anything.

use std::ffi::OsString;
use std::fs::File;
use std::io::Read;
use std::os::fd::{AsRawFd, OwnedFd};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Path, PathBuf};

use rustix::fs::{AtFlags, CWD, FileType, Mode, OFlags, Stat, fstat, fstatfs, openat, readlinkat, statat};
use rustix::io::Errno;

use super::error::OutputError;
use super::stream::{self, Stream};
use super::{Existing, HEAD};

/// Links that lead to one another end here, as they do for the system.
const MOST_LINKS: usize = 40;
/// `PROC_SUPER_MAGIC` of statfs(2).
const PROC: i128 = 0x9fa0;
/// File systems of kernel parameters: procfs, sysfs, cgroup v1 and v2, debugfs, securityfs.
const OF_THE_KERNEL: [i128; 6] = [PROC, 0x6265_6572, 0x0027_e0eb, 0x6367_7270, 0x6462_6720, 0x7363_6673];

/// Where bytes go.
#[derive(Debug)]
pub(super) enum Place {
    /// A name in a directory.
    Named(Name),
    /// A device, a pipe or a kernel parameter.
    Stream(Stream),
}

/// A name in a directory, and the regular file that has it.
#[derive(Debug)]
pub(super) struct Name {
    pub(super) directory: OwnedFd,
    /// The directory's path, links followed.
    pub(super) folder: PathBuf,
    pub(super) name: OsString,
    pub(super) found: Option<Stat>,
}

/// Finds out where a path leads.
pub(super) fn resolve(path: &Path) -> Result<Place, OutputError> {
    let failed = |error: Errno| OutputError::io(path, error);
    let mut at = Cursor::begin(path)?;
    for _ in 0..MOST_LINKS {
        let found = match statat(&at.directory, &at.name, AtFlags::SYMLINK_NOFOLLOW) {
            Ok(found) => found,
            Err(Errno::NOENT) => return Ok(Place::Named(at.into_name(None))),
            Err(error) => return Err(failed(error)),
        };
        match FileType::from_raw_mode(found.st_mode) {
            FileType::Symlink if is_in_proc(&at.directory) => {
                return stream::descriptor(&at.directory, &at.name, path).map(Place::Stream);
            }
            FileType::Symlink => {
                at.refuse_foreign(&found, path)?;
                at = at.follow(path)?;
            }
            // A kernel parameter is written in place: no temporary file can be created next to it.
            FileType::RegularFile if is_of_the_kernel(&at.directory) => {
                return stream::open(&at.directory, &at.name, path).map(Place::Stream);
            }
            FileType::RegularFile => return Ok(Place::Named(at.into_name(Some(found)))),
            FileType::CharacterDevice | FileType::Fifo => {
                return stream::open(&at.directory, &at.name, path).map(Place::Stream);
            }
            other => return Err(OutputError::NotAFile { path: path.to_owned(), what: kind_name(other) }),
        }
    }
    Err(failed(Errno::LOOP))
}

/// The same for a name that must lie below a directory when all links are followed.
pub(super) fn resolve_below(path: &Path, below: &Path) -> Result<Name, OutputError> {
    let Place::Named(name) = resolve(path)? else {
        return Err(OutputError::NotAFile { path: path.to_owned(), what: "a device or pipe" });
    };
    let root = below.canonicalize().map_err(|error| OutputError::io(below, error))?;
    // Of the directory that is open: a path could lead elsewhere by now.
    let opened = format!("/proc/self/fd/{}", name.directory.as_raw_fd());
    let folder = std::fs::read_link(opened).or_else(|_| name.folder.canonicalize());
    let folder = folder.map_err(|error| OutputError::io(path, error))?;
    if folder.starts_with(&root) {
        return Ok(name);
    }
    let target = folder.join(&name.name);
    Err(OutputError::LeadsOutside { path: path.to_owned(), target, below: below.to_owned() })
}

/// A word for what is no file.
pub(super) fn kind_name(kind: FileType) -> &'static str {
    match kind {
        FileType::Directory => "a directory",
        FileType::BlockDevice => "a block device",
        FileType::CharacterDevice => "a character device",
        FileType::Fifo => "a pipe",
        FileType::Socket => "a socket",
        FileType::Symlink => "a symbolic link",
        _ => "something else",
    }
}

/// Whether the file that has the name may be replaced; read from its beginning where that decides.
pub(super) fn may_replace(directory: &OwnedFd, name: &OsString, existing: Existing) -> Result<bool, Errno> {
    let recognise = match existing {
        Existing::Replace => return Ok(true),
        Existing::Keep => return Ok(false),
        Existing::ReplaceOwn(recognise) => recognise,
    };
    let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
    let file: File = openat(directory, name, flags, Mode::empty())?.into();
    let mut head = Vec::new();
    let read = file.take(HEAD).read_to_end(&mut head);
    Ok(read.is_ok() && (head.is_empty() || recognise(&head)))
}

/// A directory for names to be looked up in: it may be searchable only.
pub(super) fn open_directory(at: impl std::os::fd::AsFd, path: &Path) -> Result<OwnedFd, Errno> {
    let path = if path.as_os_str().is_empty() { Path::new(".") } else { path };
    openat(at, path, OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty())
}

struct Cursor {
    directory: OwnedFd,
    folder: PathBuf,
    name: OsString,
}

impl Cursor {
    fn begin(path: &Path) -> Result<Self, OutputError> {
        let (folder, name) = split(path).ok_or_else(|| directory_named(path))?;
        let directory = open_directory(CWD, &folder).map_err(|error| OutputError::io(path, error))?;
        Ok(Self { directory, folder, name })
    }

    fn follow(self, path: &Path) -> Result<Self, OutputError> {
        let failed = |error: Errno| OutputError::io(path, error);
        let target = readlinkat(&self.directory, &self.name, Vec::new()).map_err(failed)?;
        let target = PathBuf::from(OsString::from_vec(target.into_bytes()));
        let (folder, name) = split(&target).ok_or_else(|| directory_named(path))?;
        let directory = open_directory(&self.directory, &folder).map_err(failed)?;
        Ok(Self { directory, folder: self.folder.join(folder), name })
    }

    /// The kernel's own rule (`fs.protected_symlinks`), which holds only for links that it follows itself.
    fn refuse_foreign(&self, link: &Stat, path: &Path) -> Result<(), OutputError> {
        let directory = fstat(&self.directory).map_err(|error| OutputError::io(path, error))?;
        let is_shared = directory.st_mode & 0o1002 == 0o1002;
        let us = rustix::process::geteuid().as_raw();
        if is_shared && link.st_uid != us && link.st_uid != directory.st_uid {
            return Err(OutputError::ForeignLink { path: path.to_owned() });
        }
        Ok(())
    }

    fn into_name(self, found: Option<Stat>) -> Name {
        Name { directory: self.directory, folder: self.folder, name: self.name, found }
    }
}

fn directory_named(path: &Path) -> OutputError {
    OutputError::NotAFile { path: path.to_owned(), what: "a directory" }
}

/// Folder and name; none where the path can only be a directory.
fn split(path: &Path) -> Option<(PathBuf, OsString)> {
    let bytes = path.as_os_str().as_bytes();
    if bytes.ends_with(b"/") || bytes.ends_with(b"/.") {
        return None;
    }
    Some((path.parent()?.to_owned(), path.file_name()?.to_owned()))
}

/// Links of procfs lead to open files, whatever their text says.
fn is_in_proc(directory: &OwnedFd) -> bool {
    file_system(directory) == Some(PROC)
}

fn is_of_the_kernel(directory: &OwnedFd) -> bool {
    file_system(directory).is_some_and(|found| OF_THE_KERNEL.contains(&found))
}

/// The file system type, as in statfs(2).
fn file_system(directory: &OwnedFd) -> Option<i128> {
    fstatfs(directory).ok().map(|found| i128::from(found.f_type))
}
