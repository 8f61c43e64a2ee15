//! The files of the operator's machine.
//! Reads through the standard library; returns what the system says.
//! Never keeps anything.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use super::{FileKind, Files, OpenFile, ReadAt};

/// This machine.
#[derive(Debug, Clone, Copy, Default)]
pub struct LocalFiles;

impl Files for LocalFiles {
    fn read(&self, path: &Path) -> io::Result<Vec<u8>> {
        std::fs::read(path)
    }

    fn kind(&self, path: &Path) -> io::Result<FileKind> {
        let found = std::fs::metadata(path)?;
        Ok(match (found.is_file(), found.is_dir()) {
            (true, _) => FileKind::Regular { size: found.len() },
            (_, true) => FileKind::Directory,
            _ => FileKind::Other,
        })
    }

    fn is_link(&self, path: &Path) -> bool {
        path.is_symlink()
    }

    fn real_path(&self, path: &Path) -> io::Result<PathBuf> {
        path.canonicalize()
    }

    fn open(&self, path: &Path) -> io::Result<OpenFile> {
        let file = File::open(path)?;
        let length = file.metadata()?.len();
        Ok(OpenFile { content: Box::new(file), length })
    }
}

impl ReadAt for File {
    fn read_at(&self, buffer: &mut [u8], at: u64) -> io::Result<usize> {
        FileExt::read_at(self, buffer, at)
    }
}
