//! A file under a name in an open directory: whether it may be written, and writing it.
//! Reads what has the name, before the content is made and once more when it is whole.
//! Never writes a part, and never replaces what is no file.

use std::io::{self, Write};
use std::os::fd::AsFd;
use std::path::Path;

use rustix::fs::{Access, AtFlags, FileType, Stat, accessat, statat};
use rustix::io::Errno;

use super::draft::Draft;
use super::error::OutputError;
use super::place::{Name, may_replace};
use super::{Content, Existing, Rules};

impl Name {
    /// Fails where the file could not, or may not, be written.
    pub(super) fn check(&self, existing: Existing, path: &Path) -> Result<(), OutputError> {
        let failed = |error: Errno| OutputError::io(path, error);
        if self.found.is_some() {
            if !may_replace(&self.directory, &self.name, existing).map_err(failed)? {
                return Err(OutputError::Exists { path: path.to_owned() });
            }
            // Whoever may write to the directory could replace a file that is write-protected.
            accessat(&self.directory, &self.name, Access::WRITE_OK, AtFlags::EACCESS).map_err(failed)?;
        }
        let wanted = Access::WRITE_OK | Access::EXEC_OK;
        accessat(&self.directory, ".", wanted, AtFlags::EACCESS).map_err(failed)
    }

    /// Writes what a function gives, as a whole.
    pub(super) fn write<T>(
        &self,
        rules: Rules,
        path: &Path,
        write: impl FnOnce(&mut dyn Write) -> io::Result<T>,
    ) -> Result<T, OutputError> {
        self.written(rules, write).map_err(|error| match error.kind() {
            io::ErrorKind::AlreadyExists => OutputError::Exists { path: path.to_owned() },
            _ => OutputError::io(path, error),
        })
    }

    fn written<T>(&self, rules: Rules, write: impl FnOnce(&mut dyn Write) -> io::Result<T>) -> io::Result<T> {
        let mut draft = self.draft(rules.content)?;
        let written = write(draft.file())?;
        if self.found.is_some() || matches!(rules.existing, Existing::Replace) {
            self.still_a_file()?;
            draft.replace(&self.name)?;
        } else {
            draft.publish(&self.name)?;
        }
        Ok(written)
    }

    /// A draft with the mode and owner that the file will have.
    fn draft(&self, content: Content) -> io::Result<Draft> {
        let Some(found) = &self.found else { return Draft::create(self.directory.as_fd(), content.mode()) };
        let draft = Draft::create(self.directory.as_fd(), Content::Secret.mode())?;
        draft.set_owner(found.st_uid, found.st_gid)?;
        draft.set_mode(kept_mode(found, content))?;
        Ok(draft)
    }

    /// What was created under the name in the meantime may be no file.
    fn still_a_file(&self) -> io::Result<()> {
        match statat(&self.directory, &self.name, AtFlags::SYMLINK_NOFOLLOW) {
            Err(Errno::NOENT) => Ok(()),
            Err(error) => Err(error.into()),
            Ok(found) if FileType::from_raw_mode(found.st_mode) == FileType::RegularFile => Ok(()),
            Ok(_) => Err(io::Error::other("it was replaced by something that is not a file")),
        }
    }
}

fn kept_mode(found: &Stat, content: Content) -> u32 {
    if content == Content::Secret { content.mode() } else { found.st_mode & 0o777 }
}
