//! Writes a file that only its owner may read, as a whole or not at all.
//! Reads the bytes and the place; the file appears by one rename, synced to disk together with its directory.
//! Never leaves a half-written file, and never replaces one it was not told about.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

/// Creates a file with mode 0600; `AlreadyExists` when something is there, even when it came while we wrote.
pub fn create_private(path: &Path, bytes: &[u8]) -> io::Result<()> {
    create_with_mode(path, bytes, 0o600)
}

/// The same with another mode, for files everybody may read.
pub fn create_with_mode(path: &Path, bytes: &[u8], mode: u32) -> io::Result<()> {
    let written = write_beside(path, bytes, mode)?;
    // A link, unlike a rename, refuses a name that is taken.
    let linked = fs::hard_link(&written, path);
    fs::remove_file(&written)?;
    linked?;
    sync_directory(path)
}

/// Replaces a file whose bytes are `before` with `after`, mode 0600, its owner kept; a symbolic link is followed.
/// `InvalidData` when it holds something else by now.
pub fn replace_private(path: &Path, before: &[u8], after: &[u8]) -> io::Result<()> {
    let path = path.canonicalize()?;
    let written = write_beside(&path, after, 0o600)?;
    let result = same_bytes(&path, before).and_then(|()| {
        let owner = fs::metadata(&path)?;
        let ours = fs::metadata(&written)?;
        if (owner.uid(), owner.gid()) != (ours.uid(), ours.gid()) {
            std::os::unix::fs::chown(&written, Some(owner.uid()), Some(owner.gid()))?;
        }
        fs::rename(&written, &path)
    });
    if result.is_err() {
        fs::remove_file(&written)?;
    }
    result?;
    sync_directory(&path)
}

/// The permission bits of a file; only those of the group and of others when it is asked whether it is open.
pub fn is_open_to_others(path: &Path) -> io::Result<Option<u32>> {
    let mode = fs::metadata(path)?.permissions().mode() & 0o777;
    Ok((mode & 0o077 != 0).then_some(mode))
}

/// Makes a directory and those above it; what is there stays as it is.
pub fn create_directories(path: &Path) -> io::Result<()> {
    DirBuilder::new().recursive(true).mode(0o755).create(path)
}

fn same_bytes(path: &Path, before: &[u8]) -> io::Result<()> {
    if fs::read(path)? == before {
        return Ok(());
    }
    Err(io::Error::new(io::ErrorKind::InvalidData, "it was changed by another process meanwhile"))
}

fn write_beside(path: &Path, bytes: &[u8], mode: u32) -> io::Result<PathBuf> {
    let name = path.file_name().ok_or_else(|| io::Error::from(io::ErrorKind::InvalidInput))?.to_string_lossy();
    let beside = path.with_file_name(format!(".{name}.{}", std::process::id()));
    // What a killed process of this number left would be in the way.
    match fs::remove_file(&beside) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let mut file = OpenOptions::new().write(true).create_new(true).mode(mode).open(&beside)?;
    let written = file.write_all(bytes).and_then(|()| file.sync_all());
    if let Err(error) = written {
        fs::remove_file(&beside)?;
        return Err(error);
    }
    Ok(beside)
}

fn sync_directory(path: &Path) -> io::Result<()> {
    let directory = path.parent().filter(|parent| *parent != Path::new("")).unwrap_or(Path::new("."));
    File::open(directory)?.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(directory: &Path) -> Vec<String> {
        fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
    }

    #[test]
    fn a_new_file_is_private_and_one_that_is_there_is_left_alone() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(".env");
        create_private(&path, b"A=1\n").unwrap();
        assert_eq!(is_open_to_others(&path).unwrap(), None);
        let refused = create_private(&path, b"A=2\n").unwrap_err();
        assert_eq!(refused.kind(), io::ErrorKind::AlreadyExists);
        assert_eq!(fs::read(&path).unwrap(), b"A=1\n");
        assert_eq!(names(folder.path()), [".env"]);
    }

    #[test]
    fn a_file_is_replaced_only_while_it_holds_what_was_read() {
        let folder = tempfile::tempdir().unwrap();
        let (path, link) = (folder.path().join("real"), folder.path().join(".env"));
        fs::write(&path, b"A=1\n").unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
        assert_eq!(is_open_to_others(&path).unwrap(), Some(0o644));
        std::os::unix::fs::symlink(&path, &link).unwrap();
        let refused = replace_private(&link, b"A=0\n", b"A=2\n").unwrap_err();
        assert_eq!(refused.kind(), io::ErrorKind::InvalidData);
        assert_eq!(fs::read(&path).unwrap(), b"A=1\n");
        replace_private(&link, b"A=1\n", b"A=2\n").unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"A=2\n");
        assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
        assert_eq!(is_open_to_others(&path).unwrap(), None);
        assert_eq!(names(folder.path()).len(), 2);
    }
}
