//! Directories and files that belong to aictl alone, such as those of a backup repository.

use std::io;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::Path;

/// Creates a directory with mode 0700, with those above it; one that is there stays as it is.
pub fn create_private_directory(path: &Path) -> io::Result<()> {
    std::fs::DirBuilder::new().recursive(true).mode(0o700).create(path)
}

/// Removes a regular file; a link, directory or device is refused.
pub fn remove_own(path: &Path) -> io::Result<()> {
    if !path.symlink_metadata()?.is_file() {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "it is not a regular file"));
    }
    std::fs::remove_file(path)
}
