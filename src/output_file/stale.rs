//! Removes temporary files and folders that killed processes left in a folder. Those in use are locked by their process.

use std::ffi::{CStr, OsStr};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use rustix::fs::{AtFlags, Dir, FileType, FlockOperation, Mode, OFlags, flock, fstat, openat, unlinkat};

/// Begins the names of temporary files and folders.
pub(super) const PREFIX: &str = ".aictl-";
/// What is younger may be of a process that is about to lock it.
const YOUNG: Duration = Duration::from_secs(60);

/// Marks a file or folder as being in use until it is closed. Where the file system has no locks it is only young.
pub(super) fn lock(file: impl AsFd) {
    let _ = flock(file, FlockOperation::NonBlockingLockExclusive);
}

/// Removes what nobody uses; best effort.
pub(super) fn remove_stale(folder: BorrowedFd<'_>) {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
    let Ok(folder) = openat(folder, ".", flags, Mode::empty()) else { return };
    let Ok(entries) = Dir::read_from(&folder) else { return };
    for entry in entries.flatten().filter(|entry| entry.file_name().to_bytes().starts_with(PREFIX.as_bytes())) {
        let _ = remove(&folder, entry.file_name());
    }
}

fn remove(folder: &OwnedFd, name: &CStr) -> std::io::Result<()> {
    let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
    let opened = openat(folder, name, flags, Mode::empty())?;
    let found = fstat(&opened)?;
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let age = now.saturating_sub(Duration::from_secs(u64::try_from(found.st_mtime).unwrap_or_default()));
    if found.st_uid != rustix::process::geteuid().as_raw() || age < YOUNG {
        return Ok(());
    }
    flock(&opened, FlockOperation::NonBlockingLockExclusive)?;
    match FileType::from_raw_mode(found.st_mode) {
        FileType::RegularFile => Ok(unlinkat(folder, name, AtFlags::empty())?),
        FileType::Directory => {
            let below = std::path::Path::new("/proc/self/fd").join(folder.as_raw_fd().to_string());
            std::fs::remove_dir_all(below.join(OsStr::from_bytes(name.to_bytes())))
        }
        _ => Ok(()),
    }
}
