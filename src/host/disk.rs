//! Free space of a file system, and whether a path can be written.
//! Asks the kernel about one path; a path that does not exist yet is judged by the nearest folder that does.
//! Never writes.

use std::os::unix::fs::MetadataExt;
use std::path::Path;

use super::facts::{DiskSpace, Seen};

/// Free space of the file system a path lies on.
pub fn disk_space(path: &Path) -> Seen<DiskSpace> {
    let found = rustix::fs::statvfs(existing(path)).map_err(|error| std::io::Error::from(error).to_string())?;
    Ok(DiskSpace {
        free: found.f_bavail.saturating_mul(found.f_frsize),
        total: found.f_blocks.saturating_mul(found.f_frsize),
        free_inodes: found.f_favail,
        inodes: found.f_files,
    })
}

/// Whether this process may make files there; its effective user counts.
pub fn is_writable(path: &Path) -> Seen<bool> {
    use rustix::fs::{Access, AtFlags, CWD, accessat};
    let wanted = Access::WRITE_OK | Access::EXEC_OK;
    match accessat(CWD, existing(path), wanted, AtFlags::EACCESS) {
        Ok(()) => Ok(true),
        Err(rustix::io::Errno::ACCESS | rustix::io::Errno::ROFS | rustix::io::Errno::PERM) => Ok(false),
        Err(error) => Err(std::io::Error::from(error).to_string()),
    }
}

/// Permission bits of a file; none when it is not there.
pub fn mode(path: &Path) -> Option<u32> {
    std::fs::metadata(path).ok().map(|found| found.mode() & 0o7777)
}

/// The permission bits of a file, when its group or others have any.
pub fn is_open_to_others(path: &Path) -> std::io::Result<Option<u32>> {
    let mode = std::fs::metadata(path)?.mode() & 0o777;
    Ok((mode & 0o077 != 0).then_some(mode))
}

fn existing(path: &Path) -> &Path {
    path.ancestors().find(|ancestor| ancestor.exists()).unwrap_or(Path::new("/"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_system_has_no_more_room_than_it_is_big() {
        let space = disk_space(Path::new("/")).unwrap();
        assert!(space.total > 0 && space.free <= space.total && space.free_inodes <= space.inodes);
    }

    #[test]
    fn a_path_that_does_not_exist_yet_is_judged_by_its_folder() {
        let folder = tempfile::tempdir().unwrap();
        let later = folder.path().join("a/b/c");
        assert_eq!(disk_space(&later).unwrap().total, disk_space(folder.path()).unwrap().total);
        assert_eq!(is_writable(&later), Ok(true));
        assert_eq!(mode(&later), None);
    }
}
