//! What an archive holds, below a directory: files, directories and links with the mode, time and owner they have there.
//! Reads the content of a file while it comes.
//! Never replaces a directory or a device, and never follows a link.

use std::ffi::OsStr;
use std::io::{self, Read};
use std::os::fd::AsFd;
use std::path::Path;
use std::time::SystemTime;

use rustix::fs::{
    AtFlags, FileType, Gid, Mode, OFlags, Uid, chownat, fchmod, linkat, mkdirat, openat, renameat, symlinkat, unlinkat,
};
use rustix::io::Errno;

use super::draft::{Draft, temporary_name};
use super::error::OutputError;
use super::place::kind_name;
use super::tree::{Entry, Tree};

/// What is set on what was written.
#[derive(Debug, Clone, Copy)]
pub struct Attributes {
    /// Permission bits; the umask does not apply.
    pub mode: u32,
    /// Time of the last change.
    pub modified: SystemTime,
    /// User and group, where they are kept.
    pub owner: Option<(u32, u32)>,
}

impl Tree {
    /// A file, in place of a file or link of the name.
    pub fn put_file(&self, name: &Path, content: &mut dyn Read, set: &Attributes) -> Result<u64, OutputError> {
        let failed = |error: io::Error| OutputError::io(&self.path.join(name), error);
        let entry = self.replaceable(name)?;
        let mut draft = Draft::create(entry.directory.as_fd(), 0o600).map_err(failed)?;
        let length = io::copy(content, draft.file()).map_err(failed)?;
        if let Some((uid, gid)) = set.owner {
            draft.set_owner(uid, gid).map_err(failed)?;
        }
        draft.set_mode(set.mode).map_err(failed)?;
        draft.file().set_modified(set.modified).map_err(failed)?;
        draft.replace_unsynced(&entry.name).map_err(failed)?;
        Ok(length)
    }

    /// A directory that only its owner may use until [`Tree::finish_directory`]; one that is there stays as it is.
    pub fn put_directory(&self, name: &Path) -> Result<(), OutputError> {
        let path = self.path.join(name);
        let Some(entry) = self.entry(name, false)? else { return Err(OutputError::io(&path, Errno::NOENT)) };
        match entry.kind() {
            Some(FileType::Directory) => Ok(()),
            Some(FileType::Symlink) => Err(self.link(path)),
            Some(_) => Err(OutputError::io(&path, io::Error::from(io::ErrorKind::NotADirectory))),
            None => mkdirat(&entry.directory, &entry.name, Mode::RWXU).map_err(|e| OutputError::io(&path, e)),
        }
    }

    /// Sets what belongs to a directory, once everything is in it.
    pub fn finish_directory(&self, name: &Path, set: &Attributes) -> Result<(), OutputError> {
        let failed = |error: io::Error| OutputError::io(&self.path.join(name), error);
        let Some(entry) = self.entry(name, false)? else { return Err(failed(io::ErrorKind::NotFound.into())) };
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let opened = openat(&entry.directory, &entry.name, flags, Mode::empty()).map_err(|e| failed(e.into()))?;
        own(&entry, &entry.name, set.owner).map_err(failed)?;
        fchmod(&opened, Mode::from_raw_mode(set.mode)).map_err(|e| failed(e.into()))?;
        std::fs::File::from(opened).set_modified(set.modified).map_err(failed)
    }

    /// A symbolic link, in place of a file or link of the name. Where it leads is not looked at.
    pub fn put_symlink(&self, name: &Path, target: &Path, owner: Option<(u32, u32)>) -> Result<(), OutputError> {
        self.put_link(name, owner, |entry, temporary| Ok(symlinkat(target, &entry.directory, temporary)?))
    }

    /// Another name of a file below the directory.
    pub fn put_hard_link(&self, name: &Path, existing: &Path) -> Result<(), OutputError> {
        let path = self.path.join(existing);
        let there = self.entry(existing, false)?;
        let Some(there) = there.filter(|there| there.kind() == Some(FileType::RegularFile)) else {
            return Err(OutputError::io(&path, io::Error::other("a hard link to it leads to no file below")));
        };
        self.put_link(name, None, |entry, temporary| {
            let flags = AtFlags::empty();
            Ok(linkat(&there.directory, &there.name, &entry.directory, temporary, flags)?)
        })
    }

    fn put_link(
        &self,
        name: &Path,
        owner: Option<(u32, u32)>,
        make: impl FnOnce(&Entry, &str) -> io::Result<()>,
    ) -> Result<(), OutputError> {
        let entry = self.replaceable(name)?;
        let made = temporary_name().and_then(|temporary| {
            let made = make(&entry, &temporary)
                .and_then(|()| own(&entry, OsStr::new(&temporary), owner))
                .and_then(|()| Ok(renameat(&entry.directory, &temporary, &entry.directory, &entry.name)?));
            // Also after a rename that did nothing, as between two names of one file.
            let _ = unlinkat(&entry.directory, &temporary, AtFlags::empty());
            made
        });
        made.map_err(|error| OutputError::io(&self.path.join(name), error))
    }

    /// The entry where a file or link is to be, when nothing else is there.
    fn replaceable(&self, name: &Path) -> Result<Entry, OutputError> {
        let path = self.path.join(name);
        let Some(entry) = self.entry(name, false)? else { return Err(OutputError::io(&path, Errno::NOENT)) };
        match entry.kind() {
            None | Some(FileType::RegularFile | FileType::Symlink) => Ok(entry),
            Some(other) => Err(OutputError::NotAFile { path, what: kind_name(other) }),
        }
    }
}

fn own(entry: &Entry, name: &OsStr, owner: Option<(u32, u32)>) -> io::Result<()> {
    let Some((uid, gid)) = owner else { return Ok(()) };
    let (uid, gid) = (Some(Uid::from_raw(uid)), Some(Gid::from_raw(gid)));
    Ok(chownat(&entry.directory, name, uid, gid, AtFlags::SYMLINK_NOFOLLOW)?)
}
